"""Makes tests/fixtures/perceptual_hash.safetensors: perceptual hashes as imagehash makes them, with scipy's cosine transform.

    tools/venv.sh && .deps/venv/bin/python tools/make_hash_fixtures.py

NAME/rgb: an image of 32 x 32, so that nothing is resized; NAME/bits and NAME/mirrored: the 64 bits of each.
"""
import pathlib

import numpy as np
import scipy
from PIL import Image
from scipy.fftpack import dct

from seeded import store, unit

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/perceptual_hash.safetensors"


def bits(rgb):
    gray = np.asarray(Image.fromarray(rgb).convert("L")).astype(float)
    low = dct(dct(gray, axis=0), axis=1)[:8, :8]
    return (low > np.median(low)).astype(np.float32).reshape(64)


tensors = {}
for name in ("a", "b", "c", "d"):
    noise = unit(f"hash_{name}", (32, 32, 3)) * 255
    for axis in (0, 1):  # smooth, as images are
        noise = sum(np.roll(noise, k, axis) for k in range(-4, 5)) / 9
    rgb = np.clip((noise - noise.mean()) * 6 + 128, 0, 255).astype(np.uint8)
    tensors |= {f"{name}/rgb": rgb.astype(np.float32), f"{name}/bits": bits(rgb), f"{name}/mirrored": bits(rgb[:, ::-1])}
store(OUT, tensors, {"scipy": scipy.__version__})
