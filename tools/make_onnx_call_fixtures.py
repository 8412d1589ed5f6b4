#!/usr/bin/env python3
"""Makes tests/fixtures/exchange/calls_{old,new}.onnx and .safetensors: a network whose modules are called several times, as
PyTorch's two exporters write it; what ONNX Runtime computes; and what five steps of plain SGD make of it in PyTorch.

    .deps/venv/bin/python tools/make_onnx_call_fixtures.py [--out DIR]

ends.onnx has two inputs, an image and integers, and two outputs; ends_onnx.safetensors what goes in and comes out.

Beside `pixels` and `output` (tools/make_onnx_fixtures.py) calls_torch.safetensors holds `losses`, image i being of class
i + 1, and `kernel`, the shared convolution's after the steps, as (h, w, i, o).
"""
import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

import seeded as numbers
from make_onnx_fixtures import SIZE, save, seeded

STEPS, RATE = 5, 0.02


class Calls(nn.Module):
    """Preprocessing inside; a convolution, a normalization and a linear layer for the map and for its half."""

    def __init__(self):
        super().__init__()
        self.stem, self.tower = nn.Conv2d(3, 6, 3, 2), nn.Conv2d(6, 6, 3, padding=1)
        self.norm, self.hidden, self.out = nn.BatchNorm2d(6), nn.Linear(6, 7), nn.Linear(7, 4)

    def branch(self, x):
        x = torch.tanh(self.tower(torch.tanh(self.norm(x))))
        x = torch.tanh(self.tower(torch.tanh(self.norm(x))))
        return self.out(torch.tanh(self.hidden(x.mean((2, 3)))))

    def forward(self, x):
        x = self.stem(x / 127.5 - 1.0)
        return self.branch(x) + self.branch(nn.functional.avg_pool2d(x, 2))


class Ends(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.tower = nn.Conv2d(3, 6, 3, 2), nn.Conv2d(6, 4, 3)
        self.codes, self.out = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, image, ids):
        x = torch.tanh(self.tower(torch.tanh(self.stem(image / 127.5 - 1.0))))
        box = torch.tanh(x.mean((2, 3)) + self.codes(ids.to(torch.float32) * 0.25))
        return self.out(box), box


def ends(out):
    inputs = (torch.tensor(numbers.pixels("image", (2, 3, SIZE, SIZE)).astype(np.float32)),
              torch.tensor((numbers.pixels("ids", (2, 5)) % 7).astype(np.int32)))
    model, path = Ends().eval(), out / "ends.onnx"
    torch.onnx.export(model, inputs, str(path), input_names=["image", "ids"], output_names=["classes", "box"],
                      dynamo=False, opset_version=13, dynamic_axes={"image": {0: "n"}, "ids": {0: "n"}})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {"image": inputs[0].numpy(), "ids": inputs[1].numpy()}
    got = session.run(None, given)
    print("ends", [n.op_type for n in onnx.load(path).graph.node], got[0][0])
    tensors = {"in0": given["image"].transpose(0, 2, 3, 1).copy(), "in1": given["ids"].astype(np.float32)}
    tensors.update({f"out{i}": v for i, v in enumerate(got)})
    numbers.store(out / "ends_onnx.safetensors", tensors, {"made_by": pathlib.Path(__file__).name})


def trained(model, pixels):
    """With the statistics at rest."""
    x, losses = torch.tensor(pixels).permute(0, 3, 1, 2), []
    for _ in range(STEPS):
        loss = nn.functional.cross_entropy(model(x), torch.arange(len(pixels)) + 1)
        for p, g in zip(model.parameters(), torch.autograd.grad(loss, list(model.parameters()))):
            p.data -= RATE * g
        losses.append(loss.item())
    return {"losses": np.float32(losses), "kernel": model.tower.weight.detach().permute(2, 3, 1, 0).numpy().copy()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "tests/fixtures/exchange")
    out = parser.parse_args().out
    torch.manual_seed(1)
    model, image = seeded(Calls()), torch.zeros(1, 3, SIZE, SIZE)
    for kind, options in (("old", {"dynamo": False, "opset_version": 12, "dynamic_axes": {"image": {0: "n"}}}),
                          ("new", {"dynamo": True, "opset_version": 18, "external_data": False})):
        path = out / f"calls_{kind}.onnx"
        torch.onnx.export(model, (image,), str(path), input_names=["image"], output_names=["out"], **options)
        save(onnx.load(path), out, f"calls_{kind}", "none")
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.float32)
    tensors = trained(model, pixels)
    print(tensors["losses"])
    ends(out)
    numbers.store(out / "calls_torch.safetensors", tensors, {"made_by": pathlib.Path(__file__).name})


if __name__ == "__main__":
    main()
