"""Decode, resize to 224 with antialiasing, to tensor, normalise: torchvision with PIL and gradus on the same photos.

Needs torch, torchvision and pillow. From the repository's root:

    python benches/peers/image_pipeline.py [--workers 2]
"""
import argparse
import os
import pathlib
import subprocess
import tempfile
import time

import torch
from PIL import Image
from torchvision import transforms

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS = 5


class Photos(torch.utils.data.Dataset):
    def __init__(self, paths):
        self.paths = paths
        self.transform = transforms.Compose([
            transforms.Resize((224, 224), antialias=True),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return self.transform(Image.open(self.paths[index]).convert("RGB"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--photos", type=int, default=240)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as directory:
        shipped = sorted(p for p in (ROOT / "examples/data/photos").iterdir() if p.suffix in (".png", ".jpg"))
        for i in range(options.photos):
            photo = Image.open(shipped[i % len(shipped)]).convert("RGB").resize((500, 375))
            photo.save(f"{directory}/{i:04}.jpg", quality=90)
        data = Photos(sorted(pathlib.Path(directory).iterdir()))
        # Persistent workers, and a first round that only wakes them.
        loader = torch.utils.data.DataLoader(data, batch_size=16, num_workers=options.workers, persistent_workers=True)
        best = float("inf")
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            for _batch in loader:
                pass
            best = min(best, time.perf_counter() - start)
        print(f"torchvision: {len(data) / best:.0f} images/s with {options.workers} workers", flush=True)
        environment = {**os.environ, "GRADUS_PHOTOS": directory, "GRADUS_NUM_THREADS": str(options.workers)}
        subprocess.run(["cargo", "bench", "--bench", "image_pipeline"], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()
