#!/usr/bin/env python3
"""Makes class folders of the solar-cell photos: split_cells.py .deps/elpv-dataset OUT [--parts train test]

OUT/{train,validation}/{functional,defective}/*.png, as copies; with --parts other names for the two. A cell is defective where its probability of a
defect is over one half. A quarter of the photos is kept for validation, drawn with a fixed seed from each group of equal
cell type and probability, so that both parts hold the same mixture."""
import argparse
import collections
import pathlib
import random
import shutil

parser = argparse.ArgumentParser()
parser.add_argument("source", type=pathlib.Path)
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--parts", nargs=2, default=["train", "validation"])
options = parser.parse_args()
source, out, parts = options.source.resolve(), options.out, options.parts
groups = collections.defaultdict(list)
for line in (source / "labels.csv").read_text().splitlines():
    photo, probability, cell_type = line.split()
    groups[cell_type, float(probability)].append(photo)

counts = collections.Counter()
for (cell_type, probability), photos in sorted(groups.items()):
    random.Random(f"0 {cell_type} {probability}").shuffle(photos)
    held_back = round(len(photos) / 4)
    label = "defective" if probability > 0.5 else "functional"
    for i, photo in enumerate(photos):
        folder = out / parts[i < held_back] / label
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / photo, folder / pathlib.Path(photo).name)
        counts[folder.parent.name, label] += 1
for (part, label), count in sorted(counts.items()):
    print(f"{count:5d} {part}/{label}")
