"""A model at work: images in, numbers out, from any thread."""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from . import _errors, _exit, _lib
from ._context import Owned
from ._images import Item, address

_CHUNK = 64  # images of a call: between calls Python delivers Ctrl-C
_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


class Session:
    def __init__(self, model: ctypes.c_void_p) -> None:
        handle = ctypes.c_void_p()
        _lib.call("graft_session_open", model, None, ctypes.byref(handle))
        self.owned = Owned(handle.value, _lib.lib.graft_session_free)
        self._lock = threading.Lock()
        self._runs = 0
        self._values: dict[str, int] = {}
        _sessions.add(self)

    def close(self) -> None:
        """Runs that are under way end first."""
        if not self.owned.open or self.owned.pid != os.getpid():
            return
        _lib.lib.graft_session_close(self.owned.get("session"))
        last = time.monotonic() + 1
        while self._runs and time.monotonic() < last:  # what is past the library's own waiting takes no time
            time.sleep(0.001)
        with self._lock:
            self.owned.free()

    def run(self, name: str, items: Sequence[Item], errors: Literal["raise", "nan"] = "raise",
            told: dict[int, _errors.Error] | None = None) -> npt.NDArray[np.float32]:
        """A row for each image. Those that cannot be used: the first of them is the error, or their rows are NaN and `told` has
        why."""
        self.owned.get("session")
        _exit.hold()
        with self._lock:
            handle = self.owned.get("session")
            self._runs += 1
        try:
            return self._run_all(handle, name, items, errors, told)
        except _errors.UsageError:
            _exit.hold()
            raise
        finally:
            with self._lock:
                self._runs -= 1

    def _run_all(self, handle: ctypes.c_void_p, name: str, items: Sequence[Item], errors: str,
                 told: dict[int, _errors.Error] | None) -> npt.NDArray[np.float32]:
        values = self._values.get(name) or _lib.lib.graft_session_values(handle, name.encode())
        self._values[name] = values
        if not values:
            raise _errors.usage(3404, f"the model has no {name}")
        out = np.empty((len(items), values), np.float32)
        for at in range(0, len(items), _CHUNK):
            self._run(handle, name, values, items[at:at + _CHUNK], out[at:at + _CHUNK], at, errors, told)
        return out

    def _run(self, handle: ctypes.c_void_p, name: str, values: int, items: Sequence[Item], out: npt.NDArray[np.float32],
             first: int, errors: str, told: dict[int, _errors.Error] | None) -> None:
        n = len(items)
        images, alive, unread = (_lib.Image * n)(), [], {}
        for i, item in enumerate(items):
            try:
                alive.append(item.fill(images[i]))
            except (OSError, ValueError) as error:  # a path of no file
                unread[i] = _errors.data(1101, f"{item.name}: {getattr(error, 'strerror', None) or error}", "is the path right?")
                alive.append(Item(b"").fill(images[i]))
        why = (_lib.ErrorStruct * n)()
        output = _lib.Output(ctypes.sizeof(_lib.Output), 0, name.encode(), address(out), values)
        _lib.call("graft_session_run", handle, images, n, ctypes.byref(output), 1, why)
        for i in [i for i in range(n) if why[i].status]:
            item = items[i]
            what = unread.get(i) or _named(why[i], i, first, item)
            if errors == "raise":
                raise what
            if told is not None:
                told[first + i] = what


def _named(why: _lib.ErrorStruct, i: int, first: int, item: Item) -> _errors.Error:
    """The library calls it "image 3" of its call; here it has its path, or its number among all."""
    message = _lib.decode(why.message)
    message = message.replace(f"image {i}:", f"{item.name or f'image {first + i}'}:", 1)
    return _errors.make(why.status, why.number, message, _lib.decode(why.hint))


@atexit.register
def _close_all() -> None:
    """Calls of other threads end before the process does, and later ones are refused."""
    _exit.begin()
    for session in list(_sessions):
        if session.owned.open and session.owned.pid == os.getpid():
            _lib.lib.graft_session_close(session.owned.get("session"))
