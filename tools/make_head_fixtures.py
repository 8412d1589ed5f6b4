#!/usr/bin/env python3
"""Makes tests/fixtures/head_list.safetensors: a head of a list of layers as Keras 3 trains it.

    .deps/venv/bin/python tools/make_head_fixtures.py [--out FILE]

The head of `mlp:bn,10=tanh,bn,relu,6,dropout=0,l2=0.03` on 5 features and 3 classes, from seeded values; 16 samples, all of
them in each of 5 steps of plain SGD at 0.1. `losses` are those of the data, without the penalty; then all variables and the
logits at rest."""
import argparse
import os

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file

L = keras.layers
FEATURES, CLASSES, SAMPLES, STEPS, RATE, DECAY = 5, 3, 16, 5, 0.1, 0.03


def network():
    def dense(n, name, act=None):
        return L.Dense(n, activation=act, name=name, kernel_regularizer=keras.regularizers.L2(DECAY))
    i = L.Input((FEATURES,))
    x = L.BatchNormalization(name="batch_normalization")(i)
    x = dense(10, "hidden", "tanh")(x)
    x = L.BatchNormalization(name="batch_normalization_1")(x)
    x = L.Activation("relu", name="activation")(x)
    x = dense(6, "hidden_1", "relu")(x)
    return keras.Model(i, dense(CLASSES, "head")(L.Dropout(0.0, name="dropout")(x)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="tests/fixtures/head_list.safetensors")
    out = parser.parse_args().out
    rng, model, tensors = np.random.default_rng(12), network(), {}
    for v in model.weights:
        least = 0.5 if "variance" in v.name or "gamma" in v.name else -0.5
        v.assign(rng.uniform(least, least + 1, v.shape).astype(np.float32))
    names = {f"{l.name}/{v.name}": v for l in model.layers for v in l.weights}
    x = rng.uniform(-1, 2, (SAMPLES, FEATURES)).astype(np.float32)
    y = np.arange(SAMPLES) % CLASSES
    tensors["features"] = x
    tensors.update({f"before/{k}": np.array(v) for k, v in names.items()})
    loss_of, losses = keras.losses.SparseCategoricalCrossentropy(from_logits=True), []
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            data = loss_of(y, model(x, training=True))
            loss = data + tf.add_n(model.losses)
        for v, g in zip(model.trainable_variables, tape.gradient(loss, [v.value for v in model.trainable_variables])):
            v.assign_sub(RATE * tf.convert_to_tensor(g))
        losses.append(float(data))
    tensors.update({f"after/{k}": np.array(v) for k, v in names.items()})
    tensors["losses"] = np.float32(losses)
    tensors["logits"] = np.array(model(x, training=False))
    save_file(tensors, out, metadata={"keras": keras.__version__, "tensorflow": tf.__version__})
    print(losses)


main()
