"""The numbers that a random change of a sample draws: Philox4x32-10 as src/base/rng.c has it, written anew."""
import numpy as np

AUGMENT = 2  # the purpose


def philox(key, counter):
    k, c, mask = list(key), list(counter), 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & mask, (p0 >> 32) ^ c[3] ^ k[1], p0 & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


class Numbers:
    """Of one sample in one epoch, for the class with that stream."""

    def __init__(self, stream, sample, epoch=0, seed=1):
        self.key, self.at = (seed & 0xFFFFFFFF, seed >> 32), [0, sample, epoch, AUGMENT | stream << 8]
        self.left = []

    def word(self):
        if not self.left:
            self.left = philox(self.key, self.at)
            self.at[0] += 1
        return self.left.pop()

    def u(self):
        return np.float32((self.word() >> 8) * 2.0**-24)

    def range(self, low, high):
        low, high = np.float32(low), np.float32(high)
        return np.float32(low + np.float32((high - low) * self.u()))

    def below(self, n):
        m = self.word() * n
        if m & 0xFFFFFFFF < n:
            while m & 0xFFFFFFFF < (1 << 32) % n:
                m = self.word() * n
        return m >> 32
