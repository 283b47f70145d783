"""Alternates gradus and PyTorch on the five workloads and writes the table and the plot of docs/performance.md.

    python compare.py [--rounds 3] [--threads 2] [--workloads lenet64,...] [--modes eager,eager-cl,compile,compile-cl]

Needs torch and matplotlib in the running Python, and cargo. Per peer and workload the best median of all rounds counts,
for PyTorch also over its modes, each with a run of ours beside it: whoever is disturbed by the rest of the machine once
has other runs, and both have as many.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKLOADS = ["mlp32", "lenet64", "ae64", "r20_128", "dwnet64"]
MARK = "<!-- {}: written by benches/peers/compare.py -->"


def build():
    out = subprocess.run(["cargo", "bench", "--bench", "workloads", "--no-run", "--message-format=json"],
                         cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        message = json.loads(line)
        if message.get("executable") and message.get("target", {}).get("name") == "workloads":
            return message["executable"]
    raise SystemExit("cargo built no workloads bench")


def run(command):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")}
    environment["PEER_T0_NS"] = str(time.time_ns())
    out = subprocess.run(command, capture_output=True, text=True, env=environment)
    lines = [line for line in out.stdout.splitlines() if line.startswith("{")]
    if not lines:
        print(f"no result: {' '.join(command)}\n{out.stderr[-500:]}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def best(results, field):
    return min((r[field] for r in results if r), default=float("nan"))


def replace(text, name, content):
    begin, end = MARK.format(name), MARK.format("end of " + name)
    block = f"{begin}\n{content}\n{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    return pattern.sub(lambda _: block, text) if pattern.search(text) else text + "\n" + block + "\n"


def plot(rows, path):
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    matplotlib.rcParams["svg.hashsalt"] = "gradus"
    figure, axes = plt.subplots(figsize=(7.2, 3.2))
    names = [row["workload"] for row in rows]
    for shift, field, color, label in ((-0.2, "train", "#0072B2", "training"), (0.2, "infer", "#009E73", "inference")):
        axes.bar([i + shift for i in range(len(names))], [row[field] for row in rows], 0.38, color=color, label=label)
    axes.axhline(1.0, color="#888888", linewidth=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("time, PyTorch's best mode = 1")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--modes", default="eager,eager-cl,compile,compile-cl")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--dry", action="store_true", help="print, do not write docs/performance.md")
    options = parser.parse_args()
    program = build()
    theirs = [sys.executable, str(pathlib.Path(__file__).with_name("train.py"))]
    rows, version = [], ""
    for workload in options.workloads.split(","):
        ours, torch = [], {mode: [] for mode in options.modes.split(",")}
        for _ in range(options.rounds):
            for mode, results in torch.items():
                # One of ours beside each of theirs: the best of more runs would be better on a machine that is shared.
                ours.append(run([program, "--json", "--workload", workload, "--threads", str(options.threads)]))
                results.append(run(theirs + [workload, "--mode", mode, "--threads", str(options.threads),
                                             "--seconds", str(options.seconds)]))
        everyone = [r for results in torch.values() for r in results if r]
        version = everyone[0]["version"] if everyone else version
        row = {"workload": workload}
        for field, name in (("train_ms_median", "train"), ("infer_ms_median", "infer")):
            a, b = best(ours, field), best(everyone, field)
            row[name], row[name + "_ours"], row[name + "_torch"] = a / b, a, b
        row["rss"], row["rss_torch"] = best(ours, "peak_rss_mb"), best(everyone, "peak_rss_mb")
        row["start"], row["start_torch"] = best(ours, "start_to_first_step_ms"), best(everyone, "start_to_first_step_ms")
        rows.append(row)
        print(json.dumps(row), flush=True)
    lines = [f"{options.threads} threads, {options.rounds} alternating rounds, PyTorch {version}, best of modes "
             f"{options.modes}; milliseconds, best median.", "",
             "| workload | train, gradus | PyTorch | ratio | infer, gradus | PyTorch | ratio | peak MB, gradus | PyTorch "
             "| start to first step, ms, gradus | PyTorch |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        lines.append(f"| {r['workload']} | {r['train_ours']:.3f} | {r['train_torch']:.3f} | **{r['train']:.2f}** "
                     f"| {r['infer_ours']:.3f} | {r['infer_torch']:.3f} | **{r['infer']:.2f}** | {r['rss']:.0f} "
                     f"| {r['rss_torch']:.0f} | {r['start']:.0f} | {r['start_torch']:.0f} |")
    print("\n".join(lines))
    if not options.dry:
        name = f"workloads, {options.threads} threads"
        page = ROOT / "docs" / "performance.md"
        picture = f"performance-{options.threads}-threads.svg"
        plot(rows, page.with_name(picture))
        lines += ["", f"![time relative to PyTorch]({picture})"]
        page.write_text(replace(page.read_text() if page.exists() else "# Performance\n", name, "\n".join(lines)))


if __name__ == "__main__":
    main()
