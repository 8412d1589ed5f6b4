"""Makes tests/fixtures/random_changes_torch.safetensors: random changes of uint8 images as torchvision's functions make them.

    tools/venv.sh && .deps/venv/bin/python tools/make_torch_change_fixtures.py

torch/CHANGE/HxW/SAMPLE: the function with the parameters that follow from the numbers of that sample (philox.py), by the formulas
of the transform; of the images change_HxW of seeded.py. The words that ask for it stand in
tests/unit/image/test_random_changes.c.
"""
import math
import pathlib

import numpy as np
import torch
import torchvision
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from philox import Numbers
from seeded import pixels, store

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/random_changes_torch.safetensors"
SIZES = [(24, 17), (9, 40)]
RAND, TRIVIAL = v2.RandAugment(), v2.TrivialAugmentWide()


def part(n, h, w, area, ratio, upright=False, smaller=False):
    """As RandomResizedCrop and RandomErasing draw it: y, x, height, width."""
    low, high = (np.float32(math.log(r)) for r in ratio)
    for _ in range(10):
        size = h * w * float(n.range(*area))
        shape = math.exp(float(n.range(low, high)))
        shape = 1 / shape if upright else shape
        pw, ph = round(math.sqrt(size * shape)), round(math.sqrt(size / shape))
        if (ph < h and pw < w) if smaller else (0 < pw <= w and 0 < ph <= h):
            return n.below(h - ph + 1), n.below(w - pw + 1), ph, pw
    if smaller:
        return None
    ph, pw = h, w
    if w / h < ratio[0]:
        ph = round(w / ratio[0])
    elif w / h > ratio[1]:
        pw = round(h * ratio[1])
    return (h - ph) // 2, (w - pw) // 2, ph, pw


def resized_crop(area, size=None):
    def apply(x, n):
        h, w = x.shape[-2:]
        return F.resized_crop(x, *part(n, h, w, area, (.75, 1.3333333)), size or (h, w), antialias=True)

    return apply


def jitter(*most):
    functions = F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue

    def apply(x, n):
        order = [0, 1, 2, 3]
        for i in range(3, 0, -1):
            k = n.below(i + 1)
            order[i], order[k] = order[k], order[i]
        factor = [None if m == 0 else float(n.range(-m, m) if i == 3 else n.range(max(0, 1 - m), 1 + m)) for i, m in enumerate(most)]
        for i in order:
            x = x if factor[i] is None else functions[i](x, factor[i])
        return x

    return apply


def erase(x, n):
    n.u()  # whether: always
    found = part(n, *x.shape[-2:], (.02, .33), (.3, 3.3), True, True)
    return x if found is None else F.erase(x, *found, torch.zeros(3, 1, 1, dtype=torch.uint8))


def operation(x, n, of, bin_of):
    name = list(of._AUGMENTATION_SPACE)[n.below(14)]
    values, signed = of._AUGMENTATION_SPACE[name]
    at = bin_of(n)
    values = values(31, *x.shape[-2:])
    value = 0.0 if values is None else float(values[at])
    if values is not None and signed and n.u() <= .5:
        value = -value
    return of._apply_image_or_video_transform(x, name, value, v2.InterpolationMode.NEAREST, of._fill)


def randaugment(count, magnitude):
    def apply(x, n):
        for _ in range(count):
            x = operation(x, n, RAND, lambda n: magnitude)
        return x

    return apply


CHANGES = {  # name: (stream of the class, samples, uint8 image and numbers to an image)
    "hflip": (0, 3, lambda x, n: F.horizontal_flip(x) if n.u() < .5 else x),
    "vflip": (4, 3, lambda x, n: F.vertical_flip(x) if n.u() < .5 else x),
    "rotate": (20, 3, lambda x, n: F.rotate(x, 360 * float(n.range(-.125, .125)))),
    "resized_crop": (17, 3, resized_crop((.08, 1))),
    "resized_crop_size": (17, 3, resized_crop((.5, 1), (12, 12))),
    "resize": (18, 3, lambda x, n: F.resize(x, 13, antialias=True)),
    "center_crop": (19, 3, lambda x, n: F.center_crop(x, (11, 13))),
    "center_crop_margins": (19, 3, lambda x, n: F.center_crop(x, 30)),
    "brightness": (21, 3, jitter(.9, 0, 0, 0)),
    "contrast": (21, 3, jitter(0, .9, 0, 0)),
    "saturation": (21, 3, jitter(0, 0, .9, 0)),
    "hue": (21, 3, jitter(0, 0, 0, .5)),
    "jitter": (21, 3, jitter(.4, .4, .4, .2)),
    "erase": (14, 3, erase),
    "randaugment": (24, 24, randaugment(2, 9)),
    "randaugment_strong": (24, 24, randaugment(4, 30)),
    "trivial": (25, 24, lambda x, n: operation(x, n, TRIVIAL, lambda n: n.below(31))),
}

tensors = {}
for name, (stream, samples, apply) in CHANGES.items():
    for h, w in SIZES:
        image = torch.from_numpy(pixels(f"change_{h}x{w}", (h, w, 3))).permute(2, 0, 1).contiguous()
        for sample in range(samples):
            y = apply(image, Numbers(stream, sample))
            tensors[f"torch/{name}/{h}x{w}/{sample}"] = y.permute(1, 2, 0).contiguous().numpy()
store(OUT, tensors, {"torch": torch.__version__, "torchvision": torchvision.__version__})
print(OUT, OUT.stat().st_size)
