#!/usr/bin/env python3
"""Writes tests/fixtures/tensorflow_jpeg: JPEGs of several kinds, and their pixels as TensorFlow's decode_jpeg gives them when it is not
told which inverse DCT to take (NAME.rgb, rows from the top). Needs TensorFlow and Pillow; versions.txt names theirs."""

import io
import os

import numpy as np
import PIL
import tensorflow as tf
from PIL import Image

HERE = os.path.join(os.path.dirname(__file__), "..", "tests", "fixtures", "tensorflow_jpeg")
KINDS = {"baseline_420_q90": dict(quality=90, subsampling=2), "baseline_444_q75": dict(quality=75, subsampling=0),
         "baseline_422_q50": dict(quality=50, subsampling=1), "progressive_420_q85": dict(quality=85, subsampling=2, progressive=True)}


def scene(w, h):
    """Smooth shapes, edges and noise."""
    y, x = np.mgrid[0:h, 0:w]
    noise = np.random.default_rng(w * h).integers(-20, 20, (h, w, 3))
    base = np.stack([128 + 100 * np.sin(x / 9 + y / 23), 128 + 90 * np.cos(x * y / 300), (x * 5 + y * 3) % 256], -1)
    base[h // 4:h // 2, w // 4:w // 2] = (250, 10, 30)
    return np.clip(base + noise, 0, 255).astype(np.uint8)


def main():
    os.makedirs(HERE, exist_ok=True)
    for k, (name, how) in enumerate(KINDS.items()):
        raw = io.BytesIO()
        Image.fromarray(scene(67 + k, 45 + 3 * k)).save(raw, "JPEG", **how)
        pixels = tf.io.decode_jpeg(raw.getvalue(), channels=3).numpy()
        with open(os.path.join(HERE, name + ".jpg"), "wb") as f:
            f.write(raw.getvalue())
        with open(os.path.join(HERE, name + ".rgb"), "wb") as f:
            f.write(pixels.tobytes())
    with open(os.path.join(HERE, "versions.txt"), "w") as f:
        f.write(f"tensorflow {tf.__version__}, pillow {PIL.__version__}\n")


if __name__ == "__main__":
    main()
