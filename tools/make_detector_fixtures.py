#!/usr/bin/env python3
"""Makes tests/fixtures/boxes/detector.safetensors: five steps of a small network with the head `pan`, as PyTorch trains it in f64.

    .deps/venv/bin/python tools/make_detector_fixtures.py

Weights, pixels and objects are not kept: tests/unit/train/test_detector_parity.c has the same ones from the same formula (README.md).
Which place is to find which object is the plain program's of make_assignment_fixtures.py. Kept are the loss of each step and, of the
first step's gradient of each parameter, its norm and its product with a seeded direction.
"""
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

import make_assignment_fixtures as plain
from seeded import pixels, store, stream, unit, weight

SEED, SIDE, CLASSES, BATCH, STEPS, LR, MOMENTUM, WIDTH = 3, 96, 2, 4, 5, 0.0005, 0.9, 96
LEVELS = [(8, 12), (16, 6), (32, 3), (64, 2)]  # stride, side
parameters = {}


def parameter(name, shape):
    if name not in parameters:
        parameters[name] = torch.tensor(weight(name, shape, SEED).astype(np.float64), requires_grad=True)
    return parameters[name]


def same(x, kernel, stride):
    """TensorFlow's padding: as little as is needed, the odd pixel at the end."""
    pads = []
    for n in (x.shape[3], x.shape[2]):
        total = max((math.ceil(n / stride) - 1) * stride + kernel - n, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def conv(x, name, filters, kernel, stride=1, relu=True):
    k = parameter(f"{name}/kernel", (kernel, kernel, x.shape[1], filters))
    y = F.conv2d(same(x, kernel, stride), k.permute(3, 2, 0, 1), parameter(f"{name}/bias", (filters,)), stride)
    return y.relu() if relu else y


def depthwise(x, name, stride):
    c = x.shape[1]
    k = parameter(f"{name}/kernel", (5, 5, c, 1))
    return F.conv2d(same(x, 5, stride), k.permute(2, 3, 0, 1), parameter(f"{name}/bias", (c,)), stride, groups=c)


class Names:
    """A stem's second layer is STEM_1."""

    def __init__(self):
        self.used = {}

    def __call__(self, stem):
        n = self.used[stem] = self.used.get(stem, -1) + 1
        return f"{stem}_{n}" if n else stem


def backbone(x):
    taps = []
    for k in range(1, 6):
        narrow = conv(x, f"down_{k}", 4 * k + 4, 3, 2)
        x = narrow + conv(conv(narrow, f"wide_{k}", 24 * k, 3), f"narrow_{k}", 4 * k + 4, 3, relu=False)
        taps.append(x)
    return taps[2:]


def network(x):
    name = Names()

    def wide(y, stride, stem):
        return conv(depthwise(y, name("depthwise"), stride), name(stem), WIDTH, 1)

    taps, level = backbone(x / 127.5 - 1), [None] * 4
    for k in (2, 1, 0):
        level[k] = conv(taps[k], name("lateral"), WIDTH, 1)
        if k < 2:
            level[k] = level[k] + F.interpolate(level[k + 1], scale_factor=2, mode="nearest")
        level[k] = wide(level[k], 1, "top_down")
    for k in (1, 2, 3):
        halved = wide(level[k - 1], 2, "halved")
        level[k] = halved if k == 3 else wide(level[k] + halved, 1, "bottom_up")
    rows = []
    for k in range(4):
        y = level[k]
        for _ in range(2):
            y = wide(y, 1, "head")
        y = conv(y, name("detector"), CLASSES + 4, 1, relu=False)
        rows.append(y.permute(0, 2, 3, 1).reshape(len(x), -1, CLASSES + 4))
    return torch.cat(rows, 1)


def begin():
    """The detectors' first values: small kernels, a prior of 0.01, boxes of five strides."""
    network(torch.zeros(1, 3, SIDE, SIDE, dtype=torch.float64))
    for key, p in parameters.items():
        if not key.startswith("detector"):
            continue
        with torch.no_grad():
            if key.endswith("/kernel"):
                p *= float(np.float32(0.01 / math.sqrt((p.numpy() ** 2).mean())))
                p.copy_(p.float().double())
            else:
                p[:CLASSES] = float(np.float32(math.log(0.01 / 0.99)))
                p[CLASSES:] = float(np.float32(math.log(2.5)))


def objects_of(sample):
    """One to three boxes; the C twin is in the test."""
    z = [int(v >> np.uint64(32)) for v in stream(f"objects{sample}", 16, SEED)]
    out = []
    for i in range(1 + z[15] % 3):
        x, y = z[5 * i] % 60, z[5 * i + 1] % 60
        out.append(((float(x), float(y), float(x + 10 + z[5 * i + 2] % 26), float(y + 10 + z[5 * i + 3] % 26)), z[5 * i + 4] % CLASSES, False))
    return out


def step_loss(step):
    image = np.stack([pixels(f"pixels{step * BATCH + i}", (SIDE, SIDE, 3), SEED) for i in range(BATCH)])
    out = network(torch.tensor(image.astype(np.float64)).permute(0, 3, 1, 2))
    total, weights = 0, 0.0
    for i in range(BATCH):
        objects = objects_of(step * BATCH + i)
        aims, q = plain.assign(out[i].detach().numpy(), objects)
        classes, boxes = plain.loss_of(out[i], objects, aims, q)
        total, weights = total + classes + 2 * boxes, weights + sum(np.float32(v) for v in q)
    return total / max(1.0, weights)


def main():
    plain.CLASSES, plain.LEVELS = CLASSES, [(s, n, n) for s, n in LEVELS]
    plain.PLACES = [((j + 0.5) * s, (i + 0.5) * s, s) for s, n in LEVELS for i in range(n) for j in range(n)]
    begin()
    optimizer, losses, kept = torch.optim.SGD(parameters.values(), lr=LR, momentum=MOMENTUM), [], {}
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = step_loss(step)
        loss.backward()
        losses.append(loss.item())
        print(step, loss.item(), flush=True)
        if step == 0:
            for key, p in parameters.items():
                g = p.grad.numpy()
                kept[f"grad/{key}"] = np.array([np.linalg.norm(g), (g * (unit(f"along/{key}", g.shape, SEED) - 0.5)).sum()], np.float32)
        optimizer.step()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/fixtures/boxes/detector.safetensors")
    store(path, {"losses": np.array(losses, np.float32), **kept}, {"torch": torch.__version__})
    print(losses, len(kept), "parameters,", os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
