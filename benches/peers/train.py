"""One training workload in PyTorch on the CPU, timed; one JSON line on stdout.

    python train.py WORKLOAD [--mode eager|eager-cl|compile|compile-cl] [--threads N]

The workloads are those of `benches/workloads.rs`, defined as a PyTorch user would write them. `PEER_T0_NS`, nanoseconds
since the epoch, is the instant from which `start_to_first_step_ms` counts.
"""
import os
import time

START = float(os.environ.get("PEER_T0_NS", "0")) / 1e9 or time.time()

import argparse
import json
import resource
import statistics

import torch
import torch.nn.functional as F
from torch import nn


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 32), nn.Linear(32, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def autoencoder():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Sigmoid())


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Sequential() if same else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        blocks, inputs = [], 16
        for outputs, stride in ((16, 1), (32, 2), (64, 2)):
            for i in range(3):
                blocks.append(Block(inputs, outputs, stride if i == 0 else 1))
                inputs = outputs
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.blocks(F.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


class DepthwiseNet(nn.Module):
    def __init__(self):
        super().__init__()
        layers, inputs = [nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6()], 32
        for outputs, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
            layers += [nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs),
                       nn.ReLU6(), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6()]
            inputs = outputs
        self.features, self.fc = nn.Sequential(*layers), nn.Linear(256, 10)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))


WORKLOADS = {  # model, input shape, optimizer, timed steps
    "mlp32": (Mlp, (32, 1, 28, 28), "sgd", 300),
    "lenet64": (LeNet, (64, 1, 28, 28), "adam", 200),
    "ae64": (autoencoder, (64, 1, 28, 28), "adam", 200),
    "r20_128": (ResNet20, (128, 3, 32, 32), "sgd", 60),
    "dwnet64": (DepthwiseNet, (64, 3, 32, 32), "sgd", 60),
}


def timed(f, count, seconds):
    times, start = [], time.perf_counter()
    while len(times) < count and time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        f()
        times.append((time.perf_counter() - begin) * 1e3)
    return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--mode", default="eager", choices=["eager", "eager-cl", "compile", "compile-cl"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    make, shape, name, count = WORKLOADS[options.workload]
    model = make()
    autoencodes = options.workload == "ae64"
    x = torch.rand(shape) if autoencodes else torch.randn(shape)
    target = x.clone() if autoencodes else torch.randint(0, 10, shape[:1])
    if options.mode.endswith("-cl"):
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    run = torch.compile(model) if options.mode.startswith("compile") else model
    if name == "adam":
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    else:
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    measure = F.mse_loss if autoencodes else F.cross_entropy

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = measure(run(x), target)
        loss.backward()
        optimizer.step()
        return loss

    first = step().item()
    started = (time.time() - START) * 1e3
    for _ in range(4):
        step()
    train = timed(step, count, options.seconds)
    last = step().item()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model.eval()
    with torch.no_grad():
        for _ in range(3):
            run(x)
        infer = timed(lambda: run(x), count, options.seconds / 3)
    print(json.dumps({
        "peer": f"torch-{options.mode}", "workload": options.workload,
        "train_ms_median": round(statistics.median(train), 4), "train_ms_min": round(min(train), 4),
        "infer_ms_median": round(statistics.median(infer), 4),
        "peak_rss_mb": round(peak, 1), "start_to_first_step_ms": round(started, 1),
        "loss_first": round(first, 5), "loss_last": round(last, 5),
        "params": sum(p.numel() for p in model.parameters()), "threads": options.threads,
        "version": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
