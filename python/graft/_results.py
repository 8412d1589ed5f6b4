"""What calls give: labels, boxes, evaluations, features."""

from __future__ import annotations

import base64
import html
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _errors
from ._images import Item

MOST_HTML = 300_000  # bytes of an object's HTML in a notebook
_MAGIC = {b"\xff\xd8": "jpeg", b"\x89P": "png", b"GI": "gif", b"RI": "webp"}


def image_html(item: Item | None, most: int = MOST_HTML // 2) -> str:
    """The image itself, if a browser shows it and it is small enough."""
    try:
        data = bytes(item.encoded()) if item is not None else b""
    except OSError:
        return ""
    kind = _MAGIC.get(data[:2])
    if kind is None or len(data) * 4 // 3 > most:
        return ""
    return f'<img alt="" style="max-width:240px;max-height:240px" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'


def escaped(text: str) -> str:
    """For HTML: names of files and classes are anybody's, and may be no UTF-8."""
    return html.escape(text.encode("utf-8", "backslashreplace").decode())


class Prediction:
    """label, probability, and top: [(label, probability), ..], the likeliest first. Of a model of several labels `labels` are those
    that are told, likeliest first, and label is their names, "red|dress"; else None. Where the image cannot be used label is None and
    error says why."""

    labels: list[tuple[str, float]] | None = None

    def __init__(self, top: list[tuple[str, float]], label: str | None, path: str = "", error: _errors.Error | None = None,
                 item: Item | None = None) -> None:
        self.top, self.label, self.path, self.error = top, label, path, error
        self.probability = top[0][1] if top else float("nan")
        self._item = item

    def __repr__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"<{where}{self.error}>" if self.error else f"<{where}{self.label} {self.probability:.3f}>"

    def _repr_html_(self) -> str:
        name = f"<div>{escaped(self.path)}</div>" if self.path else ""
        if self.error:
            return f"<div>{name}{escaped(str(self.error))}</div>"
        rows = "".join(f'<tr><td>{escaped(label)}</td><td><meter min="0" max="1" value="{p:.4f}"></meter></td><td>{p:.3f}</td></tr>'
                       for label, p in self.top)
        return f"<div>{name}{image_html(self._item)}<table>{rows}</table></div>"


class Detections:
    """What a detector found in an image, the surest first: boxes [n, 4] of x, y, width, height in pixels, labels, scores."""

    def __init__(self, document: dict[str, Any], path: str = "", item: Item | None = None) -> None:
        found = document.get("detections", [])
        self.path = path
        self.error = _errors.data(0, str(document["error"])) if "error" in document else None
        self.width, self.height = int(document.get("width", 0)), int(document.get("height", 0))
        self.boxes: npt.NDArray[np.float64] = np.array([d["box"] for d in found], np.float64).reshape(-1, 4)
        self.labels: list[str] = [str(d["name"]) for d in found]
        self.scores: npt.NDArray[np.float64] = np.array([d["confidence"] for d in found], np.float64)
        self._item = item

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        told = str(self.error) if self.error else ", ".join(f"{name} {score:.2f}" for name, score in zip(self.labels, self.scores))
        return f"<{self.path + ': ' if self.path else ''}{told or 'nothing'}>"

    def _repr_html_(self) -> str:
        if self.error:
            return f"<div>{escaped(self.path)} {escaped(str(self.error))}</div>"
        image = image_html(self._item).replace("max-width:240px;max-height:240px", "width:100%")
        marks = ""
        for (x, y, w, h), name, score in zip(self.boxes, self.labels, self.scores):
            left, top, wide, high = 100 * x / self.width, 100 * y / self.height, 100 * w / self.width, 100 * h / self.height
            marks += (f'<div title="{escaped(name)} {score:.2f}" style="position:absolute;border:2px solid #d33;left:{left:.2f}%;'
                      f'top:{top:.2f}%;width:{wide:.2f}%;height:{high:.2f}%"></div>')
        rows = "".join(f"<tr><td>{escaped(name)}</td><td>{score:.3f}</td></tr>" for name, score in zip(self.labels, self.scores))
        picture = f'<div style="position:relative;max-width:480px">{image}{marks}</div>' if image else ""
        return f"<div>{escaped(self.path)}{picture}<table>{rows}</table></div>"


class Evaluation(dict[str, Any]):
    """The numbers by their names, as `graft eval --json` has them, and confusion as an array (rows: true classes)."""

    def __init__(self, document: dict[str, Any], classes: list[str]) -> None:
        super().__init__(document)
        self.classes = classes

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        return np.array(self.get("confusion", []), np.int64)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self:
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        return ", ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in self.items() if isinstance(v, (int, float)))

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{escaped(k)}</td><td>{v:.4f}</td></tr>" for k, v in self.items() if isinstance(v, float))
        table = ""
        if 0 < len(self.confusion) <= 40:
            head = "".join(f"<th>{escaped(name)}</th>" for name in self.classes)
            body = "".join(f"<tr><th>{escaped(name)}</th>{''.join(f'<td>{n}</td>' for n in row)}</tr>"
                           for name, row in zip(self.classes, self.confusion))
            table = f"<table><tr><th></th>{head}</tr>{body}</table>"
        return f"<div><table>{rows}</table>{table}</div>"


class Features(np.ndarray):  # type: ignore[type-arg,unused-ignore]
    """float32, a row for each image or text; paths: of what each row is."""

    paths: list[str]

    def __new__(cls, values: npt.NDArray[np.float32], paths: list[str]) -> Features:
        made = np.asarray(values).view(cls)
        made.paths = paths
        return made

    def __array_finalize__(self, of: Any) -> None:
        self.paths = getattr(of, "paths", []) if of is not None and getattr(of, "shape", ())[:1] == self.shape[:1] else []


def is_folder(x: Any) -> bool:
    return isinstance(x, (str, os.PathLike)) and os.path.isdir(x)
