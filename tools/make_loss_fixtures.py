"""Makes tests/fixtures/losses.safetensors: losses of logits and their gradients as Keras and PyTorch have them, and class
weights as scikit-learn has them.

    tools/venv.sh && .deps/venv/bin/python tools/make_loss_fixtures.py

keras/LOSS/CLASSES: per-sample losses of Keras's classes with from_logits, two classes as one logit (BinaryCrossentropy,
BinaryFocalCrossentropy, with apply_class_balancing where alpha is given). torch/..: torch.nn.functional.cross_entropy. The
gradients are those of the losses' sum, by automatic differentiation.
"""
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"  # TensorFlow and PyTorch do not live in one process
import keras
import numpy as np
import sklearn
import torch
from sklearn.utils.class_weight import compute_class_weight

from seeded import store, unit

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/losses.safetensors"
SAMPLES = 24
ARGS = {"cross-entropy": {}, "cross-entropy:smoothing=0.1": {"label_smoothing": 0.1},
        "cross-entropy:smoothing=0.35": {"label_smoothing": 0.35}, "focal": {"alpha": 0.25, "gamma": 2.0},
        "focal:gamma=0.5,alpha=0.6": {"alpha": 0.6, "gamma": 0.5}, "focal:gamma=3": {"alpha": 0.25, "gamma": 3.0},
        "focal:gamma=0": {"alpha": 0.25, "gamma": 0.0}}


def keras_loss(name, classes):
    args = dict(ARGS[name], from_logits=True, reduction=None)
    if classes == 2:
        if "focal" in name:
            return keras.losses.BinaryFocalCrossentropy(apply_class_balancing="alpha" in name, **args)
        return keras.losses.BinaryCrossentropy(**args)
    return (keras.losses.CategoricalFocalCrossentropy if "focal" in name else keras.losses.CategoricalCrossentropy)(**args)


def with_gradient(loss, z):
    leaf = torch.tensor(z, requires_grad=True)
    value = loss(leaf)
    value.sum().backward()
    return value.detach().numpy().astype(np.float32).reshape(-1), leaf.grad.numpy().astype(np.float32)


tensors = {}
for classes in (2, 3, 7, 100):
    outputs = 1 if classes == 2 else classes
    z = (8 * unit(f"losses_{classes}", (SAMPLES, outputs)) - 4).astype(np.float32)
    y = (np.arange(SAMPLES) * 5 % classes).astype(np.int64)
    target = torch.tensor(y[:, None].astype(np.float32) if classes == 2 else np.eye(classes, dtype=np.float32)[y])
    tensors[f"logits/{classes}"] = z
    tensors[f"label/{classes}"] = y.astype(np.float32)
    for name in ARGS:
        value, grad = with_gradient(lambda leaf: keras_loss(name, classes)(target, leaf), z)
        tensors[f"keras/{name}/{classes}"], tensors[f"keras/{name}/{classes}/gradient"] = value, grad
        if classes > 2 and "focal" not in name:
            value, grad = with_gradient(lambda leaf: torch.nn.functional.cross_entropy(
                leaf, torch.tensor(y), reduction="none", label_smoothing=ARGS[name].get("label_smoothing", 0)), z)
            tensors[f"torch/{name}/{classes}"], tensors[f"torch/{name}/{classes}/gradient"] = value, grad
counts = np.array([50, 10, 1, 139])
labels = np.repeat(np.arange(len(counts)), counts)
tensors["class_weight/counts"] = counts.astype(np.float32)
tensors["class_weight/balanced"] = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels).astype(np.float32)
store(OUT, tensors, {"keras": keras.__version__, "torch": torch.__version__, "scikit-learn": sklearn.__version__})
