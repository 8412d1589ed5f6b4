"""Texts and a vocabulary that C (tests/support/text_cases.h) and Python make alike, to compare tokenizers by."""
import seeded

POOLS = [(0x61, 26), (0x41, 26), (0x20, 95), (0xA0, 432), (0x370, 144), (0x300, 112), (0x591, 55), (0x1E00, 512), (0xAC00, 11172), (0x1100, 256),
         (0x4E00, 20992), (0x3040, 192), (0xFF00, 240), (0, 33), (0, 0x110000), (0x900, 1280)]
CONTEXTS = ["{}", "a{}b", "中{}文", "ΟΔΟΣ{}"]
RANDOM = 20000


def surrogate(c):
    return 0xD800 <= c < 0xE000


def scalars(every=False):
    """Those that `make test` looks at, or every one."""
    return [c for c in range(0x110000) if not surrogate(c) and (every or c < 0x40000 or 0xE0000 <= c < 0xE1000 or c % 256 == 0)]


def in_contexts(every=False):
    for context in CONTEXTS:
        for c in scalars(every):
            yield context.replace("{}", chr(c))


def random_texts(n=RANDOM):
    for i in range(n):
        words = [int(w) for w in seeded.stream("text", 41, 1 + i)]
        text = ""
        for w in words[1:2 + words[0] % 40]:
            low, count = POOLS[w & 15]
            c = low + (w >> 8) % count
            text += "a" if surrogate(c) else chr(c)
        yield text


def vocabulary():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += [chr(c) for c in range(0x21, 0x40000) if not surrogate(c)]
    pieces += ["##" + chr(c) for c in range(0x21, 0x20000) if not surrogate(c)]
    letters = "abcde"
    longer = [a + b for a in letters for b in letters] + [a + b + c for a in letters for b in letters for c in letters]
    return pieces + longer + ["##" + w for w in longer]
