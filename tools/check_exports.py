#!/usr/bin/env python3
"""Compares what `graft convert` writes with what it was made from, in the tools that the files are for.

    tools/check_exports [--graft PROGRAM] [--photos FOLDER] [NAME ...]

For each architecture of `graft models` (or those named): its source's own network - keras.applications, torchvision,
efficientnet_lite_pytorch, timm - with seeded random weights and statistics, 10 classes, saved as that tool saves it.
graft turns the file into .keras, .onnx, .safetensors and .npz; Keras 3, ONNX Runtime, PyTorch and NumPy load these.
Printed is the largest difference, divided by max(1, largest magnitude), on 6 pictures (of FOLDER, else patterns):
probabilities of Keras, logits of ONNX Runtime and, where the source is PyTorch, of PyTorch with the .safetensors in its
own class; each tensor of the .npz and, where the source is Keras, of the .safetensors, turned into the source's layout,
must be the source's, bit for bit. The exit code is 1 where one exceeds 1e-4. Beside them stand the source's own logits
beside those that it computes in double precision: what rounding alone does to that network.
"""
import argparse
import copy
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

os.environ["KERAS_BACKEND"] = "torch"  # Keras's layers on PyTorch: one framework in the process
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # some of Keras's layers import TensorFlow even so
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import logging

logging.getLogger("absl").setLevel(logging.ERROR)  # Keras 3 would rather not write .h5

import keras
import numpy as np
import onnx
import onnxruntime
import safetensors.numpy
import safetensors.torch
import timm
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

torch.set_grad_enabled(False)
torch.set_num_threads(1)  # sums in one order, and no waiting for each other on a busy machine
CLASSES, PICTURES, STATISTICS, NOISE, ALLOWED, SEED = 10, 6, 96, 6, 1e-4, 1
LABELS = [f"kind {i}" for i in range(CLASSES)]


def imagenet(x):
    return (x / 255 - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])


# ---- pictures

def photos(folder, size, n):
    """(n, h, w, 3) float32, 0..255."""
    paths = sorted(glob.glob(os.path.join(folder, "**", "*.jpg"), recursive=True)) if folder else []
    if folder and not paths:
        raise SystemExit(f"{folder}: no photos")
    if not paths:
        y, x = np.mgrid[:size[0], :size[1]]
        waves = [127.5 + 127.5 * np.sin(x * f + i) * np.cos(y * (1 - f) + c) for i, f in
                 enumerate(np.linspace(0.05, 0.9, n)) for c in range(3)]
        return np.float32(waves).round().reshape(n, 3, *size).transpose(0, 2, 3, 1)
    chosen = paths[::max(1, len(paths) // n)][:n]
    return np.stack([np.asarray(Image.open(p).convert("RGB").resize(size[::-1]), np.float32) for p in chosen])


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def logits_apart(got, want):
    """`difference` but for what a softmax does not tell: a constant a picture."""
    off = got - want
    return difference(off - off.mean(1, keepdims=True), 0 * off) / max(1, np.abs(want).max())


def difference(got, want):
    return float(np.abs(np.asarray(got, np.float64) - want).max() / max(1, np.abs(want).max()))


# ---- sources. Random kernels alone let activations fade or grow layer by layer: batch normalisation's statistics are
# those of the pictures (and of noise, on which graft compares what it writes), the classifier is scaled such that logits
# are of order 1 and differ from picture to picture. What is compared shall be the export, not what depth makes of
# rounding. So a channel that hardly varies is not blown up, and betas lie above 0: where ReLU cuts half of everything
# off, pictures come out alike, and each normalisation enlarges what is left of their difference, rounding included.

BETA = 0.2, 1.2


def calm(variance):
    return variance + 0.1 * variance.mean()


def centred(logits):
    """Factor and offsets of the last layer's outputs."""
    factor = np.float32(1.5 / max(logits.std(0).mean(), 1e-30))
    return factor, -factor * logits.mean(0)


def others(got, want):
    """0 where every tensor is as wanted; else how many are not, to stand out."""
    wrong = [name for name in want if name not in got or not np.array_equal(got[name], want[name])]
    wrong += [name for name in got if name not in want]
    if wrong:
        print(f"    {len(got)} tensors for {len(want)}; other ones: {wrong[:5]}")
    return float(len(wrong))


class KerasSource:
    def __init__(self, name, mode):
        self.name, self.mode = name, mode

    def prepared(self, pictures):
        return keras.applications.imagenet_utils.preprocess_input(pictures.copy(), mode=self.mode) if self.mode else pictures

    def make(self, pictures, several):
        keras.backend.clear_session()
        keras.utils.set_random_seed(SEED)
        make = getattr(keras.applications, self.name)
        self.model = model = make(input_shape=pictures.shape[1:], weights=None, classes=CLASSES)
        x, rng = self.prepared(pictures), np.random.default_rng(SEED)
        norms = [l for l in model.layers if isinstance(l, keras.layers.BatchNormalization)]
        for layer in model.layers:
            if isinstance(layer, keras.layers.Normalization):
                layer.adapt_mean.assign(np.full(layer.adapt_mean.shape, 0.45))  # of 0..1
                layer.adapt_variance.assign(np.full(layer.adapt_mean.shape, 0.06))
                layer.finalize_state()
            for v in layer.weights:
                if "kernel" in v.name:
                    v.assign(v.numpy() * np.float32(2**0.5))
        for layer in norms:
            if layer.scale:
                layer.gamma.assign(rng.uniform(0.8, 1.2, layer.gamma.shape))
            layer.beta.assign(rng.uniform(*BETA, layer.beta.shape))
        if norms:
            self.fit(self.prepared(several))
        last = [l for l in model.layers if hasattr(l, "kernel")][-1]
        reader = keras.Model(model.input, last.input)
        features = keras.ops.convert_to_numpy(reader(x, training=False)).reshape(len(x), -1)
        matrix = last.kernel.numpy().reshape(-1, CLASSES)
        factor, offset = centred(features @ matrix)
        last.kernel.assign(last.kernel.numpy() * factor)
        last.bias.assign(offset)
        self.logits = features @ last.kernel.numpy().reshape(-1, CLASSES) + offset
        self.probabilities = keras.ops.convert_to_numpy(model(x, training=False))
        self.exact = self.in_double(x)

    def fit(self, x):
        """Statistics, each layer's before it computes what the next one sees."""
        kind = keras.layers.BatchNormalization
        call = kind.call

        def fitting(layer, inputs, training=None, mask=None):
            mean, variance = keras.ops.moments(inputs, axes=(0, 1, 2))
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(calm(variance))
            return call(layer, inputs, training=False)

        kind.call = fitting
        try:
            self.model(x, training=False)
        finally:
            kind.call = call

    def in_double(self, x):
        """Logits of the same weights, computed in float64."""
        keras.config.set_dtype_policy("float64")
        model = getattr(keras.applications, self.name)(input_shape=x.shape[1:], weights=None, classes=CLASSES,
                                                       classifier_activation=None)
        keras.config.set_dtype_policy("float32")
        for to, v in zip(model.weights, self.model.weights, strict=True):
            to.assign(v.numpy())
        for layer in model.layers:
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
        return keras.ops.convert_to_numpy(model(x.astype(np.float64), training=False))

    def save(self, folder, ending):
        path = os.path.join(folder, "source" + ending)
        self.model.save(path)
        return path, []

    def tensors(self):
        """Layer, variable, values."""
        for layer in self.model.layers:
            for v in layer.weights:
                var = v.path.split("/")[-1]
                if var not in ("count", "seed_generator_state"):
                    yield layer, var, v.numpy()

    def check_safetensors(self, path, pictures):
        want = {}
        for layer, var, x in self.tensors():
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D) or var == "depthwise_kernel"
            if x.ndim == 4:
                x = x.transpose(2, 3, 0, 1).reshape(-1, 1, *x.shape[:2]) if depthwise else x.transpose(3, 2, 0, 1)
            elif x.ndim == 2:
                x = self.unflattened(layer, x).T
            name = {"kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
                    "moving_variance": "running_var", "depthwise_kernel": "depthwise.weight",
                    "pointwise_kernel": "pointwise.weight"}.get(var, var)
            want[f"{layer.name}.{name}"] = x
        return others(safetensors.numpy.load_file(path), want)

    def check_npz(self, path):
        return others(np.load(path), {f"{layer.name}/{var}": x for layer, var, x in self.tensors()})

    def unflattened(self, layer, x):
        """Rows behind a flattened map (h, w, c) in the order (c, h, w)."""
        before = self.model.layers[self.model.layers.index(layer) - 1]
        if not isinstance(before, keras.layers.Flatten):
            return x
        h, w, c = before.input.shape[1:]
        return x.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(h * w * c, -1)


class TorchSource:
    def __init__(self, name, new, prepare=imagenet):
        self.name, self.new, self.prepare = name, new, prepare

    @staticmethod
    def fit(norm, inputs):
        """A layer's statistics, before it computes what the next one sees."""
        norm.running_mean.copy_(inputs[0].mean((0, 2, 3)))
        norm.running_var.copy_(calm(inputs[0].var((0, 2, 3))))

    def input(self, pictures):
        return torch.from_numpy(np.ascontiguousarray(self.prepare(pictures).transpose(0, 3, 1, 2), np.float32))

    def run(self, model, pictures, kind=torch.float32):
        return model.eval()(self.input(pictures).to(kind)).numpy()

    def make(self, pictures, several):
        torch.manual_seed(SEED)
        self.size = pictures.shape[1:3]
        self.model = model = self.new(self.size)
        norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        hooks = []
        for m in norms:
            m.weight.uniform_(0.8, 1.2), m.bias.uniform_(*BETA)
            hooks.append(m.register_forward_pre_hook(self.fit))
        if norms:
            self.run(model, several)
        for hook in hooks:
            hook.remove()
        last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
        last.bias.zero_()
        factor, offset = centred(self.run(model, pictures))
        last.weight.mul_(float(factor)), last.bias.copy_(torch.from_numpy(offset))
        self.logits = self.run(model, pictures)
        self.probabilities = softmax(self.logits)
        self.exact = self.run(copy.deepcopy(model).double(), pictures, torch.float64)

    def save(self, folder, ending):
        path = os.path.join(folder, "source.pth")
        torch.save(self.model.state_dict(), path)
        h, w = self.size
        return path, ["--model", self.name, "--classes", str(CLASSES), "--size", f"{w}x{h}"]

    def check_safetensors(self, path, pictures):
        model = self.new(self.size)
        state = safetensors.torch.load_file(path)
        missing, unexpected = model.load_state_dict(state, strict=False)
        missing = [m for m in missing if not m.endswith("num_batches_tracked")]
        if missing or unexpected:
            print(f"    safetensors: missing {missing[:5]}, unexpected {list(unexpected)[:5]}")
            return float("nan")
        return difference(self.run(model, pictures), self.logits)

    def check_npz(self, path):
        want, state = {}, self.model.state_dict()
        for key, x in state.items():
            layer, var = key.rsplit(".", 1)
            norm, x = f"{layer}.running_mean" in state, x.numpy()
            if x.ndim == 4:
                x = x.transpose(2, 3, 0, 1) if x.shape[1] == 1 else x.transpose(2, 3, 1, 0)
            elif x.ndim == 2:
                x = self.flattened(key, x.T)
            name = {"weight": "gamma" if norm else "kernel", "bias": "beta" if norm else "bias",
                    "running_mean": "moving_mean", "running_var": "moving_variance"}.get(var)
            if name:
                want[f"{layer}/{name}"] = x
        return others(np.load(path), want)

    def flattened(self, key, x):
        """Rows behind VGG's flattened map (c, h, w) in the order (h, w, c)."""
        if not self.name.startswith("vgg") or key != "classifier.0.weight":
            return x
        return x.reshape(-1, 7, 7, x.shape[1]).transpose(1, 2, 0, 3).reshape(x.shape)


def of_torchvision(name):
    return TorchSource(name, lambda size: getattr(torchvision.models, name.removesuffix("_torch"))(num_classes=CLASSES))


CAFFE, TORCH, TF, NONE = "caffe", "torch", "tf", None
KERAS = {
    "mobilenet_v2": ("MobileNetV2", TF), "mobilenet_v3_small": ("MobileNetV3Small", NONE),
    "mobilenet_v3_large": ("MobileNetV3Large", NONE), "efficientnet_b0": ("EfficientNetB0", NONE),
    "efficientnet_b1": ("EfficientNetB1", NONE), "efficientnet_b2": ("EfficientNetB2", NONE),
    "efficientnet_b3": ("EfficientNetB3", NONE), "resnet50_v2": ("ResNet50V2", TF), "resnet101_v2": ("ResNet101V2", TF),
    "resnet152_v2": ("ResNet152V2", TF), "resnet50_keras": ("ResNet50", CAFFE), "densenet121": ("DenseNet121", TORCH),
    "densenet169": ("DenseNet169", TORCH), "densenet201": ("DenseNet201", TORCH), "inception_v3": ("InceptionV3", TF),
    "xception": ("Xception", TF), "vgg16": ("VGG16", CAFFE), "vgg19": ("VGG19", CAFFE),
}
LITE = TorchSource("efficientnet_lite0", lambda size: EfficientNet.from_name(
    "efficientnet-lite0", image_size=size, num_classes=CLASSES), lambda x: (x - 127) / 128)
LITE_TIMM = TorchSource("efficientnet_lite0_timm",
                        lambda size: timm.create_model("efficientnet_lite0", num_classes=CLASSES))
SIZES = {"inception_v3": (139, 155), "xception": (128, 144), "vgg16_torch": (224, 224)}


def source_of(row):
    name = row["name"]
    if row["source"] == "keras":
        return KerasSource(*KERAS[name])
    return {"efficientnet_lite0": LITE, "efficientnet_lite0_timm": LITE_TIMM}.get(name) or of_torchvision(name)


# ---- targets

def by_keras(path, pictures):
    model = keras.saving.load_model(path)
    return keras.ops.convert_to_numpy(model(pictures, training=False))


def by_onnx(path, pictures, rewrite):
    """With `rewrite` as ONNX Runtime is by default, which folds and fuses as it loads."""
    onnx.checker.check_model(path, full_check=True)
    options, levels = onnxruntime.SessionOptions(), onnxruntime.GraphOptimizationLevel
    options.intra_op_num_threads = 1
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if rewrite else levels.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    image = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
    return session.run(["logits", "probabilities"], {"image": image})


def convert(graft, source, out, options):
    command = [graft, "convert", source, out, "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)["difference"]


def check(graft, row, folder, ending):
    """Format -> largest difference."""
    size = SIZES.get(row["name"], (64, 80))
    several = photos(folder, size, STATISTICS)
    pictures = several[::STATISTICS // PICTURES]
    noise = np.random.default_rng(SEED).integers(0, 256, (NOISE, *size, 3))
    source = source_of(row)
    source.make(pictures, np.concatenate([several, noise.astype(np.float32)]))
    found = {"spread": float(np.ptp(source.probabilities, 0).max()), "own": logits_apart(source.logits, source.exact)}
    with tempfile.TemporaryDirectory() as work:
        path, options = source.save(work, ending)
        labels = os.path.join(work, "labels.txt")
        with open(labels, "w") as f:
            f.writelines(l + "\n" for l in LABELS)
        own = []
        for out in ("out.keras", "out.onnx", "out.safetensors", "out.npz"):
            out = os.path.join(work, out)
            own.append(convert(graft, path, out, [*options, "--labels", labels]))
        found["graft"] = max(own)
        found["keras"] = difference(by_keras(os.path.join(work, "out.keras"), pictures), source.probabilities)
        onnx_path = os.path.join(work, "out.onnx")
        logits, probabilities = by_onnx(onnx_path, pictures, False)
        found["onnx"] = max(difference(probabilities, source.probabilities), logits_apart(logits, source.logits))
        found["rewritten"] = difference(by_onnx(onnx_path, pictures, True)[1], source.probabilities)
        found["npz"] = source.check_npz(os.path.join(work, "out.npz"))
        found["safetensors"] = source.check_safetensors(os.path.join(work, "out.safetensors"), pictures)
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--graft", default="graft")
    p.add_argument("--photos", metavar="FOLDER")
    p.add_argument("names", nargs="*", metavar="NAME")
    args = p.parse_args()
    rows = json.loads(subprocess.run([args.graft, "models", "--json"], stdout=subprocess.PIPE, check=True).stdout)["models"]
    chosen = [r for r in rows if not args.names or r["name"] in args.names]
    if not chosen or len(chosen) < len(set(args.names)):
        raise SystemExit("no such architecture; graft models lists them")
    columns = ("keras", "onnx", "safetensors", "npz", "rewritten", "own")
    print(f"{'architecture':24} {'from':6} {'.keras':>9} {'.onnx':>9} {'.safet.':>9} {'.npz':>9}   ONNX Runtime's own rewriting "
          "on; source beside double precision; probabilities' spread; seconds")
    bad = []
    for i, row in enumerate(chosen):
        began, ending = time.monotonic(), (".keras", ".h5")[i % 2]
        try:
            found = check(args.graft, row, args.photos, ending)
        except Exception as e:  # whatever a tool says: the next architecture is checked even so
            print(f"{row['name']:24} failed: {type(e).__name__}: {str(e)[:500]}", flush=True)
            bad.append(row["name"])
            continue
        what = ending if row["source"] == "keras" else ".pth"
        print(f"{row['name']:24} {what:6} " + " ".join(f"{found[c]:9.1e}" for c in columns) +
              f"  {found['spread']:.2f} {time.monotonic() - began:4.0f}", flush=True)
        if not all(found[c] <= ALLOWED for c in columns[:4]) or not found["spread"] > 0.05:  # NaN is none
            bad.append(row["name"])
    print("all within 1e-4" if not bad else f"not right: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
