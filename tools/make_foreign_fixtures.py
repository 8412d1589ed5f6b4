#!/usr/bin/env python3
"""Makes tests/fixtures/foreign/: small classifiers as people have them, and what the tool that made each computes.

    .deps/venv/bin/python tools/make_foreign_fixtures.py torch keras     # one or both; TensorFlow and PyTorch want a process each
    .deps/venv/bin/python tools/make_foreign_fixtures.py torch --out DIR # elsewhere: tools/cases/networks.py

Beside NAME.onnx or NAME.keras stands NAME.safetensors: `pixels` (2, h, w, c), pictures of 0..255 as floats, and `output`, the
file's own numbers for them by ONNX Runtime or Keras, given pictures prepared as the file's author did (`prepare` in the
metadata: unit is x / 255, none is as they are). What stands in each file is told by its function. Weights are seeded.
"""
import argparse
import os
import pathlib
import subprocess
import sys

import numpy as np
import safetensors.numpy

SIDE = 20
OUT = pathlib.Path(__file__).parent.parent / "tests/fixtures/foreign"


def pictures(channels=3, side=SIDE):
    return np.random.default_rng(1).integers(0, 256, (2, side, side, channels)).astype(np.float32)


def prepared(pixels, prepare):
    return pixels / 255 if prepare == "unit" else pixels


def write(name, pixels, output, prepare):
    OUT.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file({"pixels": pixels, "output": np.ascontiguousarray(output, np.float32)},
                                OUT / f"{name}.safetensors", metadata={"prepare": prepare})
    print(name, np.asarray(output)[0].round(4))


def by_onnxruntime(model, pixels, prepare, batch=1):
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    first = session.get_inputs()[0]
    x = prepared(pixels, prepare)
    if first.shape[1] == pixels.shape[-1]:
        x = x.transpose(0, 3, 1, 2)
    rows = [session.run(None, {first.name: np.repeat(p[None], batch, 0)})[-1][:1] for p in np.ascontiguousarray(x)]
    return np.concatenate(rows)


# ---- PyTorch's exporter, and models written node by node


def torch_models():
    import torch
    from torch import nn
    f = nn.functional

    class Stem(nn.Module):
        """A convolution, ReLU; what each classifier begins with."""

        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, 2, 1)

        def maps(self, x):
            return f.relu(self.stem(x))

    class Linear(Stem):
        def __init__(self, outputs, end):
            super().__init__()
            self.fc, self.end = nn.Linear(8, outputs), end

        def forward(self, x):
            z = self.fc(f.adaptive_avg_pool2d(self.maps(x), 1).flatten(1))
            return self.end(3 * z)

    class Convolutional(Stem):
        """No dense layer: a convolution gives a map a class."""

        def __init__(self, outputs, kernel, behind, pool, end):
            super().__init__()
            self.last = nn.Conv2d(8, outputs, kernel, padding=kernel // 2)
            self.behind, self.pool, self.end = behind, pool, end

        def forward(self, x):
            return self.end(self.pool(self.behind(3 * self.last(self.maps(x))), 1).flatten(1))

    class Shuffle(Stem):
        """ShuffleNetV2's unit: channels split, one half worked on, both shuffled together; and features split."""

        def __init__(self):
            super().__init__()
            self.depth, self.point = nn.Conv2d(4, 4, 3, 1, 1, groups=4), nn.Conv2d(4, 4, 1)
            self.fc, self.fc2 = nn.Linear(5, 4), nn.Linear(3, 4)

        def forward(self, x):
            left, right = self.maps(x).chunk(2, 1)
            x = torch.cat([left, f.relu(self.point(self.depth(right)))], 1)
            n, c, h, w = x.shape
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
            a, b = f.adaptive_avg_pool2d(x, 1).flatten(1).split([5, 3], 1)
            return f.softmax(3 * (self.fc(a) + self.fc2(b)), 1)

    class Sliced(Stem):
        """Channels and features taken apart by slices."""

        def __init__(self):
            super().__init__()
            self.a, self.b, self.fc = nn.Conv2d(3, 4, 1), nn.Conv2d(5, 4, 1), nn.Linear(3, 4)

        def forward(self, x):
            x = self.maps(x)
            x = f.relu(self.a(x[:, :3]) * self.b(x[:, 3:]))
            return f.softmax(9 * self.fc(f.adaptive_avg_pool2d(x, 1).flatten(1)[:, 1:]), 1)

    class Slopes(Stem):
        """A slope for each channel, of maps and of features."""

        def __init__(self):
            super().__init__()
            self.a, self.b, self.fc = nn.PReLU(8), nn.PReLU(6), nn.Linear(8, 6)
            self.last = nn.Linear(6, 4)
            with torch.no_grad():
                self.a.weight.copy_(torch.linspace(-0.3, 0.9, 8))
                self.b.weight.copy_(torch.linspace(0.8, 0.1, 6))

        def forward(self, x):
            x = self.a(self.stem(x) - 0.1)
            return f.softmax(3 * self.last(self.b(self.fc(x.mean((2, 3))))), 1)

    class Fixed(Stem):
        """A batch's size in the file, also as a number that a reshape writes out."""

        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8 * 100, 4)

        def forward(self, x):
            x = self.maps(x)
            return f.softmax(self.fc(x.view(x.shape[0], 8 * 100)), 1)

    class Label(Linear):
        def forward(self, x):
            return super().forward(x).argmax(1)

    class Old(Stem):
        """What opset 7 to 10 spelt differently: Clip, Pad, Slice, Upsample; and a Reshape behind shapes."""

        def __init__(self, factor):
            super().__init__()
            self.norm, self.last, self.factor = nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3), factor
            self.fc = nn.Linear(6 * (3 if factor == 2 else 1) ** 2, 4)

        def forward(self, x):
            x = f.relu6(4 * self.norm(self.stem(x)))
            x = f.pad(x, (1, 2, 0, 1))[:, :, 1:9, 2:10]
            if self.factor > 1:
                x = f.interpolate(x, scale_factor=self.factor, mode="nearest")
            x = f.max_pool2d(self.last(x), 3, 4)
            return f.softmax(self.fc(f.dropout(x, 0.5, self.training).view(x.size(0), -1)), 1)

    none = nn.Identity()
    soft = lambda z: f.softmax(z, 1)
    return {
        "sigmoid5": (Linear(5, torch.sigmoid), 13), "tanh4": (Linear(4, torch.tanh), 13), "logits4": (Linear(4, none), 13),
        "log4": (Linear(4, lambda z: f.log_softmax(z, 1)), 13), "softmax4": (Linear(4, soft), 13), "logits2": (Linear(2, none), 13),
        "softmax2": (Linear(2, soft), 13), "sigmoid2": (Linear(2, torch.sigmoid), 13), "sigmoid1": (Linear(1, torch.sigmoid), 13),
        "fcn_logits": (Convolutional(5, 1, none, f.adaptive_avg_pool2d, none), 13),
        "fcn_softmax": (Convolutional(5, 3, none, f.adaptive_avg_pool2d, soft), 13),
        "fcn_two": (Convolutional(2, 1, none, f.adaptive_avg_pool2d, soft), 13),
        "fcn_max": (Convolutional(5, 1, none, f.adaptive_max_pool2d, soft), 13),
        "squeeze": (Convolutional(5, 1, f.relu, f.adaptive_avg_pool2d, soft), 13),
        "shuffle": (Shuffle(), 13), "sliced1": (Sliced(), 13), "slopes": (Slopes(), 13), "fixed1": (Fixed(), 13), "fixed3": (Fixed(), 13), "label": (Label(4, soft), 13),
        "opset7": (Old(1), 7), "opset8": (Old(1), 8), "opset9": (Old(2), 9), "opset10": (Old(2), 10),
    }


def bare(model):
    """Documentation, which exporters fill with paths and traces, is dropped."""
    for thing in [model, model.graph, *model.graph.node]:
        thing.doc_string = ""
    del model.metadata_props[:], model.graph.value_info[:]
    return model


def make_torch():
    import onnx
    import torch
    from onnx import TensorProto, helper, numpy_helper
    torch.manual_seed(5)
    for name, (model, opset) in torch_models().items():
        for key, value in model.eval().state_dict().items():
            if key.endswith(("running_var", "running_mean")):
                value.uniform_(0.5, 1.5)
        fixed = name.startswith(("fixed", "sliced"))
        batch = int(name[-1]) if fixed else 1
        path = OUT / f"{name}.onnx"
        OUT.mkdir(parents=True, exist_ok=True)
        torch.onnx.export(model, (torch.zeros(batch, 3, SIDE, SIDE),), str(path), dynamo=False, opset_version=opset,
                          input_names=["image"], output_names=["out"],
                          dynamic_axes=None if fixed else {"image": {0: "n"}})
        made = bare(onnx.load(path))
        onnx.save(made, path)
        write(name, pictures(), by_onnxruntime(made, pictures(), "unit", batch), "unit")
        if name == "label":  # what the label is chosen by
            model.__class__ = model.__class__.__mro__[1]
            with torch.no_grad():
                x = torch.from_numpy(prepared(pictures(), "unit").transpose(0, 3, 1, 2).copy())
                write(name, pictures(), model(x).numpy(), "unit")

    rng = np.random.default_rng(2)
    w = {"k": rng.normal(size=(6, 3, 3, 3)) * 0.4, "b": rng.normal(size=6) * 0.2, "g": rng.uniform(0.5, 1.5, 6), "m": rng.normal(size=6) * 0.1,
         "v": rng.uniform(0.5, 1.5, 6), "fc": rng.normal(size=(6, 4)) * 2, "fb": rng.normal(size=4)}
    tensors = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in w.items()]
    node = helper.make_node

    def save(name, nodes, opset, extra=(), outputs=(("out", ["n", 4]),), batch="n"):
        graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
                                  [helper.make_tensor_value_info(o, TensorProto.FLOAT, s) for o, s in outputs], [*tensors, *extra])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if opset < 9 else 8)
        if opset < 9:  # then every tensor was an input too
            model.graph.input.extend(helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in model.graph.initializer)
        onnx.save(model, OUT / f"{name}.onnx")
        write(name, pictures(), by_onnxruntime(model, pictures(), "unit"), "unit")

    conv = [node("Conv", ["image", "k", "b"], ["c"], kernel_shape=[3, 3], strides=[2, 2])]
    norm = ["c", "g", "b", "m", "v"]
    save("attributes7", [*conv, node("BatchNormalization", norm, ["n0"], epsilon=1e-3), node("Clip", ["n0"], ["n1"], min=0.0, max=6.0),
                         node("Dropout", ["n1"], ["n2", "mask"], ratio=0.3), node("Pad", ["n2"], ["n3"], pads=[0, 0, 1, 2, 0, 0, 2, 1]),
                         node("Slice", ["n3"], ["n4"], starts=[1, 1], ends=[10, 100], axes=[2, 3]),
                         node("Upsample", ["n4"], ["n5"], scales=[1.0, 1.0, 2.0, 3.0], mode="nearest"), node("GlobalAveragePool", ["n5"], ["n6"]),
                         node("Squeeze", ["n6"], ["n7"], axes=[2, 3]), node("Gemm", ["n7", "fc", "fb"], ["n8"]), node("Softmax", ["n8"], ["out"])], 7)
    pooled = [*conv, node("Relu", ["c"], ["r"]), node("GlobalAveragePool", ["r"], ["p"])]
    save("softmax9", [*pooled, node("Conv", ["p", "kc", "fb"], ["q"], kernel_shape=[1, 1]), node("Softmax", ["q"], ["s"], axis=1),
                      node("Flatten", ["s"], ["out"])], 9, [numpy_helper.from_array(w["fc"].T.reshape(4, 6, 1, 1).astype(np.float32), "kc")])
    for opset in (23, 24):
        save(f"opset{opset}", [*pooled, node("Flatten", ["p"], ["f"]), node("Gemm", ["f", "fc", "fb"], ["z"]), node("Softmax", ["z"], ["out"])], opset)
    numbers = lambda key, v: numpy_helper.from_array(np.array(v, np.int64), key)
    relu = [*conv, node("Relu", ["c"], ["r"])]  # one picture, so that n may be left out
    save("bare_map", [*relu, node("Reshape", ["r", "s"], ["f"]), node("ReduceMean", ["f"], ["mean"], axes=[1], keepdims=0), node("Reshape", ["mean", "t"], ["u"]),
                      node("Gemm", ["u", "fc", "fb"], ["z"]), node("Softmax", ["z"], ["out"], axis=1)], 13, [numbers("s", [6, 81]), numbers("t", [1, 6])],
         (("out", [1, 4]),), 1)
    save("bare_list", [*pooled, node("Squeeze", ["p", "all"], ["f"]), node("MatMul", ["f", "fc"], ["z0"]), node("Add", ["z0", "fb"], ["z"]),
                       node("Softmax", ["z"], ["q"], axis=0), node("Unsqueeze", ["q", "first"], ["out"])], 13, [numbers("all", [0, 2, 3]), numbers("first", [0])],
         (("out", [1, 4]),), 1)
    save("two_outputs", [*pooled, node("Flatten", ["p"], ["f"]), node("Gemm", ["f", "fc", "fb"], ["z"]), node("Sigmoid", ["z"], ["out"])], 13,
         outputs=(("z", ["n", 4]), ("out", ["n", 4])))


# ---- Keras, and what tf2onnx makes of it


def make_keras():
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    L = keras.layers

    def end(x, classes=4):
        x = L.Flatten()(L.MaxPooling2D(4)(x))
        return L.Dense(classes, activation="softmax")(x)

    def automatic(x):
        """Convolutions and batch norms with the names that Keras gives of itself."""
        for filters in (4, 4, 6, 6):
            x = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, 3, padding="same", use_bias=False)(x)))
        return end(x)

    def augmented(n, nested=False):
        def build(x):
            layers = [L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomContrast(0.1), L.RandomTranslation(0.1, 0.1),
                      L.RandomBrightness(0.1), L.GaussianNoise(0.1), L.RandomFlip("vertical")][:n]
            if nested:
                x = keras.Sequential([L.Resizing(SIDE, SIDE), keras.Sequential(layers)])(x)
            else:
                for layer in layers:
                    x = layer(x)
            return end(L.Conv2D(6, 3, activation="relu")(L.Rescaling(1 / 255)(x)))
        return build

    def convolutional(x):
        x = L.Conv2D(5, 3, padding="same")(L.BatchNormalization()(L.Conv2D(6, 3, activation="relu")(x)))
        return L.Activation("softmax")(L.GlobalAveragePooling2D()(x))

    def many(x):
        return L.Dense(5, activation="sigmoid")(L.GlobalAveragePooling2D()(L.Conv2D(6, 3, activation="relu")(x)))

    def separate(x):
        x = L.Dense(5)(L.Dropout(0.2)(L.GlobalMaxPooling2D()(L.Conv2D(6, 3, activation="relu")(x))))
        return L.Softmax()(L.Dropout(0.1)(x))

    def one_place(x):
        x = L.GlobalAveragePooling2D(keepdims=True)(L.Conv2D(6, 3, activation="relu")(x))
        return L.Activation("softmax")(L.Reshape((5,))(L.Conv2D(5, 1)(L.Dropout(0.1)(x))))

    rows = {"automatic": (automatic, "unit"), "convolutional": (convolutional, "unit"), "many": (many, "unit"), "separate": (separate, "unit"),
            "one_place": (one_place, "unit"), "nested7": (augmented(7, True), "none"), **{f"augmented{n}": (augmented(n), "none") for n in (0, 3, 5, 8)}}
    for name, (build, prepare) in rows.items():
        keras.backend.clear_session()
        keras.utils.set_random_seed(7)
        image = keras.Input((None, None, 3) if name.startswith("nested") else (SIDE, SIDE, 3))
        model = keras.Model(image, build(image))
        for layer in model.layers:
            if isinstance(layer, L.BatchNormalization):
                layer.moving_mean.assign(keras.random.uniform(layer.moving_mean.shape, -0.2, 0.2, seed=1))
                layer.moving_variance.assign(keras.random.uniform(layer.moving_variance.shape, 0.1, 0.4, seed=2))
        OUT.mkdir(parents=True, exist_ok=True)
        model.save(OUT / f"{name}.keras")
        write(name, pictures(), model(prepared(pictures(), prepare), training=False), prepare)

    import onnx
    import tensorflow as tf
    import tf2onnx
    for name, channels, prepare in (("nhwc_grey", 1, "unit"), ("nhwc_colour", 3, "none")):
        keras.backend.clear_session()
        keras.utils.set_random_seed(8)
        image = keras.Input((SIDE, SIDE, channels))
        scale = (lambda x: x) if prepare == "unit" else L.BatchNormalization()
        model = keras.Model(image, end(L.Conv2D(6, 3, activation="relu")(scale(image)) if prepare == "unit" else
                                       L.Conv2D(6, 3, activation="relu", kernel_initializer=keras.initializers.RandomNormal(0, 0.002))(image)))
        made, _ = tf2onnx.convert.from_function(tf.function(lambda x: model(x, training=False)), [tf.TensorSpec((None, SIDE, SIDE, channels), tf.float32, "image")],
                                                opset=13)
        onnx.save(bare(made), OUT / f"{name}.onnx")
        write(name, pictures(channels), by_onnxruntime(made, pictures(channels), prepare), prepare)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=["torch", "keras"])
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    options = parser.parse_args()
    what = options.what
    globals()["OUT"] = options.out
    if len(what) > 1:
        for one in what:
            subprocess.run([sys.executable, __file__, one, "--out", options.out], check=True)
    else:
        {"torch": make_torch, "keras": make_keras}[what[0]]()


if __name__ == "__main__":
    main()
