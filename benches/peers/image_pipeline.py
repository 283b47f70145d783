"""Decode, resize to 224 with antialiasing, to tensor, normalise, in batches of 16: torchvision with PIL and gradus on the
same photos of 500 pixels, in turns; medians.

Needs torch, torchvision and pillow. From the repository's root:

    python benches/peers/image_pipeline.py [--workers 2] [--rounds 5]
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write_photos(directory, count):
    (directory / "photos").mkdir()
    shipped = sorted(p for p in (ROOT / "examples/data/photos").iterdir() if p.suffix in (".png", ".jpg"))
    for i in range(count):
        photo = Image.open(shipped[i % len(shipped)]).convert("RGB").resize((500, 375))
        photo.save(directory / "photos" / f"{i:04}.jpg", quality=90)


def loader(directory, workers):
    data = torchvision.datasets.ImageFolder(directory, transforms.Compose([
        transforms.Resize((224, 224), antialias=True),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]))
    return torch.utils.data.DataLoader(data, batch_size=16, num_workers=workers, persistent_workers=workers > 0)


def torchvision_rate(batches):
    start = time.perf_counter()
    for _batch in batches:
        pass
    return len(batches.dataset) / (time.perf_counter() - start)


def gradus_rate(directory, workers):
    # One thread of computation per worker, as in PyTorch's workers.
    environment = {"GRADUS_PHOTOS": str(directory), "GRADUS_WORKERS": str(workers), "GRADUS_NUM_THREADS": "1"}
    command = ["cargo", "bench", "--quiet", "--bench", "image_pipeline"]
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True, text=True)
    return float(re.search(r"gradus: (\d+) images/s", result.stdout).group(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="0 loads in the main thread")
    parser.add_argument("--photos", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        write_photos(directory, options.photos)
        print(f"{options.photos} JPEGs of 500 x 375, batches of 16, images/s, medians of {options.rounds} rounds in turns;"
              f" torchvision {torchvision.__version__} with PIL {PIL.__version__}\n")
        print("| workers | gradus | torchvision | ratio |\n|---|---|---|---|")
        for workers in options.workers:
            batches = loader(directory, workers)
            torchvision_rate(batches)  # Wakes the workers and reads the files once.
            ours, theirs = [], []
            for _ in range(options.rounds):
                theirs.append(torchvision_rate(batches))
                ours.append(gradus_rate(directory, workers))
            del batches
            ours, theirs = statistics.median(ours), statistics.median(theirs)
            print(f"| {workers} | {ours:.0f} | {theirs:.0f} | **{ours / theirs:.2f}** |", flush=True)


if __name__ == "__main__":
    main()
