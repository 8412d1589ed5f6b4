"""Options by name: what keyword arguments mean, as texts for the library, which checks them."""

from __future__ import annotations

import contextlib
import ctypes
import difflib
import functools
import os
from collections.abc import Iterator, Mapping
from typing import Any

from . import _errors, _lib

Named = dict[str, str]  # option of the library ("train.lr"): its value as text


class Row:
    def __init__(self, option: _lib.Option) -> None:
        self.name = _lib.decode(option.name)
        self.section, _, self.bare = self.name.partition(".")
        self.kind = _lib.OPTION_KINDS[option.kind]
        self.choices = _lib.decode(option.choices).split("|") if option.choices else []
        self.default = _lib.decode(option.default_value) if option.default_value is not None else None
        self.flag = _lib.decode(option.flag) if option.flag else ""
        self.help = _lib.decode(option.help)


@functools.lru_cache(maxsize=None)
def rows() -> tuple[Row, ...]:
    found: list[Row] = []
    while option := _lib.lib.graft_option_at(len(found)):
        found.append(Row(option.contents))
    return tuple(found)


def find(name: str, sections: tuple[str, ...]) -> Row:
    """"lr" or "train.lr"; where several sections have it, the first of them."""
    for row in rows():
        if row.name == name:
            return row
    for section in sections:
        for row in rows():
            if row.section == section and row.bare == name:
                return row
    for row in rows():
        if row.section in sections and row.flag and row.flag.replace("-", "_") == name:
            return row
    known = [row.bare for row in rows() if row.section in sections]
    near = difflib.get_close_matches(name, known, 1, 0.6)
    raise _errors.usage(3003, f"{name} is no option of this call", f"did you mean {near[0]}?" if near else
                        "graft.options() lists all of them")


def text(name: str, value: Any) -> str:
    """A Python value as the library's option takes it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (str, bytes, os.PathLike)):
        return os.fsdecode(value)
    if isinstance(value, Mapping):
        return ",".join(f"{key}={text(name, x)}" for key, x in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(text(name, x) for x in value)
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # a number of numpy's
        return text(name, value.item())
    if isinstance(value, int):
        return str(value)
    raise _errors.usage(3002, f"{name}: {type(value).__name__} is no value of an option",
                        "text, a number, a truth value, a path, or a list or dictionary of these")


def named(options: Mapping[str, Any], sections: tuple[str, ...]) -> Named:
    """Keyword arguments as options of the library; None: not given."""
    return {find(name, sections).name: text(name, value) for name, value in options.items() if value is not None}


@contextlib.contextmanager
def handle(settings: Named) -> Iterator[ctypes.c_void_p | None]:
    if not settings:
        yield None
        return
    made = ctypes.c_void_p()
    _lib.call("graft_settings_new", ctypes.byref(made))
    try:
        for name, value in settings.items():
            _lib.call("graft_settings_set", made, name.encode(), _lib.encode(value))
        yield made
    finally:
        _lib.lib.graft_settings_free(made)
