#!/usr/bin/env python3
"""Makes tests/fixtures/exchange/*.onnx: small classifiers as PyTorch's two exporters and others write them.

    .deps/venv/bin/python tools/make_onnx_fixtures.py [--out DIR]

Beside each NAME.onnx stands NAME.safetensors: `pixels` (2, h, w, 3), pictures of 0..255 as floats, and `output`, what ONNX
Runtime computes for them, prepared as graft does (src/exchange/onnx.h): not at all where the model does it all, divided by
255 where it expects that, else by ImageNet's means and deviations. Weights are seeded.
"""
import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime
import safetensors.numpy
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

SIZE = 20
PREPARE = {
    "none": lambda x: x,
    "unit": lambda x: x / 255,
    "torch": lambda x: ((x / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])).astype(np.float32),
}


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduced):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, reduced, 1), nn.Conv2d(reduced, channels, 1)

    def forward(self, x):
        s = nn.functional.adaptive_avg_pool2d(x, 1)
        s = nn.functional.relu(self.down(s))
        return x * nn.functional.hardsigmoid(self.up(s))


class Mobile(nn.Module):
    """Depthwise convolutions, ReLU6, hard-swish, squeeze and excitation, a residual, pooling, dropout."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.expand = nn.Sequential(nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6())
        self.depth = nn.Sequential(nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False), nn.BatchNorm2d(16), nn.ReLU6())
        self.se = SqueezeExcite(16, 4)
        self.project = nn.Sequential(nn.Conv2d(16, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 5))

    def forward(self, x):
        x = self.stem(x)
        x = x + self.project(self.se(self.depth(self.expand(x))))
        x = nn.functional.adaptive_avg_pool2d(x, 1)
        return self.head(torch.flatten(x, 1))


class Dense(nn.Module):
    """Batch norm before its convolution, concatenation, both poolings, grouped convolution, a flattened map."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, 2, 2)
        self.norm, self.grow = nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3, padding=1, bias=False)
        self.grouped = nn.Conv2d(12, 12, 3, 1, 0, groups=3)
        self.fc1, self.fc2 = nn.Linear(12, 7), nn.Linear(12 * 2 * 2, 6)
        self.fc3 = nn.Linear(6, 3)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.stem(x), 3, 2, 1)
        x = torch.cat([x, self.grow(torch.relu(self.norm(x)))], 1)
        x = torch.relu(self.grouped(x))
        x = nn.functional.avg_pool2d(x, 2, 1)
        x = x[:, :, :, :] if x.shape[2] == 2 else nn.functional.adaptive_avg_pool2d(x, 2)
        x = x.reshape(x.size(0), -1)
        return nn.functional.log_softmax(self.fc3(torch.relu(self.fc2(x))), 1)


class Silu(nn.Module):
    """Preprocessing inside, x sigmoid(x), a mean over the map, probabilities at the end."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3, 2, bias=False), nn.Conv2d(6, 10, (3, 1), padding=(1, 0))
        self.bn = nn.BatchNorm2d(6)
        self.fc = nn.Linear(10, 4)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, x):
        x = (x / 255 - self.mean) / self.std
        x = nn.functional.silu(self.bn(self.conv1(x)))
        x = nn.functional.silu(self.conv2(x))
        return torch.softmax(self.fc(x.mean([2, 3])), 1)


class Curves(nn.Module):
    """Preprocessing that expects 0..1; every other activation."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3 if i == 0 else 4, 4, 3) for i in range(6)])
        self.acts = [nn.ELU(), nn.LeakyReLU(0.1), nn.GELU(), nn.Tanh(), nn.Sigmoid(), nn.GELU(approximate="tanh")]
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        x = (x - 0.5) / 0.25
        for conv, act in zip(self.convs, self.acts):
            x = act(conv(x))
        return self.fc(torch.amax(x, (2, 3)))


def seeded(model):
    """Batch norm's statistics as after training, so that nothing in it is 0 or 1."""
    generator = torch.Generator().manual_seed(7)
    for name, value in model.state_dict().items():
        if name.endswith(("running_var", "running_mean")):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return model.eval()


def nhwc():
    """As converters from TensorFlow write it: NHWC outside, transposes, automatic padding, MatMul and Add."""
    rng = np.random.default_rng(3)
    tensors = {
        "k1": rng.normal(size=(6, 3, 3, 3)) * 0.2, "b1": rng.normal(size=6) * 0.1, "k2": rng.normal(size=(6, 1, 3, 3)) * 0.4,
        "scale": np.array(1 / 127.5), "minus": np.array([-1.0]), "w": rng.normal(size=(6 * 5 * 5, 3)) * 0.2,
        "b": rng.normal(size=3) * 0.1, "alpha": np.array([0.9, 1.1, 1, 1.2, 0.8, 1]).reshape(6, 1, 1),
    }
    initializers = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in tensors.items()]
    initializers.append(numpy_helper.from_array(np.array([-1, 150], np.int64), "flat"))
    node = helper.make_node
    nodes = [
        node("Mul", ["in", "scale"], ["x0"]), node("Add", ["x0", "minus"], ["x1"]),
        node("Transpose", ["x1"], ["x2"], perm=[0, 3, 1, 2]),
        node("Conv", ["x2", "k1", "b1"], ["x3"], auto_pad="SAME_UPPER", strides=[2, 2]),
        node("Mul", ["x3", "alpha"], ["x4"]), node("Relu", ["x4"], ["x5"]),
        node("Conv", ["x5", "k2"], ["x6"], auto_pad="SAME_UPPER", group=6, strides=[1, 1]),
        node("AveragePool", ["x6"], ["x7"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["x7"], ["x8"], perm=[0, 2, 3, 1]),
        node("Reshape", ["x8", "flat"], ["x9"]), node("MatMul", ["x9", "w"], ["x10"]), node("Add", ["x10", "b"], ["x11"]),
        node("Softmax", ["x11"], ["out"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes, "nhwc", [helper.make_tensor_value_info("in", TensorProto.FLOAT, ["n", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3])], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def save(model, out, name, prepare):
    """Documentation, which exporters fill with paths and traces, is dropped."""
    for thing in [model, model.graph, *model.graph.node, *model.graph.value_info]:
        thing.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, out / f"{name}.onnx")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    channels_last = session.get_inputs()[0].shape[-1] == 3
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.float32)
    prepared = PREPARE[prepare](pixels)
    outputs = [session.run(None, {session.get_inputs()[0].name: p[None] if channels_last else p[None].transpose(0, 3, 1, 2)})
               for p in prepared]
    output = np.concatenate([o[0] for o in outputs])
    safetensors.numpy.save_file({"pixels": pixels, "output": output.astype(np.float32)}, out / f"{name}.safetensors")
    print(name, [n.op_type for n in model.graph.node], output[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "tests/fixtures/exchange")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    picture = torch.zeros(1, 3, SIZE, SIZE)
    for name, cls, prepare in (("mobile", Mobile, "torch"), ("dense", Dense, "torch"), ("silu", Silu, "none"), ("curves", Curves, "unit")):
        model = seeded(cls())
        for kind, options in (("old", {"dynamo": False, "opset_version": 12, "dynamic_axes": {"image": {0: "n"}}}),
                              ("new", {"dynamo": True, "opset_version": 18, "external_data": False})):
            path = out / f"{name}_{kind}.onnx"
            torch.onnx.export(model, (picture,), str(path), input_names=["image"], output_names=["out"], **options)
            save(onnx.load(path), out, f"{name}_{kind}", prepare)
    save(nhwc(), out, "nhwc", "none")


if __name__ == "__main__":
    main()
