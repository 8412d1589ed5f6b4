#!/usr/bin/env python3
"""Compares the ONNX files of a detector with its own predictions, in ONNX Runtime.

    tools/check_detector_exports.py RUN PHOTOS [--graft PROGRAM] [--most N]

PHOTOS are put whole on gray at the run's input size first, as PNG, so that both sides see the same pixels. Then, of `graft export RUN --to
onnx --boxes decoded|yolo|nms|raw`: detections made of each file's outputs by plain NumPy (of `nms` as they are) are compared with
those of `graft predict --json`: as many, of the same classes, in the same order where scores differ by more than 1e-4; boxes within
0.05 pixels, scores within 1e-4. Also that pycocotools and `graft eval` judge `graft predict --save coco` alike. The exit code is 1
where anything differs.
"""
import argparse
import contextlib
import glob
import io
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

BOX, SCORE = 0.05, 1e-4


def run(*words):
    return subprocess.run([ARGS.graft, *words], check=True, capture_output=True, text=True).stdout


def put_on_gray(path, size, to):
    photo = Image.open(path).convert("RGB")
    by = min(size[0] / photo.width, size[1] / photo.height)
    small = photo.resize((max(1, round(photo.width * by)), max(1, round(photo.height * by))), Image.BILINEAR)
    sheet = Image.new("RGB", size, (114, 114, 114))
    sheet.paste(small, ((size[0] - small.width) // 2, (size[1] - small.height) // 2))
    sheet.save(to)
    return np.asarray(sheet, np.float32).transpose(2, 0, 1)[None]


def overlap(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def suppressed(boxes, scores, about, size):
    """The best class of each place, greedily, best first."""
    kept = []
    best, top = scores.argmax(1), scores.max(1)
    for i in np.lexsort((np.arange(len(top)), best, -top)):
        if top[i] < about["confidence"] or len(kept) == 100:
            break
        if all(k[0] != best[i] or overlap(k[2], boxes[i]) <= about["overlap"] for k in kept):
            kept.append((int(best[i]), float(top[i]), boxes[i].astype(float)))
    return [(c, s, held(b, size)) for c, s, b in kept]


def held(b, size):
    return np.array([max(b[0], 0), max(b[1], 0), min(b[2], size[0]), min(b[3], size[1])])


def places_of(about):
    return np.array([((j + 0.5) * l["stride"], (i + 0.5) * l["stride"], l["stride"]) for l in about["levels"] for i in range(l["height"])
                     for j in range(l["width"])])


def found_by(kind, session, pixels, about, size):
    out = session.run(None, {session.get_inputs()[0].name: pixels / 255 if kind == "yolo" else pixels})
    if kind == "nms":
        return [(int(r[5]), float(r[4]), held(r[:4], size)) for r in out[0][0] if r[4] > 0]
    if kind == "decoded":
        return suppressed(out[0][0], out[1][0], about, size)
    if kind == "yolo":
        rows = out[0][0].T
        return suppressed(np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1), rows[:, 4:], about, size)
    rows, at = out[0][0], places_of(about)
    d = at[:, 2:] * np.exp(np.minimum(rows[:, -4:], about["largest_exponent"]))
    boxes = np.concatenate([at[:, :2] - d[:, :2], at[:, :2] + d[:, 2:]], 1)
    return suppressed(boxes, 1 / (1 + np.exp(-rows[:, :-4])), about, size)


def differences(mine, theirs):
    """(largest difference of a box, of a score); None: they are not the same detections."""
    if len(mine) != len(theirs):
        return None
    left, box, score = list(theirs), 0.0, 0.0
    for c, s, b in mine:
        near = [t for t in left if t[0] == c and abs(t[1] - s) <= SCORE and np.abs(t[2] - b).max() <= BOX]
        if not near:
            return None
        left = [t for t in left if t is not near[0]]
        box, score = max(box, np.abs(near[0][2] - b).max()), max(score, abs(near[0][1] - s))
    return box, score


def compare(kind, folder, photos, told):
    file = f"{folder}/{kind}.onnx"
    run("export", ARGS.run, "--to", "onnx", "--boxes", kind, "--out", file)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["detection"])
    size, worst, n, good = (about["width"], about["height"]), [0.0, 0.0], 0, True
    for path, pixels in photos.items():
        mine = [(d["class"], d["confidence"], np.array([d["box"][0], d["box"][1], d["box"][0] + d["box"][2], d["box"][1] + d["box"][3]]))
                for d in told[path]]
        near = differences(mine, found_by(kind, session, pixels, about, size))
        n += len(mine)
        if near is None:
            good = False
            print(f"{kind}: {path}: other detections")
        else:
            worst = [max(a, b) for a, b in zip(worst, near)]
    print(f"{kind:8} {len(photos)} photos, {n} detections, boxes differ by {worst[0]:.1e} pixels, scores by {worst[1]:.1e} at most")
    return good


def judged_alike(folder, paths):
    """The labelled boxes are the detections themselves, a third of them left out and the others moved, so that AP is no 1."""
    run("predict", ARGS.run, *paths, "--confidence", "0.01", "--save", "coco", "--out", f"{folder}/coco")
    truth, results = f"{folder}/coco/annotations/instances.json", f"{folder}/coco/detections.json"
    with open(truth) as f:
        labels = json.load(f)
    labels["annotations"] = [dict(a, bbox=[v + 2 for v in a["bbox"]]) for a in labels["annotations"] if a["id"] % 3]
    with open(truth, "w") as f:
        json.dump(labels, f)
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(truth)
        e = COCOeval(gt, gt.loadRes(results), "bbox")
        e.evaluate(), e.accumulate(), e.summarize()
    ours = json.loads(run("eval", "--truth", truth, "--results", results, "--json"))
    names = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
    apart = max(abs((-1 if ours[k] is None else ours[k]) - v) for k, v in zip(names, e.stats))
    print(f"pycocotools takes what --save coco writes: AP {e.stats[0]:.4f}, twelve numbers differ by {apart:.1e} at most")
    return apart < 1e-8


def main():
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/size.onnx"
        run("export", ARGS.run, "--to", "onnx", "--boxes", "raw", "--out", file)
        meta = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).get_modelmeta().custom_metadata_map
        about, photos = json.loads(meta["detection"]), {}
        os.mkdir(f"{folder}/photos")
        for path in sorted(glob.glob(f"{ARGS.photos}/*.jpg"))[:ARGS.most]:
            to = f"{folder}/photos/{os.path.splitext(os.path.basename(path))[0]}.png"
            photos[to] = put_on_gray(path, (about["width"], about["height"]), to)
        told = {p["path"]: p["detections"] for p in json.loads(run("predict", ARGS.run, *photos, "--json"))["predictions"]}
        good = [compare(kind, folder, photos, told) for kind in ("decoded", "yolo", "nms", "raw")]
        return 0 if all(good) and judged_alike(folder, list(photos)) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("run")
    parser.add_argument("photos")
    parser.add_argument("--graft", default="build/graft")
    parser.add_argument("--most", type=int, default=50)
    ARGS = parser.parse_args()
    sys.exit(main())
