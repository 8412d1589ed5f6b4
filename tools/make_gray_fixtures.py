#!/usr/bin/env python3
"""Makes tests/fixtures/exchange/gray_rescaled.json, gray_normalized.json and gray.safetensors: networks for colour images,
and what Keras 3 makes of gray ones by them.

    .deps/venv/bin/python tools/make_gray_fixtures.py [--out DIR]

Seeded weights, and `pixels` of 2 images of one channel. Under the network's name: `rgb`, its features of the images copied
into three channels; `mean`, those of the same network for one channel, whose first kernel is the mean over the colours,
as tutorials on gray images do it (gray_rescaled alone). `keras` in the metadata is the version.
"""
import argparse
import os

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
from safetensors.numpy import save_file

import seeded

L, SIZE, IMAGES = keras.layers, (24, 30), 2
MEAN, VARIANCE = (123.675, 116.28, 103.53), (3409.976, 3262.694, 3291.891)


def rescaled(channels):
    """The same preparation for all channels; batch normalization behind the first convolution."""
    i = L.Input((*SIZE, channels), name="image")
    x = L.Rescaling(1 / 127.5, -1, name="rescaling")(i)
    x = L.Conv2D(12, 3, strides=2, padding="same", use_bias=False, name="conv_1")(x)
    x = L.ReLU(name="relu_1")(L.BatchNormalization(name="norm_1")(x))
    x = L.Conv2D(20, 3, activation="relu", name="conv_2")(x)
    return keras.Model(i, L.GlobalAveragePooling2D(name="pool")(x), name="gray_rescaled")


def normalized(channels):
    """A mean and a variance for each channel; windows that do not reach over the border."""
    i = L.Input((*SIZE, channels), name="image")
    x = L.Normalization(mean=MEAN, variance=VARIANCE, name="normalization")(i)
    x = L.Conv2D(12, 3, strides=2, padding="valid", activation="relu", name="conv_1")(x)
    return keras.Model(i, L.GlobalAveragePooling2D(name="pool")(x), name="gray_normalized")


def fill(model):
    for layer in model.layers:
        if not isinstance(layer, L.Normalization):
            layer.set_weights([seeded.weight(f"{layer.name}/{v.name}", tuple(v.shape)) for v in layer.weights])


def features(model, pixels):
    return np.asarray(model.predict(pixels.astype("float32"), verbose=0), "float32")


parser = argparse.ArgumentParser()
parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../tests/fixtures/exchange"))
out = parser.parse_args().out
pixels = seeded.pixels("pixels", (IMAGES, *SIZE, 1))
copies, made = np.repeat(pixels, 3, axis=3), {}
for build in (rescaled, normalized):
    colour = build(3)
    fill(colour)
    made[f"{colour.name}/rgb"] = features(colour, copies)
    with open(f"{out}/{colour.name}.json", "w", encoding="utf-8") as f:
        f.write(colour.to_json())
gray = rescaled(1)
fill(gray)
colour = rescaled(3)
fill(colour)
gray.get_layer("conv_1").set_weights([colour.get_layer("conv_1").get_weights()[0].mean(axis=2, keepdims=True)])
made["gray_rescaled/mean"] = features(gray, pixels)
save_file(made, f"{out}/gray.safetensors", {"keras": keras.__version__})
