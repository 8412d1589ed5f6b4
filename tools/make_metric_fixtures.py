"""Makes tests/fixtures/metrics.safetensors: metrics of made-up samples as scikit-learn has them.

    tools/venv.sh && .deps/venv/bin/python tools/make_metric_fixtures.py

CASE/truth, CASE/score (softmax's logits, two classes as 0 and one logit), and CASE/METRIC: the value as two floats whose sum
it is, to 48 bits. wilson/..: scipy's 95 % intervals of shares, likewise. "ties" has scores of few values; "absent" classes that no sample is of, or that none was given.
"""
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.stats import binomtest
from sklearn import metrics as sk

from seeded import store, unit

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/metrics.safetensors"
CASES = {  # samples, classes, classes that occur in truth, steps that scores are rounded to (0: not at all)
    "two": (120, 2, [0, 1], 0), "two_ties": (90, 2, [0, 1], 4), "three": (200, 3, [0, 1, 2], 0),
    "ten": (500, 10, range(10), 0), "ten_ties": (300, 10, range(10), 3), "absent": (80, 7, [0, 2, 5], 0),
    "one_class": (30, 4, [2], 0), "one_of_two": (25, 2, [1], 0), "one_sample": (1, 3, [1], 0),
}


def logits(name, n, classes, truth, steps):
    z = 4 * unit(f"metrics_{name}", (n, classes)) - 2
    z[np.arange(n), truth] += 1.2
    if classes == 2:
        z[:, 0] = 0
    return (np.round(z * steps) / steps if steps else z).astype(np.float32)


def probabilities(z):
    """Sums are of sorted terms: samples whose scores are the same in another order tie."""
    e = np.exp(z.astype(np.float64) - z.max(axis=1, keepdims=True))
    return e / np.sort(e, axis=1).sum(axis=1, keepdims=True)


def over_classes(truth, p, score):
    """The mean over classes that occur (and do not make up all) of one against the rest; of two classes the second."""
    classes = range(p.shape[1]) if p.shape[1] > 2 else [1]
    found = [score(truth == c, p[:, c]) for c in classes if 0 < (truth == c).sum()
             and (score is sk.average_precision_score or (truth != c).any())]
    return np.mean(found) if found else np.nan


def values(truth, z):
    n, classes = z.shape
    predicted, labels = z.argmax(axis=1), np.arange(classes)
    for k in (1, 2, 5):
        if classes > 2 and k < classes and all(len(set(row)) == classes for row in z.tolist()):
            yield f"top{k}", sk.top_k_accuracy_score(truth, z, k=k, labels=labels)
    yield "accuracy", sk.accuracy_score(truth, predicted)
    yield "balanced_accuracy", sk.balanced_accuracy_score(truth, predicted)
    for average in ("macro", "weighted"):
        args = dict(average=average, zero_division=0)
        yield f"{average}_precision", sk.precision_score(truth, predicted, **args)
        yield f"{average}_recall", sk.recall_score(truth, predicted, **args)
        yield f"{average}_f1", sk.f1_score(truth, predicted, **args)
    yield "mcc", sk.matthews_corrcoef(truth, predicted)
    yield "kappa", sk.cohen_kappa_score(truth, predicted)
    yield "auc", over_classes(truth, probabilities(z), sk.roc_auc_score)
    yield "average_precision", over_classes(truth, probabilities(z), sk.average_precision_score)


tensors = {}
warnings.simplefilter("ignore")  # of classes that do not occur
for name, (n, classes, present, steps) in CASES.items():
    truth = np.array(list(present))[(unit(f"metrics_truth_{name}", (n,)) ** 1.5 * len(list(present))).astype(int)]
    z = logits(name, n, classes, truth, steps)
    tensors[f"{name}/truth"], tensors[f"{name}/score"] = truth.astype(np.float32), z
    for metric, value in values(truth, z):
        high = np.float32(value)
        tensors[f"{name}/{metric}"] = np.array([high, np.float32(np.float64(value) - np.float64(high))], np.float32)
shares = [(0, 1), (1, 1), (0, 30), (30, 30), (2, 5), (93, 100), (9812, 10000), (1, 1000000)]
bounds = [binomtest(k, n).proportion_ci(0.95, method="wilson") for k, n in shares]
tensors["wilson/shares"] = np.array(shares, np.float32)
tensors["wilson/bounds"] = np.array([[b.low, b.high] for b in bounds]).astype(np.float32)
tensors["wilson/rest"] = (np.array([[b.low, b.high] for b in bounds]) - tensors["wilson/bounds"]).astype(np.float32)
store(OUT, tensors, {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__})
