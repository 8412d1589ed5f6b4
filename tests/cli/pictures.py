"""Images and data sets for tests, made from a seed: PNG files written with the standard library alone."""

import os
import random
import struct
import zlib


def png(width, height, rows):
    """An RGB PNG of rows of bytes, 3 * width each."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = zlib.compress(b"".join(b"\0" + row for row in rows), 6)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def picture(label, seed, size=64, vary=16):
    """Noise, bright for label 0, dark for 1, gray for 2: easy to tell even for a network of random weights. Its sides are from
    `size` to `size + vary - 1` pixels."""
    noise = random.Random(f"{label} {seed}")
    width, height = size + noise.randrange(vary), size + noise.randrange(vary)
    base = [195, 0, 100][label % 3]
    return png(width, height, [bytes(base + noise.randrange(60) for _ in range(3 * width)) for _ in range(height)])


def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def data_set(folder, classes=("bright", "dark"), train=12, validation=6, **kind):
    """folder/{train,validation}/CLASS/*.png, other images in each, of a `kind` as image() takes it."""
    for part, first, n in (("train", 0, train), ("validation", 1000, validation)):
        for label, name in enumerate(classes):
            for i in range(n):
                write(f"{folder}/{part}/{name}/{i:03d}.png", picture(label, first + i, **kind))
    return folder
