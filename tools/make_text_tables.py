#!/usr/bin/env python3
"""Makes src/text/tables_*.c: what each tokenizer that graft follows does with each Unicode character, found by asking it.

Every oracle has Unicode tables of its own age, so that no system library could stand for them. Runs of each, in a Python
with its oracle, then the writing:

    python3.11     tools/make_text_tables.py ask python     DIR    # unicodedata 14.0.0: Google's BERT, Hugging Face's slow one
    VENV/bin/python tools/make_text_tables.py ask tokenizers DIR    # tokenizers 0.23.3
    VENV/bin/python tools/make_text_tables.py ask pattern DIR       # the same: letters, numbers, spaces of GPT-2's pattern
    VENV/bin/python tools/make_text_tables.py ask tensorflow DIR    # tensorflow-text 2.21.1
    python3        tools/make_text_tables.py write DIR

The maps (NFD, lower case) are stable between versions for characters that a version has: they are written once, and a flag of
each oracle's character tells whether it maps it. Where two oracles differ in the mapping itself, this program stops."""
import json
import pathlib
import sys
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xAC00 + 11172)
FLAGS = ["CONTROL", "UNUSED", "SPACE", "SPLIT", "PUNCTUATION", "CHINESE", "MARK", "NFD", "LOWER", "FOLD", "FOLD_AWAY", "CASED",
         "IGNORABLE"]
PATTERN = ["LETTER", "NUMBER", "SPACE"]  # of GPT-2's pattern
VERSIONS = {"python": "Python 3.11's unicodedata 14.0.0", "tokenizers": "tokenizers 0.23.3", "tensorflow": "tensorflow-text 2.21.1",
            "pattern": "the pattern of tokenizers 0.23.3's ByteLevel"}
PROBES = [1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 84,
          91, 103, 107, 118, 122, 129, 130, 132, 202, 214, 216, 218, 220, 222, 224, 226, 228, 230, 232, 233, 234, 240]


def probe_of():
    """combining class -> a character of it that is old."""
    found = {}
    for c in range(0x300, 0x10000):
        k = unicodedata.combining(chr(c))
        if k and k not in found and unicodedata.normalize("NFD", chr(c)) == chr(c):
            found[k] = chr(c)
    return found


def classes_by_order(nfd):
    """Canonical combining classes as the oracle orders by: nfd maps a list of texts to a list."""
    probes = probe_of()
    top, low = probes[240], probes[1]
    moved = nfd([top + chr(c) for c in SCALARS])
    cand = [c for c, t in zip(SCALARS, moved) if t == chr(c) + top]
    # what has top's own class is not moved by it, but is moved behind a lower one ... in front of it
    behind = nfd([chr(c) + low for c in SCALARS])
    cand = sorted(set(cand) | {c for c, t in zip(SCALARS, behind) if t == low + chr(c)} | {ord(low)})
    result = {}
    order = sorted(probes)
    for c in cand:  # the class is the greatest that does not move in front of it, found from below
        texts = nfd([probes[k] + chr(c) for k in order])
        least = [k for k, t in zip(order, texts) if t != probes[k] + chr(c) and t == chr(c) + probes[k]]
        # c moves in front of every probe of a greater class
        greater = min(least) if least else 256
        result[c] = max(k for k in order if k < greater)
    return result


def ask_python():
    assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version
    out = {"flags": {}, "nfd": {}, "lower": {}, "compose": {}, "ccc": {}}
    for c in SCALARS:
        s, f = chr(c), []
        cat = unicodedata.category(s)
        if c in (0, 0xFFFD) or (cat in ("Cc", "Cf") and s not in "\t\n\r"):
            f.append("CONTROL")
        elif cat[0] == "C" and s not in "\t\n\r":
            f.append("UNUSED")
        if s in " \t\n\r" or cat == "Zs":
            f.append("SPACE")
        if s.isspace():
            f.append("SPLIT")
        if 33 <= c <= 47 or 58 <= c <= 64 or 91 <= c <= 96 or 123 <= c <= 126 or cat[0] == "P":
            f.append("PUNCTUATION")
        if any(a <= c <= b for a, b in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
                                        (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))):
            f.append("CHINESE")
        if cat == "Mn":
            f.append("MARK")
        nfd = unicodedata.normalize("NFD", s)
        if nfd != s:
            f.append("NFD")
            if c not in HANGUL:
                out["nfd"][c] = nfd
                one = unicodedata.decomposition(s)
                if one and len(one.split()) == 2 and unicodedata.normalize("NFC", s) == s:
                    out["compose"][c] = "".join(chr(int(x, 16)) for x in one.split())
        if s.lower() != s:
            f.append("LOWER")
            out["lower"][c] = s.lower()
        cased = (s + "Σ").lower().endswith("ς")
        skipped = ("Α" + s + "Σ").lower().endswith("ς")
        f += ["CASED"] * cased + ["IGNORABLE"] * (skipped and not cased)
        if unicodedata.combining(s):
            out["ccc"][c] = unicodedata.combining(s)
        if f:
            out["flags"][c] = f
    out["lower"][0x3A3] = "σ"
    return out


def ask_tokenizers():
    import tokenizers
    from tokenizers import normalizers, pre_tokenizers
    assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
    bert = lambda clean, cjk, strip, lower: normalizers.BertNormalizer(clean, cjk, strip, lower).normalize_str
    clean, cjk, lower, nfd = bert(True, False, False, False), bert(False, True, False, False), bert(False, False, False, True), normalizers.NFD().normalize_str
    strip, split = bert(False, False, True, False), pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    out = {"flags": {}, "nfd": {}, "lower": {}, "ccc": {}}
    for c in SCALARS:
        s, f = chr(c), []
        cleaned = clean("a" + s + "b")
        f += ["CONTROL"] * (cleaned == "ab") + ["SPACE"] * (cleaned == "a b")
        f += ["CHINESE"] * (cjk("a" + s + "b") == "a " + s + " b")
        f += ["MARK"] * (strip(s) == "")
        words = [w for w, _ in split("a" + s + "b")]
        f += ["PUNCTUATION"] * (words == ["a", s, "b"]) + ["SPLIT"] * (words == ["a", "b"])
        assert words in (["a", s, "b"], ["a", "b"], ["a" + s + "b"]), c
        t = nfd(s)
        if t != s:
            f.append("NFD")
            if c not in HANGUL:
                out["nfd"][c] = t
        t = lower(s)
        if t != s:
            f.append("LOWER")
            out["lower"][c] = t
        if f:
            out["flags"][c] = f
    out["ccc"] = classes_by_order(lambda texts: [nfd(t) for t in texts])
    return out


def ask_pattern():
    import tokenizers
    from tokenizers import pre_tokenizers
    assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
    split = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
    flags = {}
    for c in SCALARS:
        joins = [len(split(other + chr(c))) == 1 for other in "a1!"]
        assert sum(joins) <= 1, c
        if not joins[2]:
            flags[c] = [PATTERN[joins.index(True) if any(joins) else 2]]
    return {"flags": flags, "ccc": {}}


def ask_tensorflow():
    import tensorflow as tf
    import tensorflow_text as text
    from tensorflow_text.python.ops import bert_tokenizer
    assert text.__version__ == "2.21.1", text.__version__
    plain = lambda t: [x.decode() for x in t.numpy()]
    nfd = lambda texts: plain(text.normalize_utf8(tf.constant(texts), "NFD"))
    chars = [chr(c) for c in SCALARS]
    fold = nfd(plain(text.case_fold_utf8(tf.constant(chars))))
    marks = plain(tf.strings.regex_replace(tf.constant(chars), r"\p{Mn}", ""))
    control = plain(tf.strings.regex_replace(tf.constant(chars), r"\p{Cc}|\p{Cf}", "@@"))
    words = bert_tokenizer.BasicTokenizer(lower_case=False).tokenize(["a" + c + "b" for c in chars]).to_list()
    chinese = plain(tf.strings.regex_replace(tf.constant(chars), bert_tokenizer._KEEP_DELIM_NO_WHITESPACE_PATTERN, "@@"))
    out = {"flags": {}, "nfd": {}, "fold": {}, "ccc": {}}
    for i, c in enumerate(SCALARS):
        s, f = chars[i], []
        f += ["MARK"] * (marks[i] == "") + ["CONTROL"] * (control[i] == "@@")
        w = [x.decode() for x in words[i]]
        if w == ["a", s, "b"]:
            f.append("PUNCTUATION")
            assert chinese[i] == "@@"
        elif w == ["a", "b"]:
            f += ["SPLIT"] * (control[i] != "@@" or s in "\t\n\f\r")
        else:
            assert w == ["a" + s + "b"], (c, w)
        if fold[i] != s:
            if c in HANGUL:
                f.append("NFD")
            elif fold[i] == "":
                f.append("FOLD_AWAY")
            else:
                f.append("FOLD")
                out["fold"][c] = fold[i]
        if f:
            out["flags"][c] = f
    out["ccc"] = classes_by_order(nfd)
    return out


def same_map(name, asked):
    """The union of the oracles' maps."""
    union = {}
    for oracle in asked.values():
        for c, t in oracle.get(name, {}).items():
            if union.setdefault(int(c), t) != t:
                sys.exit(f"{name} of U+{int(c):04X}: {union[int(c)]!r} and {t!r}")
    return union


def wrapped(items, width=600):
    lines, line = [], ""
    for item in items:
        if len(line) + len(item) + 1 > width:
            lines.append(line)
            line = ""
        line += item + ","
    return "\n".join(lines + [line])


def write_tables(name, asked):
    ccc = {int(c): k for c, k in asked["ccc"].items()}
    flags = {int(c): f for c, f in asked["flags"].items()}
    kinds, runs, last = {}, [], None
    for c in range(0x110000):
        mask = sum(1 << (PATTERN if name == "pattern" else FLAGS).index(f) for f in flags.get(c, []))
        kind = kinds.setdefault((mask, ccc.get(c, 0)), len(kinds))
        if kind != last:
            runs.append((c, kind))
            last = kind
    assert len(kinds) < 256, len(kinds)
    (ROOT / f"src/text/tables_{name}.c").write_text(f"""/* tables_{name}.c - characters as {VERSIONS[name]} sees them. Made by tools/make_text_tables.py. */
#include "text/unicode.h"

/* clang-format off */
static const gf_unicode_kind kind[] = {{
{wrapped(f"{{{mask:#x},{k}}}" for mask, k in kinds)}
}};

/* first character << 8 | kind, up to the next one's */
static const uint32_t run[] = {{
{wrapped(f"{c << 8 | k:#x}" for c, k in runs)}
}};

const gf_unicode_table gf_unicode_{name} = {{kind, run, sizeof run / sizeof *run}};
""")
    print(name, len(kinds), "kinds", len(runs), "runs")


def write_maps(asked):
    parts = []
    for name in ("nfd", "lower", "fold"):
        union, pool, rows, seen = same_map(name, asked), [], [], {}
        for c in sorted(union):
            text = tuple(map(ord, union[c]))
            if text not in seen:
                seen[text] = len(pool)
                pool += text
            rows.append(f"{{{c:#x},{seen[text]},{len(text)}}}")
        parts.append(f"""static const gf_unicode_row {name}_row[] = {{
{wrapped(rows)}
}};
static const uint32_t {name}_text[] = {{
{wrapped(f"{x:#x}" for x in pool)}
}};
const gf_unicode_map gf_unicode_{name} = {{{name}_row, sizeof {name}_row / sizeof *{name}_row, {name}_text}};
""")
    pairs = sorted((ord(t[0]), ord(t[1]), int(c)) for c, t in asked["python"]["compose"].items())
    (ROOT / "src/text/tables_maps.c").write_text(f"""/* tables_maps.c - characters to texts: canonical decomposition (without Hangul), lower case, NFKC_Casefold and then NFD, and canonical
 * composition. Made by tools/make_text_tables.py. */
#include "text/unicode.h"

/* clang-format off */
{chr(10).join(parts)}
static const gf_unicode_pair pair[] = {{
{wrapped(f"{{{a:#x},{b:#x},{c:#x}}}" for a, b, c in pairs)}
}};
const gf_unicode_pairs gf_unicode_compose = {{pair, sizeof pair / sizeof *pair}};
""")


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        out = {"pattern": ask_pattern, "python": ask_python, "tokenizers": ask_tokenizers, "tensorflow": ask_tensorflow}[sys.argv[2]]()
        pathlib.Path(sys.argv[3], sys.argv[2] + ".json").write_text(json.dumps(out))
    else:
        asked = {n: json.loads(pathlib.Path(sys.argv[2], n + ".json").read_text()) for n in VERSIONS}
        for n in VERSIONS:
            write_tables(n, asked[n])
        write_maps(asked)
