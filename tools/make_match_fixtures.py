#!/usr/bin/env python3
"""Makes tests/fixtures/boxes/matches.safetensors: how many mistakes of which kind TIDE (tidecv 1.0.1) counts in 500 random scenes,
those of tools/make_detection_fixtures.py without crowds, and the best F1 of each with its score, by counting everything anew for
each score.

    .deps/venv/bin/python -m pip install pycocotools==2.0.11 tidecv==1.0.1
    .deps/venv/bin/python tools/make_match_fixtures.py
"""
import os
import sys
import types

import numpy as np
from safetensors.numpy import save_file

for name in ("cv2", "matplotlib", "matplotlib.pyplot", "tidecv.plotting"):  # it draws with seaborn and OpenCV, which nothing here needs
    sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules[name].Plotter = sys.modules[name].FONT_HERSHEY_SIMPLEX = None
from tidecv import TIDE, Data
from tidecv.errors.main_errors import BackgroundError, BoxError, ClassError, DuplicateError, MissedError, OtherError
from tidecv.quantify import TIDERun

from make_detection_fixtures import SCENES, scene

MOST = 100000
KINDS = [BoxError, ClassError, DuplicateError, BackgroundError, OtherError, MissedError]


def judged(images, truth, found):
    gt, predictions = Data("truth", max_dets=MOST), Data("found", max_dets=MOST)
    for image in images:
        gt.add_image(image, str(image))
    for t in truth:
        gt.add_ground_truth(t["image_id"], t["category_id"], t["bbox"])
    for d in found:
        predictions.add_detection(d["image_id"], d["category_id"], d["score"], d["bbox"])
    return TIDERun(gt, predictions, 0.5, 0.1, TIDE.BOX, MOST)


def right(run):
    return [(d["image"], d["class"], d["score"], d["info"]["used"] is True) for d in run.preds.annotations]


def mean_f1(objects, rows, least):
    """Mean over the classes that have objects, of detections that score `least` or more."""
    scores = []
    for c, n in objects.items():
        here = [ok for _, k, score, ok in rows if k == c and score >= least]
        scores.append(2 * sum(here) / (len(here) + n))
    return sum(scores) / len(scores)


def best(truth, rows):
    objects = {}
    for t in truth:
        objects[t["category_id"]] = objects.get(t["category_id"], 0) + 1
    f1 = {score: mean_f1(objects, rows, score) for score in sorted({r[2] for r in rows}, reverse=True)} if objects else {}
    top = max(f1.values(), default=0)
    return top, next((s for s in f1 if f1[s] == top), 1.0) if top > 0 else 1.0


def main():
    counts, f1 = np.zeros((SCENES, len(KINDS) + 1), np.int32), np.zeros((SCENES, 2), np.float64)
    for seed in range(SCENES):
        images, _, truth, found = scene(seed)
        if not truth:  # TIDE divides by their number
            counts[seed, 4], f1[seed] = len(found), (0, 1)
            continue
        run = judged(images, truth, found)
        rows = right(run)
        counts[seed] = [sum(r[3] for r in rows)] + [len(run.error_dict[k]) for k in KINDS]
        f1[seed] = best(truth, rows)
    save_file({"counts": counts.view(np.uint8), "best": f1.view(np.uint8)}, os.path.join(os.path.dirname(__file__), "../tests/fixtures/boxes/matches.safetensors"))
    print(counts.sum(0))


if __name__ == "__main__":
    main()
