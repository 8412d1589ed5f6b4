#!/usr/bin/env python3
"""Makes tests/fixtures/zoo/ for the networks of torchvision, timm and efficientnet_lite_pytorch: what PyTorch computes
and how it trains, from seeded weights and pictures.

    .deps/venv/bin/python tools/make_torch_fixtures.py [--out DIR] [NAME ...]

NAME is an architecture of graft, "names", "counts" or "files"; all when none is given. README.md, "Backbones", says what
a file holds.
"""
import argparse
import gzip
import hashlib
import io
import os

import numpy as np
import timm
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet
from torch.utils.flop_counter import FlopCounterMode

import backbones

IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def torch_pixels(x):
    return (x / 255 - IMAGENET[0]) / IMAGENET[1]


def lite_pixels(x):
    return (x - 127) / 128


def of_torchvision(name):
    return lambda size: getattr(torchvision.models, name)(weights=None)


def resnet_maps(m, x):
    return m.layer4(m.layer3(m.layer2(m.layer1(m.maxpool(m.relu(m.bn1(m.conv1(x))))))))


# graft's name: the network for pictures of a size, its last maps, its classifier, pixels, timm's name for it
ARCHITECTURES = {
    "efficientnet_lite0": (lambda size: EfficientNet.from_name("efficientnet-lite0", image_size=size),
                           lambda m, x: m.extract_features(x), "_fc", lite_pixels, "tf_efficientnet_lite0"),
    "efficientnet_lite0_timm": (lambda size: timm.create_model("efficientnet_lite0"),
                                lambda m, x: m.forward_features(x), "classifier", torch_pixels, None),
    "mobilenet_v2_torch": (of_torchvision("mobilenet_v2"), lambda m, x: m.features(x), "classifier", torch_pixels,
                           "mobilenetv2_100"),
    "resnet18": (of_torchvision("resnet18"), resnet_maps, "fc", torch_pixels, "resnet18"),
    "resnet34": (of_torchvision("resnet34"), resnet_maps, "fc", torch_pixels, "resnet34"),
    "resnet50": (of_torchvision("resnet50"), resnet_maps, "fc", torch_pixels, "resnet50"),
    "resnet101": (of_torchvision("resnet101"), resnet_maps, "fc", torch_pixels, "resnet101"),
    "densenet121_torch": (of_torchvision("densenet121"), lambda m, x: torch.relu(m.features(x)), "classifier",
                          torch_pixels, "densenet121"),
    "vgg16_torch": (of_torchvision("vgg16"), lambda m, x: m.features(x), "classifier", torch_pixels, "vgg16"),
}
DEEP = "resnet34", "resnet101"


def as_graft(key, shape, is_norm):
    """LAYER/VAR of a state dict's tensor, its shape in graft, and the axes that lead back."""
    layer, var = key.rsplit(".", 1)
    if var == "weight" and len(shape) == 4:
        o, i, h, w = shape
        depthwise = i == 1 and o > 1
        return f"{layer}/kernel", (h, w, o, 1) if depthwise else (h, w, i, o), (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
    if var == "weight" and len(shape) == 2:
        return f"{layer}/kernel", shape[::-1], (1, 0)
    names = {"weight": "gamma", "bias": "beta" if is_norm else "bias",
             "running_mean": "moving_mean", "running_var": "moving_variance"}
    return f"{layer}/{names[var]}", shape, (0,)


class Whole(torch.nn.Module):
    """A backbone, pooling, a linear head of five classes."""

    def __init__(self, make, maps, top, size):
        super().__init__()
        self.body, self.maps = make(size), maps
        for part in top.split("."):
            setattr(self.body, part, torch.nn.Identity())
        self.eval()
        with torch.no_grad():
            channels = maps(self.body, torch.zeros(1, 3, *size)).shape[1]
        self.head = torch.nn.Linear(channels, backbones.CLASSES)

    def forward(self, x):
        pooled = self.maps(self.body, x).mean((2, 3))
        return self.head(pooled), pooled

    def named(self):
        """LAYER/VAR -> tensor, shape in graft, axes, whether it trains."""
        out, state = {}, self.state_dict(keep_vars=True)
        norms = {k.rsplit(".", 1)[0] for k in state if k.endswith("running_mean")}
        for key, tensor in state.items():
            if key.endswith("num_batches_tracked"):
                continue
            name, shape, axes = as_graft(key, tuple(tensor.shape), key.rsplit(".", 1)[0] in norms)
            out[name.removeprefix("body.")] = tensor, shape, axes
        return out


class Oracle(backbones.Oracle):
    def __init__(self, name):
        self.sizes = backbones.SMALL if name in DEEP else backbones.FULL
        self.make, self.maps, self.top_name, self.pixels, self.timm_name = ARCHITECTURES[name]
        self.models = {}

    def model(self, size):
        if size not in self.models:
            self.models[size] = Whole(self.make, self.maps, self.top_name, size)
        return self.models[size]

    def set_weights(self, size, gain):
        values = {}
        for name, (tensor, shape, axes) in self.model(size).named().items():
            values[name] = backbones.weight(name, shape, gain)
            with torch.no_grad():
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(values[name].transpose(axes))))
        return values

    def input(self, pixels):
        x = self.pixels(pixels.astype(np.float64)).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(x, np.float32))

    def forward(self, size, pixels):
        with torch.no_grad():
            logits, features = self.model(size)(self.input(pixels))
        return logits.numpy(), features.numpy()

    def train(self, size, batches, lr):
        """Plain gradient descent, batch norm on its running statistics: losses, norms of the first step's gradients."""
        model, losses, norms = self.model(size), [], None
        trained = {n: t for n, (t, _, _) in sorted(model.named().items()) if t.requires_grad}
        optimizer = torch.optim.SGD(trained.values(), lr=lr)
        for pixels, labels in batches:
            loss = torch.nn.functional.cross_entropy(model(self.input(pixels))[0], torch.from_numpy(labels))
            optimizer.zero_grad()
            loss.backward()
            if norms is None:
                norms = [float(t.grad.double().norm()) for t in trained.values()]
            optimizer.step()
            losses.append(loss.item())
        return losses, norms


def make_names(out):
    """Digest of timm's names of the layers with weights, a line each, in order."""
    with open(os.path.join(out, "timm_names.txt"), "w") as f:
        for name, (_, _, _, _, timm_name) in ARCHITECTURES.items():
            if timm_name:
                layers = dict.fromkeys(k.rsplit(".", 1)[0] for k in timm.create_model(timm_name).state_dict())
                text = "".join(layer + "\n" for layer in layers)
                f.write(f"{name} {timm_name} {len(layers)} {hashlib.sha256(text.encode()).hexdigest()}\n")


def make_counts(out):
    """Architecture, picture size, parameters (also with the classifier for 1000 classes), floating point operations of a
    picture's convolutions."""
    size = 224, 224
    parameters = lambda m: sum(p.numel() for p in m.parameters())
    with open(os.path.join(out, "torch_counts.txt"), "w") as f:
        for name, (make, maps, top, _, _) in ARCHITECTURES.items():
            body = Whole(make, maps, top, size).body
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                maps(body, torch.zeros(1, 3, *size))
            f.write(f"{name} {size[0]} {parameters(body)} {parameters(make(size))} {counter.get_total_flops()}\n")


def make_files(out):
    """EfficientNet-Lite0 by its package's names as a zip and by timm's in the older form: tensor i full of the number i."""
    models = {"efficientnet_lite0.pth": (ARCHITECTURES["efficientnet_lite0"][0](224), True),
              "efficientnet_lite0.timm.pth": (timm.create_model("tf_efficientnet_lite0"), False)}
    for name, (model, zipped) in models.items():
        state = model.state_dict()
        for i, key in enumerate(k for k in state if not k.endswith("num_batches_tracked")):
            state[key].fill_(i)
        buffer = io.BytesIO()
        torch.save(state, buffer, _use_new_zipfile_serialization=zipped)
        with open(os.path.join(out, name + ".gz"), "wb") as f:
            f.write(gzip.compress(buffer.getvalue(), 9, mtime=0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=backbones.FIXTURES)
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__}
    for name in args.name or ["names", "counts", "files", *ARCHITECTURES]:
        if name in ("names", "counts", "files"):
            {"names": make_names, "counts": make_counts, "files": make_files}[name](args.out)
        else:
            backbones.make(args.out, name, Oracle(name), versions)


if __name__ == "__main__":
    main()
