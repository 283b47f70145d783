"""PyTorch's times for the ops of benches/elementwise.rs and benches/gemm.rs, one JSON line each.

    python benches/peers/elementwise.py [threads]

With `--compare` gradus and PyTorch alternate, three rounds of two processes, and one table shows each op's best median
of both and their ratio, below 1 where gradus is faster:

    python benches/peers/elementwise.py [threads] --compare
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import torch


def measure(name, op, seconds=0.25):
    for _ in range(3):
        op()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        op()
        times.append(time.perf_counter() - start)
    times.sort()
    us = {"min_us": round(times[0] * 1e6, 2), "median_us": round(times[len(times) // 2] * 1e6, 2)}
    print(json.dumps({"peer": "torch", "threads": torch.get_num_threads(), "op": name, **us}), flush=True)


def elementwise(n):
    x, y = torch.randn(n, n), torch.randn(n, n)
    positive, transposed = x.abs(), y.t()
    row, column = torch.randn(n), torch.randn(n, 1)
    image = torch.randn(n // 8, 16, 8, n // 16)
    last = torch.randn(n // 8, 8, n // 16, 16).permute(0, 3, 1, 2)
    ops = {
        "add": lambda: x + y,
        "mul": lambda: x * y,
        "relu": lambda: torch.relu(x),
        "exp": x.exp,
        "log": positive.log,
        "tanh": x.tanh,
        "sigmoid": x.sigmoid,
        "erf": x.erf,
        "gelu": lambda: torch.nn.functional.gelu(x),
        "sum": x.sum,
        "mean_last": lambda: x.mean(-1),
        "mean_first": lambda: x.mean(0),
        "amax_last": lambda: x.amax(-1),
        "argmax_last": lambda: x.argmax(-1),
        "argmax_first": lambda: x.argmax(0),
        "add_row": lambda: x + row,
        "add_column": lambda: x + column,
        "add_transposed": lambda: x + transposed,
        "relu_transposed": lambda: torch.relu(transposed),
        "add_channels_last": lambda: last + image,
    }
    for name, op in ops.items():
        measure(f"elementwise/{n}x{n}/{name}", op)


def products():
    shapes = [
        (256, 256, 256, ""), (512, 512, 512, ""), (1024, 1024, 1024, ""), (2048, 2048, 2048, ""),
        (512, 512, 512, "b"), (512, 512, 512, "a"), (64, 400, 120, "b"), (64, 120, 84, "b"), (64, 84, 10, "b"),
        (32, 784, 32, "b"), (120, 64, 400, "a"), (64, 120, 400, ""), (1, 400, 120, "b"), (1, 1024, 1024, ""),
    ]  # fmt: skip
    for m, k, n, transposed in shapes:
        a = torch.randn(k, m).t() if transposed == "a" else torch.randn(m, k)
        b = torch.randn(n, k).t() if transposed == "b" else torch.randn(k, n)
        out = torch.empty(m, n)
        mark = f" {transposed}^T" if transposed else ""
        measure(f"gemm/{m}x{k}x{n}{mark}", lambda a=a, b=b, out=out: torch.mm(a, b, out=out))


UNITS = {"ns": 1e-3, "µs": 1.0, "us": 1.0, "ms": 1e3, "s": 1e6}


def gradus_times(bench, threads):
    """Medians in microseconds of `cargo bench --bench BENCH`, from criterion's lines `name time: [low mid high]`."""
    root = pathlib.Path(__file__).resolve().parents[2]
    command = ["cargo", "bench", "--bench", bench, "--", "--noplot", "--warm-up-time", "0.1", "--measurement-time", "0.25"]
    environment = {**os.environ, "GRADUS_NUM_THREADS": str(threads)}
    out = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, env=environment).stdout
    found = re.findall(rf"({bench}/\S+)\s+time:\s+\[\S+ \S+ (\S+) (\S+) \S+ \S+\]", out)
    return {name: float(value) * UNITS[unit] for name, value, unit in found}


def torch_times(script, threads):
    command = [sys.executable, script, str(threads), "--only"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {line["op"]: line["median_us"] for line in map(json.loads, out.splitlines())}


def compare(bench, script, threads, rounds=3):
    """The table of one bench of gradus and the ops of the same names in `script`."""
    best = {}
    for _ in range(rounds):
        for peer, times in enumerate((gradus_times(bench, threads), torch_times(script, threads))):
            for name, us in times.items():
                pair = best.setdefault(name, [float("inf"), float("inf")])
                pair[peer] = min(pair[peer], us)
    print(f"| op, {threads} threads | gradus, µs | PyTorch, µs | ratio |\n|---|---|---|---|")
    for name, (ours, theirs) in best.items():
        print(f"| {name.removeprefix(bench + '/')} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |")


def wanted_threads():
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    return numbers[0] if numbers else 2


if __name__ == "__main__":
    threads = wanted_threads()
    if "--compare" in sys.argv:
        compare("elementwise", __file__, threads)
    else:
        torch.set_num_threads(threads)
        with torch.no_grad():
            elementwise(2048)
            elementwise(256)
            if "--only" not in sys.argv:
                products()
