#!/usr/bin/env python3
"""Makes tests/fixtures/explain.safetensors: Grad-CAM by Keras 3's published recipe (keras.io, "Grad-CAM class activation
visualization"), for heads of each kind on a map of 4 x 5 places and 6 channels.

    .deps/venv/bin/python tools/make_explain_fixtures.py [--out FILE]

The recipe: the gradient of the class's output with regard to the map, its mean over the places as the channels' weights, their
sum over the map, cut off at 0, divided by its maximum; without a softmax at the end. KIND/map, KIND/LAYER/VAR, KIND/heat (classes
x 4 x 5)."""
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
H, W, C, CLASSES = 4, 5, 6, 3
HEADS = {
    "pooled": lambda: [L.GlobalAveragePooling2D(name="pool"), L.Dense(CLASSES, name="head")],
    "hidden": lambda: [L.GlobalAveragePooling2D(name="pool"), L.BatchNormalization(name="norm"), L.Dense(9, "gelu", name="hidden"),
                       L.Dropout(0.5, name="dropout"), L.Activation("elu", name="act"), L.Dense(CLASSES, name="head")],
    "flat": lambda: [L.Flatten(name="flatten"), L.Dense(8, "relu", name="hidden"), L.Dense(CLASSES, name="head")],
    "most": lambda: [L.GlobalMaxPooling2D(name="pool"), L.Dense(7, "tanh", name="hidden"), L.Dense(CLASSES, name="head")],
}


def heat(model, image, k):
    with tf.GradientTape() as tape:
        tape.watch(image)
        y = model(image, training=False)[:, k]
    weights = tf.reduce_mean(tape.gradient(y, image), axis=(0, 1, 2))
    found = tf.maximum(tf.squeeze(image[0] @ weights[..., tf.newaxis]), 0)
    most = tf.reduce_max(found)
    return (found / most if most > 0 else found).numpy()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="tests/fixtures/explain.safetensors")
    out, rng, tensors = parser.parse_args().out, np.random.default_rng(5), {}
    for kind, layers in HEADS.items():
        i = x = L.Input((H, W, C))
        for layer in layers():
            x = layer(x)
        model = keras.Model(i, x)
        for v in model.weights:
            least = 0.5 if "variance" in v.name or "gamma" in v.name else -0.6
            v.assign(rng.uniform(least, least + 1.2, v.shape).astype(np.float32))
        image = tf.constant(rng.uniform(-0.5, 2, (1, H, W, C)).astype(np.float32))
        tensors[f"{kind}/map"] = image.numpy()[0]
        tensors.update({f"{kind}/{l.name}/{v.name}": np.asarray(v.value) for l in model.layers for v in l.weights})
        tensors[f"{kind}/heat"] = np.stack([heat(model, image, k) for k in range(CLASSES)])
    save_file(tensors, out, metadata={"keras": keras.__version__, "tensorflow": tf.__version__})


main()
