"""The end of the process: calls that daemon threads make are ended, and these threads are held, as Python holds them a moment later."""

from __future__ import annotations

import threading

_ending = threading.Event()


def begin() -> None:
    _ending.set()


def hold() -> None:
    """On a thread whose call was ended since the process ends: nobody waits for what it would say."""
    if _ending.is_set() and threading.current_thread() is not threading.main_thread():
        threading.Event().wait()
