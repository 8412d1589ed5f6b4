"""Makes tests/fixtures/labels.safetensors: losses, gradients and metrics of samples with any number of labels, as Keras,
PyTorch and scikit-learn have them.

    tools/venv.sh && .deps/venv/bin/python tools/make_label_fixtures.py

loss/CLASSES/logits, target (0 and 1): keras/NAME/CLASSES the losses of the samples by BinaryCrossentropy(from_logits), torch/CLASSES
those of BCEWithLogitsLoss, torch/weighted/CLASSES those with loss/CLASSES/pos_weight; each with .../gradient, that of the losses'
sum, by automatic differentiation. CASE/truth (0 and 1), CASE/score (logits), CASE/threshold (of each class), and CASE/METRIC:
the value as two floats whose sum it is, to 48 bits. Mean average precision is over classes that occur, ROC AUC over those that have
both kinds; "ties" has scores of few values, "rare" classes without samples and samples without labels.
"""
import os
import pathlib
import warnings

os.environ["KERAS_BACKEND"] = "torch"  # TensorFlow and PyTorch do not live in one process
import keras
import numpy as np
import sklearn
import torch
from sklearn import metrics as sk

from seeded import store, unit

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/labels.safetensors"
SAMPLES = 24
SMOOTHED = {"cross-entropy": 0.0, "cross-entropy:smoothing=0.1": 0.1}
CASES = {  # samples, classes, share of labels, steps that scores are rounded to (0: not at all), thresholds from .. to
    "two": (100, 2, 0.4, 0, None), "five": (200, 5, 0.3, 0, None), "ties": (150, 4, 0.35, 3, None),
    "rare": (60, 8, 0.06, 0, None), "own": (200, 5, 0.3, 0, (0.2, 0.8)), "one": (1, 3, 0.5, 0, None),
}


def with_gradient(loss, z):
    leaf = torch.tensor(z, requires_grad=True)
    value = loss(leaf)
    value.sum().backward()
    return value.detach().numpy().astype(np.float32).reshape(-1), leaf.grad.numpy().astype(np.float32)


def add_losses(tensors):
    for classes in (2, 3, 40):
        z = (8 * unit(f"labels_{classes}", (SAMPLES, classes)) - 4).astype(np.float32)
        y = (unit(f"labels_target_{classes}", (SAMPLES, classes)) < 0.3).astype(np.float32)
        y[0], y[1] = 0, 1  # none, and all
        weight = (0.5 + 4 * unit(f"labels_weight_{classes}", (classes,))).astype(np.float32)
        target = torch.tensor(y)
        tensors[f"loss/{classes}/logits"], tensors[f"loss/{classes}/target"] = z, y
        tensors[f"loss/{classes}/pos_weight"] = weight
        found = {f"torch/{classes}": torch.nn.BCEWithLogitsLoss(reduction="none"),
                 f"torch/weighted/{classes}": torch.nn.BCEWithLogitsLoss(reduction="none", pos_weight=torch.tensor(weight))}
        rows = {name: with_gradient(lambda leaf, f=f: f(leaf, target).mean(dim=1), z) for name, f in found.items()}
        for name, smoothing in SMOOTHED.items():
            keras_loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
            rows[f"keras/{name}/{classes}"] = with_gradient(lambda leaf, f=keras_loss: f(target, leaf), z)
        for name, (value, gradient) in rows.items():
            tensors[name], tensors[f"{name}/gradient"] = value, gradient


def values(truth, z, told):
    args = dict(zero_division=0)
    for average in ("micro", "macro"):
        yield f"{average}_precision", sk.precision_score(truth, told, average=average, **args)
        yield f"{average}_recall", sk.recall_score(truth, told, average=average, **args)
        yield f"{average}_f1", sk.f1_score(truth, told, average=average, **args)
    yield "exact_match", sk.accuracy_score(truth, told)
    yield "hamming_loss", sk.hamming_loss(truth, told)
    occurring = [c for c in range(truth.shape[1]) if truth[:, c].any()]
    both = [c for c in occurring if not truth[:, c].all()]
    yield "map", np.mean([sk.average_precision_score(truth[:, c], z[:, c]) for c in occurring]) if occurring else np.nan
    yield "auc", np.mean([sk.roc_auc_score(truth[:, c], z[:, c]) for c in both]) if both else np.nan


def add_metrics(tensors):
    for name, (n, classes, share, steps, bounds) in CASES.items():
        truth = (unit(f"labels_truth_{name}", (n, classes)) < share).astype(np.int64)
        if name == "rare":
            truth[:, 2] = 0
            truth[::3] = 0
        z = 4 * unit(f"labels_score_{name}", (n, classes)) - 2.5 + 1.5 * truth
        z = (np.round(z * steps) / steps if steps else z).astype(np.float32)
        threshold = np.linspace(*bounds, classes) if bounds else np.full(classes, 0.5)
        told = (1 / (1 + np.exp(-z.astype(np.float64))) >= threshold).astype(np.int64)
        tensors[f"{name}/truth"], tensors[f"{name}/score"] = truth.astype(np.float32), z
        tensors[f"{name}/threshold"] = threshold.astype(np.float32)
        for metric, value in values(truth, z, told):
            high = np.float32(value)
            tensors[f"{name}/{metric}"] = np.array([high, np.float32(np.float64(value) - np.float64(high))], np.float32)


tensors = {}
warnings.simplefilter("ignore")  # of classes that do not occur
add_losses(tensors)
add_metrics(tensors)
store(OUT, tensors, {"keras": keras.__version__, "torch": torch.__version__, "sklearn": sklearn.__version__,
                     "numpy": np.__version__})
