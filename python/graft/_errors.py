"""What goes wrong, by kind. Each error has the number that docs/errors.md explains, what to do about it, and its status."""

from __future__ import annotations

import enum
from typing import Any


class Status(enum.IntEnum):
    """As graft/status.h has them: the exit codes of the command."""

    OK = 0
    USAGE = 2
    DATA = 3
    WEIGHTS = 4
    RESOURCE = 5
    NETWORK = 6
    DIVERGED = 7
    WORKER = 8
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


class Error(Exception):
    """code ("E1207"), hint (what to do, may be empty), status."""

    def __init__(self, message: str, code: str = "", hint: str = "", status: Status = Status.INTERNAL) -> None:
        text = f"{code}: {message}" if code else message
        super().__init__(f"{text}\nhint: {hint}" if hint else text)
        self.message, self.code, self.hint, self.status = message, code, hint, status

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.code, self.hint, self.status)


class UsageError(Error, ValueError):
    """An option, an argument or a call that cannot be."""


class DataError(Error, ValueError):
    """Images, texts or labels that cannot be used."""


class WeightsError(Error):
    """A file of weights or a model that was refused."""


class ResourceError(Error, OSError):
    """Memory, the disk or descriptors ran out, or a file cannot be read or written."""


class NetworkError(Error):
    """Nothing came over the network, or not what was published."""


class DivergedError(Error):
    """The loss was no number any more; the last good checkpoint is kept."""


class WorkerError(Error):
    """A process that helped has died; the run can be resumed."""


class Terminated(Error):
    """The call was ended by what it was asked to."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a call. run: the folder that graft.resume goes on with; None where nothing was begun."""

    def __init__(self, message: str = "", run: str | None = None) -> None:
        super().__init__(message)
        self.run = run

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.run)


class Warning(UserWarning):
    """What graft warns of: filters of the module `warnings` hold."""


_CLASSES: dict[int, type[Error]] = {
    Status.USAGE: UsageError,
    Status.DATA: DataError,
    Status.WEIGHTS: WeightsError,
    Status.RESOURCE: ResourceError,
    Status.NETWORK: NetworkError,
    Status.DIVERGED: DivergedError,
    Status.WORKER: WorkerError,
    Status.TERMINATED: Terminated,
}


def make(status: int, number: int, message: str, hint: str) -> Error:
    known = Status(status) if status in Status._value2member_map_ else Status.INTERNAL
    return _CLASSES.get(status, Error)(message, f"E{number}" if number else "", hint, known)


def usage(number: int, message: str, hint: str = "") -> Error:
    return make(Status.USAGE, number, message, hint)


def data(number: int, message: str, hint: str = "") -> Error:
    return make(Status.DATA, number, message, hint)
