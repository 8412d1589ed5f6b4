"""A context of the library, and how a long call is made: on a thread of its own, while the caller's thread looks 20 times a
second how far it is. So Ctrl-C comes where Python delivers it, and nothing of Python is called from C."""

from __future__ import annotations

import _thread
import atexit
import ctypes
import logging
import os
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from . import _errors, _exit, _lib, _settings
from ._progress import Bar

T = TypeVar("T")
logger = logging.getLogger("graft")
_EVENTS = 256
_LOOK = 0.05  # seconds
_HERE = os.path.dirname(__file__)


def _warn(text: str) -> None:
    """As if the first frame outside of this package had said so."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, _errors.Warning, stacklevel=level)


class Owned:
    """A handle of the library that is freed once nobody has it, by the process that made it."""

    def __init__(self, handle: int | None, free: Callable[[Any], None], keeps: Owned | None = None) -> None:
        self.value = handle
        self.pid = os.getpid()
        self._finalize = weakref.finalize(self, _free, handle, free, self.pid, keeps)  # which lives as long
        self._finalize.atexit = False  # the process ends, and its memory with it

    @property
    def open(self) -> bool:
        return self._finalize.alive

    def get(self, what: str) -> ctypes.c_void_p:
        if not self._finalize.alive:
            raise _errors.usage(3001, f"the {what} was closed", "open it again")
        if self.pid != os.getpid():
            raise _errors.usage(3406, f"the {what} belongs to process {self.pid}, whose threads are not in this one",
                                "open it in this process: graft.load(path) behind fork, or the start method \"spawn\"")
        return ctypes.c_void_p(self.value)

    def free(self) -> None:
        self._finalize()


def _free(handle: int | None, free: Callable[[Any], None], pid: int, keeps: Owned | None) -> None:
    if os.getpid() == pid:  # in a child of fork the library's threads are missing: freeing would wait for them
        free(ctypes.c_void_p(handle))


class Context:
    """One call at a time; others wait."""

    def __init__(self, threads: int = 0) -> None:
        options, handle = _lib.ContextOptions(), ctypes.c_void_p()
        _lib.lib.graft_context_defaults(ctypes.byref(options))
        options.threads = threads
        _lib.call("graft_context_open", ctypes.byref(options), ctypes.byref(handle))
        self.owned = Owned(handle.value, _lib.lib.graft_context_free)
        _lib.call("graft_context_keep_events", handle, _EVENTS)
        self._turn = threading.Lock()

    def handle(self) -> ctypes.c_void_p:
        return self.owned.get("model")

    # ---- what is told meanwhile

    def look(self, bar: Bar, warn: Callable[[str], object] = _warn) -> None:
        handle, event, progress = self.handle(), _lib.Event(), _lib.Progress()
        event.size = ctypes.sizeof(event)
        while _lib.lib.graft_context_event(handle, ctypes.byref(event)):
            if event.kind == _lib.EVENT_EPOCH:
                bar.epoch(event.progress)
            elif event.kind == _lib.EVENT_WARNING:
                bar.clear()
                warn(_lib.decode(event.text))
            else:
                logger.info("%s", _lib.decode(event.text))
        if _lib.lib.graft_context_progress(handle, ctypes.byref(progress)):
            bar.show(progress)

    # ---- a call

    def run(self, work: Callable[[], T], settings: _settings.Named | None = None, bar: Bar | None = None) -> T:
        """work(), on a thread of its own, under these options. The first Ctrl-C asks it to stop and waits for it; the second
        one leaves it to end by itself. Interrupted then, even where it could still finish."""
        call = _Call(self, work, settings or {})
        bar = bar or Bar(False)
        handle = self.handle()
        reason: BaseException | None = None
        try:
            _thread.start_new_thread(call.go, ())
        except BaseException as error:  # no thread, or Ctrl-C just now
            if not call.begins():
                raise
            reason = error
            call.stop(handle)
        while not call.ended:
            try:
                if not call.bell.acquire(timeout=_LOOK):
                    self.look(bar)
            except BaseException as error:  # Ctrl-C, or a warning that is to be an error
                if reason is not None:
                    break
                reason = error
                call.stop(handle)
        if reason is not None:
            bar.close()
        _exit.hold()
        if isinstance(reason, KeyboardInterrupt):
            raise _errors.Interrupted(str(call.error or "interrupted")) from None
        if reason is not None:
            raise reason
        try:
            self.look(bar)  # what was told since the last look: a short call may have told all of it
        finally:
            bar.close()
        if call.error is not None:
            raise call.error
        value: T = call.value[0]
        return value

    def release(self) -> None:
        """Frees it, unless a call that nobody waits for any more is still under way: then the end of that one does."""
        if self._turn.acquire(blocking=False):
            self.owned.free()
            self._turn.release()

    def close(self, *before: Owned | None) -> None:
        """Frees `before`, then the context, once no call is under way."""
        if self.owned.pid != os.getpid():
            return
        with self._turn:
            for owned in (*before, self.owned):
                if owned is not None:
                    owned.free()


class _Call:
    """Ctrl-C may come between any two steps of the caller's: so what both threads see are plain values and a lock of C's, not an
    Event, whose own lock would stay taken."""

    def __init__(self, context: Context, work: Callable[[], Any], settings: _settings.Named) -> None:
        self.context, self.work, self.settings = context, work, settings
        self.begun = self.running = self.cancelled = self.ended = False
        self.bell = threading.Lock()
        self.bell.acquire()
        self.value: list[Any] = []
        self.error: BaseException | None = None

    def begins(self) -> bool:
        for _ in range(100):
            if self.begun:
                return True
            time.sleep(0.01)
        return False

    def stop(self, handle: ctypes.c_void_p) -> None:
        self.cancelled = True  # where it still waits for its turn
        if self.running and not self.ended:
            _lib.lib.graft_stop(handle, _errors.Status.INTERRUPTED)

    def go(self) -> None:
        self.begun = True
        _at_work.add(self)
        with self.context._turn:
            _lib.lib.graft_stop(ctypes.c_void_p(self.context.owned.value), _errors.Status.OK)
            self.running = True
            try:
                if not self.cancelled:
                    with _settings.handle(self.settings) as settings:
                        _lib.call("graft_context_settings", self.context.handle(), settings)
                    self.value.append(self.work())
            except BaseException as error:
                self.error = error
        _at_work.discard(self)
        self.ended = True
        self.bell.release()


_at_work: set[_Call] = set()


@atexit.register
def _end_calls() -> None:
    """A call that another thread makes is stopped: the process must not end within it."""
    _exit.begin()
    calls = list(_at_work)
    for call in calls:
        if call.context.owned.pid == os.getpid():
            _lib.lib.graft_stop(ctypes.c_void_p(call.context.owned.value), _errors.Status.TERMINATED)
    last = time.monotonic() + 10
    while any(not call.ended and call.context.owned.pid == os.getpid() for call in calls) and time.monotonic() < last:
        time.sleep(0.01)
