#!/usr/bin/env python3
"""Compares a trained classifier of texts, exported by graft, with what other tools make of its files.

    tools/check_text_exports.py RUN TEXTS.txt [--from FOLDER] [--graft PROGRAM]

RUN is exported as a folder of Hugging Face's (--to hf) and as ONNX. transformers opens it with its own tokenizer - as
...ForSequenceClassification, or as an encoder whose modules (1_Pooling, 2_Dense, ...) are applied as
sentence-transformers applies them - and gives the probabilities of each line of TEXTS.txt; `graft predict` gives those
of the run. ONNX Runtime gets the pieces of that tokenizer, 8 texts at a time, padded. Printed are the largest differences
of a probability and the files of the tokenizer that are, byte for byte,
those of the encoder's folder (--from FOLDER). The exit code is 1 where the difference exceeds 1e-4."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
import torch
import transformers
from safetensors.torch import load_file

ALLOWED = 1e-4
torch.set_grad_enabled(False)
torch.set_num_threads(1)  # no waiting for each other on a busy machine


def graft_probabilities(graft, run, texts, labels):
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as f:
        f.write("\n".join(texts) + "\n")
        f.flush()
        said = subprocess.run([graft, "predict", run, f.name, "--json", "--top", str(len(labels))], check=True,
                              capture_output=True)
    rows = []
    for p in json.loads(said.stdout)["predictions"]:
        by_label = {t["label"]: t["probability"] for t in p["top"]}
        rows.append([by_label[name] for name in labels])
    return np.array(rows)


def pooled(folder, state, there):
    how = json.load(open(folder / "1_Pooling" / "config.json"))
    if how["pooling_mode_cls_token"]:
        return state[:, 0]
    weight = there.unsqueeze(-1).float()
    return (state * weight).sum(1) / weight.sum(1).clamp(min=1e-9)


def through_modules(folder, x):
    for module in json.load(open(folder / "modules.json"))[2:]:
        if module["type"].endswith(".Normalize"):
            x = torch.nn.functional.normalize(x, dim=1)
            continue
        config = json.load(open(folder / module["path"] / "config.json"))
        values = load_file(folder / module["path"] / "model.safetensors")
        x = torch.nn.functional.linear(x, values["linear.weight"], values.get("linear.bias"))
        name = config["activation_function"].rsplit(".", 1)[1]
        x = getattr(torch.nn, name)()(x)
    return x


def transformers_logits(folder, texts):
    """One text after the other: no padding, which rounds otherwise."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    most = json.load(open(folder / "sentence_bert_config.json"))["max_seq_length"]
    whole = not (folder / "modules.json").exists()
    kind = transformers.AutoModelForSequenceClassification if whole else transformers.AutoModel
    model = kind.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        given = tokenizer(text, return_tensors="pt", truncation=True, max_length=most)
        out = model(**given)
        rows.append(out.logits if whole else through_modules(
            folder, pooled(folder, out.last_hidden_state, given["attention_mask"])))
    return type(model).__name__, torch.cat(rows)


def onnx_probabilities(file, folder, texts):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    most = json.load(open(folder / "sentence_bert_config.json"))["max_seq_length"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    wanted = [i.name for i in session.get_inputs()]
    rows = []
    for i in range(0, len(texts), 8):
        given = tokenizer(texts[i:i + 8], return_tensors="np", padding=True, truncation=True, max_length=most)
        feed = {n: given[n].astype(np.int64) for n in wanted}
        rows.append(session.run(["logits"], feed)[0])
    return wanted, torch.softmax(torch.from_numpy(np.concatenate(rows)).double(), 1).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("texts")
    parser.add_argument("--graft", default=str(pathlib.Path(__file__).parent.parent / "build" / "graft"))
    parser.add_argument("--from", dest="source", help="the encoder's folder")
    args = parser.parse_args()
    texts = [t for t in pathlib.Path(args.texts).read_text(encoding="utf-8").split("\n") if t.strip()]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "out"
        subprocess.run([args.graft, "export", args.run, "--to", "hf", "--out", str(folder)], check=True)
        onnx = pathlib.Path(scratch) / "out.onnx"
        subprocess.run([args.graft, "export", args.run, "--out", str(onnx)], check=True)
        config = json.load(open(folder / "config.json"))
        labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
        name, logits = transformers_logits(folder, texts)
        theirs = torch.softmax(logits.double(), 1).numpy()
        ours = graft_probabilities(args.graft, args.run, texts, labels)
        off = np.abs(theirs - ours).max()
        inputs, by_onnx = onnx_probabilities(onnx, folder, texts)
        off_onnx = np.abs(by_onnx - ours).max()
        same = [f for f in os.listdir(folder) if args.source and (pathlib.Path(args.source) / f).exists() and
                f not in ("config.json", "model.safetensors", "modules.json", "sentence_bert_config.json") and
                (folder / f).is_file() and (pathlib.Path(args.source) / f).read_bytes() == (folder / f).read_bytes()]
    print(f"{name}: {len(texts)} texts, {len(labels)} classes: probabilities differ by {off:.1e} at most; "
          f"labels alike {(theirs.argmax(1) == ours.argmax(1)).sum()}; byte for byte: {', '.join(sorted(same)) or '-'}")
    print(f"ONNX Runtime {onnxruntime.__version__}, {', '.join(inputs)}: probabilities differ by {off_onnx:.1e} at most; "
          f"labels alike {(by_onnx.argmax(1) == ours.argmax(1)).sum()}")
    sys.exit(not max(off, off_onnx) <= ALLOWED)


if __name__ == "__main__":
    main()
