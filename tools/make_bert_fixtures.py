#!/usr/bin/env python3
"""Makes tests/fixtures/text/bert/: a small BERT with random values as transformers writes it, what transformers makes of
texts of different lengths, and five training steps of a classifier on it by PyTorch.

    .deps/venv/bin/python tools/make_bert_fixtures.py [--out DIR]

expected.safetensors holds, all as floats: `pieces` (texts, longest; -1 behind a text's end), rows of texts `pooler`,
`first`, `mean` and `pooler_tanh` (the same network with GELU's approximation by tanh); `head.weight`, `head.bias`, `labels`; `loss` of each of five steps of AdamW without
dropout, `grad.NAME` of the first step and `after.NAME` behind the fifth, of each parameter."""
import argparse
import os

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

STEPS, RATE, DECAY, CLASSES = 5, 1e-3, 0.01, 3
LENGTHS = (2, 3, 17, 24, 5, 9, 16, 2, 11, 24, 1, 7)


def make_config(act):
    return transformers.BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=24, hidden_act=act, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation="eager")


def make_model():
    torch.manual_seed(20240713)
    model = transformers.BertModel(make_config("gelu"))
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, p in model.named_parameters():
            spread = 0.5 if "embeddings." in name and "LayerNorm" not in name else 0.25
            p.copy_(torch.randn(p.shape, generator=generator) * spread + (1.0 if "LayerNorm.weight" in name else 0.0))
    return model.eval()


def make_texts():
    rng = np.random.default_rng(11)
    pieces = np.full((len(LENGTHS), max(LENGTHS)), -1, np.int64)
    for i, n in enumerate(LENGTHS):
        pieces[i, :n] = rng.integers(1, 50, n)  # 0 pads: PyTorch gives its row no gradient
    return torch.from_numpy(pieces)


SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("good bad film movie a the is was not very fun dull long short great poor plot cast story it this i we saw love hate "
         "boring lively warm cold , . ! ? ##ly ##ing ##er ##s and but so too of in to").split()


def write_tokenizer(out):
    """Of a vocabulary as large as the table."""
    with open(os.path.join(out, "vocab.txt"), "w") as f:
        f.write("\n".join(SPECIAL + tuple(WORDS)) + "\n")
    with open(os.path.join(out, "tokenizer_config.json"), "w") as f:
        f.write('{"do_lower_case": true, "tokenizer_class": "BertTokenizer"}\n')
    assert len(SPECIAL) + len(WORDS) <= 50


def outputs(model, pieces):
    there = (pieces >= 0).long()
    out = model(input_ids=pieces.clamp(min=0), attention_mask=there)
    state = out.last_hidden_state
    weight = there.unsqueeze(-1).float()
    return {"pooler": out.pooler_output, "first": state[:, 0], "mean": (state * weight).sum(1) / weight.sum(1)}


def train(model, pieces, expected):
    generator = torch.Generator().manual_seed(3)
    head = torch.nn.Linear(32, CLASSES)
    with torch.no_grad():
        head.weight.copy_(torch.randn(head.weight.shape, generator=generator) * 0.3)
        head.bias.copy_(torch.randn(head.bias.shape, generator=generator) * 0.3)
    labels = torch.tensor([i * 7 % CLASSES for i in range(len(LENGTHS))])
    expected.update({"head.weight": head.weight.detach().clone(), "head.bias": head.bias.detach().clone(),
                     "labels": labels.float()})
    named = list(model.named_parameters()) + [("head." + n, p) for n, p in head.named_parameters()]
    optimizer = torch.optim.AdamW([p for _, p in named], lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=DECAY)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(head(outputs(model, pieces)["pooler"]), labels)
        loss.backward()
        if step == 0:
            expected.update({"grad." + n: p.grad.clone() for n, p in named})
        optimizer.step()
        losses.append(loss.item())
    expected["loss"] = torch.tensor(losses)
    expected.update({"after." + n: p.detach().clone() for n, p in named})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "..", "tests", "fixtures", "text", "bert"))
    out = parser.parse_args().out
    torch.set_num_threads(1)
    model, pieces = make_model(), make_texts()
    model.save_pretrained(out, safe_serialization=True)
    write_tokenizer(out)
    expected = {"pieces": pieces.float()}
    with torch.no_grad():
        expected.update(outputs(model, pieces))
        tanh = transformers.BertModel(make_config("gelu_new")).eval()
        tanh.load_state_dict(model.state_dict())
        expected["pooler_tanh"] = outputs(tanh, pieces)["pooler"]
    train(model, pieces, expected)
    save_file({k: v.contiguous() for k, v in expected.items()}, os.path.join(out, "expected.safetensors"),
              metadata={"made by": f"transformers {transformers.__version__}, torch {torch.__version__}"})


if __name__ == "__main__":
    main()
