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


def flip(mode):
    layer = keras.layers.RandomFlip(mode)

    def apply(batch, numbers):
        flips = tf.constant([[[[bool(numbers.u() <= .5)]]]])
        return layer.transform_images(batch, {"flips": flips, "input_shape": batch.shape})

    return apply


def rotate(low, high, **options):
    def apply(batch, numbers):
        turns = float(numbers.range(low, high))
        layer = keras.layers.RandomRotation((turns, turns), **options)
        return layer.transform_images(batch, layer.get_random_transformation(batch, training=True))

    return apply


def shift(high, width=None, **options):
    layer = keras.layers.RandomTranslation(high, high if width is None else width, **options)

    def apply(batch, numbers):
        wide = high if width is None else width
        dy, dx = numbers.range(-high, high), numbers.range(-wide, wide)
        return layer.transform_images(batch, {"translations": tf.constant([[dx * batch.shape[2], dy * batch.shape[1]]], tf.float32),
                                              "input_shape": batch.shape})

    return apply


def contrast(low, high):
    layer = keras.layers.RandomContrast((low, high), value_range=(0, 255))

    def apply(batch, numbers):
        return layer.transform_images(batch, {"contrast_factor": tf.reshape(numbers.range(1 - low, 1 + high), (1, 1, 1, 1))})

    return apply


def brightness(factor):
    layer = keras.layers.RandomBrightness(factor, value_range=(0, 255))

    def apply(batch, numbers):
        delta = 255 * numbers.range(-factor, factor)
        return layer.transform_images(batch, {"rgb_delta": tf.reshape(tf.constant(delta, tf.float32), (1, 1, 1, 1))})

    return apply


def crop(high, wide):
    layer = keras.layers.RandomCrop(high, wide)

    def apply(batch, numbers):
        y, x = numbers.below(batch.shape[1] - high + 1), numbers.below(batch.shape[2] - wide + 1)
        return layer.transform_images(batch, (y, x))

    return apply


def erase(factor, fill):
    layer = keras.layers.RandomErasing(factor, fill_value=fill, value_range=(0, 255))

    def apply(batch, numbers):
        h, w = batch.shape[1:3]
        wide, tall = (np.sqrt(numbers.range(.02, .33)) for _ in range(2))
        spans = []
        for side, share in ((w, wide), (h, tall)):
            pixels = np.float32(share * np.float32(side))
            start = np.float32(numbers.u() * np.float32(side - pixels))
            spans += [tf.constant([start]), tf.constant([np.float32(start + pixels)])]
        p = numbers.range(0, factor)
        return layer.transform_images(batch, {
            "apply_erasing": tf.constant([bool(numbers.u() < p)]), "batch_masks": layer._generate_batch_mask(batch.shape, spans),
            "fill_value": layer._get_fill_value(batch, batch.shape, None)})

    return apply


CHANGES = {  # name: (stream of the class, batch and numbers to a batch)
    "zoom": (1, zoom(.3)),
    "zoom_width": (1, zoom(1.0, .4, fill_mode="wrap")),
    "zoom_nearest": (1, zoom(.5, fill_mode="constant", fill_value=20.0, interpolation="nearest")),
    "flip": (5, flip("horizontal_and_vertical")),
    "flip_horizontal": (5, flip("horizontal")),
    "flip_vertical": (5, flip("vertical")),
    "rotate": (6, rotate(-.2, .2)),
    "rotate_between": (6, rotate(.3, .9, fill_mode="nearest")),
    "rotate_wrap": (6, rotate(-1., 1., fill_mode="wrap")),
    "rotate_constant": (6, rotate(-.1, .1, fill_mode="constant", fill_value=200.0)),
    "rotate_nearest": (6, rotate(-.1, .1, fill_mode="constant", fill_value=0.0, interpolation="nearest")),
    "shift": (2, shift(.4)),
    "shift_constant": (2, shift(1., .2, fill_mode="constant", fill_value=0.0)),
    "contrast": (8, contrast(0., .8)),
    "contrast_both": (8, contrast(.9, .5)),
    "brightness": (10, brightness(.6)),
    "crop": (13, crop(7, 12)),
    "erase": (15, erase(1., 90.0)),
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
