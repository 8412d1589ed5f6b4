"""How far a call is: a line on a terminal, HTML in a notebook, a line for each epoch elsewhere. Written to standard error."""

from __future__ import annotations

import html
import math
import shutil
import sys
from typing import Any

from . import _lib

_TITLES = {"CHECK": "checking images", "PLAN": "planning", "TRAIN": "training", "EVALUATE": "evaluating", "REPORT": "writing the report",
           "FETCH": "fetching"}


def _numbers(p: _lib.Progress) -> str:
    values = {"loss": p.loss, "accuracy": p.accuracy, "val_loss": p.val_loss, "val_accuracy": p.val_accuracy}
    return "  ".join(f"{name} {value:.4f}" for name, value in values.items() if not math.isnan(value))


def _notebook() -> Any:
    """IPython's display function where it shows HTML; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import display  # type: ignore[import-not-found,unused-ignore]
    return display


class Html:
    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return self.text


class Bar:
    """on: False: nothing at all."""

    def __init__(self, on: bool | None = None) -> None:
        self.out = sys.stderr
        self.quiet = on is False or self.out is None
        self.display: Any = None if self.quiet else _notebook()
        self.terminal = not self.quiet and self.display is None and self.out.isatty()
        self.drawn = False
        self.place: Any = None
        self.lines: list[str] = []

    def epoch(self, p: _lib.Progress) -> None:
        if self.quiet:
            return
        line = f"epoch {p.epoch:>{len(str(p.epochs))}}/{p.epochs}  {_numbers(p)}  {p.seconds:.1f} s"
        self.lines.append(line)
        if self.display is None:
            self.clear()
            print(line, file=self.out, flush=True)

    def show(self, p: _lib.Progress) -> None:
        if self.quiet or (self.display is None and not self.terminal):
            return
        stage = _lib.STAGES[p.stage] if 0 <= p.stage < len(_lib.STAGES) else ""
        if stage not in _TITLES:
            return
        share = min(p.done / p.total, 1.0) if p.total > 0 else 0.0
        title = f"epoch {p.epoch}/{p.epochs}" if stage == "TRAIN" else _TITLES[stage]
        left = f"{int(p.seconds_left // 60)}:{int(p.seconds_left % 60):02d} left" if p.seconds_left >= 0 else ""
        told = "  ".join(x for x in (f"{p.done}/{p.total}" if p.total > 0 else "", _numbers(p), left) if x)
        if self.display is not None:
            self._show_html(title, share, told)
            return
        filled = int(20 * share)
        width = max(shutil.get_terminal_size().columns - 1, 10)
        self.out.write("\r" + f"{title} {'#' * filled}{'.' * (20 - filled)} {told}"[:width] + "\x1b[K")
        self.out.flush()
        self.drawn = True

    def _show_html(self, title: str, share: float, told: str) -> None:
        done = "".join(f"<div>{html.escape(line)}</div>" for line in self.lines[-10:])
        now = Html(f'<div style="font-family:monospace;white-space:pre">{done}<div>{html.escape(title)} '
                   f'<progress value="{share:.3f}" max="1"></progress> {html.escape(told)}</div></div>')
        if self.place is None:
            self.place = self.display(now, display_id=True)
        else:
            self.place.update(now)

    def clear(self) -> None:
        if self.drawn:
            self.out.write("\r\x1b[K")
            self.out.flush()
        self.drawn = False

    def close(self) -> None:
        self.clear()
        if self.place is not None:
            self.place.update(Html("".join(f'<div style="font-family:monospace;white-space:pre">{html.escape(x)}</div>' for x in self.lines)))
