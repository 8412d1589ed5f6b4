"""What the fixtures of all architectures have in common: README.md, "Backbones". The oracle is whoever calls."""
import functools
import hashlib
import os

import numpy as np

import seeded

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "zoo")
SEED, CLASSES, BATCH, STEPS = 1, 5, 2, 5
# Pairs of (h, w). The smaller one is for other depths and widths of what is tested with the larger one.
FULL, SMALL = ((64, 64), (80, 96)), ((40, 40), (32, 56))


class Oracle:
    """A network with a linear head of 5 classes behind global average pooling. `sizes`: two of (h, w)."""
    sizes, own_top = None, False

    def set_weights(self, size, gain):
        """Sets all parameters by `weight`; returns them by LAYER/VAR."""

    def forward(self, size, pixels):
        """Logits and pooled features of uint8 pictures (n, h, w, 3)."""

    def top(self, size, pixels, gain):
        """Logits of the network with its own classifier, of 5 classes."""

    def train(self, size, batches, lr):
        """Losses of plain steps on (pixels, labels), and the norms of the first gradients by sorted LAYER/VAR."""


@functools.cache
def unscaled(name, shape):
    """Making 60 million of them anew for each gain would take long."""
    return seeded.weight(name, shape, SEED)


def weight(name, shape, gain):
    """A parameter in Keras's layout. Kernels but the head's are scaled: that keeps activations of order 1."""
    x = unscaled(name, shape)
    return x * np.float32(gain) if name.endswith("kernel") and not name.startswith("head/") else x


def find_gain(oracle, size, pixels):
    """Two decimals, such that the pooled features' root mean square is near 0.7."""
    low, high = 0.1, 3.0
    while high / low > 1.01:
        middle = (low * high)**0.5
        oracle.set_weights(size, middle)
        features = oracle.forward(size, pixels)[1].astype(np.float64)
        rms = (features**2).mean()**0.5
        low, high = (low, middle) if not rms < 0.7 else (middle, high)
    return round(low, 2)


def batches(size):
    for k in range(STEPS):
        yield seeded.pixels(f"pixels{k}", (BATCH, *size, 3), SEED), seeded.labels(f"labels{k}", BATCH, CLASSES, SEED)


def unsteadiness(oracle, size, gain, lr, losses):
    """How far the losses go with weights that are rounded otherwise: a kink that is met by chance takes them apart."""
    oracle.set_weights(size, gain * (1 + 2.0**-22))
    again, _ = oracle.train(size, batches(size), lr)
    return max(abs(a - b) / b for a, b in zip(again, losses))


def find_rate(oracle, size, gain):
    """The learning rate: what is learnt shall show in the losses, not blow them up, and not be rounding's doing."""
    oracle.set_weights(size, gain)
    still, norms = oracle.train(size, batches(size), 0.0)
    lr = 1e-3
    for _ in range(12):
        oracle.set_weights(size, gain)
        losses, _ = oracle.train(size, batches(size), lr)
        moved = max(abs(a - b) / b for a, b in zip(losses, still))
        if not moved < 0.5:
            lr /= 4
        elif moved < 0.05:
            lr *= 3
        elif not unsteadiness(oracle, size, gain, lr, losses) < 3e-4:
            lr *= 0.6
        else:
            return lr, losses, still, norms, moved
    raise SystemExit(f"no learning rate found: {lr}, {losses}, {still}")


def digest(values):
    h = hashlib.sha256()
    for name in sorted(values):
        h.update(values[name].tobytes())
    return np.frombuffer(h.digest(), np.uint8)


def make(out, name, oracle, versions):
    f32 = lambda x: np.asarray(x, np.float32)
    unscaled.cache_clear()
    small = oracle.sizes[0]
    pixels = [seeded.pixels("pixels", (BATCH, *s, 3), SEED) for s in oracle.sizes]
    gain = find_gain(oracle, small, pixels[0])
    tensors = {"sizes": f32(oracle.sizes), "gain": f32([gain]), "sha256": digest(oracle.set_weights(small, gain))}
    for i, size in enumerate(oracle.sizes):
        oracle.set_weights(size, gain)
        logits, features = oracle.forward(size, pixels[i])
        tensors[f"logits{i}"] = f32(logits)
    lr, losses, still, norms, moved = find_rate(oracle, small, gain)
    tensors |= {"lr": f32([lr]), "losses": f32(losses), "still": f32(still), "grad_norms": f32(norms)}
    if oracle.own_top:
        tensors["top_logits"] = f32(oracle.top(small, pixels[0], gain))
    path = os.path.join(out, name + ".safetensors")
    seeded.store(path, tensors, versions)
    apart = np.abs(logits[0] - logits[1]).max()
    print(f"{path}: {os.path.getsize(path)} bytes; gain {gain}, lr {lr:.2g} moves the losses by {moved:.0%} of {still}; "
          f"logits {np.abs(logits).max():.2f}, two pictures apart by {apart:.2f}; "
          f"gradients {min(norms):.1e} to {max(norms):.1e}", flush=True)
