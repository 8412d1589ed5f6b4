#!/usr/bin/env python3
"""Makes tests/fixtures/exchange/batch_norm.json and .safetensors: a small network whose batch normalisation trains on the
statistics of its batch, as Keras 3 and as PyTorch do it.

    .deps/venv/bin/python tools/make_batch_norm_fixtures.py [--out DIR]

Seeded weights and pictures (`pixels`, 8 of them, picture i of class i % 3), 5 steps of plain SGD. Under `keras/` and
`torch/`: `losses`; `first/LAYER/VAR`, the statistics after one step; `LAYER/VAR`, all variables after the last;
`logits`, what the network at rest makes of the pictures then. PyTorch takes the unbiased variance.
"""
import argparse
import os

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf
import torch

import seeded

L, numbers = keras.layers, keras.ops.convert_to_numpy
PICTURES, SIZE, CLASSES, STEPS, RATE = 8, 12, 3, 5, 0.05
STATISTICS = ("moving_mean", "moving_variance")


def network():
    i = L.Input((SIZE, SIZE, 3), name="picture")
    x = L.Rescaling(1 / 127.5, -1, name="rescaling")(i)
    x = L.Conv2D(12, 3, padding="same", use_bias=False, name="conv_1")(x)
    x = L.ReLU(name="relu_1")(L.BatchNormalization(momentum=0.9, name="norm_1")(x))
    x = L.Conv2D(20, 3, strides=2, name="conv_2")(x)
    x = L.ReLU(6.0, name="relu_2")(L.BatchNormalization(momentum=0.8, epsilon=1e-5, name="norm_2")(x))
    x = L.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(i, L.Dense(CLASSES, name="classes")(x), name="batch_norm")


def variables(model):
    return {f"{l.name}/{v.name}": v for l in model.layers for v in l.weights}


def keras_run(model, x, y):
    loss_of, out, losses = keras.losses.SparseCategoricalCrossentropy(from_logits=True), {}, []
    for step in range(STEPS):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        for v, g in zip(model.trainable_variables, tape.gradient(loss, [v.value for v in model.trainable_variables])):
            v.assign_sub(RATE * tf.convert_to_tensor(g))
        losses.append(float(loss))
        if step == 0:
            out.update({f"first/{k}": numbers(v) for k, v in variables(model).items() if k.endswith(STATISTICS)})
    out.update({k: numbers(v) for k, v in variables(model).items()})
    return {**out, "losses": np.float32(losses), "logits": numbers(model(x, training=False))}


def torch_run(start, x, y):
    """The same network by hand, so that its variables keep Keras's names and layout."""
    p = {k: torch.tensor(v, requires_grad=not k.endswith(STATISTICS)) for k, v in start.items()}
    f, out, losses = torch.nn.functional, {}, []
    x, y = torch.tensor(x).permute(0, 3, 1, 2) / 127.5 - 1, torch.tensor(y)

    def norm(x, name, momentum, epsilon, training):
        mean, variance = p[name + "/moving_mean"], p[name + "/moving_variance"]
        return f.batch_norm(x, mean, variance, p[name + "/gamma"], p[name + "/beta"], training, 1 - momentum, epsilon)

    def forward(training):
        z = f.conv2d(x, p["conv_1/kernel"].permute(3, 2, 0, 1), padding=1)
        z = f.relu(norm(z, "norm_1", 0.9, 1e-3, training))
        z = f.conv2d(z, p["conv_2/kernel"].permute(3, 2, 0, 1), p["conv_2/bias"], stride=2)
        z = f.relu6(norm(z, "norm_2", 0.8, 1e-5, training))
        return z.mean((2, 3)) @ p["classes/kernel"] + p["classes/bias"]

    trained = [v for k, v in p.items() if v.requires_grad]
    for step in range(STEPS):
        loss = f.cross_entropy(forward(True), y)
        for v, g in zip(trained, torch.autograd.grad(loss, trained)):
            v.data -= RATE * g
        losses.append(loss.item())
        if step == 0:
            out.update({f"first/{k}": v.numpy().copy() for k, v in p.items() if k.endswith(STATISTICS)})
    out.update({k: v.detach().numpy() for k, v in p.items()})
    return {**out, "losses": np.float32(losses), "logits": forward(False).detach().numpy()}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../tests/fixtures/exchange"))
    args = args.parse_args()
    model = network()
    for name, v in variables(model).items():
        v.assign(seeded.weight(name, tuple(v.shape)))
    start = {k: numbers(v) for k, v in variables(model).items()}
    x = seeded.pixels("pixels", (PICTURES, SIZE, SIZE, 3)).astype(np.float32)
    y = np.arange(PICTURES) % CLASSES
    runs = {"keras": keras_run(model, x, y), "torch": torch_run(start, x, y)}
    print(runs["keras"]["losses"], runs["torch"]["losses"])
    with open(f"{args.out}/batch_norm.json", "w") as f:
        f.write(model.to_json())
    tensors = {f"{who}/{k}": np.float32(v) for who, run in runs.items() for k, v in run.items()}
    seeded.store(f"{args.out}/batch_norm.safetensors", tensors, {"made_by": os.path.basename(__file__)})


if __name__ == "__main__":
    main()
