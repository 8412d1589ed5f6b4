#!/usr/bin/env python3
"""Makes tests/fixtures/boxes/detection.safetensors: what pycocotools and torchvision say of random boxes.

    .deps/venv/bin/python -m pip install pycocotools==2.0.11
    .deps/venv/bin/python tools/make_detection_fixtures.py

The boxes themselves are not kept: tests/unit/boxes/scenes.h draws the same ones from the same numbers (splitmix64). Of each
of 500 scenes: the SHA-256 of pycocotools's precision and recall arrays, and its twelve numbers; of each of 1,000 sets of
boxes: the SHA-256 of torchvision.ops.nms's indices.
"""
import contextlib
import hashlib
import io
import json
import os

import numpy as np
import torch
import torchvision
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from safetensors.numpy import save_file

SCENES, SETS, SAMPLE = 500, 1000, 3
MASK = (1 << 64) - 1


class Draw:
    def __init__(self, seed):
        self.state = seed

    def next(self):  # splitmix64 (Steele, Lea, Flood 2014)
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        return z ^ z >> 31

    def below(self, n):
        return self.next() % n


def ids(draw, n):
    out, at = [], 0
    for _ in range(n):
        at += 1 + draw.below(5)
        out.append(at)
    return out


def a_size(draw):
    kind = draw.below(6)
    return 32.0 if kind == 0 else 96.0 if kind == 1 else (1 + draw.below(450)) / 3.0


def a_box(draw):
    x, y = draw.below(600) / 3.0, draw.below(600) / 3.0
    w = a_size(draw)
    h = w if w in (32.0, 96.0) else a_size(draw)
    return [x, y, w, h]


def near(draw, box):
    by = draw.below(4)
    return [v + (draw.below(2 * by + 1) - by) * 0.5 for v in box[:2]] + [v + draw.below(by + 1) * 0.25 for v in box[2:]]


def scene(seed):
    draw = Draw(seed)
    images, categories = ids(draw, 1 + draw.below(6)), ids(draw, 1 + draw.below(4))
    truth, found = [], []
    for image in images:
        for category in categories:
            here = []
            for _ in range(0 if draw.below(4) == 0 else draw.below(6)):
                box = a_box(draw)
                crowd = draw.below(10) == 0
                area = float(draw.below(20000)) if draw.below(6) == 0 else box[2] * box[3]
                here.append(box)
                truth.append(dict(id=len(truth) + 1, image_id=image, category_id=category, bbox=box, area=area, iscrowd=int(crowd)))
            n = 0 if draw.below(8) == 0 else draw.below(12)
            if draw.below(40) == 0:
                n += 100
            for _ in range(n):
                box = near(draw, here[draw.below(len(here))]) if here and draw.below(2) else a_box(draw)
                score = draw.below(20) / 20.0 if draw.below(2) else draw.below(1000000) / 1000000.0
                found.append(dict(image_id=image, category_id=category, bbox=box, score=score))
    return images, categories, truth, found


def measure(images, categories, truth, found):
    gt = COCO()
    gt.dataset = dict(info={}, images=[dict(id=i) for i in images], categories=[dict(id=c) for c in categories], annotations=truth)
    gt.createIndex()
    dt = gt.loadRes(found) if found else COCO()
    if not found:
        dt.dataset = dict(gt.dataset, annotations=[])
        dt.createIndex()
    e = COCOeval(gt, dt, "bbox")
    e.evaluate()
    e.accumulate()
    with contextlib.redirect_stdout(io.StringIO()):
        e.summarize()
    return e


def evaluate(seed):
    e = measure(*scene(seed))
    data = np.ascontiguousarray(e.eval["precision"], "<f8").tobytes() + np.ascontiguousarray(e.eval["recall"], "<f8").tobytes()
    return hashlib.sha256(data).digest(), np.asarray(e.stats, "<f8")


def nms(seed):
    draw = Draw(1000000 + seed)
    n = draw.below(60)
    box, score = np.zeros((n, 4), np.float32), np.zeros(n, np.float32)
    for i in range(n):
        x, y, w, h = draw.below(40), draw.below(40), 1 + draw.below(20), 1 + draw.below(20)
        box[i] = x, y, x + w, y + h
        score[i] = np.float32(draw.below(12)) / np.float32(12)
    most = [0.3, 0.5, 0.6, 0.75][draw.below(4)]
    keep = torchvision.ops.nms(torch.from_numpy(box), torch.from_numpy(score), most)
    return hashlib.sha256(keep.numpy().astype("<i8").tobytes()).digest()


def main():
    digests, stats = [], []
    for seed in range(SCENES):
        with contextlib.redirect_stdout(io.StringIO()):
            digest, numbers = evaluate(seed)
        digests.append(np.frombuffer(digest, np.uint8))
        stats.append(numbers.view(np.uint8))
    kept = [np.frombuffer(nms(seed), np.uint8) for seed in range(SETS)]
    folder = os.path.join(os.path.dirname(__file__), "../tests/fixtures/boxes")
    os.makedirs(folder, exist_ok=True)
    images, categories, truth, found = scene(SAMPLE)
    for t in truth[::2]:
        del t["area"], t["iscrowd"]  # graft does without
    labels = dict(images=[dict(id=i) for i in images[::-1]], categories=[dict(id=c, name=f"kind {c}") for c in categories],
                  annotations=truth)
    for name, content in dict(truth=labels, results=found).items():
        with open(os.path.join(folder, name + ".json"), "w") as f:
            json.dump(content, f)
    for t in truth:
        t.setdefault("area", t["bbox"][2] * t["bbox"][3]), t.setdefault("iscrowd", 0)
    with open(os.path.join(folder, "measures.json"), "w") as f:
        json.dump(dict(zip("AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl".split(), measure(images, categories, truth, found).stats)), f)
    save_file(dict(coco_sha256=np.stack(digests), coco_stats=np.stack(stats), nms_sha256=np.stack(kept)),
              os.path.join(folder, "detection.safetensors"), {"made by": "pycocotools 2.0.11, torchvision " + torchvision.__version__})


if __name__ == "__main__":
    main()
