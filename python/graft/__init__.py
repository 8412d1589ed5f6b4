"""Transfer learning on a CPU: pretrained networks fine-tuned on your own images and texts.

    run = graft.train("pets", weights="imagenet", fine_tune_at=100, out="runs/pets")
    model = graft.load("runs/pets")
    model.predict("photo.jpg").label

docs/python.md is the guide. Numbers are the command's, to the bit."""

from __future__ import annotations

from typing import Any

from . import _lib, _settings
from ._errors import (DataError, DivergedError, Error, Interrupted, NetworkError, ResourceError, Status, Terminated, UsageError, Warning,
                      WeightsError, WorkerError)
from ._model import Model, backbone, load
from ._results import Detections, Evaluation, Features, Prediction
from ._run import Run
from ._serve import Server, serve
from ._train import resume, train

__version__ = _lib.version
__all__ = ["DataError", "Detections", "DivergedError", "Error", "Evaluation", "Features", "Interrupted", "Model", "NetworkError",
           "Prediction", "ResourceError", "Run", "Server", "Status", "Terminated", "UsageError", "Warning", "WeightsError",
           "WorkerError", "backbone", "load", "options", "resume", "serve", "train"]


def options(section: str = "") -> dict[str, dict[str, Any]]:
    """All options that there are, of a section ("train") or of all: name, default, help, choices."""
    return {row.name: {"default": row.default, "help": row.help, "choices": row.choices}
            for row in _settings.rows() if not section or row.section == section}
