#!/usr/bin/env python3
"""Compares graft's tokenizers with those that they follow, id for id. In a Python that has the oracle:

    check_tokenizers.py digests ORACLE                  # the lines of tests/fixtures/text/wordpiece.txt and bpe.txt
    check_tokenizers.py sweep ORACLE TEXT_IDS [FILE..]  # every Unicode scalar in 4 contexts, 20,000 random texts, lines of files

ORACLE: hf and bpe (tokenizers 0.23.3), hf-slow (transformers 5.24.0), google (bert-tensorflow 1.0.4 in PYTHONPATH), tf (tensorflow-text
2.21.1). TEXT_IDS is build/tests/text_ids. Ends with 1 at a difference; prints the first ones."""
import hashlib
import importlib.util
import itertools
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import text_cases


class Hf:
    def __init__(self, vocabulary, lower):
        import tokenizers
        assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
        self.t = tokenizers.BertWordPieceTokenizer(dict(zip(vocabulary, range(len(vocabulary)))), lowercase=lower)
        self.t._tokenizer.encode_special_tokens = True

    def ids(self, texts):
        return [e.ids for e in self.t._tokenizer.encode_batch(texts, add_special_tokens=False)]


class Slow:
    def __init__(self, vocabulary, lower):
        import transformers
        from transformers.models.bert import tokenization_bert_legacy as legacy
        assert transformers.__version__ == "5.24.0", transformers.__version__
        self.map = dict(zip(vocabulary, range(len(vocabulary))))
        self.words, self.pieces = legacy.BasicTokenizer(do_lower_case=lower), legacy.WordpieceTokenizer(self.map, "[UNK]")

    def ids(self, texts):
        return [[self.map[p] for w in self.words.tokenize(t) for p in self.pieces.tokenize(w)] for t in texts]


class Google(Slow):
    module = None

    @classmethod
    def load(cls):
        """Its file alone: the package wants TensorFlow 1. Once: it defines flags."""
        found = next(p for p in map(pathlib.Path, sys.path) if (p / "bert/tokenization.py").exists())
        spec = importlib.util.spec_from_file_location("google_tokenization", found / "bert/tokenization.py")
        cls.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(cls.module)
        cls.module.FLAGS(["check_tokenizers"])

    def __init__(self, vocabulary, lower):
        if not self.module:
            self.load()
        self.map = dict(zip(vocabulary, range(len(vocabulary))))
        self.words, self.pieces = self.module.BasicTokenizer(do_lower_case=lower), self.module.WordpieceTokenizer(self.map)


class Tf:
    def __init__(self, vocabulary, lower):
        import tensorflow as tf
        import tensorflow_text as text
        assert text.__version__ == "2.21.1", text.__version__
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name, "vocab.txt")
        path.write_bytes("".join(p + "\n" for p in vocabulary).encode())
        self.t = text.BertTokenizer(str(path), lower_case=lower, token_out_type=tf.int64)

    def ids(self, texts):
        return self.t.tokenize([t.encode() for t in texts]).merge_dims(-2, -1).to_list()


class Bpe:
    """Of tests/fixtures/text/bpe.json; "lower" is whether a space goes before the text."""
    FILE = pathlib.Path(__file__).resolve().parents[1] / "tests/fixtures/text/bpe.json"

    def __init__(self, _, space):
        import tokenizers
        assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
        self.t = tokenizers.Tokenizer.from_file(str(self.FILE))
        self.t.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=space)
        self.t.encode_special_tokens = True

    def ids(self, texts):
        return [e.ids for e in self.t.encode_batch(texts, add_special_tokens=False)]


ORACLES = {"bpe": Bpe, "hf": Hf, "hf-slow": Slow, "google": Google, "tf": Tf}


def packed(ids):
    return struct.pack(f"<{len(ids) + 1}I", len(ids), *ids)


def batches(texts, n=20000):
    texts = iter(texts)
    while batch := list(itertools.islice(texts, n)):
        yield batch


def digests(name, cases=(1, 0)):
    for lower in cases:
        oracle = ORACLES[name](text_cases.vocabulary(), bool(lower))
        for kind, texts in (("scalars", text_cases.in_contexts()), ("random", text_cases.random_texts())):
            digest = hashlib.sha256()
            for batch in batches(texts):
                for ids in oracle.ids(batch):
                    digest.update(packed(ids))
            print(name, lower, kind, digest.hexdigest(), flush=True)


def ours(program, folder, name, lower, texts):
    arguments = [Bpe.FILE, f"prefix-space={lower}"] if name == "bpe" else [folder, f"profile={name}", f"lower={lower}"]
    data = b"".join(struct.pack("<I", len(t.encode())) + t.encode() for t in texts)
    out = subprocess.run([program, *arguments], input=data, capture_output=True, check=True).stdout
    at, result = 0, []
    while at < len(out):
        n, = struct.unpack_from("<I", out, at)
        result.append(list(struct.unpack_from(f"<{n}I", out, at + 4)))
        at += 4 * n + 4
    return result


def sweep(name, program, files):
    bad = 0
    vocabulary = text_cases.vocabulary()
    folder = tempfile.TemporaryDirectory()
    pathlib.Path(folder.name, "vocab.txt").write_bytes("".join(p + "\n" for p in vocabulary).encode())
    lines = [l for f in files for l in pathlib.Path(f).read_text(encoding="utf-8").split("\n")]
    for lower in (1, 0):
        oracle = ORACLES[name](vocabulary, bool(lower))
        for kind, texts in (("scalars", text_cases.in_contexts(True)), ("random", text_cases.random_texts()), ("files", lines)):
            looked = 0
            for batch in batches(texts, 200000):
                looked += len(batch)
                for text, want, got in zip(batch, oracle.ids(batch), ours(program, folder.name, name, lower, batch), strict=True):
                    if want != got:
                        bad += 1
                        if bad <= 20:
                            print(name, lower, kind, ascii(text), "wanted", [vocabulary[i] for i in want][:20], "got", [vocabulary[i] for i in got][:20])
            print(name, "lower" if lower else "cased", kind, looked, "texts,", bad, "differ so far", flush=True)
    return bad


if __name__ == "__main__":
    if sys.argv[1] == "digests":
        digests(sys.argv[2])
    else:
        sys.exit(1 if sweep(sys.argv[2], sys.argv[3], sys.argv[4:]) else 0)
