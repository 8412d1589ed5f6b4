#!/usr/bin/env python3
"""How often the hottest place of a heat map lies in a labelled box: graft predict --explain against boxes.

    tools/check_explain.py GRAFT RACCOON CATS_DOGS [--work DIR] [OPTION ...]

RACCOON/{images,annotations} (Pascal VOC XML), CATS_DOGS/train/{cats,dogs}. A head on a pretrained network learns to tell raccoons
from cats and dogs (--probe, 200 images of each, a quarter held out); then each raccoon is explained. Told are the shares of the
images whose peak, and whose center, lies in one of the image's boxes, of the held out ones and of all."""
import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as xml

EACH = 200


def boxes(path):
    return [[float(o.find(f"bndbox/{k}").text) for k in ("xmin", "ymin", "xmax", "ymax")] for o in xml.parse(path).getroot().iter("object")]


def inside(point, found):
    return point is not None and any(x0 <= point[0] <= x1 and y0 <= point[1] <= y1 for x0, y0, x1, y1 in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("raccoon", type=pathlib.Path)
    parser.add_argument("others", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    known, options = parser.parse_known_args()
    work = known.work or pathlib.Path(tempfile.mkdtemp())
    sets = {"raccoon": sorted((known.raccoon / "images").glob("*.jpg")), **{
        kind: sorted((known.others / "train" / kind).glob("*.jpg"))[:EACH] for kind in ("cats", "dogs")}}
    for kind, files in sets.items():
        for i, file in enumerate(files[:EACH]):
            to = work / "data" / ("validation" if i % 4 == 0 else "train") / kind
            to.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to / file.name)
    run, heat = work / "run", work / "heat"
    subprocess.run([known.graft, "train", work / "data", "--probe", "--out", run, "--force", *options], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([known.graft, "predict", run, *[work / "data" / p / "raccoon" for p in ("train", "validation")], "--explain", heat],
                   check=True, stdout=subprocess.DEVNULL)
    rows = []
    for file in heat.glob("*.json"):
        told = json.loads(file.read_text())
        path = pathlib.Path(told["path"])
        found = boxes(known.raccoon / "annotations" / (path.stem + ".xml"))
        rows.append(("validation" in path.parts, told["label"] == "raccoon", inside(told["peak"], found),
                     inside([told["width"] / 2, told["height"] / 2], found)))
    for name, chosen in (("held out", [r for r in rows if r[0]]), ("all", rows)):
        n = len(chosen)
        print(f"{name}: {n} images, {sum(r[1] for r in chosen) / n:.3f} told as raccoon, peak in a box {sum(r[2] for r in chosen) / n:.3f}, "
              f"center in a box {sum(r[3] for r in chosen) / n:.3f}")


main()
