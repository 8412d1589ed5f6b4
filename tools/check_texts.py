#!/usr/bin/env python3
"""The counts that tests/unit/data/test_texts.c holds against graft's: check_texts.py zh_sentiment TEXT-COLUMN LABEL-COLUMN [--header]
Rows of train, dev and test; of training how many texts are different; of the others how many texts training has, too; texts with more
than one label. Texts are equal after white space is folded."""
import pathlib
import sys

folder, text, label = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
part = {}
for name in ("train", "dev", "test"):
    lines = (folder / (name + ".tsv")).read_text(encoding="utf-8").rstrip("\n").split("\n")["--header" in sys.argv:]
    part[name] = [(" ".join(f[text].split()), f[label].strip()) for f in (line.split("\t") for line in lines)]
train = {t for t, _ in part["train"]}
labels = {}
for rows in part.values():
    for t, l in rows:
        labels.setdefault(t, set()).add(l)
print("rows", {n: len(r) for n, r in part.items()}, "distinct", len(train), "seen", {n: sum(t in train for t, _ in part[n]) for n in ("dev", "test")},
      "conflicts", sum(len(l) > 1 for l in labels.values()))
