"""A model: labels, probabilities, features, evaluation, export."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pathlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _errors, _images, _lib, _settings, _table
from ._context import Context, Owned
from ._progress import Bar
from ._results import Detections, Evaluation, Features, Prediction
from ._session import Session

_PREDICT = ("predict", "model", "data")
_EVALUATE = ("eval", "train", "model", "data")


def is_run(path: str) -> bool:
    """A folder, or what a run folder holds: not a file of another tool's."""
    return os.path.isdir(path) or path.endswith(".safetensors") or (not os.path.exists(path) and os.sep in path)


def fill(options: Any, **values: Any) -> list[bytes]:
    """Fields of a struct of options, those that are given. Returns the texts, which must live as long as the struct."""
    alive: list[bytes] = []
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, (str, bytes, os.PathLike)):
            encoded = _lib.encode(value)
            assert encoded is not None
            alive.append(encoded)
            value = encoded
        try:
            setattr(options, name, value)
        except TypeError:
            raise _errors.usage(3002, f"{name}: {value!r} is no value for it") from None
    return alive


def size_of(size: int | str | tuple[int, int] | None) -> tuple[int, int]:
    """N or (width, height); 0 x 0: the network's own."""
    if size is None:
        return 0, 0
    try:
        sides = [int(side) for side in (size.lower().split("x") if isinstance(size, str) else size if isinstance(size, tuple) else (size,))]
    except (TypeError, ValueError):
        sides = []
    if len(sides) not in (1, 2):
        raise _errors.usage(3002, f"size: {size!r} is none", "224, (224, 160) or \"224x160\": width and height")
    return sides[0], sides[-1]


class Model:
    """graft.load gives one. Any number of threads may use predict, predict_proba and features of images at the same time; other
    calls take turns."""

    def __init__(self, context: Context, handle: ctypes.c_void_p, path: str) -> None:
        self._context = context
        self._owned = Owned(handle.value, _lib.lib.graft_model_free, context.owned)
        self.path = path
        names = [_lib.decode(_lib.lib.graft_model_class_name(handle, i)) for i in range(_lib.lib.graft_model_classes(handle))]
        self.classes: list[str] = names
        self.classes_: npt.NDArray[np.str_] = np.array(names, np.str_)
        self.samples: str = _lib.decode(_lib.lib.graft_model_samples(handle))
        self.task: str = _lib.decode(_lib.lib.graft_model_task(handle))
        width, height = ctypes.c_int(), ctypes.c_int()
        _lib.lib.graft_model_size(handle, ctypes.byref(width), ctypes.byref(height))
        self.size = (width.value, height.value)
        self._session: Session | None = None
        self._opening = threading.Lock()

    def __repr__(self) -> str:
        kind = "detector" if self.task == "detect" else "classifier" if self.classes else "backbone"
        names = ", ".join(self.classes[:5]) + (", .." if len(self.classes) > 5 else "")
        return f"<graft.Model {self.path!r}: {kind} of {self.samples}{': ' if names else ''}{names}>"

    # ---- calls

    def _handle(self) -> ctypes.c_void_p:
        return self._owned.get("model")

    def _document(self, function: str, *arguments: Any, settings: _settings.Named | None = None, bar: Bar | None = None) -> Any:
        """The JSON of a function that takes the model, and gives a result."""
        def work() -> str:
            result = ctypes.c_void_p()
            _lib.call(function, self._handle(), *arguments, ctypes.byref(result))
            return _lib.document(result)

        self._handle()
        return json.loads(self._context.run(work, settings, bar))

    def _opened(self) -> Session:
        self._handle()
        with self._opening:
            if self._session is None:
                self._session = self._context.run(lambda: Session(self._handle()))
            return self._session

    def _want_classes(self) -> None:
        if not self.classes:
            raise _errors.usage(3007, "the model has not been trained: it has no classes", "graft.train, or graft.load of a run")

    # ---- texts: a file of JSON lines holds any text, also one that is some file's name

    @contextlib.contextmanager
    def _texts(self, texts: Sequence[str]) -> Iterator[Any]:
        bad = next((t for t in texts if not isinstance(t, str)), None)
        if bad is not None or not len(texts):
            raise _errors.usage(3002, "there is no text" if bad is None else f"{type(bad).__name__} is no text", "a str, or a list of them")
        empty = next((i for i, t in enumerate(texts) if not t.strip()), None)
        if empty is not None:
            raise _errors.data(1103, f"text {empty} is empty", "leave it out")
        with tempfile.TemporaryDirectory(prefix="graft-") as folder:
            path = pathlib.Path(folder) / "texts.jsonl"
            path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
            yield _lib.texts([os.fsencode(path)])

    def _predict_texts(self, texts: Sequence[str], top: int, settings: _settings.Named) -> list[Any]:
        settings = {"data.text_column": "text", **settings}
        with self._texts(texts) as files:
            found: list[Any] = self._document("graft_predict", files, 1, top, settings=settings)["predictions"]
        return found

    # ---- labels

    def predict(self, x: Any, top: int = 5, **options: Any) -> Any:
        """A Prediction of an image or a text (Detections of a detector), or a list of them: of a folder, a list, an array [n, h, w,
        3]. In a list, what cannot be used has its `error`; where nothing could be used that is raised. options: those of `graft
        predict`, as unknown=0.95, tta="flip", confidence=0.5."""
        self._want_classes()
        settings = _settings.named(options, _PREDICT)
        if self.samples == "texts":
            texts, single = ([x], True) if isinstance(x, str) else (list(x), False)
            found = [_prediction(d, text) for d, text in zip(self._predict_texts(texts, top, settings), texts)]
            return found[0] if single else found
        items, single = _images.items(x)
        if self.task in ("detect", "multilabel") or settings:
            results = self._predict_files(items, top, settings)
        else:
            results = self._predict_images(items, top, single)
        return results[0] if single else results

    def _predict_files(self, items: list[_images.Item], top: int, settings: _settings.Named) -> list[Any]:
        with _images.as_files(items) as paths:
            found = self._document("graft_predict", _lib.texts(paths), len(paths), top, settings=settings)["predictions"]
        if self.task == "detect":
            return [Detections(d, item.name, item) for d, item in zip(found, items)]
        return [_prediction(d, item.name, item) for d, item in zip(found, items)]

    def _predict_images(self, items: list[_images.Item], top: int, single: bool) -> list[Any]:
        told: dict[int, _errors.Error] = {}
        p = self._opened().run("probabilities", items, "raise" if single else "nan", told)
        if len(told) == len(items):
            raise told[0]
        found = []
        for i, item in enumerate(items):
            if i in told:
                found.append(Prediction([], None, item.name, told[i], item))
                continue
            order = np.argsort(-p[i], kind="stable")[:max(top, 1)]
            ranked = [(self.classes[k], float(p[i, k])) for k in order]
            found.append(Prediction(ranked, ranked[0][0], item.name, None, item))
        return found

    def predict_proba(self, x: Any, errors: Literal["raise", "nan"] = "raise") -> npt.NDArray[np.float32]:
        """float32 [n, classes] in the order of classes_, also for a single image. errors="nan": a row of NaN for an image that
        cannot be used."""
        self._want_classes()
        if self.task == "detect":
            raise _errors.usage(3002, "a detector gives boxes, not one class for an image", "predict")
        if self.samples == "texts":
            texts = [x] if isinstance(x, str) else list(x)
            found = self._predict_texts(texts, 1, {"predict.output": "probabilities"})
            return np.array([d["values"] for d in found], np.float32)
        return self._opened().run("probabilities", _images.items(x)[0], errors)

    # ---- features

    def features(self, x: Any, layer: str | None = None) -> Features:
        """float32 [n, values], what the head stands on; with `layer` the output of that layer [n, ..]. Of files as `graft
        features` gives them; of images in memory from pixels that were rounded to bytes, as for predict (some 1e-3 apart)."""
        if self.samples == "texts":
            texts = [x] if isinstance(x, str) else list(x)
            with self._texts(texts) as files:
                return self._features_of(files, 1, layer, texts, {"data.text_column": "text"})
        items, _ = _images.items(x)
        if layer is None and all(item.path is None for item in items):
            return Features(self._opened().run("features", items), ["" for _ in items])
        with _images.as_files(items) as paths:
            return self._features_of(_lib.texts(paths), len(paths), layer, [item.name for item in items], {})

    def _features_of(self, files: Any, n: int, layer: str | None, names: list[str], settings: _settings.Named) -> Features:
        with tempfile.TemporaryDirectory(prefix="graft-") as folder:
            out = os.path.join(folder, "features.npy")
            self._document("graft_features", files, n, _lib.encode(layer), os.fsencode(out), settings=settings)
            return Features(np.load(out), names)

    # ---- the rest

    def evaluate(self, data: Any, split: str | None = None, **options: Any) -> Evaluation:
        """Loss, accuracy and more on labelled data: a path, (images, labels) or a table. split: "train", "validation", "test".
        options: those of `graft eval`, as metrics="top-3,mcc", intervals=True."""
        self._want_classes()
        settings = _settings.named(options, _EVALUATE)
        with contextlib.ExitStack() as stack:
            if _table.is_pair(data) or _table.is_frame(data):
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="graft-"))
                data = _table.write(data, folder, True)
                settings.setdefault("data.follow_links", "1")
            document = self._document("graft_evaluate", _lib.encode(data), _lib.encode(split), settings=settings)
        return Evaluation(document, self.classes)

    def export(self, file: str | os.PathLike[str], to: str | None = None, images: Any = None, **options: Any) -> dict[str, Any]:
        """Writes the model for another tool (to: "keras", "onnx", "safetensors", "npz", "hf", "labels"; None: by the file's ending)
        and compares what the file computes with what the model does, on `images` or some of the run's."""
        settings = _settings.named(options, ("export",))
        given = _images.items(images)[0] if images is not None else []
        with _images.as_files(given) as paths:
            struct = _lib.ExportOptions()
            _lib.lib.graft_export_defaults(ctypes.byref(struct))
            alive = fill(struct, to=to)
            if paths:
                struct.pictures, struct.n_pictures = _lib.texts(paths), len(paths)
            document: dict[str, Any] = self._document("graft_export", _lib.encode(file), ctypes.byref(struct), settings=settings)
            del alive
        return document

    def summary(self) -> str:
        """The table of layers, as Keras prints it."""
        def work() -> str:
            result = ctypes.c_void_p()
            _lib.call("graft_summary", self._handle(), ctypes.byref(result))
            try:
                return _lib.decode(_lib.lib.graft_result_text(result))
            finally:
                _lib.lib.graft_result_free(result)

        return self._context.run(work)

    def close(self) -> None:
        """Frees it now; otherwise that happens once nobody has it any more."""
        if self._session is not None:
            self._session.close()
        self._context.close(self._owned)

    def __enter__(self) -> Model:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _prediction(d: dict[str, Any], path: str, item: _images.Item | None = None) -> Prediction:
    if "error" in d:
        return Prediction([], None, path, _errors.data(0, str(d["error"])), item)
    top = [(str(t["label"]), float(np.float32(t["probability"]))) for t in d["top"]]  # told with 9 digits, a float's
    found = Prediction(top, str(d["label"]), path, None, item)
    if "labels" in d:
        found.labels = [(str(t["label"]), float(np.float32(t["probability"]))) for t in d["labels"]]
    return found


def open_network(context: Context, settings: _settings.Named, bar: Bar | None = None, **fields: Any) -> ctypes.c_void_p:
    """graft_model_open with these fields of its options."""
    options, handle = _lib.ModelOptions(), ctypes.c_void_p()
    _lib.lib.graft_model_defaults(ctypes.byref(options))
    alive = fill(options, **fields)
    context.run(lambda: _lib.call("graft_model_open", context.handle(), ctypes.byref(options), ctypes.byref(handle)), settings, bar)
    del alive
    return handle


def load(path: str | os.PathLike[str], *, weights: str | os.PathLike[str] | None = None, labels: str | os.PathLike[str] | None = None,
         threads: int = 0) -> Model:
    """The best model of a run folder, a model.safetensors, a folder of Hugging Face's with a classifier of texts; or a network with
    its own classifier: a .keras, .h5 or .onnx file, or an architecture with its weights (labels: its class names, a file)."""
    name = os.fsdecode(os.fspath(path))
    context = Context(threads)
    if is_run(name):
        handle = ctypes.c_void_p()
        context.run(lambda: _lib.call("graft_run_open", context.handle(), _lib.encode(name), ctypes.byref(handle)))
    else:
        handle = open_network(context, {}, model=name, weights=weights, labels=labels, head="keep")
    return Model(context, handle, name)


def backbone(model: str | os.PathLike[str] = "mobilenet_v2", weights: str | os.PathLike[str] | None = None,
             size: int | tuple[int, int] | None = None, threads: int = 0, **options: Any) -> Model:
    """A pretrained network without a classifier, for its features. options: as cut="block_13_expand_relu", fit="crop"."""
    context = Context(threads)
    width, height = size_of(size)
    fields = {name: options.pop(name) for name in ("cut", "channels") if name in options}
    settings = _settings.named(options, ("model", "data"))
    handle = open_network(context, settings, model=model, weights=weights, width=width, height=height, **fields)
    return Model(context, handle, os.fsdecode(os.fspath(model)))
