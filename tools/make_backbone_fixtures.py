#!/usr/bin/env python3
"""Makes tests/fixtures/zoo/: what Keras's architectures compute and how they train, from seeded weights and pictures.

    .deps/venv/bin/python tools/make_backbone_fixtures.py [--out DIR] [NAME ...]

NAME is an architecture of graft, "layers" or "files"; all when none is given. README.md, "Backbones", says what a file
holds.
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
FULL = ((64, 64), (80, 96))
LARGE = ((75, 75), (80, 107))
ARCHITECTURES = {
    "mobilenet_v3_small": ("MobileNetV3Small", NONE, FULL, 224),
    "mobilenet_v3_large": ("MobileNetV3Large", NONE, FULL, 224),
    "efficientnet_b0": ("EfficientNetB0", NONE, FULL, 224),
    "efficientnet_b1": ("EfficientNetB1", NONE, None, 240),
    "efficientnet_b2": ("EfficientNetB2", NONE, None, 260),
    "efficientnet_b3": ("EfficientNetB3", NONE, None, 300),
    "resnet50_v2": ("ResNet50V2", TF, FULL, 224),
    "resnet101_v2": ("ResNet101V2", TF, None, 224),
    "resnet152_v2": ("ResNet152V2", TF, None, 224),
    "resnet50_keras": ("ResNet50", CAFFE, FULL, 224),
    "densenet121": ("DenseNet121", TORCH, FULL, 224),
    "densenet169": ("DenseNet169", TORCH, None, 224),
    "densenet201": ("DenseNet201", TORCH, None, 224),
    "inception_v3": ("InceptionV3", TF, LARGE, 299),
    "xception": ("Xception", TF, LARGE, 299),
    "vgg16": ("VGG16", CAFFE, FULL, 224),
    "vgg19": ("VGG19", CAFFE, None, 224),
}
OWN_TOP = ("mobilenet_v3_small", "mobilenet_v3_large", "vgg16")  # more than pooling and one dense layer


def application(keras_name, size, **kwargs):
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
        self.keras_name, self.mode, self.sizes, _ = ARCHITECTURES[name]
        self.own_top = name in OWN_TOP
        self.models = {}

    def model(self, size):
        """Keras's weights do not depend on the picture's size; the values are set once a gain."""
        if size not in self.models:
            base = application(self.keras_name, size, include_top=False)
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
        top = application(self.keras_name, size, include_top=True, classes=5, classifier_activation=None)
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


def make_layers(out):
    """Digest of "NUMBER NAME CLASS SHAPE PARAMETERS" of every layer."""
    lines = []
    for name, (keras_name, _, _, size) in ARCHITECTURES.items():
        model = application(keras_name, (size, size), include_top=False)
        text = "".join(f"{i} {l.name} {type(l).__name__} {'x'.join(map(str, l.output.shape[1:]))} {l.count_params()}\n"
                       for i, l in enumerate(model.layers))
        digest = hashlib.sha256(text.encode()).hexdigest()
        lines.append(f"{name} {size} {len(model.layers)} {model.count_params()} {digest}\n")
    with open(os.path.join(out, "layers.txt"), "w") as f:
        f.writelines(lines)


def make_files(out):
    """Files as Keras writes them; tensor i is full of the number i."""
    keras.backend.clear_session()
    APPLICATIONS.InceptionV3(weights=None, include_top=False)  # the second's layers are numbered on: conv2d_94 ...
    inception = APPLICATIONS.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
    efficient = application("EfficientNetB0", (32, 32), include_top=False)
    mobile = application("MobileNetV3Small", (32, 32), include_top=False, alpha=0.25)
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
    names = args.name or ["layers", "files"] + [n for n, a in ARCHITECTURES.items() if a[2]]
    for name in names:
        if name in ("layers", "files"):
            {"layers": make_layers, "files": make_files}[name](args.out)
        else:
            backbones.make(args.out, name, Oracle(name), {"keras": keras.__version__, "tensorflow": tf.__version__})


if __name__ == "__main__":
    main()
