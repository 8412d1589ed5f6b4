"""Makes tests/fixtures/resize_filters.safetensors: images resized with every filter of TensorFlow's, and by Pillow.

    tools/venv.sh && .deps/venv/bin/python tools/make_resize_filter_fixtures.py

FILTER/plain|antialias/SIZE: tf.image.resize, floats. pillow/FILTER/SIZE: Pillow's resize of bytes, which rounds and clips between
its two passes: of an image of values from 64 to 191, so that nothing is clipped. Every STEP-th row and column is kept.
"""
import pathlib

import numpy as np
import PIL
import tensorflow as tf
from PIL import Image

from seeded import pixels, store

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/resize_filters.safetensors"
SIZES = [(37, 53, 24, 30), (20, 30, 47, 64), (90, 4, 16, 16), (7, 5, 7, 5)]  # h, w, out h, out w
FILTERS = ("bilinear", "nearest", "area", "bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
PILLOW = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos3": Image.LANCZOS}
STEP = 3

tensors = {}
for h, w, oh, ow in SIZES:
    image = pixels(f"filter_{h}x{w}", (h, w, 3))
    size = f"{h}x{w}_{oh}x{ow}"
    for name in FILTERS:
        for antialias in (False, True):
            y = tf.image.resize(image, (oh, ow), method=name, antialias=antialias).numpy().astype(np.float32)
            tensors[f"{name}/{'antialias' if antialias else 'plain'}/{size}"] = y[::STEP, ::STEP].copy()
    for name, how in PILLOW.items():
        y = np.asarray(Image.fromarray(image // 2 + 64).resize((ow, oh), how))
        tensors[f"pillow/{name}/{size}"] = y[::STEP, ::STEP].astype(np.float32).copy()
store(OUT, tensors, {"tensorflow": tf.__version__, "pillow": PIL.__version__})
print(OUT, OUT.stat().st_size)
