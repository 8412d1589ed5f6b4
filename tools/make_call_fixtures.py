#!/usr/bin/env python3
"""Makes tests/fixtures/exchange/: Keras models whose layers are called several times, and what Keras makes of them.

    .deps/venv/bin/python tools/make_call_fixtures.py [--out DIR]

NAME.json is model.to_json() of Keras 3.15. call_outputs.safetensors holds for each NAME, with seeded weights: NAME, the
output for the seeded images `pixels` (2 of them); NAME/losses of 6 steps of plain SGD on all that trains, statistics at
rest, image i being of class i + 1; NAME/LAYER/VAR, all variables after them. batch_norm_calls.json and .safetensors are
what make_batch_norm_fixtures.py makes, of a network that calls its convolution and its normalization twice.
ends.json has three inputs (an image, numbers, integers), of which one is not listed in the order of the layers, and three
outputs, one of them a map that others are computed from: ends.safetensors holds what goes in and what comes out, losses
of 5 steps (the squares of all outputs' differences from 0.5, each output's mean, added) and the variables after them.
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

import seeded

L, numbers = keras.layers, keras.ops.convert_to_numpy
STATISTICS = ("moving_mean", "moving_variance")


def shared():
    """A pyramid with one head: its convolutions are shared, one normalization is, others are each level's own."""
    i = L.Input((14, 12, 3), name="image")
    x = L.Rescaling(1 / 127.5, -1, name="rescaling")(i)
    fine = L.Conv2D(6, 3, padding="same", activation="tanh", name="stem")(x)
    coarse = L.AveragePooling2D(2, name="coarse")(fine)
    tower, norm = L.Conv2D(6, 3, padding="same", use_bias=False, name="tower"), L.BatchNormalization(name="norm")
    apart, dense = L.SeparableConv2D(5, 3, name="apart"), L.Dense(7, activation="tanh", name="hidden")
    depth, last = L.DepthwiseConv2D(3, padding="same", name="depth"), L.Dense(4, name="classes")
    act, pool = L.Activation("tanh", name="act"), L.GlobalAveragePooling2D(name="pool")
    outs = []
    for level, y in (("fine", fine), ("coarse", coarse)):
        y = act(norm(tower(y)))
        y = L.BatchNormalization(name="norm_" + level)(depth(y))
        y = act(L.BatchNormalization(name="last_" + level)(apart(norm(y))))
        outs.append(last(dense(pool(y))))
    return keras.Model(i, L.Add(name="logits")(outs), name="shared")


def siamese():
    """One branch, a model of models, that sees two views of the image, and one of its layers twice itself."""
    inner_in = L.Input((6, 6, 4), name="inner_input")
    conv = L.Conv2D(4, 3, padding="same", name="twice")
    inner = keras.Model(inner_in, L.Add(name="both")([inner_in, conv(L.Activation("tanh")(conv(inner_in)))]), name="inner")
    tail = keras.Sequential([L.Input((6, 6, 4)), L.GlobalAveragePooling2D(), L.Dense(5, activation="tanh", name="code")],
                            name="tail")
    branch_in = L.Input((12, 12, 3), name="branch_input")
    y = L.Conv2D(4, 3, strides=2, padding="same", name="first")(branch_in)
    y = L.BatchNormalization(name="norm")(y)
    branch = keras.Model(branch_in, tail(inner(L.Activation("tanh")(y))), name="branch")
    i = L.Input((14, 14, 3), name="image")
    x = L.Rescaling(1 / 127.5, -1, name="rescaling")(i)
    a = branch(L.Cropping2D(((0, 2), (0, 2)), name="left")(x))
    b = branch(L.Cropping2D(((2, 0), (2, 0)), name="right")(x))
    gap = L.Add(name="sum")([a, L.Rescaling(-0.5, name="minus")(b)])
    return keras.Model(i, L.Dense(4, name="classes")(L.Concatenate(name="pair")([gap, a])), name="siamese")


def batch_norm_calls():
    i = L.Input((12, 12, 3), name="image")
    x = L.Rescaling(1 / 127.5, -1, name="rescaling")(i)
    x = L.Conv2D(6, 3, padding="same", use_bias=False, name="conv_1")(x)
    norm, conv = L.BatchNormalization(momentum=0.8, name="norm_1"), L.Conv2D(6, 3, padding="same", name="conv_2")
    x = L.ReLU(name="relu_1")(norm(x))
    y = L.ReLU(name="relu_2")(norm(conv(x)))
    z = L.ReLU(name="relu_3")(norm(conv(y)))
    x = L.GlobalAveragePooling2D(name="pool")(L.Add(name="add")([x, z]))
    return keras.Model(i, L.Dense(3, name="classes")(x), name="batch_norm_calls")


def ends():
    numbers_in = L.Input((5,), name="numbers")
    image = L.Input((10, 8, 3), name="image")
    ids = L.Input((4,), dtype="int32", name="ids")
    x = L.Conv2D(4, 3, padding="same", activation="tanh", name="stem")(L.Rescaling(1 / 127.5, -1, name="rescaling")(image))
    tap = L.Conv2D(5, 3, strides=2, activation="tanh", name="tap")(x)
    codes = L.Dense(5, activation="tanh", name="codes")(L.Rescaling(0.25, name="ids_scale")(ids))
    both = L.Add(name="both")([L.GlobalAveragePooling2D(name="pool")(tap), L.Dense(5, name="mixed")(numbers_in), codes])
    box = L.Dense(4, name="box")(both)
    return keras.Model([image, numbers_in, ids], [L.Dense(3, name="classes")(L.Activation("tanh")(box)), tap, box], name="ends")


def on_the_ends(out):
    keras.backend.clear_session()
    model = ends()
    fill(model)
    with open(f"{out}/ends.json", "w") as f:
        f.write(model.to_json())
    x = [seeded.pixels("image", (2, 10, 8, 3)).astype(np.float32), seeded.pixels("numbers", (2, 5)) / np.float32(128),
         (seeded.pixels("ids", (2, 4)) % 7).astype(np.int32)]
    tensors, losses = {f"in{i}": np.float32(v) for i, v in enumerate(x)}, []
    tensors.update({f"out{i}": numbers(v) for i, v in enumerate(model(x, training=False))})
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = sum(tf.reduce_mean((y - 0.5) ** 2) for y in model(x, training=False))
        for v, g in zip(model.trainable_variables, tape.gradient(loss, [v.value for v in model.trainable_variables])):
            v.assign_sub(0.01 * tf.convert_to_tensor(g))
        losses.append(float(loss))
    print(model.name, losses)
    tensors["losses"] = np.float32(losses)
    tensors.update({k: numbers(v) for k, v in variables(model).items()})
    seeded.store(f"{out}/ends.safetensors", tensors, {"made_by": os.path.basename(__file__)})


def variables(model):
    out = {}
    for layer in model.layers:
        if hasattr(layer, "layers"):
            out.update(variables(layer))
        else:
            for v in layer.weights:
                depthwise = isinstance(layer, L.DepthwiseConv2D)
                out[f"{layer.name}/{'kernel' if depthwise and v.name == 'depthwise_kernel' else v.name}"] = v
    return out


def fill(model):
    for name, v in variables(model).items():
        v.assign(seeded.weight(name, tuple(v.shape)))


def images(model, n):
    return seeded.pixels("pixels", (n, *model.inputs[0].shape[1:])).astype(np.float32)


def train(model, x, y, steps, rate, training, after=None):
    loss_of, losses = keras.losses.SparseCategoricalCrossentropy(from_logits=True), []
    for step in range(steps):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=training))
        for v, g in zip(model.trainable_variables, tape.gradient(loss, [v.value for v in model.trainable_variables])):
            v.assign_sub(rate * tf.convert_to_tensor(g))
        losses.append(float(loss))
        if step == 0 and after:
            after()
    return np.float32(losses)


def at_rest(out):
    tensors = {}
    for make, rate in ((shared, 0.005), (siamese, 0.02)):
        keras.backend.clear_session()
        model, name = make(), make.__name__
        fill(model)
        with open(f"{out}/{name}.json", "w") as f:
            f.write(model.to_json())
        x = images(model, 2)
        tensors[name] = numbers(model(x, training=False))
        tensors[f"{name}/losses"] = train(model, x, np.arange(2) + 1, 6, rate, False)
        tensors.update({f"{name}/{k}": numbers(v) for k, v in variables(model).items()})
        print(name, tensors[f"{name}/losses"])
    seeded.store(f"{out}/call_outputs.safetensors", tensors, {"made_by": os.path.basename(__file__)})


def on_the_batch(out):
    keras.backend.clear_session()
    model, tensors = batch_norm_calls(), {}
    fill(model)
    x, y = images(model, 8), np.arange(8) % 3

    def first():
        tensors.update({f"first/{k}": numbers(v) for k, v in variables(model).items() if k.endswith(STATISTICS)})

    with open(f"{out}/batch_norm_calls.json", "w") as f:
        f.write(model.to_json())
    tensors["losses"] = train(model, x, y, 5, 0.05, True, first)
    tensors.update({k: numbers(v) for k, v in variables(model).items()})
    tensors["logits"] = numbers(model(x, training=False))
    print(model.name, tensors["losses"])
    seeded.store(f"{out}/batch_norm_calls.safetensors", {f"keras/{k}": np.float32(v) for k, v in tensors.items()},
                 {"made_by": os.path.basename(__file__)})


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../tests/fixtures/exchange"))
    args = args.parse_args()
    at_rest(args.out)
    on_the_batch(args.out)
    on_the_ends(args.out)


if __name__ == "__main__":
    main()
