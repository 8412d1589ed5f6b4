"""The C functions, by ctypes. Structs and functions are those of include/graft; tests/python/test_layout.py compares them
with the headers. ctypes lets other threads run during each call."""

from __future__ import annotations

import ctypes as c
import os
import pathlib
from typing import Any

from . import _errors

Handle = c.c_void_p
Text = c.c_char_p
HandleOut = c.POINTER(c.c_void_p)
Texts = c.POINTER(c.c_char_p)


class ErrorStruct(c.Structure):
    c_name = "graft_error"
    _fields_ = [("status", c.c_int), ("number", c.c_int), ("message", c.c_char * 1536), ("hint", c.c_char * 512)]


class Progress(c.Structure):
    c_name = "graft_progress"
    _fields_ = [("stage", c.c_int), ("done", c.c_int64), ("total", c.c_int64), ("epoch", c.c_int), ("epochs", c.c_int),
                ("phase", c.c_int), ("loss", c.c_double), ("accuracy", c.c_double), ("val_loss", c.c_double),
                ("val_accuracy", c.c_double), ("images_per_second", c.c_double), ("seconds_left", c.c_double),
                ("seconds", c.c_double)]


class Event(c.Structure):
    c_name = "graft_event"
    _fields_ = [("size", c.c_uint32), ("kind", c.c_int32), ("lost", c.c_uint64), ("progress", Progress), ("text", c.c_char * 2048)]


class ContextOptions(c.Structure):
    c_name = "graft_context_options"
    _fields_ = [("threads", c.c_int), ("say", c.c_void_p), ("progress", c.c_void_p), ("should_stop", c.c_void_p),
                ("user", c.c_void_p)]


class ModelOptions(c.Structure):
    c_name = "graft_model_options"
    _fields_ = [("model", Text), ("weights", Text), ("alpha", c.c_double), ("width", c.c_int), ("height", c.c_int),
                ("classes", c.c_int), ("dropout", c.c_double), ("head", Text), ("cut", Text), ("preprocess", Text),
                ("channels", c.c_int), ("labels", Text), ("seed", c.c_uint64), ("precision", Text), ("fine_tune_at", c.c_int),
                ("fine_tune_at_name", Text), ("fine_tune_last", c.c_int), ("allow_nonfinite", c.c_int)]


class DataOptions(c.Structure):
    c_name = "graft_data_options"
    _fields_ = [("width", c.c_int), ("height", c.c_int), ("antialias", c.c_int), ("split", c.c_double * 3),
                ("test_from_validation", c.c_double), ("batch", c.c_int), ("seed", c.c_uint64), ("cache", c.c_int),
                ("memory_limit", c.c_uint64), ("cache_dir", Text), ("skip_bad", c.c_int), ("max_bad", c.c_double),
                ("allow_truncated", c.c_int), ("ignore_exif", c.c_int), ("allow_empty_class", c.c_int)]


class TrainOptions(c.Structure):
    c_name = "graft_train_options"
    _fields_ = [("out", Text), ("force", c.c_int), ("batch", c.c_int), ("epochs", c.c_int), ("fine_tune_epochs", c.c_int),
                ("lr", c.c_double), ("fine_tune_lr", c.c_double), ("optimizer", Text), ("fine_tune_optimizer", Text),
                ("augment", Text), ("seed", c.c_uint64), ("on_nan", Text), ("checkpoint_seconds", c.c_double),
                ("report", c.c_int), ("command_line", Text), ("batch_norm", Text)]


class ExportOptions(c.Structure):
    c_name = "graft_export_options"
    _fields_ = [("to", Text), ("pictures", Texts), ("n_pictures", c.c_size_t)]


class Image(c.Structure):
    c_name = "graft_image"
    _fields_ = [("size", c.c_uint32), ("kind", c.c_uint32), ("data", c.c_void_p), ("bytes", c.c_size_t), ("width", c.c_int32),
                ("height", c.c_int32), ("stride", c.c_size_t)]


class Output(c.Structure):
    c_name = "graft_output"
    _fields_ = [("size", c.c_uint32), ("unused", c.c_uint32), ("name", Text), ("data", c.c_void_p), ("values", c.c_size_t)]


class Option(c.Structure):
    c_name = "graft_option"
    _fields_ = [("size", c.c_uint32), ("flags", c.c_uint32), ("name", Text), ("kind", c.c_int), ("min", c.c_double),
                ("max", c.c_double), ("below", c.c_int), ("choices", Text), ("default_value", Text), ("value", Text),
                ("help", Text), ("since", Text), ("verbs", Text), ("flag", Text), ("group", Text), ("before", Text)]


STRUCTS: list[type[Any]] = [ErrorStruct, Progress, Event, ContextOptions, ModelOptions, DataOptions, TrainOptions, ExportOptions,
                            Image, Output, Option]
# graft_stage, graft_event_kind, graft_option_kind and the kinds of images
STAGES = "CHECK PLAN TRAIN EVALUATE EPOCH REPORT FETCH".split()
STAGE_EPOCH = STAGES.index("EPOCH")
EVENT_NOTE, EVENT_WARNING, EVENT_EPOCH = 1, 2, 3
OPTION_KINDS = "FLAG WHOLE SEED REAL SHARE BYTES CHOICE TEXT FILE FOLDER".split()
IMAGE_ENCODED, IMAGE_RGB8 = 1, 2

_ERR = c.POINTER(ErrorStruct)
# function: (what it returns, what it takes)
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "graft_version": (Text, []),
    "graft_abi": (c.c_uint32, []),
    "graft_status_text": (Text, [c.c_int]),
    "graft_context_defaults": (None, [c.POINTER(ContextOptions)]),
    "graft_context_open": (c.c_int, [c.POINTER(ContextOptions), HandleOut, _ERR]),
    "graft_context_free": (None, [Handle]),
    "graft_context_settings": (c.c_int, [Handle, Handle, _ERR]),
    "graft_context_progress": (c.c_int, [Handle, c.POINTER(Progress)]),
    "graft_context_keep_events": (c.c_int, [Handle, c.c_size_t, _ERR]),
    "graft_context_event": (c.c_int, [Handle, c.POINTER(Event)]),
    "graft_stop": (None, [Handle, c.c_int]),
    "graft_settings_new": (c.c_int, [HandleOut, _ERR]),
    "graft_settings_free": (None, [Handle]),
    "graft_settings_set": (c.c_int, [Handle, Text, Text, _ERR]),
    "graft_option_at": (c.POINTER(Option), [c.c_size_t]),
    "graft_model_defaults": (None, [c.POINTER(ModelOptions)]),
    "graft_model_open": (c.c_int, [Handle, c.POINTER(ModelOptions), HandleOut, _ERR]),
    "graft_run_open": (c.c_int, [Handle, Text, HandleOut, _ERR]),
    "graft_model_free": (None, [Handle]),
    "graft_model_size": (None, [Handle, c.POINTER(c.c_int), c.POINTER(c.c_int)]),
    "graft_model_classes": (c.c_int, [Handle]),
    "graft_model_class_name": (Text, [Handle, c.c_int]),
    "graft_model_samples": (Text, [Handle]),
    "graft_model_task": (Text, [Handle]),
    "graft_summary": (c.c_int, [Handle, HandleOut, _ERR]),
    "graft_fetch": (c.c_int, [Handle, Text, Text, HandleOut, _ERR]),
    "graft_fetch_data": (c.c_int, [Handle, Text, Text, Text, HandleOut, _ERR]),
    "graft_data_defaults": (None, [c.POINTER(DataOptions)]),
    "graft_data_open": (c.c_int, [Handle, Text, c.POINTER(DataOptions), HandleOut, _ERR]),
    "graft_data_free": (None, [Handle]),
    "graft_inspect": (c.c_int, [Handle, Text, c.POINTER(DataOptions), HandleOut, c.POINTER(c.c_int64), _ERR]),
    "graft_train_defaults": (None, [c.POINTER(TrainOptions)]),
    "graft_train_check": (c.c_int, [c.POINTER(TrainOptions), _ERR]),
    "graft_train": (c.c_int, [Handle, Handle, c.POINTER(TrainOptions), HandleOut, _ERR]),
    "graft_resume": (c.c_int, [Handle, Text, Text, HandleOut, _ERR]),
    "graft_evaluate": (c.c_int, [Handle, Text, Text, HandleOut, _ERR]),
    "graft_predict": (c.c_int, [Handle, Texts, c.c_size_t, c.c_int, HandleOut, _ERR]),
    "graft_features": (c.c_int, [Handle, Texts, c.c_size_t, Text, Text, HandleOut, _ERR]),
    "graft_export_defaults": (None, [c.POINTER(ExportOptions)]),
    "graft_export": (c.c_int, [Handle, Text, c.POINTER(ExportOptions), HandleOut, _ERR]),
    "graft_result_json": (Text, [Handle]),
    "graft_result_text": (Text, [Handle]),
    "graft_result_free": (None, [Handle]),
    "graft_session_open": (c.c_int, [Handle, Handle, HandleOut, _ERR]),
    "graft_session_run": (c.c_int, [Handle, c.POINTER(Image), c.c_size_t, c.POINTER(Output), c.c_size_t, c.POINTER(ErrorStruct), _ERR]),
    "graft_session_values": (c.c_size_t, [Handle, Text]),
    "graft_session_close": (None, [Handle]),
    "graft_session_free": (None, [Handle]),
    "graft_serve_open": (c.c_int, [Handle, Texts, c.c_size_t, Handle, HandleOut, _ERR]),
    "graft_serve_address": (Text, [Handle]),
    "graft_serve_run": (c.c_int, [Handle, _ERR]),
    "graft_serve_stop": (None, [Handle]),
    "graft_serve_free": (None, [Handle]),
}


def _path() -> str:
    """GRAFT_LIBRARY, else the package's own, else what the system's loader finds."""
    own = pathlib.Path(__file__).parent / "lib" / "libgraft.so.0"
    return os.environ.get("GRAFT_LIBRARY") or (str(own) if own.exists() else "libgraft.so.0")


def _load() -> Any:
    path = _path()
    try:
        library = c.CDLL(path)
    except OSError as error:
        raise ImportError(f"libgraft cannot be loaded: {error}; GRAFT_LIBRARY=/path/to/libgraft.so.0 says where it is") from None
    try:
        for name, (gives, takes) in FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = gives, takes
    except AttributeError:
        raise ImportError(f"{path}: this libgraft is older than the Python package: it has no {name}") from None
    return library


lib = _load()
version: str = lib.graft_version().decode()


def encode(value: str | bytes | os.PathLike[Any] | None) -> bytes | None:
    """Text or a path for C: bytes that are not UTF-8 come back as they were (surrogateescape)."""
    if value is None or isinstance(value, bytes):
        return value
    encoded = os.fspath(value)
    if isinstance(encoded, str):
        encoded = encoded.encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise _errors.usage(3002, f"{value!r} has a byte 0 in it", "paths and texts have none")
    return bytes(encoded)


def decode(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "surrogateescape")


def check(status: int, error: ErrorStruct) -> None:
    if status:
        raise _errors.make(status, error.number, decode(error.message), decode(error.hint))


def call(name: str, *arguments: Any) -> None:
    """A function that returns a status and takes an error last."""
    error = ErrorStruct()
    check(getattr(lib, name)(*arguments, c.byref(error)), error)


def texts(values: list[bytes]) -> Any:
    return (c.c_char_p * len(values))(*values)


def document(handle: c.c_void_p) -> str:
    """A result's JSON; the result is freed. Names that are not UTF-8 were written by graft with escapes of its own."""
    try:
        return decode(lib.graft_result_json(handle))
    finally:
        lib.graft_result_free(handle)
