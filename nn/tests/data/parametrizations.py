"""Writes parametrizations.json: what PyTorch makes of small layers under spectral_norm and weight_norm.

    python parametrizations.py > parametrizations.json

Values are sin(0.7 i + k); the test fills its layers alike. Each layer runs twice in training mode; gradients are those
of <y, g> in the second run.
"""

import json
import math

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

torch.set_default_dtype(torch.float64)


def fill(shape, k):
    return torch.tensor([math.sin(0.7 * i + k) for i in range(math.prod(shape))]).reshape(shape)


def case(name, layer, shape):
    state = layer.state_dict()
    for key, value in state.items():
        if key.endswith(("_u", "_v")):
            value.copy_(fill(value.shape, 3) / fill(value.shape, 3).norm())
        elif key.endswith("original0"):
            value.copy_(1 + 0.1 * fill(value.shape, 4))
        else:
            value.copy_(fill(value.shape, 2 if key == "bias" else 1))
    x = fill(shape, 5).requires_grad_()
    layer(x)
    y = layer(x)
    (y * fill(y.shape, 6)).sum().backward()
    flat = lambda t: [round(v, 13) for v in t.detach().reshape(-1).tolist()]
    return {
        "name": name,
        "tree": str(layer),
        "input": list(shape),
        "state": {key: list(value.shape) for key, value in state.items()},
        "output": flat(y),
        "input_grad": flat(x.grad),
        "grads": {key: flat(p.grad) for key, p in layer.named_parameters()},
        "buffers": {key: flat(b) for key, b in layer.named_buffers()},
        "eval": flat(layer.eval()(x)),
    }


cases = [
    case("spectral linear", spectral_norm(nn.Linear(3, 2)), (2, 3)),
    case("spectral conv", spectral_norm(nn.Conv2d(2, 3, 2, stride=2)), (1, 2, 4, 4)),
    case("spectral transposed", spectral_norm(nn.ConvTranspose2d(2, 3, 2, stride=2, bias=False)), (1, 2, 2, 2)),
    case("spectral options", spectral_norm(nn.Conv1d(2, 3, 2), n_power_iterations=3, dim=1), (1, 2, 4)),
    case("weight linear", weight_norm(nn.Linear(3, 2)), (2, 3)),
    case("weight conv", weight_norm(nn.Conv3d(1, 2, (1, 2, 2))), (1, 1, 2, 3, 3)),
    case("weight transposed", weight_norm(nn.ConvTranspose2d(2, 3, 2, stride=2, bias=False)), (1, 2, 2, 2)),
    case("weight whole", weight_norm(nn.Linear(3, 2), dim=None), (2, 3)),
]
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
