"""Makes tests/fixtures/calibration.safetensors: calibration of made-up samples as scikit-learn and numpy have it, and exact
tests of McNemar as scipy has them.

    tools/venv.sh && .deps/venv/bin/python tools/make_calibration_fixtures.py

CASE/truth, CASE/score (softmax's logits, two classes as 0 and one logit), and CASE/WHAT: the value as two floats whose sum it
is, to 48 bits. "beta" is the inverse temperature of scikit-learn's temperature scaling; "log_loss", "brier" its own; "error"
and "equal_mass_error" are computed here, in numpy, by their definition. mcnemar/..: scipy's binomtest.
"""
import pathlib

import numpy as np
import scipy
import sklearn
from scipy.stats import binomtest
from sklearn import metrics as sk
from sklearn.calibration import _TemperatureScaling

from seeded import store, unit

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/calibration.safetensors"
CASES = {"two": (200, 2, 1), "three": (150, 3, 0.4), "ten": (500, 10, 5), "ties": (120, 4, 1), "few": (7, 3, 2)}
BINS = 15


def two_floats(x):
    high = np.float32(x)
    return np.array([high, np.float32(np.float64(x) - np.float64(high))], np.float32)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def errors(confidence, right):
    upper = np.arange(1, BINS + 1) / BINS
    width = np.searchsorted(upper, confidence)  # (k/15, (k+1)/15]
    order = np.argsort(confidence, kind="stable")
    mass = np.empty(len(order), int)
    mass[order] = np.arange(len(order)) * BINS // len(order)
    for bins in width, mass:
        yield sum(abs(right[bins == k].sum() - confidence[bins == k].sum()) for k in range(BINS)) / len(right)


tensors = {}
for name, (n, classes, sharp) in CASES.items():
    truth = (unit(f"calibration_truth_{name}", (n,)) * classes).astype(int)
    z = 4 * unit(f"calibration_{name}", (n, classes)) - 2
    z[np.arange(n), truth] += 1.2
    if classes == 2:
        z[:, 0] = 0
    z = (np.round(2 * z) / 2 if name == "ties" else z * sharp).astype(np.float32)
    p = softmax(z.astype(np.float64))
    right = z.argmax(axis=1) == truth
    values = dict(zip(("error", "equal_mass_error"), errors(p.max(axis=1), right)))
    labels = np.arange(classes)
    values["log_loss"] = sk.log_loss(truth, p, labels=labels)
    values["brier"] = sk.brier_score_loss(truth, p, labels=labels) if classes > 2 else sk.brier_score_loss(truth, p[:, 1])
    scores = z.astype(np.float64) if classes > 2 else z[:, 1:].astype(np.float64) / 2  # of which it makes (-s, s)
    values["beta"] = _TemperatureScaling().fit(scores, truth).beta_
    tensors[f"{name}/truth"], tensors[f"{name}/score"] = truth.astype(np.float32), z
    for what, value in values.items():
        if what != "equal_mass_error" or name != "ties":  # there it depends on the order of equal ones
            tensors[f"{name}/{what}"] = two_floats(value)
pairs = [(0, 0), (1, 0), (3, 9), (9, 3), (10, 10), (0, 40), (500, 420), (3000, 2800), (7, 2000)]
tensors["mcnemar/pairs"] = np.array(pairs, np.float32)
tensors["mcnemar/p"] = np.array([two_floats(binomtest(b, b + c).pvalue if b + c else 1) for b, c in pairs], np.float32)
store(OUT, tensors, {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__})
