"""Makes tests/fixtures/fit.safetensors: an image of other proportions as Keras, torchvision and a letterbox make it fit.

    tools/venv.sh && .deps/venv/bin/python tools/make_fit_fixtures.py

crop: Keras's resize with crop_to_aspect_ratio. shortest=N,center: torchvision's Resize(N, antialias=True) and CenterCrop on
floats. pad: torchvision's resize to the size that a letterbox takes (the smaller ratio, rounded), in the middle of gray 114.
"""
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"  # TensorFlow and PyTorch do not live in one process
import keras
import numpy as np
import torch
import torchvision
from torchvision.transforms import v2

from seeded import pixels, store

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/fit.safetensors"
SIZES = [(37, 53, 24, 24), (53, 37, 24, 32), (20, 90, 16, 24), (24, 24, 32, 32), (16, 40, 32, 20)]  # h, w, out h, out w
SHORTEST = 28
GRAY = 114


def as_chw(image):
    return torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)


def letterbox(image, oh, ow):
    h, w = image.shape[:2]
    ratio = min(oh / h, ow / w)
    nh, nw = round(h * ratio), round(w * ratio)
    out = np.full((oh, ow, 3), GRAY, np.float32)
    top, left = (oh - nh) // 2, (ow - nw) // 2
    small = v2.functional.resize(as_chw(image), (nh, nw), antialias=False)
    out[top:top + nh, left:left + nw] = small.permute(1, 2, 0).numpy()
    return out


tensors = {}
for h, w, oh, ow in SIZES:
    name = f"{h}x{w}_{oh}x{ow}"
    image = pixels(f"fit_{h}x{w}", (h, w, 3))
    crop = keras.ops.image.resize(image.astype(np.float32), (oh, ow), crop_to_aspect_ratio=True, data_format="channels_last")
    tensors[f"crop/{name}"] = keras.ops.convert_to_numpy(crop)
    tensors[f"pad/{name}"] = letterbox(image, oh, ow)
    fit = v2.Compose([v2.Resize(SHORTEST, antialias=True), v2.CenterCrop((oh, ow))])(as_chw(image))
    tensors[f"shortest={SHORTEST},center/{name}"] = fit.permute(1, 2, 0).contiguous().numpy()
store(OUT, tensors, {"keras": keras.__version__, "torchvision": torchvision.__version__})
print(OUT, OUT.stat().st_size)
