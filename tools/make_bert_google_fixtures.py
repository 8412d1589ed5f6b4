#!/usr/bin/env python3
"""Makes tests/fixtures/text/bert_google/: the network of tests/fixtures/text/bert as Google's code has it - bert_config.json,
vocab.txt and a checkpoint with its names, written by TensorFlow, with what else such checkpoints hold.

    .deps/venv/bin/python tools/make_bert_google_fixtures.py [--out DIR]
"""
import argparse
import json
import pathlib
import re
import shutil

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file

FROM = pathlib.Path(__file__).resolve().parents[1] / "tests/fixtures/text/bert"
FIELDS = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
          "max_position_embeddings", "type_vocab_size", "hidden_act", "hidden_dropout_prob", "attention_probs_dropout_prob",
          "initializer_range")


def google_name(name):
    """And whether a matrix is turned."""
    name = re.sub(r"layer\.(\d+)", r"layer_\1", name)
    turned = name.endswith(".weight") and "LayerNorm" not in name and "embeddings" not in name
    for ours, theirs in (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")):
        name = name.replace(ours, theirs)
    name = name.replace(".weight", ".kernel" if turned else "")
    return "bert/" + name.replace(".", "/"), turned


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=FROM.parent / "bert_google")
    out = pathlib.Path(parser.parse_args().out)
    out.mkdir(parents=True, exist_ok=True)
    config = json.loads((FROM / "config.json").read_text())
    (out / "bert_config.json").write_text(json.dumps({k: config[k] for k in FIELDS}, indent=2) + "\n")
    shutil.copy(FROM / "vocab.txt", out)
    tensors = {"global_step": np.int64(7), "cls/predictions/output_bias": np.zeros(50, np.float32)}
    for name, x in load_file(FROM / "model.safetensors").items():
        there, turned = google_name(name)
        tensors[there] = x.T if turned else x
        if turned:
            tensors[there + "/adam_m"] = np.zeros_like(x.T)
    names = sorted(tensors)
    tf.raw_ops.SaveV2(prefix=str(out / "bert_model.ckpt"), tensor_names=names, shape_and_slices=[""] * len(names),
                      tensors=[tf.constant(tensors[n]) for n in names])


if __name__ == "__main__":
    main()
