#!/usr/bin/env python3
"""Makes tests/fixtures/text/distilbert/, roberta/ and bert_parts/: small classifiers with random values as transformers
writes them, and what transformers makes of texts of different lengths.

    .deps/venv/bin/python tools/make_encoder_fixtures.py [--out DIR]

bert_parts has its values in several files (model.safetensors.index.json), and normalisations' under their older names,
gamma and beta. expected.safetensors holds, all as floats: `pieces` (texts, longest; -1 behind a text's end), the texts'
rows `first` and `mean` of the encoder, and `logits` of the classifier."""
import argparse
import json
import os

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

LENGTHS = (2, 3, 17, 24, 5, 9, 16, 2, 11, 24, 1, 7)
CLASSES = {0: "bad", 1: "so so", 2: "good"}
WIDE = dict(vocab_size=50, id2label=CLASSES, label2id={n: i for i, n in CLASSES.items()}, attn_implementation="eager")
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
PARTS = 3


def make(kind):
    if kind == "distilbert":
        return transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig(
            dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=24, **WIDE))
    if kind == "roberta":  # places begin behind the padding's row
        return transformers.RobertaForSequenceClassification(transformers.RobertaConfig(
            max_position_embeddings=26, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, **SIZES, **WIDE))
    return transformers.BertForSequenceClassification(transformers.BertConfig(
        max_position_embeddings=24, hidden_act="gelu_new", **SIZES, **WIDE))


def seed_values(model):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, p in model.named_parameters():
            spread = 0.5 if "_embeddings." in name else 0.25
            one = "norm.weight" in name.lower()
            p.copy_(torch.randn(p.shape, generator=generator) * spread + (1.0 if one else 0.0))


def make_texts():
    rng = np.random.default_rng(12)
    pieces = np.full((len(LENGTHS), max(LENGTHS)), -1, np.int64)
    for i, n in enumerate(LENGTHS):
        pieces[i, :n] = rng.integers(2, 50, n)  # 0 and 1 pad
    return torch.from_numpy(pieces)


def outputs(model, pieces, padding):
    there = (pieces >= 0).long()
    ids = torch.where(pieces < 0, padding, pieces)
    state = model.base_model(input_ids=ids, attention_mask=there)[0]
    weight = there.unsqueeze(-1).float()
    return {"pieces": pieces.float(), "first": state[:, 0], "mean": (state * weight).sum(1) / weight.sum(1),
            "logits": model(input_ids=ids, attention_mask=there).logits}


def old_name(name):
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def share_out(folder):
    """As the tools do with large models: several files and a list of which has what."""
    whole = os.path.join(folder, "model.safetensors")
    values = load_file(whole)
    names = sorted(values)
    parts = [f"model-{i + 1:05}-of-{PARTS:05}.safetensors" for i in range(PARTS)]
    where = {}
    for i, part in enumerate(parts):
        mine = {old_name(n): values[n].contiguous() for n in names[i::PARTS]}
        save_file(mine, os.path.join(folder, part), metadata={"format": "pt"})
        where.update(dict.fromkeys(mine, part))
    size = sum(v.numel() * v.element_size() for v in values.values())
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as f:
        json.dump({"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))}, f, indent=1)
        f.write("\n")
    os.remove(whole)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "..", "tests", "fixtures", "text"))
    out = parser.parse_args().out
    torch.set_num_threads(1)
    for kind, padding in (("distilbert", 0), ("roberta", 1), ("bert_parts", 0)):
        folder = os.path.join(out, kind)
        model = make(kind).eval()
        seed_values(model)
        model.save_pretrained(folder, safe_serialization=True)
        with torch.no_grad():
            expected = outputs(model, make_texts(), torch.tensor(padding))
        save_file({k: v.contiguous() for k, v in expected.items()}, os.path.join(folder, "expected.safetensors"),
                  metadata={"made by": f"transformers {transformers.__version__}, torch {torch.__version__}"})
        if kind == "bert_parts":
            share_out(folder)


if __name__ == "__main__":
    main()
