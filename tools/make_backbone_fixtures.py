#!/usr/bin/env python3
"""Makes tests/fixtures/zoo/: what Keras's architectures compute and how they train, from seeded weights and pictures.

    .deps/venv/bin/python tools/make_backbone_fixtures.py [--out DIR] [NAME ...]

NAME is an architecture of graft, one with its width (mobilenet_v2_a035), "layers" or "files"; all when none is given.
README.md, "Backbones", says what a file holds.
"""
import argparse
import gzip
import hashlib
import os
import tempfile

# The oracle shall be a second opinion: TensorFlow's own kernels, not the library the C side builds on.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf
from keras.src.utils import file_utils

import backbones
from make_fixtures import write_legacy_no_top

# weights="imagenet" builds another EfficientNet than weights=None does: so it is asked for, without the weights
file_utils.get_file = lambda *args, **kwargs: "none"
keras.Model.load_weights = lambda *args, **kwargs: None

APPLICATIONS = keras.applications
CAFFE, TORCH, TF, NONE = "caffe", "torch", "tf", None
# graft's name: Keras's, preprocessing, picture sizes (h, w), size of the layer list
FULL, SMALL, LARGE = backbones.FULL, backbones.SMALL, ((75, 75), (80, 107))
ARCHITECTURES = {
    "mobilenet_v2": ("MobileNetV2", TF, FULL, 224),
    "mobilenet_v3_small": ("MobileNetV3Small", NONE, FULL, 224),
    "mobilenet_v3_large": ("MobileNetV3Large", NONE, FULL, 224),
    "efficientnet_b0": ("EfficientNetB0", NONE, FULL, 224),
    "efficientnet_b1": ("EfficientNetB1", NONE, SMALL, 240),
    "efficientnet_b2": ("EfficientNetB2", NONE, SMALL, 260),
    "efficientnet_b3": ("EfficientNetB3", NONE, SMALL, 300),
    "resnet50_v2": ("ResNet50V2", TF, FULL, 224),
    "resnet101_v2": ("ResNet101V2", TF, SMALL, 224),
    "resnet152_v2": ("ResNet152V2", TF, SMALL, 224),
    "resnet50_keras": ("ResNet50", CAFFE, FULL, 224),
    "densenet121": ("DenseNet121", TORCH, FULL, 224),
    "densenet169": ("DenseNet169", TORCH, SMALL, 224),
    "densenet201": ("DenseNet201", TORCH, SMALL, 224),
    "inception_v3": ("InceptionV3", TF, LARGE, 299),
    "xception": ("Xception", TF, LARGE, 299),
    "vgg16": ("VGG16", CAFFE, FULL, 224),
    "vgg19": ("VGG19", CAFFE, SMALL, 224),
}
# Other widths of these: NAME_aALPHA of the hundredfold alpha.
ALPHAS = {"mobilenet_v2": (35, 50, 75, 130, 140), "mobilenet_v3_small": (25, 75), "mobilenet_v3_large": (75,)}
WIDTHS = {f"{name}_a{alpha:03}": (name, alpha / 100) for name, alphas in ALPHAS.items() for alpha in alphas}
WITH_NUMBERS = "mobilenet_v2_a035", "mobilenet_v2_a140", "mobilenet_v3_small_a075", "mobilenet_v3_large_a075"
OWN_TOP = ("mobilenet_v3_small", "mobilenet_v3_large", "vgg16")  # more than pooling and one dense layer


def application(name, size, **kwargs):
    """`name`: graft's, or of WIDTHS."""
    name, alpha = WIDTHS.get(name, (name, 1))
    keras_name = ARCHITECTURES[name][0]
    if name in ALPHAS:
        kwargs["alpha"] = alpha
    keras.backend.clear_session()  # Keras's own names begin anew
    weights = "imagenet" if keras_name.startswith("EfficientNet") else None
    return getattr(APPLICATIONS, keras_name)(input_shape=(*size, 3), weights=weights, **kwargs)


def variables(model):
    """LAYER/VAR -> variable, of all that is not a counter."""
    out = {}
    for layer in model.layers:
        for v in layer.variables:
            var = v.path.split("/")[-1]
            if var != "count" and not var.startswith("seed_generator"):
                out[f"{layer.name}/{var}"] = v
    return out


def fill(model, gain):
    values = {}
    for name, v in variables(model).items():
        v.assign(values.setdefault(name, backbones.weight(name, tuple(v.shape), gain)))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return values


class Oracle(backbones.Oracle):
    def __init__(self, name):
        self.name = name
        architecture = WIDTHS.get(name, (name,))[0]
        _, self.mode, sizes, _ = ARCHITECTURES[architecture]
        self.sizes = SMALL if name in WIDTHS else sizes
        self.own_top = architecture in OWN_TOP
        self.models = {}

    def model(self, size):
        """Keras's weights do not depend on the picture's size; the values are set once a gain."""
        if size not in self.models:
            base = application(self.name, size, include_top=False)
            x = keras.layers.GlobalAveragePooling2D(name="pooled_features")(base.output)
            self.models[size] = keras.Model(base.input, [keras.layers.Dense(5, name="head")(x), x])
        return self.models[size]

    def preprocess(self, pixels):
        x = pixels.astype(np.float32)
        return keras.applications.imagenet_utils.preprocess_input(x, mode=self.mode) if self.mode else x

    def set_weights(self, size, gain):
        return fill(self.model(size), gain)

    def forward(self, size, pixels):
        logits, features = self.model(size)(self.preprocess(pixels), training=False)
        return np.asarray(logits), np.asarray(features)

    def top(self, size, pixels, gain):
        top = application(self.name, size, include_top=True, classes=5, classifier_activation=None)
        fill(top, gain)
        return np.asarray(top(self.preprocess(pixels), training=False))

    def train(self, size, batches, lr):
        """Plain gradient descent, batch norm on its moving statistics: losses, norms of the first step's gradients."""
        model = self.model(size)
        trained = {n: v for n, v in sorted(variables(model).items()) if v.trainable}
        losses, norms = [], None
        for pixels, labels in batches:
            x = tf.constant(self.preprocess(pixels))
            with tf.GradientTape() as tape:
                logits = model(x, training=False)[0]
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            gradients = tape.gradient(loss, [v.value for v in trained.values()])
            if norms is None:
                norms = [float(np.linalg.norm(g.numpy().astype(np.float64))) for g in gradients]
            for v, g in zip(trained.values(), gradients):
                v.assign(v.value - np.float32(lr) * g)
            losses.append(float(loss))
        return losses, norms


def work(model):
    """Floating point operations of a picture's convolutions and dense layers, as TensorFlow's profiler counts them."""
    call = tf.function(lambda x: model(x, training=False))
    graph = call.get_concrete_function(tf.TensorSpec((1, *model.input.shape[1:]))).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation() | {"output": "none"}
    node, total = tf.compat.v1.profiler.profile(graph, cmd="op", options=options), 0
    while node.children:
        node, = node.children
        total += node.float_ops if node.name in ("Conv2D", "DepthwiseConv2dNative", "MatMul") else 0
    return total


def make_layers(out):
    """Layers, parameters (also with the classifier for 1000 classes), the work of a picture, and a digest of "NUMBER NAME
    CLASS SHAPE PARAMETERS" of every layer."""
    lines = []
    for name in [*ARCHITECTURES, *WIDTHS]:
        architecture, alpha = WIDTHS.get(name, (name, 1))
        size = ARCHITECTURES[architecture][3]
        model = application(name, (size, size), include_top=False)
        text = "".join(f"{i} {l.name} {type(l).__name__} {'x'.join(map(str, l.output.shape[1:]))} {l.count_params()}\n"
                       for i, l in enumerate(model.layers))
        digest = hashlib.sha256(text.encode()).hexdigest()
        counts = [len(model.layers), model.count_params(), 0, work(model)]
        counts[2] = application(name, (size, size), include_top=True).count_params()
        lines.append(f"{architecture} {alpha:g} {size} {' '.join(map(str, counts))} {digest}\n")
    with open(os.path.join(out, "layers.txt"), "w") as f:
        f.writelines(lines)


def make_files(out):
    """Files as Keras writes them; tensor i is full of the number i."""
    keras.backend.clear_session()
    APPLICATIONS.InceptionV3(weights=None, include_top=False)  # the second's layers are numbered on: conv2d_94 ...
    inception = APPLICATIONS.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
    efficient = application("efficientnet_b0", (32, 32), include_top=False)
    mobile = application("mobilenet_v3_small_a025", (32, 32), include_top=False)
    legacy, weights, whole = ("legacy.h5", None), ("weights.h5", "save_weights"), ("whole.h5", "save")
    for name, model, layouts in (("inception_v3", inception, (legacy, weights)),
                                 ("efficientnet_b0", efficient, (legacy, weights)),
                                 ("mobilenet_v3_small", mobile, (legacy, weights, whole, ("keras", "save")))):
        for i, v in enumerate(v for layer in model.layers for v in layer.weights):
            v.assign(np.full(v.shape, i))
        for ending, method in layouts:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, f"{name}.{ending}")
                if method:
                    getattr(model, method)(path)
                else:
                    write_legacy_no_top(path, model)
                with open(path, "rb") as f:
                    data = f.read()
            target = os.path.join(out, f"{name}.{ending}.gz")
            with open(target, "wb") as f, gzip.GzipFile("", "wb", 9, f, mtime=0) as z:
                z.write(data)
            print(f"{target}: {len(data)} bytes, packed {os.path.getsize(target)}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=backbones.FIXTURES)
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    names = args.name or ["layers", "files"] + [*ARCHITECTURES, *WITH_NUMBERS]
    for name in names:
        if name in ("layers", "files"):
            {"layers": make_layers, "files": make_files}[name](args.out)
        else:
            backbones.make(args.out, name, Oracle(name), {"keras": keras.__version__, "tensorflow": tf.__version__})


if __name__ == "__main__":
    main()
