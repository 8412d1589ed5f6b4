"""Seeded tensors that C and Python compute alike, so that no weights need to be committed.

A tensor is a pure function of (name, seed): see README.md, "The formula". tests/support/ has the C twin.
"""
import json

import numpy as np

U64 = np.uint64
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def stream(name, count, seed=1):
    """`count` 64-bit words of splitmix64, started at FNV-1a(name) xor seed * GOLDEN."""
    h = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        h = ((h ^ byte) * 0x100000001B3) & MASK
    h ^= (seed * GOLDEN) & MASK
    with np.errstate(over="ignore"):
        z = U64(h) + (np.arange(count, dtype=U64) + U64(1)) * U64(GOLDEN)
        z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
        return z ^ (z >> U64(31))


def unit(name, shape, seed=1):
    """float64 in [0, 1), 24 bits."""
    count = int(np.prod(shape, dtype=np.int64))
    return ((stream(name, count, seed) >> U64(40)).astype(np.float64) * 2.0**-24).reshape(shape)


def weight(name, shape, seed=1, grid=None):
    """The float32 parameter LAYER/VAR. `grid`: rounded to multiples of 1/grid (for files that are to compress)."""
    u = unit(name, shape, seed)
    var = name.rsplit("/", 1)[1]
    if var in ("kernel", "depthwise_kernel", "pointwise_kernel"):
        if len(shape) == 4:
            fan_in = shape[0] * shape[1] * (1 if shape[3] == 1 else shape[2])
        else:
            fan_in = shape[0] * (shape[1] if len(shape) == 3 else 1)
        x = (2 * u - 1) * np.sqrt(6.0 / fan_in)
    elif var == "bias":
        x = (2 * u - 1) * 0.1
    elif var == "gamma":
        x = 0.8 + 0.4 * u
    elif var in ("beta", "moving_mean"):
        x = (2 * u - 1) * 0.2
    elif var == "moving_variance":
        x = 0.5 + u
    elif var == "mean":
        x = 0.4 + 0.1 * u
    elif var == "variance":
        x = 0.2 + 0.05 * u
    elif var == "embeddings":
        x = 2 * u - 1
    else:
        raise ValueError(f"no rule for {name}")
    if grid:
        x = np.floor(x * grid + 0.5) / grid
    return x.astype(np.float32)


def pixels(name, shape, seed=1):
    """uint8 pictures, the top byte of each word."""
    return (stream(name, int(np.prod(shape)), seed) >> U64(56)).astype(np.uint8).reshape(shape)


def labels(name, count, classes=2, seed=1):
    """Two classes: the top bit. More: (word >> 32) % classes."""
    z = stream(name, count, seed)
    return (z >> U64(63) if classes == 2 else (z >> U64(32)) % U64(classes)).astype(np.int64)


def store(path, tensors, meta):
    """safetensors, written here: the usual writer orders its metadata anew in every process."""
    kinds = {"float32": "F32", "float16": "F16", "uint8": "U8"}
    header, end, parts = {"__metadata__": dict(sorted(meta.items()))}, 0, []
    for key, value in tensors.items():
        parts.append(np.ascontiguousarray(value).tobytes())
        header[key] = {"dtype": kinds[value.dtype.name], "shape": list(value.shape),
                       "data_offsets": [end, end + len(parts[-1])]}
        end += len(parts[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + b"".join(parts))
