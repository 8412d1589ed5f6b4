"""Training: a run that is begun, or gone on with."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from . import _errors, _lib, _settings, _table
from ._context import Context, _warn
from ._model import fill, size_of
from ._progress import Bar
from ._run import Run

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import TrainOptions

_SECTIONS = ("train", "model", "data")


def _boundary(at: int | str | None, last: int | None, options: dict[str, Any]) -> dict[str, Any]:
    """Where fine-tuning begins; without that there is none, as with the command."""
    if at is not None and last is not None:
        raise _errors.usage(3001, "fine_tune_at and fine_tune_last both say where fine-tuning begins", "give one")
    if at is None and last is None and "phases" not in options and "train.phases" not in options:
        if int(options.get("fine_tune_epochs") or 0) > 0:
            raise _errors.usage(3001, "fine_tune_epochs needs fine_tune_at or fine_tune_last", "for MobileNetV2, fine_tune_at=100 is a good start")
        options["fine_tune_epochs"] = 0
    if isinstance(at, str):
        return {"fine_tune_at_name": at}
    return {"fine_tune_at": at, "fine_tune_last": last}


def _split(split: Any) -> Any:
    if split is None:
        return None
    shares = [float(x) for x in (split.split(",") if isinstance(split, str) else split)]
    shares += [0.0] * (3 - len(shares))
    return (ctypes.c_double * 3)(*shares[:3])


def _has_begun(out: str) -> bool:
    return os.path.exists(os.path.join(out, "config.json"))


def train(data: Any, *, out: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None,
          model: str | os.PathLike[str] | None = None, size: int | str | tuple[int, int] | None = None,
          fine_tune_at: int | str | None = None, fine_tune_last: int | None = None, cut: str | None = None,
          channels: int | None = None, labels: str | os.PathLike[str] | None = None, precision: str | None = None, split: Any = None,
          batch: int | None = None, seed: int | None = None, force: bool = False, threads: int = 0, progress: bool | None = None,
          **options: Unpack[TrainOptions]) -> Run:
    """Trains a new head on the frozen backbone, then, with fine_tune_at or fine_tune_last, the backbone's last layers, and writes the
    run folder `out`. data: a folder, a CSV file or an archive, as for `graft train`; or in memory (images, labels[, parts]) or a table
    of the columns path (or text), label[, split], which are written to the folder `out`.data. options: the command's, by name, as
    epochs=5, lr=1e-3, augment="flip,rotate=0.1", hooks="early-stopping". Ctrl-C leaves a checkpoint: graft.resume(out)."""
    named: dict[str, Any] = dict(options)
    folder = os.fsdecode(os.fspath(out))
    boundary = _boundary(fine_tune_at, fine_tune_last, named)
    settings = _settings.named(named, _SECTIONS)
    if batch is not None:
        settings["train.batch"] = _settings.text("batch", batch)
    for name in ("model.seed", "data.seed", "train.seed"):
        if seed is not None:
            settings.setdefault(name, _settings.text("seed", seed))
    width, height = size_of(size)
    source = data
    if _table.is_pair(data) or _table.is_frame(data):
        if os.path.isdir(folder) and os.listdir(folder) and not force:
            raise _errors.usage(3006, f"{folder}: the run folder is there and not empty", "another `out`, graft.resume, or force=True")
        source = _table.write(data, folder.rstrip(os.sep) + ".data", force)
        settings.setdefault("data.follow_links", "1")
    if weights is None and (model is None or not ("." in os.fsdecode(model) or os.path.exists(model))):
        _warn("no weights: the backbone starts from random values, nothing is transferred")
    context = Context(threads)
    job = _Job(context, folder, force)
    job.model_fields = dict(model=model, weights=weights, width=width, height=height, cut=cut, channels=channels, labels=labels,
                            precision=precision, **boundary)
    job.data_fields = dict(split=_split(split), batch=batch)
    try:
        context.run(lambda: job.go(source), settings, Bar(progress))
    except _errors.Interrupted as stop:
        stop.run = folder if _has_begun(folder) else None
        raise
    finally:
        context.release()
    return Run(folder)


class _Job:
    """graft_train, and what it needs; on the thread of the call."""

    def __init__(self, context: Context, out: str, force: bool) -> None:
        self.context, self.out, self.force = context, out, force
        self.model_fields: dict[str, Any] = {}
        self.data_fields: dict[str, Any] = {}

    def go(self, source: Any) -> None:
        lib, ref = _lib.lib, ctypes.byref
        model, data, result = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        model_options, data_options, train_options = _lib.ModelOptions(), _lib.DataOptions(), _lib.TrainOptions()
        lib.graft_model_defaults(ref(model_options))
        lib.graft_data_defaults(ref(data_options))
        lib.graft_train_defaults(ref(train_options))
        alive = fill(model_options, **self.model_fields) + fill(data_options, **self.data_fields)
        alive += fill(train_options, out=self.out, force=int(self.force))
        try:
            _lib.call("graft_train_check", ref(train_options))
            _lib.call("graft_model_open", self.context.handle(), ref(model_options), ref(model))
            width, height = ctypes.c_int(), ctypes.c_int()
            lib.graft_model_size(model, ref(width), ref(height))
            data_options.width, data_options.height = width, height
            _lib.call("graft_data_open", self.context.handle(), _lib.encode(source), ref(data_options), ref(data))
            _lib.call("graft_train", model, data, ref(train_options), ref(result))
        finally:
            lib.graft_result_free(result)
            lib.graft_data_free(data)
            lib.graft_model_free(model)
        del alive


def resume(run: str | os.PathLike[str] | Run, *, data: str | os.PathLike[str] | None = None, epochs: int | None = None,
           fine_tune_epochs: int | None = None, threads: int = 0, progress: bool | None = None) -> Run:
    """Goes on with a run that was stopped in any way: the same bits as if it had not been. data: where the data are now, if they were
    moved. epochs, fine_tune_epochs: more than it began with."""
    folder = run.path if isinstance(run, Run) else os.fsdecode(os.fspath(run))
    settings = _settings.named({"epochs": epochs, "fine_tune_epochs": fine_tune_epochs}, ("train",))
    context, result = Context(threads), ctypes.c_void_p()
    try:
        context.run(lambda: _lib.call("graft_resume", context.handle(), _lib.encode(folder), _lib.encode(data), ctypes.byref(result)),
                    settings, Bar(progress))
    except _errors.Interrupted as stop:
        stop.run = folder if _has_begun(folder) else None
        raise
    finally:
        _lib.lib.graft_result_free(result)
        context.release()
    return Run(folder)
