#!/usr/bin/env python3
"""Makes tests/fixtures/boxes/voc.safetensors: what object-detection-metrics says of random boxes by the rules of the Pascal VOC
challenge, 2007 and 2010.

    .deps/venv/bin/python -m pip install --no-deps object-detection-metrics==0.4.post1
    .deps/venv/bin/python tools/make_voc_fixtures.py

The scenes are those of tools/make_detection_fixtures.py without their crowds. That package takes boxes as they are, the challenge by
whole pixels: each side is given one pixel more.
"""
import os

import numpy as np
from podm.metrics import BoundingBox, MethodAveragePrecision, get_pascal_voc_metrics
from safetensors.numpy import save_file

from make_detection_fixtures import scene

SCENES = 200


def box(of, score=None):
    x, y, w, h = of["bbox"]
    return BoundingBox.of_bbox(of["image_id"], of["category_id"], x, y, x + w + 1, y + h + 1, score)


def measures(seed):
    _, categories, truth, found = scene(seed)
    gold, predictions = [box(t) for t in truth if not t["iscrowd"]], [box(d, d["score"]) for d in found]
    for method in (MethodAveragePrecision.ElevenPointsInterpolation, MethodAveragePrecision.AllPointsInterpolation):
        of = get_pascal_voc_metrics(gold, predictions, 0.5, method) if gold or predictions else {}
        yield [float(of[c].ap) if c in of and of[c].num_groundtruth else -1.0 for c in categories]


values = [list(measures(seed)) for seed in range(SCENES)]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/fixtures/boxes/voc.safetensors")
save_file({f"ap{year}": np.array([v for scene_ in values for v in scene_[k]], "<f8").view(np.float32) for k, year in enumerate((2007, 2010))},
          path, {"made by": "object-detection-metrics 0.4.post1"})
print(path, os.path.getsize(path), "bytes;", sum(len(v[0]) for v in values), "categories")
