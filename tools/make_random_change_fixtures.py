"""Makes tests/fixtures/random_changes.safetensors: random changes of images as Keras's layers and TensorFlow's kernels make
them.

    tools/venv.sh && .deps/venv/bin/python tools/make_random_change_fixtures.py

border/HxW/FILL/INTERPOLATION/MAP: tf.raw_ops.ImageProjectiveTransformV3, fill value 37, of the maps in border/maps (output x, y
to source), up to three periods out. HxW are images of seeded.py named border_HxW.
keras/CHANGE/HxW/SAMPLE: the layer with the parameters that follow from the numbers of that sample (philox.py), by the formulas
of the layer; of the images change_HxW. The words that ask for it stand in tests/unit/image/test_random_changes.c.
"""
import os
import pathlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import numpy as np
import tensorflow as tf

from philox import Numbers
from seeded import pixels, store

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/random_changes.safetensors"
BORDER_SIZES = [(1, 1), (2, 5), (7, 7), (24, 17)]
SIZES, SAMPLES = [(24, 17), (9, 40)], 3
MAPS = np.array([[1, 0, 0, 0, 1, 0], [1.37, .21, -19.3, -.44, 1.11, 8.7], [-3.1, .7, 60.2, .9, 2.7, -55.5],
                 [.31, -.05, -7.7, .11, .43, 41.4]], np.float32)


def as_batch(image):
    return tf.constant(image[None].astype(np.float32))


def borders(tensors):
    tensors["border/maps"] = MAPS
    for h, w in BORDER_SIZES:
        batch = as_batch(pixels(f"border_{h}x{w}", (h, w, 3)))
        for fill in "reflect", "nearest", "wrap", "constant":
            for interpolation in "bilinear", "nearest":
                for k, m in enumerate(MAPS):
                    y = tf.raw_ops.ImageProjectiveTransformV3(
                        images=batch, transforms=tf.constant([list(m) + [0, 0]], tf.float32), output_shape=[h, w],
                        interpolation=interpolation.upper(), fill_mode=fill.upper(), fill_value=37.0)
                    tensors[f"border/{h}x{w}/{fill}/{interpolation}/{k}"] = np.asarray(y)[0]


def column(value):
    return tf.constant([[value]], tf.float32)


def zoom(factor, width=None, **options):
    layer = keras.layers.RandomZoom(factor, width, **options)

    def apply(batch, numbers):
        high = numbers.range(1 - factor, 1 + factor)
        wide = high if width is None else numbers.range(1 - width, 1 + width)
        return layer.transform_images(batch, {"height_zoom": column(high), "width_zoom": column(wide)})

    return apply


CHANGES = {  # name: (stream of the class, batch and numbers to a batch)
    "zoom": (1, zoom(.3)),
    "zoom_width": (1, zoom(1.0, .4, fill_mode="wrap")),
    "zoom_nearest": (1, zoom(.5, fill_mode="constant", fill_value=20.0, interpolation="nearest")),
}

tensors = {}
borders(tensors)
for name, (stream, apply) in CHANGES.items():
    for h, w in SIZES:
        batch = as_batch(pixels(f"change_{h}x{w}", (h, w, 3)))
        for sample in range(SAMPLES):
            tensors[f"keras/{name}/{h}x{w}/{sample}"] = np.asarray(apply(batch, Numbers(stream, sample)), np.float32)[0]
store(OUT, tensors, {"keras": keras.__version__, "tensorflow": tf.__version__})
print(OUT, OUT.stat().st_size)
