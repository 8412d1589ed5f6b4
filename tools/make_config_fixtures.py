#!/usr/bin/env python3
"""Makes tests/fixtures/exchange/: configurations of Keras models, and what Keras computes with seeded weights.

    .deps/venv/bin/python tools/make_config_fixtures.py [--out DIR]

NAME.json(.gz) is model.to_json() of Keras 3, old_NAME.json that of Keras 2; keras_outputs.safetensors holds NAME, the output
for the seeded pictures `pixels` (2 of them), and NAME/losses of some: what 6 steps of plain SGD come to. Weights by the formula of README.md. `--published DIR` writes the
configurations of keras.applications there instead, with published.json: NAME -> [parameters, layers].
"""
import argparse
import gzip
import json
import os
import tempfile

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import safetensors.numpy
import tensorflow as tf
import tf_keras

import seeded

L, O = keras.layers, tf_keras.layers
ops = keras.ops
PICTURES = 2
NAMED_BY_KERAS = ("relu relu6 sigmoid tanh leaky_relu elu selu hard_sigmoid hard_tanh exponential silu hard_silu gelu "
                  "softplus softsign mish log_sigmoid tanh_shrink soft_shrink hard_shrink squareplus sparse_plus "
                  "sparse_sigmoid celu linear softmax log_softmax").split()


def fill(model, names=None, prefix="", grid=None):
    """Every parameter by the formula; `names`: layers that graft calls otherwise."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            fill(layer, names, layer.name + "/")
            continue
        name = (names or {}).get(prefix + layer.name, layer.name)
        for v in layer.weights:
            var = v.name.split("/")[-1].split(":")[0]
            if "seed" in var or var == "count":
                continue
            if type(layer).__name__ == "DepthwiseConv2D" and var == "depthwise_kernel":
                var = "kernel"
            if type(layer).__name__ == "LayerScale":  # which does not name it
                var = "gamma"
            if isinstance(layer, (L.MultiHeadAttention, O.MultiHeadAttention)):
                var = "/".join(getattr(v, "path", v.name).split(":")[0].split("/")[-2:])  # "query/kernel"
            v.assign(seeded.weight(f"{name}/{var}", tuple(v.shape), grid=grid))
        if hasattr(layer, "finalize_state"):  # Normalization takes its statistics up then
            layer.finalize_state()


def pictures(h, w, c=3):
    return seeded.pixels("pixels", (PICTURES, h, w, c)).astype(np.float32)


def conv_bn(x, filters, name, **args):
    x = L.Conv2D(filters, 3, use_bias=False, padding="same", name=name, **args)(x)
    return L.BatchNormalization(name=name + "_bn")(x)


# ---- Keras 3

def cnn():
    """The small network of one's own."""
    x = i = L.Input((32, 32, 3), name="picture")
    x = L.Rescaling(1 / 255)(x)
    x = L.MaxPooling2D()(L.Conv2D(32, 3, activation="relu")(x))
    x = L.MaxPooling2D()(L.Conv2D(64, 3, activation="relu")(x))
    x = L.GlobalAveragePooling2D()(L.Conv2D(64, 3, activation="relu")(x))
    return keras.Model(i, L.Dense(10)(L.Dense(64, activation="relu")(x)), name="cnn"), (32, 32)


def sequential():
    return keras.Sequential([
        L.Input((20, 28, 3)), L.Rescaling([1 / 127.5, 1 / 100, 1 / 90], [-1, -0.5, 0]),
        L.RandomFlip("horizontal"), L.Conv2D(8, (3, 5), strides=(2, 1), padding="same", activation="silu"),
        L.SpatialDropout2D(0.1), L.AveragePooling2D((3, 2), strides=2, padding="same"), L.GaussianNoise(0.1),
        L.Flatten(), L.Dropout(0.3), L.Dense(6, activation="softmax")], name="sequential"), (20, 28)


def windows():
    x = i = L.Input((None, None, 3))
    x = L.Normalization(mean=[120.0, 115.0, 100.0], variance=[3600.0, 3500.0, 3400.0])(x)
    x = L.ZeroPadding2D(((1, 0), (2, 1)))(x)
    x = L.SeparableConv2D(12, 3, depth_multiplier=2, activation="relu")(x)
    x = L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same", use_bias=False)(x)
    x = L.GroupNormalization(4)(x)
    x = L.ReLU(max_value=6)(x)
    x = L.Conv2D(16, 3, groups=4, padding="same")(x)
    x = L.GroupNormalization(-1, epsilon=1e-4)(x)
    x = L.LeakyReLU(0.25)(x)
    x = L.Cropping2D(((1, 0), (0, 1)))(x)
    x = L.UpSampling2D(2, interpolation="bilinear")(x)
    x = L.UpSampling2D((1, 2))(x)
    x = L.LayerNormalization(epsilon=1e-5)(x)
    x = L.ELU(0.5)(x)
    x = L.MaxPooling2D(3, strides=2, padding="same")(x)
    x = L.Permute((2, 1, 3))(x)
    y = L.GlobalMaxPooling2D(keepdims=True)(x)
    y = L.Conv2D(16, 1, activation="sigmoid")(y)
    x = L.Multiply()([x, y])
    x = L.GlobalMaxPooling2D()(x)
    x = L.Reshape((4, 2, -1))(x)
    return keras.Model(i, L.Dense(3)(L.Flatten()(x)), name="windows"), (24, 30)


def branches():
    x = i = L.Input((16, 16, 3))
    x = L.Normalization(axis=-1, name="statistics")(L.Rescaling(1 / 255)(x))
    a = conv_bn(x, 8, "a")
    b = L.Activation("hard_silu")(conv_bn(x, 8, "b"))
    c = L.Add()([a, b, L.Conv2D(8, 1)(x)])
    d = L.Concatenate()([a, c])
    e = L.Concatenate(axis=1)([d, d])
    e = ops.relu6(e + 3.0) * (1 / 6)
    e = (2.0 - e) / 3.0
    g = ops.silu(L.Concatenate(axis=2)([d, d]))
    f = L.Flatten()(L.AveragePooling2D(4)(e))
    g = L.GlobalAveragePooling2D()(g)
    h = L.Concatenate(axis=1)([f, g])
    return keras.Model(i, L.Dense(4, use_bias=False)(h), name="branches"), (16, 16)


def activations():
    x = i = L.Input((8, 8, 3))
    x = L.Rescaling(1 / 40, -3.2)(x)
    x = L.Concatenate()([L.Activation(name, name="act_" + name)(x) for name in NAMED_BY_KERAS[:8]])
    rest = [L.Concatenate()([L.Activation(name, name="act_" + name)(x) for name in NAMED_BY_KERAS[k:k + 8]])
            for k in range(8, len(NAMED_BY_KERAS), 8)]
    x = L.Concatenate()([x] + rest)
    return keras.Model(i, L.GlobalAveragePooling2D()(x), name="activations"), (8, 8)


def gates():
    """Keras takes glu's output for as wide as its input; it computes half of it."""
    x = i = L.Input((8, 8, 3))
    x = L.Rescaling(1 / 40, -3.2)(x)
    g = L.Conv2D(12, 3, activation="glu", name="gated", padding="same")(x)
    a = L.Activation("glu", name="act_glu")(L.Conv2D(10, 1, name="conv")(x))
    g = L.GlobalAveragePooling2D()(L.Concatenate()([x, g, a]))
    return keras.Model(i, g, name="gates"), (8, 8)


def scaled():
    """What ConvNeXt and InceptionResNetV2 bring along."""
    from keras.src.applications.convnext import LayerScale
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
    i = L.Input((10, 12, 3))
    x = L.Conv2D(8, 2, strides=2, name="patches")(L.Rescaling(1 / 255)(i))
    x = L.LayerNormalization(epsilon=1e-6, name="norm")(x)
    y = L.DepthwiseConv2D(5, padding="same", name="depthwise")(x)
    y = L.Dense(8, name="project")(L.Activation("gelu", name="act")(L.Dense(32, name="expand")(y)))
    x = L.Add(name="sum")([x, LayerScale(1e-6, 8, name="scale")(y)])
    x = L.GroupNormalization(2, center=False, name="no_center")(x)
    x = L.LayerNormalization(scale=False, name="no_scale")(x)
    x = L.BatchNormalization(scale=False, name="no_gamma")(L.LayerNormalization(scale=False, center=False, name="bare")(x))
    x = CustomScaleLayer(0.17, name="custom")([x, L.Conv2D(8, 1, name="branch")(x)])
    return keras.Model(i, L.Dense(3, name="classes")(L.GlobalAveragePooling2D(name="pool")(x)), name="scaled"), (10, 12)


def nested():
    """Models inside models; `stem` is a layer of two of them."""
    i = L.Input((12, 12, 3), name="inner_picture")
    inner = keras.Model(i, L.ReLU()(L.Conv2D(6, 3, name="stem")(i)), name="inner")
    tail = keras.Sequential([L.Conv2D(5, 2, name="tail_conv"), L.GlobalAveragePooling2D()], name="tail")
    j = L.Input((12, 12, 3), name="picture")
    x = L.Conv2D(3, 1, name="stem")(L.Rescaling(1 / 255)(j))
    x = tail(inner(x))
    return keras.Model(j, L.Dense(2, name="classes")(x), name="nested"), (12, 12), {"inner/stem": "inner/stem"}


def sequential_nested():
    """A functional model as the first layer of a sequential one: its input is the whole's."""
    i = L.Input((12, 12, 3), name="inner_picture")
    inner = keras.Model(i, L.ReLU()(L.Conv2D(6, 3, name="stem")(L.Rescaling(1 / 255)(i))), name="inner")
    model = keras.Sequential([inner, L.GlobalAveragePooling2D(), L.Dense(2, name="classes")], name="sequential_nested")
    return model, (12, 12)


def dilated():
    x = i = L.Input((20, 18, 3))
    x = L.Rescaling(1 / 127.5, -1)(x)
    x = L.Conv2D(8, 3, dilation_rate=2, padding="same", activation="relu", name="same")(x)
    y = L.Conv2D(8, (2, 3), dilation_rate=(3, 1), name="tall")(x)
    y = L.ZeroPadding2D(((1, 2), (1, 1)))(y)
    y = L.DepthwiseConv2D(3, dilation_rate=2, padding="same", depth_multiplier=2, name="deep")(y)
    y = L.SeparableConv2D(6, 3, dilation_rate=(2, 2), name="separable")(y)
    y = L.Conv2D(8, 3, dilation_rate=3, groups=2, padding="same", name="groups")(y)
    return keras.Model(i, L.Dense(4, name="classes")(L.GlobalAveragePooling2D()(y)), name="dilated"), (20, 18)


def steps():
    """A picture's rows as a sequence, through every layer of those."""
    x = i = L.Input((12, 10, 3))
    x = L.Reshape((-1, 12), name="rows")(L.Rescaling(1 / 127.5, -1)(x))
    x = L.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="gelu", name="causal")(x)
    x = L.BatchNormalization(name="bn")(L.Conv1D(12, 4, strides=2, padding="same", use_bias=False, name="halved")(x))
    x = L.SpatialDropout1D(0.1)(L.ZeroPadding1D((2, 1))(x))
    x = L.SeparableConv1D(8, 3, depth_multiplier=2, activation="silu", name="separable")(x)
    y = L.DepthwiseConv1D(5, padding="same", depth_multiplier=1, name="deep")(L.LayerNormalization(name="ln")(x))
    x = L.Add()([x, L.Activation("tanh")(y)])
    x = L.Concatenate(axis=1)([x, L.Cropping1D((1, 2))(x)])
    x = L.Multiply()([x, L.Dense(8, activation="sigmoid", name="gate")(L.GlobalAveragePooling1D(keepdims=True)(x))])
    x = L.UpSampling1D(2)(L.MaxPooling1D(3, strides=2, padding="same")(x))
    x = L.GroupNormalization(4, name="gn")(L.AveragePooling1D(2)(x))
    x = L.Permute((2, 1))(L.Softmax()(x))
    x = L.Conv1D(6, 1, groups=1, name="last")(x)
    x = L.Concatenate()([L.GlobalMaxPooling1D()(x), L.GlobalAveragePooling1D()(x)])
    return keras.Model(i, L.Dense(3, name="classes")(x), name="steps"), (12, 10)


def positions(x, name):
    """0, 1, 2 ... for the steps of x, looked up in a table that trains: what Keras can save without code of one's own."""
    places = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1) - 1
    return L.Embedding(x.shape[1], x.shape[2], name=name)(places)


def waves(n, width):
    """Places as sines, rounded so that JSON has them as they are."""
    angle = np.arange(n)[:, None] / 100.0 ** (np.arange(width)[None, :] / width)
    return ops.convert_to_tensor(np.round(np.sin(angle) * 16).astype(np.float32) / 16)


def vit():
    """A small vision transformer; its second block attends over a map, the third to other places."""
    i = L.Input((16, 24, 3))
    x = L.Conv2D(12, 4, strides=4, name="patches")(L.Rescaling(1 / 127.5, -1)(i))
    x = first = L.Reshape((24, 12), name="tokens")(x)
    x = x + waves(24, 12)  # a constant: Keras computes it when the model is made
    x = L.Add(name="placed")([x, positions(x, "places")])
    for k, args in enumerate(({}, {"causal": True}, {"cross": True})):
        y = L.LayerNormalization(epsilon=1e-6, name=f"norm{k}a")(x)
        attention = L.MultiHeadAttention(3, 4, value_dim=5 if k else None, dropout=0.1 if k == 1 else 0,
                                         use_bias=k != 2, name=f"attention{k}")
        if args.get("cross"):
            y = attention(query=y, value=L.MaxPooling1D(2)(first), key=L.AveragePooling1D(2)(y))
        else:
            y = attention(y, y, use_causal_mask=args.get("causal", False))
        x = L.Add(name=f"sum{k}a")([x, y])
        y = L.Dense(24, activation="gelu", name=f"mlp{k}a")(L.LayerNormalization(epsilon=1e-6, name=f"norm{k}b")(x))
        x = L.Add(name=f"sum{k}b")([x, L.Dropout(0.1)(L.Dense(12, name=f"mlp{k}b")(y))])
    x = L.Reshape((4, 6, 12))(x)
    x = L.Add()([x, L.MultiHeadAttention(2, 6, output_shape=12, name="over_a_map")(x, x)])
    x = L.GlobalAveragePooling2D(name="pool")(L.LayerNormalization(epsilon=1e-6, name="norm")(x))
    return keras.Model(i, L.Dense(3, name="classes")(x), name="vit"), (16, 24)


# ---- Keras 2

def old_functional():
    x = i = O.Input((16, 20, 3), name="input_1")
    x = x / 127.5 - 1.0
    x = O.Conv2D(8, 3, padding="same", name="conv")(x)
    x = O.BatchNormalization(name="bn")(x)
    y = tf.nn.relu6(x + 3.0) * (1.0 / 6.0)
    x = x * y
    x = O.DepthwiseConv2D(3, name="depthwise")(x)
    x = O.LeakyReLU(0.1)(x)
    x = O.Concatenate(axis=-1)([x, O.ReLU(6.0)(x)])
    x = O.Activation("swish")(x + tf.nn.relu(x))
    x = O.GlobalAveragePooling2D()(x)
    return tf_keras.Model(i, O.Dense(5, activation="softmax", name="classes")(x), name="old_functional"), (16, 20)


def old_sequential():
    return tf_keras.Sequential([
        O.Conv2D(8, 3, activation="relu", input_shape=(18, 18, 3), name="conv"), O.MaxPooling2D(name="pool"),
        O.Flatten(name="flat"), O.Dense(4, name="classes")], name="old_sequential"), (18, 18)


def old_attention():
    i = O.Input((12, 8, 3), name="input_1")
    x = O.Reshape((24, 12), name="rows")(O.Rescaling(1 / 127.5, -1, name="rescaling")(i))
    x = O.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu", name="conv")(x)
    y = O.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = x + O.MultiHeadAttention(2, 4, name="self")(y, y)
    y = O.MaxPooling1D(2, name="halved")(x)
    x = x + O.MultiHeadAttention(2, 3, value_dim=5, name="cross")(x, value=y, use_causal_mask=True)
    x = O.GlobalAveragePooling1D(name="pool")(O.UpSampling1D(2, name="up")(x))
    return tf_keras.Model(i, O.Dense(3, name="classes")(x), name="old_attention"), (12, 8)


def old_nested():
    i = O.Input((None, None, 3), name="input_1")
    base = tf_keras.Model(i, O.ReLU(name="relu")(O.Conv2D(6, 3, name="stem")(i)), name="base")
    j = O.Input((14, 14, 3), name="input_2")
    x = base(O.Rescaling(1 / 255, name="rescaling")(j), training=False)
    x = O.GlobalAveragePooling2D(name="pool")(x)
    return tf_keras.Model(j, O.Dense(2, name="classes")(O.Dropout(0.2, name="drop")(x)), name="old_nested"), (14, 14)


SMALL = (cnn, sequential, windows, branches, activations, gates, scaled, nested, sequential_nested, dilated, steps, vit,
         old_functional, old_sequential, old_nested, old_attention)
COMMITTED = {"mobilenet_v3_small": "MobileNetV3Small", "efficientnet_b0": "EfficientNetB0"}
PUBLISHED = ("MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large EfficientNetB0 EfficientNetB1 EfficientNetB2 "
             "EfficientNetB3 EfficientNetV2B0 EfficientNetV2S ResNet50 ResNet50V2 ResNet101V2 VGG16 VGG19 DenseNet121 "
             "DenseNet201 InceptionV3 InceptionResNetV2 Xception NASNetMobile ConvNeXtTiny ConvNeXtSmall").split()


def write(path, text):
    if len(text) > 60000:
        with open(path + ".gz", "wb") as f:
            f.write(gzip.compress(text.encode(), 9, mtime=0))
    else:
        with open(path, "w") as f:
            f.write(text)


TRAINED = (dilated, steps, vit)
STEPS, RATE = 6, 0.005


def losses(model, size):
    """Of plain SGD on all that trains, dropout and statistics at rest: picture i is of class i + 1."""
    x, y, out = pictures(*size), np.arange(PICTURES) + 1, []
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=False))
        for v, g in zip(model.trainable_variables, tape.gradient(loss, [v.value for v in model.trainable_variables])):
            v.assign_sub(RATE * tf.convert_to_tensor(g))
        out.append(float(loss))
    return np.asarray(out, dtype=np.float32)


def small_models(out):
    outputs = {}
    for make in SMALL:
        keras.backend.clear_session()
        model, size, *names = make()
        fill(model, *names)
        write(f"{out}/{make.__name__}.json", model.to_json())
        y = model(pictures(*size), training=False)
        outputs[make.__name__] = np.asarray(y, dtype=np.float32)
        if make in TRAINED:
            outputs[make.__name__ + "/losses"] = losses(model, size)
    path = f"{out}/keras_outputs.safetensors"
    safetensors.numpy.save_file(outputs, path)
    os.chmod(path, 0o644)


def weight_files(out):
    """The transformer's weights in both kinds of HDF5, rounded so that they compress."""
    keras.backend.clear_session()
    model = vit()[0]
    fill(model, grid=16)
    for ending in (".weights.h5", ".h5"):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/vit{ending}"
            model.save_weights(path) if "weights" in ending else model.save(path)
            with open(path, "rb") as f, open(f"{out}/vit{ending}.gz", "wb") as packed:
                packed.write(gzip.compress(f.read(), 9, mtime=0))


def published(out):
    facts = {}
    for name in PUBLISHED:
        for top in (True, False):
            keras.backend.clear_session()
            model = getattr(keras.applications, name)(weights=None, include_top=top)
            key = name + ("" if top else "_no_top")
            with open(f"{out}/{key}.json", "w") as f:
                f.write(model.to_json())
            facts[key] = [model.count_params(), len(model.layers)]
    with open(f"{out}/published.json", "w") as f:
        json.dump(facts, f)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../tests/fixtures/exchange"))
    args.add_argument("--published", metavar="DIR")
    args = args.parse_args()
    if args.published:
        os.makedirs(args.published, exist_ok=True)
        return published(args.published)
    os.makedirs(args.out, exist_ok=True)
    small_models(args.out)
    weight_files(args.out)
    for name, source in COMMITTED.items():
        keras.backend.clear_session()
        write(f"{args.out}/{name}.json", getattr(keras.applications, source)(weights=None).to_json())


if __name__ == "__main__":
    main()
