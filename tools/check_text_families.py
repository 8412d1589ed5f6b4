#!/usr/bin/env python3
"""Compares `graft predict FOLDER` with transformers on classifiers of each kind that graft reads: small random networks
of DistilBERT and RoBERTa with their tokenizers, texts to probabilities.

    tools/check_text_families.py TEXTS.txt WORDPIECE-FOLDER [--graft PROGRAM]

WORDPIECE-FOLDER has the tokenizer.json of a BERT (of all-MiniLM-L6-v2, say); RoBERTa's is tests/fixtures/text/bpe.json.
The exit code is 1 where a probability differs by more than 1e-5."""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

ALLOWED, PLACES = 1e-5, 128
NAMES = {0: "bad", 1: "so so", 2: "good"}
COMMON = dict(id2label=NAMES, label2id={n: i for i, n in NAMES.items()})
ODD = ["Don't  stop, naïve CAFÉ 12.5 %!", "房间很干净 OK"]
ROOT = pathlib.Path(__file__).parent.parent
torch.set_grad_enabled(False)
torch.set_num_threads(1)  # no waiting for each other on a busy machine


def seed_values(model):
    generator = torch.Generator().manual_seed(1)
    for name, p in model.named_parameters():
        spread = 0.5 if "embeddings." in name else 0.2
        p.copy_(torch.randn(p.shape, generator=generator) * spread + (1.0 if "norm.weight" in name.lower() else 0.0))


def distilbert(pieces):
    return transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig(
        vocab_size=pieces, dim=64, n_layers=3, n_heads=4, hidden_dim=128, max_position_embeddings=PLACES, **COMMON))


def roberta(pieces):
    return transformers.RobertaForSequenceClassification(transformers.RobertaConfig(
        vocab_size=pieces, max_position_embeddings=PLACES + 2, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1,
        hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, **COMMON))


def compare(make, tokenizer_files, texts, graft):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "model"
        folder.mkdir()
        for name, file in tokenizer_files.items():
            shutil.copy(file, folder / name)
        pieces = len(json.load(open(folder / "tokenizer.json"))["model"]["vocab"])
        model = make(pieces).eval()
        seed_values(model)
        model.save_pretrained(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        rows = []
        for text in texts:
            given = tokenizer(text, return_tensors="pt", truncation=True, max_length=PLACES)
            rows.append(model(given["input_ids"], given["attention_mask"]).logits)
        theirs = torch.softmax(torch.cat(rows).double(), 1).numpy()
        file = pathlib.Path(scratch) / "texts.txt"
        file.write_text("\n".join(texts) + "\n", encoding="utf-8")
        said = subprocess.run([graft, "predict", str(folder), str(file), "--json", "--top", "3"], check=True,
                              capture_output=True)
        ours = np.array([[{t["label"]: t["probability"] for t in p["top"]}[n] for n in NAMES.values()]
                         for p in json.loads(said.stdout)["predictions"]])
    off = np.abs(theirs - ours).max()
    print(f"{type(model).__name__}: {len(texts)} texts: probabilities differ by {off:.1e} at most")
    return off


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts")
    parser.add_argument("wordpiece")
    parser.add_argument("--graft", default=str(ROOT / "build" / "graft"))
    args = parser.parse_args()
    texts = [t for t in pathlib.Path(args.texts).read_text(encoding="utf-8").split("\n") if t.strip()] + ODD
    wordpiece = pathlib.Path(args.wordpiece)
    of_bert = {f: wordpiece / f for f in ("tokenizer.json", "tokenizer_config.json") if (wordpiece / f).exists()}
    off = [compare(distilbert, of_bert, texts, args.graft),
           compare(roberta, {"tokenizer.json": ROOT / "tests/fixtures/text/bpe.json"}, texts, args.graft)]
    sys.exit(not max(off) <= ALLOWED)


if __name__ == "__main__":
    main()
