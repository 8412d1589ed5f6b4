"""A run folder: history, metrics, report, plots."""

from __future__ import annotations

import base64
import csv
import json
import os
import pathlib
from typing import Any

from . import _errors
from ._model import Model, load
from ._results import MOST_HTML, escaped

_PLOTS = ("curves.png", "confusion.png", "precision_recall.png", "missed.png", "predictions.png", "detections.png")


class Run:
    """What a run folder holds. history: Keras's dictionary of lists, a value for each epoch; metrics: of "before", "validation" and
    "test"; report: the path of report.html; model: the best model, opened when it is asked for."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fsdecode(os.fspath(path))
        self._folder = pathlib.Path(self.path)
        if not (self._folder / "config.json").exists():
            raise _errors.usage(3007, f"{self.path}: not a run folder: no config.json in it", "give the folder that graft.train wrote")
        self._model: Model | None = None

    @property
    def history(self) -> dict[str, list[Any]]:
        path = self._folder / "history.csv"
        if not path.exists():
            return {}
        with open(path, newline="", encoding="utf-8") as f:
            table = csv.DictReader(f)
            rows = list(table)
        return {name: [_number(name, row[name]) for row in rows] for name in table.fieldnames or []}

    @property
    def metrics(self) -> dict[str, Any]:
        path = self._folder / "metrics.json"
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return document

    @property
    def report(self) -> str | None:
        path = self._folder / "report.html"
        return str(path) if path.exists() else None

    @property
    def plots(self) -> list[str]:
        return sorted(str(path) for path in (self._folder / "plots").glob("*.png"))

    @property
    def model(self) -> Model:
        if self._model is None:
            self._model = load(self.path)
        return self._model

    def _shares(self) -> list[tuple[str, str, float]]:
        return [(part, name, value) for part in ("before", "validation", "test") for name, value in (self.metrics.get(part) or {}).items()
                if name in ("loss", "accuracy", "AP", "AP50") and isinstance(value, float)]

    def __repr__(self) -> str:
        told = ", ".join(f"{part} {name} {value:.4f}" for part, name, value in self._shares() if part != "before")
        return f"<graft.Run {self.path!r}: {told or 'not ended'}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{part}</td><td>{name}</td><td>{value:.4f}</td></tr>" for part, name, value in self._shares())
        found = [f"<div><b>{escaped(self.path)}</b><table>{rows}</table>"]
        room = MOST_HTML - sum(map(len, found)) - 1000
        for name in _PLOTS:
            path = self._folder / "plots" / name
            if not path.exists() or path.stat().st_size * 4 // 3 + 200 > room:
                continue
            text = base64.b64encode(path.read_bytes()).decode()
            found.append(f'<img alt="{name[:-4]}" style="max-width:100%" src="data:image/png;base64,{text}"><br>')
            room -= len(found[-1])
        return "".join(found) + "</div>"


def _number(name: str, text: str) -> Any:
    if name == "phase":
        return text
    value = float(text) if text else float("nan")
    return int(value) if name == "epoch" else value
