"""A server of models in the background."""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from . import _errors, _lib, _settings
from ._context import Context, Owned, logger
from ._model import Model
from ._progress import Bar
from ._run import Run

_servers: weakref.WeakSet[Server] = weakref.WeakSet()


def _path(model: Any) -> str:
    return model.path if isinstance(model, (Model, Run)) else os.fsdecode(os.fspath(model))


class Server:
    """url, stop(); ends with `with`. It serves until it is stopped, or the process ends."""

    def __init__(self, context: Context, handle: ctypes.c_void_p) -> None:
        self._context = context
        self._owned = Owned(handle.value, _lib.lib.graft_serve_free, context.owned)
        self.url = _lib.decode(_lib.lib.graft_serve_address(handle))
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=work, name="graft-serve", daemon=True) for work in (self._serve, self._listen)]
        for thread in self._threads:
            thread.start()
        _servers.add(self)

    def _serve(self) -> None:
        try:
            _lib.call("graft_serve_run", self._owned.get("server"))
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def _listen(self) -> None:
        """What the server tells, as option log asks for it, goes to `logging`."""
        while not self._ended.wait(0.2):
            self._context.look(Bar(False), logger.warning)
        self._context.look(Bar(False), logger.warning)

    def stop(self) -> None:
        """What came is answered, then it ends. A second time: nothing."""
        if not self._owned.open or self._owned.pid != os.getpid():
            return
        _lib.lib.graft_serve_stop(self._owned.get("server"))
        for thread in self._threads:
            thread.join()
        self._context.close(self._owned)
        if self._error is not None:
            raise self._error

    def __repr__(self) -> str:
        return f"<graft.Server {self.url}>" if self._owned.open else "<graft.Server, stopped>"

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}">{self.url}</a>' if self._owned.open and self.url.startswith("http") else repr(self)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def serve(model: Any, port: int = 8080, host: str = "127.0.0.1", threads: int = 0, **options: Any) -> Server:
    """Answers over HTTP, as `graft serve` does, in the background. model: a Model, a Run or a path; a dictionary of names and these.
    port 0: any that is free. options: those of `graft serve`, as token_file="token", max_images=64."""
    models: Mapping[str, Any] = model if isinstance(model, Mapping) else {os.path.basename(os.path.abspath(_path(model))): model}
    runs = [b"%s=%s" % (_lib.encode(name), _lib.encode(_path(one))) for name, one in models.items()]
    settings = _settings.named(options, ("serve", "session", "data"))
    settings.setdefault("serve.listen", f"{host}:{port}")
    context, handle = Context(threads), ctypes.c_void_p()
    context.run(lambda: _lib.call("graft_serve_open", context.handle(), _lib.texts(runs), len(runs), None, ctypes.byref(handle)), settings)
    return Server(context, handle)


@atexit.register
def _stop_all() -> None:
    for server in list(_servers):
        try:
            server.stop()
        except _errors.Error:
            pass  # the process ends anyway
