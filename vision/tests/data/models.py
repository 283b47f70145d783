"""Writes models.json: what torchvision's models are made of, and the logits that they give for weights by a formula.

    python models.py > models.json             # what tests/models.rs compares
    python models.py --checkpoints DIRECTORY   # random checkpoints for its ignored test, some 900 MB

Made with PyTorch 2.15 and torchvision 0.29.
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
import torchvision.models as models
from safetensors.torch import save_file
from torch import nn


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


MODELS = {
    "lenet": (LeNet, [2, 1, 28, 28]),
    "alexnet": (models.alexnet, [2, 3, 64, 64]),
    "vgg11_bn": (models.vgg11_bn, [2, 3, 64, 64]),
    "resnet18": (models.resnet18, [2, 3, 64, 64]),
    "resnet50": (models.resnet50, [2, 3, 64, 64]),
    "mobilenet_v2": (models.mobilenet_v2, [2, 3, 64, 64]),
    "squeezenet1_0": (models.squeezenet1_0, [2, 3, 64, 64]),
    "squeezenet1_1": (models.squeezenet1_1, [2, 3, 64, 64]),
    "densenet121": (models.densenet121, [2, 3, 64, 64]),
}


def uniform(count, seed):
    """Numbers in [-1, 1): the bits of each position, mixed."""
    h = np.arange(count, dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)


def fill(name, shape, seed):
    """Weights of several axes keep the size of what passes; factors and variances lie around 1, the rest around 0."""
    u = uniform(math.prod(shape), seed)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        u = np.float32(1) + np.float32(0.5) * u
    elif name.endswith("weight"):
        u = np.float32(math.sqrt(4 / math.prod(shape[1:]))) * u
    else:
        u = np.float32(0.1) * u
    return torch.from_numpy(u).reshape(shape)


def describe(make, shape):
    model = make().eval()
    state = model.state_dict()
    for index, (name, value) in enumerate(state.items()):
        if value.dtype == torch.float32:
            value.copy_(fill(name, list(value.shape), index))
    x = torch.from_numpy(uniform(math.prod(shape), 1000)).reshape(shape)
    with torch.no_grad():
        y = model(x)
        exact = model.double()(x.double())
    print(f"logits up to {y.abs().max():.3f}, f32 off by {(y - exact).abs().max():.1e}", file=sys.stderr)
    return {
        "input": shape,
        "state": [f"{name} {list(value.shape)}" for name, value in state.items()],
        "logits": [round(v, 6) for v in exact[:, :10].flatten().tolist()],
    }


def checkpoints(directory):
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    for name, (make, shape) in MODELS.items():
        model = make().train()
        size = [2, *shape[1:2], *([28, 28] if name == "lenet" else [224, 224])]
        with torch.no_grad():
            model(torch.randn(size))  # running statistics of their own
            x = torch.randn(size)
            y = model.eval()(x)
        torch.save(model.state_dict(), directory / f"{name}.pt")
        save_file(model.state_dict(), directory / f"{name}.safetensors")
        save_file({"x": x, "y": y}, directory / f"{name}.expected.safetensors")


if len(sys.argv) == 3:
    checkpoints(pathlib.Path(sys.argv[2]))
else:
    described = {name: describe(*model) for name, model in MODELS.items()}
    print("{\n" + ",\n".join(f'"{name}": {json.dumps(value)}' for name, value in described.items()) + "\n}")
