#!/usr/bin/env python3
"""Makes tests/fixtures/boxes/assignment.safetensors: which place is to find which object, by a plain program, and the loss of
that with its gradient, by PyTorch's autograd in f64.

    .deps/venv/bin/python tools/make_assignment_fixtures.py

Outputs and objects are not kept: tests/unit/boxes/test_assign.c draws the same ones from the same numbers (splitmix64). Of each
of 300 scenes: each place's object (-1 background, -2 ignored) and its q; of the first 20 the two parts of the loss and the gradient.
"""
import math
import os

import numpy as np
import torch
import torchvision
from safetensors.numpy import save_file

SCENES, GRADIENTS, CLASSES = 300, 20, 3
LEVELS = [(8, 8, 8), (16, 4, 4)]  # stride, width, height: an input of 64 x 64
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


PLACES = [((j + 0.5) * s, (i + 0.5) * s, s) for s, w, h in LEVELS for i in range(h) for j in range(w)]


def scene(seed):
    draw = Draw(seed)
    out = np.array([[(draw.below(8001) - 4000) / 1000 for _ in range(CLASSES)] + [(draw.below(3001) - 1000) / 1000 for _ in range(4)]
                    for _ in PLACES], np.float32)
    objects = []
    for _ in range(draw.below(7)):
        x, y = draw.below(560) / 10, draw.below(560) / 10
        w, h = (draw.below(400) + 5) / 10, (draw.below(400) + 5) / 10
        objects.append(((x, y, min(64.0, x + w), min(64.0, y + h)), draw.below(CLASSES), draw.below(8) == 0))
        if draw.below(6) == 0:
            objects.append((objects[-1][0], draw.below(CLASSES), False))  # two in one place
    return out, objects


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def decode(place, x):
    px, py, s = place
    d = [s * math.exp(min(float(v), math.log(62.5))) for v in x]
    return px - d[0], py - d[1], px + d[2], py + d[3]


def assign(out, objects):
    """docs/design/detection.md, written down as it is read."""
    least = 2 * min(s for s, _, _ in LEVELS)
    boxes = [decode(p, x[CLASSES:]) for p, x in zip(PLACES, out)]

    def score(i, g):
        u = iou(boxes[i], objects[g][0])
        return u, u ** 6 / (1 + math.exp(-float(out[i][objects[g][1]])))

    def candidates(g):
        x1, y1, x2, y2 = objects[g][0]
        if x2 - x1 < least:
            x1, x2 = (x1 + x2) / 2 - least / 2, (x1 + x2) / 2 + least / 2
        if y2 - y1 < least:
            y1, y2 = (y1 + y2) / 2 - least / 2, (y1 + y2) / 2 + least / 2
        return [i for i, (px, py, _) in enumerate(PLACES) if x1 < px < x2 and y1 < py < y2]

    real = [g for g, o in enumerate(objects) if not o[2]]
    wanted = {}  # place -> objects that chose it
    for g in real:
        ranked = sorted((i for i in candidates(g) if score(i, g)[1] > 0), key=lambda i: (-score(i, g)[1], i))
        for i in ranked[:10]:
            wanted.setdefault(i, []).append(g)
    owner = {i: max(gs, key=lambda g: (score(i, g)[0], -g)) for i, gs in wanted.items()}
    q = {}
    for g in real:
        mine = [i for i in owner if owner[i] == g]
        if mine:
            t, u = max(score(i, g)[1] for i in mine), max(score(i, g)[0] for i in mine)
            q.update({i: score(i, g)[1] / t * u for i in mine})
            continue
        free = [i for i in candidates(g) if i not in owner]
        if free:
            i = max(free, key=lambda i: (score(i, g)[0], -i))
        else:
            cx, cy = (objects[g][0][0] + objects[g][0][2]) / 2, (objects[g][0][1] + objects[g][0][3]) / 2
            i = min((i for i in range(len(PLACES)) if i not in owner), key=lambda i: ((PLACES[i][0] - cx) ** 2 + (PLACES[i][1] - cy) ** 2, i))
        owner[i] = g
        q[i] = max(score(i, g)[0], 0.1)
    aims = [owner.get(i, -1) for i in range(len(PLACES))]
    for i, (px, py, _) in enumerate(PLACES):
        if aims[i] == -1 and any(o[2] and o[0][0] < px < o[0][2] and o[0][1] < py < o[0][3] for o in objects):
            aims[i] = -2
    return aims, [q.get(i, 0.0) for i in range(len(PLACES))]


def loss_of(x, objects, aims, q):
    """The two parts, of an output that autograd follows."""
    q = torch.tensor(np.array(q, np.float32), dtype=torch.float64)
    target = torch.zeros(len(PLACES), CLASSES, dtype=torch.float64)
    for i, g in enumerate(aims):
        if g >= 0:
            target[i, objects[g][1]] = q[i]
    weight = torch.tensor([[float(g != -2)] for g in aims], dtype=torch.float64)
    z = x[:, :CLASSES]
    bce = torch.nn.functional.binary_cross_entropy_with_logits(z, target, reduction="none")
    classes = (weight * (z.sigmoid() - target) ** 2 * bce).sum()
    place = torch.tensor(PLACES, dtype=torch.float64)
    d = place[:, 2:] * x[:, CLASSES:].clamp(max=math.log(62.5)).exp()
    box = torch.stack([place[:, 0] - d[:, 0], place[:, 1] - d[:, 1], place[:, 0] + d[:, 2], place[:, 1] + d[:, 3]], 1)
    found = [i for i, g in enumerate(aims) if g >= 0]
    boxes = torch.zeros((), dtype=torch.float64)
    if found:
        truth = torch.tensor([objects[aims[i]][0] for i in found], dtype=torch.float64)
        boxes = (q[found] * torchvision.ops.generalized_box_iou_loss(box[found], truth, reduction="none", eps=0)).sum()
    return classes, boxes


def loss(out, objects, aims, q):
    x = torch.tensor(out, dtype=torch.float64, requires_grad=True)
    classes, boxes = loss_of(x, objects, aims, q)
    (classes + 2 * boxes).backward()
    return classes.item(), boxes.item(), x.grad.numpy()


def main():
    scenes = [scene(seed) for seed in range(SCENES)]
    done = [assign(*s) for s in scenes]
    losses = [loss(*scenes[k], *done[k]) for k in range(GRADIENTS)]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/fixtures/boxes/assignment.safetensors")
    save_file({"object": np.array([a for a, _ in done], np.float32), "q": np.array([q for _, q in done], np.float32),
               "loss": np.array([v[:2] for v in losses], np.float64).view(np.float32), "gradient": np.array([v[2] for v in losses], np.float32)},
              path, {"torch": torch.__version__, "torchvision": torchvision.__version__})
    print(path, os.path.getsize(path), "bytes;", sum(len(o) for _, o in scenes), "objects")


if __name__ == "__main__":
    main()
