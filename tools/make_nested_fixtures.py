#!/usr/bin/env python3
"""Makes tests/fixtures/exchange/nested_VERSION.keras: a model whose layers stand in models within models, beside layers of
the same classes and names outside of them, as one version of Keras saves it; and what that Keras computes with it.

    PYTHONPATH=KERAS KERAS_BACKEND=torch .deps/venv/bin/python tools/make_nested_fixtures.py [--old] [--out DIR]

KERAS is a folder with another version than the venv's (pip install --no-deps --target KERAS keras==3.3.3); versions before
3.5 say no names of layers in the file. --old: tf_keras, the Keras of TensorFlow 2, with the whole model as .h5 too; where
that is not there, TensorFlow's own (2.12 to 2.14 number layers in a way of their own).
`nested` in nested_outputs.safetensors is the output for the seeded pictures; every version has to give the same.
"""
import argparse
import os
import sys
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
OLD = "--old" in sys.argv
if not OLD:
    import keras
else:
    try:
        import tf_keras as keras
    except ImportError:
        from tensorflow import keras
import numpy as np
import safetensors.numpy

import seeded

L = keras.layers
SIDE, PICTURES = 20, 2
INNER = "inner_conv" if OLD else "conv"  # an .h5 of Keras 2 holds no name twice below one layer of the model


def base():
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3, name="conv")(inputs)
    x = L.BatchNormalization(name="norm")(x)
    x = L.SeparableConv2D(5, 3, name="apart")(x)
    x = L.Conv2D(1, 3, name="one")(x)  # which looks like a depthwise one
    deep = L.DepthwiseConv2D(3, padding="same", name="deep")(x)
    inner = keras.Sequential([keras.Input(x.shape[1:]), L.Conv2D(1, 1, name=INNER), L.ReLU()], name="inner")
    return keras.Model(inputs, L.Add()([inner(x), deep]), name="base")


def head(units, names):
    return keras.Sequential([keras.Input((6,)), L.Dense(7, activation="relu", name=names[0]), L.Dropout(0.2),
                             L.Dense(units, name=names[1])], name=names[2])


def model():
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(3, 1, name="conv")(inputs)
    x = keras.Sequential([keras.Input((SIDE, SIDE, 3)), L.RandomFlip(), L.Rescaling(1 / 255)], name="augment")(x)
    x = base()(x)
    x = L.Conv2D(6, 1, name="behind")(x)
    x = L.GlobalAveragePooling2D()(x)
    left, right = head(3, ("hidden", "out", "left"))(x), head(3, ("hidden", "out", "right"))(x)
    x = L.Add()([left, right])
    return keras.Model(inputs, L.Dense(4, name="out")(x), name="whole")


def fill(layer, random):
    """Values that a small file holds well: multiples of 1/64."""
    if hasattr(layer, "layers"):
        for inner in layer.layers:
            fill(inner, random)
    elif layer.get_weights() and "random" not in type(layer).__name__.lower():
        layer.set_weights([np.round(random.uniform(0.05, 1, w.shape) * 64) / 64 - (0.5 if w.ndim > 1 else 0)
                           for w in layer.get_weights()])


def pack(m, path):
    """model.save, and the archive packed by zip."""
    m.save(path)
    with zipfile.ZipFile(path) as old:
        members = [(n, old.read(n)) for n in old.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, body in members:
            new.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--old", action="store_true")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../tests/fixtures/exchange"))
    out = parser.parse_args().out
    m = model()
    fill(m, np.random.RandomState(1))
    number = keras.__version__ if hasattr(keras, "__version__") else sys.modules["tensorflow"].__version__
    version = "tf" if "tf_keras" in sys.modules else ".".join(number.split(".")[:2])
    pack(m, f"{out}/nested_{version}.keras")
    if version == "tf":
        m.save(f"{out}/nested_tf.h5")
    pixels = seeded.pixels("pixels", (PICTURES, SIDE, SIDE, 3)).astype(np.float32)
    result = m(pixels, training=False)
    result = np.asarray(result.detach().cpu() if hasattr(result, "detach") else result, np.float32)
    path = f"{out}/nested_outputs.safetensors"
    if os.path.exists(path):
        np.testing.assert_allclose(result, safetensors.numpy.load_file(path)["nested"], rtol=1e-5)
    else:
        safetensors.numpy.save_file({"nested": result}, path, {"keras": keras.__version__})


main()
