"""PyTorch's times for benches/layers.rs, one JSON line each.

    python benches/peers/layers.py [threads]

With `--compare` gradus and PyTorch alternate, as in elementwise.py, and one table shows both:

    python benches/peers/layers.py [threads] --compare
"""

import sys

import torch
import torch.nn.functional as F
from torch import nn

from elementwise import compare, measure, wanted_threads


def both(name, x, layer):
    with torch.no_grad():
        measure(f"layers/{name}", lambda: layer(x))
    x = x.detach().requires_grad_()
    inputs = [x, *(layer.parameters() if isinstance(layer, nn.Module) else [])]
    g = torch.ones_like(layer(x))
    measure(f"layers/{name}+gradient", lambda: torch.autograd.grad(layer(x), inputs, g))


def pictures():
    for name, memory in (("nchw", torch.contiguous_format), ("nhwc", torch.channels_last)):
        large = torch.randn(32, 64, 56, 56).to(memory_format=memory)
        small = torch.randn(32, 64, 28, 28).to(memory_format=memory)
        measure(f"layers/copy_{name}", large.clone)
        cases = {
            "max_pool2d_2": (large, nn.MaxPool2d(2)),
            "max_pool2d_3_stride_2": (large, nn.MaxPool2d(3, 2, 1)),
            "avg_pool2d_2": (large, nn.AvgPool2d(2)),
            "adaptive_avg_pool2d_1": (large, nn.AdaptiveAvgPool2d(1)),
            "batch_norm2d": (large, nn.BatchNorm2d(64)),
            "batch_norm2d_eval": (large, nn.BatchNorm2d(64).eval()),
            "group_norm_8": (large, nn.GroupNorm(8, 64)),
            "instance_norm2d": (large, nn.InstanceNorm2d(64)),
            "interpolate_nearest": (small, nn.Upsample(scale_factor=2)),
            "interpolate_bilinear": (small, nn.Upsample(scale_factor=2, mode="bilinear")),
        }
        for case, (x, layer) in cases.items():
            both(f"{case}_{name}", x, layer)


def rows():
    x, labels = torch.randn(4096, 1000), torch.randint(0, 1000, (4096,))
    both("layer_norm", x, nn.LayerNorm(1000))
    both("softmax", x, nn.Softmax(-1))
    both("log_softmax", x, nn.LogSoftmax(-1))
    both("cross_entropy", x, lambda x: F.cross_entropy(x, labels))


def optimizers():
    def parameter():
        parameter = torch.randn(2048, 2048, requires_grad=True)
        parameter.grad = torch.randn(2048, 2048)
        return parameter

    sgd = torch.optim.SGD([parameter()], 1e-3, momentum=0.9, weight_decay=1e-4, fused=True)
    measure("layers/sgd_momentum", sgd.step)
    # Fused, PyTorch's fastest.
    measure("layers/adam", torch.optim.Adam([parameter()], 1e-3, fused=True).step)


if __name__ == "__main__":
    threads = wanted_threads()
    if "--compare" in sys.argv:
        compare("layers", __file__, threads)
    else:
        torch.set_num_threads(threads)
        pictures()
        rows()
        optimizers()
