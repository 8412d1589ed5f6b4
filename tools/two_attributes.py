"""Makes a table of photos with several labels: the kind, which is the folder, and the colours that the photo is full of.

    .deps/venv/bin/python tools/two_attributes.py FLOWERS OUT.csv

The colours are computed, not looked at by anybody: a photo is yellow, red or white where at least 12 % of its pixels are, by their hue,
saturation and value (the table below). OUT.csv is best put beside FLOWERS: paths in it are relative to its folder.
"""
import pathlib
import sys

import numpy as np
from PIL import Image

SHARE = 0.12
COLOURS = {  # hue from .. to (of 360; red goes through 0), least and most saturation, least value (of 1)
    "yellow": ((40, 66), 0.45, 1.0, 0.5),
    "red": ((300, 372), 0.35, 1.0, 0.35),
    "white": ((0, 360), 0.0, 0.15, 0.75),
}


def colours(path):
    with Image.open(path) as photo:
        hsv = np.asarray(photo.convert("RGB").resize((96, 96)).convert("HSV"), np.float64)
    hue, saturation, value = hsv[..., 0] * 360 / 256, hsv[..., 1] / 255, hsv[..., 2] / 255
    for name, ((low, high), least, most, bright) in COLOURS.items():
        turned = np.where(hue < high - 360, hue + 360, hue)
        inside = (turned >= low) & (turned < high) & (saturation >= least) & (saturation <= most) & (value >= bright)
        if inside.mean() >= SHARE:
            yield name


def main(flowers, out):
    flowers, out = pathlib.Path(flowers).resolve(), pathlib.Path(out).resolve()
    with open(out, "w", encoding="utf-8") as table:
        table.write("path,labels\n")
        for path in sorted(flowers.glob("*/*.jpg")):
            labels = [path.parent.name, *colours(path)]
            table.write(f"{path.relative_to(out.parent)},{'|'.join(labels)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
