"""Data in memory as files that graft reads: images as PNG, texts as JSON lines, tables as CSV. They lie beside the run, since
graft.resume needs them."""

from __future__ import annotations

import csv
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import _errors, _images


def is_frame(x: Any) -> bool:
    """A table of pandas's or polars's kind: columns by name."""
    return hasattr(x, "columns") and hasattr(x, "__getitem__") and not isinstance(x, (str, bytes, os.PathLike))


def is_pair(x: Any) -> bool:
    return isinstance(x, tuple) and len(x) in (2, 3)


def _names(labels: Any, n: int) -> list[str]:
    found = [str(label.item() if hasattr(label, "item") else label) for label in labels]
    lacking = next((i for i, label in enumerate(found) if label in ("", "nan", "None", "NaT", "<NA>")), None)
    if lacking is not None:
        raise _errors.data(3403, f"label {lacking} is {found[lacking] or 'empty'}", "leave such images out, or give them a class")
    if len(found) != n:
        raise _errors.data(3403, f"{n} images and {len(found)} labels", "one label for each image")
    return found


def _parts(parts: Any, n: int) -> list[str]:
    found = [str(part) for part in parts] if parts is not None else []
    if found and len(found) != n:
        raise _errors.data(3403, f"{n} images and {len(found)} parts", "\"train\", \"validation\" or \"test\" for each image")
    return found


def _is_text(x: Any) -> bool:
    return isinstance(x, str) and os.path.splitext(x)[1].lower() not in _images.ENDINGS


def write(data: Any, folder: str, force: bool) -> str:
    """(images, labels[, parts]) or a table of the columns path, label[, split], as a file in `folder`, which is new or `force`d.
    Returns the file's path."""
    place = pathlib.Path(folder)
    if place.exists() and not force:
        raise _errors.usage(3006, f"{folder} is there already: what is in memory is written there for graft.resume",
                            "another `out`, or force=True")
    if is_frame(data):
        columns = [str(c) for c in data.columns]
        label = next((c for c in ("label", "class", "target") if c in columns), None)
        source = next((c for c in ("path", "image", "file", "filename", "text") if c in columns), None)
        if label is None or source is None:
            raise _errors.data(3403, f"a table of the columns {', '.join(columns)}", "columns `path` (or `text`) and `label`, and perhaps `split`")
        images, labels = list(data[source]), list(data[label])
        parts = list(data["split"]) if "split" in columns else None
        texts = source == "text"
    else:
        images, labels, parts = data[0], data[1], data[2] if len(data) == 3 else None
        texts = not isinstance(images, np.ndarray) and all(_is_text(x) for x in images)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return _write_texts(place, images, labels, parts) if texts else _write_images(place, images, labels, parts)


def _write_texts(place: pathlib.Path, texts: Sequence[str], labels: Any, parts: Any) -> str:
    names, shares = _names(labels, len(texts)), _parts(parts, len(texts))
    with open(place / "texts.jsonl", "w", encoding="utf-8") as f:
        for i, text in enumerate(texts):
            row = {"text": text, "label": names[i]}
            if shares:
                row["split"] = shares[i]
            f.write(json.dumps(row) + "\n")
    return str(place / "texts.jsonl")


def _plain(name: str) -> str:
    """The end of a name that a line of CSV can hold, and a folder behind a number."""
    return "".join(c if c.isprintable() else "_" for c in name)[-60:]


def _write_images(place: pathlib.Path, images: Iterable[Any], labels: Any, parts: Any) -> str:
    items, single = _images.items(images)
    if single:
        raise _errors.data(3403, "one image is no data set", "a list of images, or an array [n, height, width, 3]")
    names, shares = _names(labels, len(items)), _parts(parts, len(items))
    rows = []
    for i, item in enumerate(items):
        if item.path is None:
            path = f"{i:09d}.png"
            (place / path).write_bytes(item.encoded())
        else:
            path = f"{i:09d} {_plain(os.path.basename(item.path))}"
            os.symlink(os.path.abspath(item.path), place / path)
        rows.append([path, names[i], *([shares[i]] if shares else [])])
    with open(place / "images.csv", "w", newline="", encoding="utf-8", errors="surrogateescape") as f:
        out = csv.writer(f)
        out.writerow(["path", "label", *(["split"] if shares else [])])
        out.writerows(rows)
    return str(place / "images.csv")
