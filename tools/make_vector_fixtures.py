#!/usr/bin/env python3
"""Makes tests/fixtures/formats/vectors/: a small model by fastText 0.9.2 (fasttext-wheel), and what it says of its words: want.txt has a
word and its values a line."""
import pathlib
import sys
import tempfile

import fasttext

sys.path.insert(0, str(pathlib.Path(__file__).parent))
OUT = pathlib.Path(__file__).resolve().parents[1] / "tests/fixtures/formats/vectors"
WORDS = "the room is clean and quiet 房间 很 干净 也 安静 naïve café breakfast was cold 早餐 冷 a".split()

OUT.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as folder:
    text = pathlib.Path(folder, "text.txt")
    state, lines = 1, []
    for _ in range(200):
        line = []
        for _ in range(8):
            state = (state * 1103515245 + 12345) % 2**31
            line.append(WORDS[(state >> 16) % len(WORDS)])
        lines.append(" ".join(line))
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    labelled = pathlib.Path(folder, "labelled.txt")
    labelled.write_text("\n".join(f"__label__{i % 2} {line}" for i, line in enumerate(lines)) + "\n", encoding="utf-8")
    for name, model in (("skipgram", fasttext.train_unsupervised(str(text), dim=6, bucket=40, minn=2, maxn=4, epoch=2, thread=1, minCount=1)),
                        ("supervised", fasttext.train_supervised(str(labelled), dim=6, bucket=0, epoch=2, thread=1))):
        model.save_model(str(OUT / f"{name}.bin"))
        with open(OUT / f"{name}.txt", "w", encoding="utf-8") as f:
            for word in model.words:
                f.write(word + " " + " ".join(repr(float(x)) for x in model.get_word_vector(word)) + "\n")
for file in sorted(OUT.iterdir()):
    print(file.name, file.stat().st_size)
