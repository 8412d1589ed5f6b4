"""Estimators for scikit-learn: features of a pretrained network for pipelines, and graft's own training as a classifier."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from sklearn.utils.validation import check_is_fitted  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ImportError as error:
    raise ImportError("graft.sklearn needs scikit-learn: pip install scikit-learn") from error

from . import _errors
from ._model import Model, backbone, load
from ._train import train


def _flat(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(features).reshape(len(features), -1)


class _Folder:
    """A temporary folder, gone with what has it."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="graft-")
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class _Pickled:
    """What was fitted goes along; the library's handles are opened again."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_network"}


class Features(_Pickled, TransformerMixin, BaseEstimator):  # type: ignore[misc,unused-ignore]
    """Images (paths, uint8 arrays, Pillow's), or texts where `weights` is a folder of an encoder of texts, as rows of features:
    make_pipeline(Features("mobilenet_v2", weights="imagenet"), LogisticRegression()). fit learns nothing."""

    def __init__(self, model: str = "mobilenet_v2", weights: str | None = "imagenet", layer: str | None = None, size: int | None = None,
                 threads: int = 0) -> None:
        self.model = model
        self.weights = weights
        self.layer = layer
        self.size = size
        self.threads = threads

    def _open(self) -> Model:
        wanted = (self.model, self.weights, self.size, self.threads, os.getpid())
        kept = getattr(self, "_network", None)
        if kept is None or kept[0] != wanted:
            kept = self._network = (wanted, backbone(self.model, self.weights, self.size, self.threads))
        return kept[1]

    def fit(self, X: Any, y: Any = None) -> Features:
        self._open()
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        check_is_fitted(self, "fitted_")
        values = _flat(self._open().features(X, self.layer))
        self.n_features_out_ = values.shape[1]
        return values

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        check_is_fitted(self, "n_features_out_")
        return np.array([f"feature{i}" for i in range(self.n_features_out_)], object)


class Classifier(_Pickled, ClassifierMixin, BaseEstimator):  # type: ignore[misc,unused-ignore]
    """graft.train as an estimator. X: paths, uint8 arrays [n, h, w, 3], or texts; y: classes of any one type. out: the run folder,
    which an earlier fit's gives way to; None: a temporary one, gone with the estimator. options: more of graft.train's, as
    {"augment": "flip", "metrics": "mcc"}."""

    def __init__(self, weights: str | None = "imagenet", model: str | None = None, size: int | None = None, fine_tune_at: int | None = None,
                 epochs: int = 10, fine_tune_epochs: int | None = None, lr: float = 1e-4, batch: int = 32, seed: int = 0,
                 out: str | None = None, options: dict[str, Any] | None = None, threads: int = 0) -> None:
        self.weights = weights
        self.model = model
        self.size = size
        self.fine_tune_at = fine_tune_at
        self.epochs = epochs
        self.fine_tune_epochs = fine_tune_epochs
        self.lr = lr
        self.batch = batch
        self.seed = seed
        self.out = out
        self.options = options
        self.threads = threads

    def fit(self, X: Any, y: Any) -> Classifier:
        y = np.asarray(y)
        if y.ndim != 1:
            raise _errors.data(3403, f"y is an array {y.shape}", "a class for each of X")
        self.classes_, number = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise _errors.data(3403, f"y has {len(self.classes_)} class", "two at least")
        digits = len(str(len(self.classes_) - 1))  # so that their order as texts is that of classes_
        names = [f"{k:0{digits}d}" for k in number]
        self._folder = _Folder() if self.out is None else None
        self.run_ = os.path.join(self._folder.path, "run") if self._folder is not None else self.out
        options = {"report": False, "progress": False, **(self.options or {})}
        train((X, names), out=str(self.run_), weights=self.weights, model=self.model, size=self.size, fine_tune_at=self.fine_tune_at,
              epochs=self.epochs, fine_tune_epochs=self.fine_tune_epochs, lr=self.lr, batch=self.batch, seed=self.seed, force=True,
              threads=self.threads, **options)
        self._network: tuple[int, Model] | None = None
        return self

    def __getstate__(self) -> dict[str, Any]:
        if getattr(self, "_folder", None) is not None:
            raise _errors.usage(3001, "the classifier's run is in a temporary folder: it cannot be stored", "give it a folder: out=\"runs/name\"")
        return super().__getstate__()

    def _open(self) -> Model:
        check_is_fitted(self, "run_")
        if getattr(self, "_network", None) is None or self._network[0] != os.getpid():  # type: ignore[index]
            self._network = (os.getpid(), load(str(self.run_), threads=self.threads))
        assert self._network is not None
        return self._network[1]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        return self._open().predict_proba(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        p = self.predict_proba(X)
        best: npt.NDArray[Any] = self.classes_[np.argmax(p, axis=1)]
        return best
