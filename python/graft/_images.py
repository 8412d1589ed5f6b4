"""What may stand for an image: a path, the bytes of a file, pixels, an image of Pillow's. What is not clear is refused with
what to do; nothing is guessed."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import pathlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from . import _errors, _lib, _png

# names of images as graft itself knows them when it walks a folder
ENDINGS = frozenset(".jpg .jpeg .jpe .jfif .png .apng .gif .bmp .dib .webp .ppm .pgm .pbm .pnm .tif .tiff "
                    ".heic .heif .avif .svg .psd .jp2 .jxl".split())
Encoded = Union[bytes, bytearray, memoryview]
One = Any  # str, os.PathLike, Encoded, an array [h, w, 3], an image of Pillow's
Many = Any  # a list of those, an array [n, h, w, 3], a folder


def _is_path(x: Any) -> bool:
    return isinstance(x, (str, os.PathLike))


def _is_pillow(x: Any) -> bool:
    return not isinstance(x, np.ndarray) and any(c.__module__.split(".")[0] == "PIL" for c in type(x).__mro__)


def _refuse(message: str, hint: str) -> _errors.Error:
    return _errors.data(3403, message, hint)


def _pillow(x: Any) -> Any:
    """RGB pixels, or a PNG where there is transparency to be put on white as in files; EXIF orientation holds."""
    from PIL import ImageOps  # type: ignore[import-not-found,import-untyped,unused-ignore]
    x = ImageOps.exif_transpose(x)
    if x.mode in ("RGBA", "LA", "PA") or "transparency" in x.info or x.mode.startswith("I"):
        buffer = io.BytesIO()
        (x.convert("RGBA") if x.mode in ("PA", "P") else x).save(buffer, "PNG")
        return buffer.getvalue()
    return np.asarray(x.convert("RGB"))


def _check_type(array: npt.NDArray[Any]) -> None:
    kind = array.dtype.kind
    if array.dtype == np.uint8:
        return
    if kind == "f":
        raise _refuse(f"an array of {array.dtype}: whether it is 0 to 1 or 0 to 255, or was normalized, cannot be seen",
                      "give uint8, as in (x * 255).round().astype('uint8') of values from 0 to 1, or x.astype('uint8') of 0 to "
                      "255; the model does its own preprocessing")
    if kind == "O":
        raise _refuse("an array of objects is no array of pixels", "a list of arrays of their own sizes is taken, and a list of paths")
    hint = "x.astype('uint8'), if its values are 0 to 255" if kind in "iub" else "give uint8"
    raise _refuse(f"an array of {array.dtype}: pixels are uint8", hint)


def _check_shape(array: npt.NDArray[Any], wanted: int) -> None:
    """wanted: 3, an image, or 4, several of one size."""
    shape = array.shape
    if array.size == 0:
        raise _refuse(f"an empty array, {shape}", "an image has a pixel at least")
    if len(shape) != wanted:
        want = "[height, width, 3]" if wanted == 3 else "[height, width, 3], or [n, height, width, 3]"
        hint = "a gray image [height, width] is x[..., None]" if len(shape) == 2 else f"{want}, uint8"
        raise _refuse(f"an array of {len(shape)} dimensions, {shape}: wanted is {want}", hint)
    if shape[-1] in (1, 3, 4):
        return
    if shape[-3] in (1, 3, 4):
        axes = "1, 2, 0" if wanted == 3 else "0, 2, 3, 1"
        raise _refuse(f"an array {shape}: its channels come first", f"x.transpose({axes}), or x.permute({axes}) in PyTorch")
    raise _refuse(f"an array {shape}: the last dimension is the channels, of which there are 1, 3 or 4",
                  "gray images [n, height, width] are x[..., None]")


def is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray) or (hasattr(x, "__array__") and not _is_pillow(x) and not isinstance(x, (str, bytes)))


def _of_texts(array: npt.NDArray[Any]) -> bool:
    """An array of paths, texts or images, one each."""
    return array.ndim == 1 and (array.dtype.kind in "US" or array.dtype.kind == "O")


class Item:
    """One image, ready for graft_session_run: bytes of a file, or rows of RGB."""

    def __init__(self, source: One) -> None:
        self.source = source
        self.path: str | None = None
        self._pixels: npt.NDArray[np.uint8] | None = None
        self._bytes: bytes | memoryview | None = None
        if isinstance(source, np.ndarray):
            _check_type(source)
            _check_shape(source, 3)
            self._take(source)
        elif _is_path(source):
            self.path = os.fsdecode(os.fspath(source))
        elif isinstance(source, (bytes, bytearray, memoryview)):
            self._bytes = memoryview(source).cast("B") if isinstance(source, memoryview) else bytes(source)
        elif _is_pillow(source):
            self._take(_pillow(source))
        elif is_array(source):
            array = np.asarray(source)
            _check_type(array)
            _check_shape(array, 3)
            self._take(array)
        else:
            raise _refuse(f"{type(source).__name__} is no image", "a path, the bytes of a file, a uint8 array, or an image of Pillow's")

    def _take(self, got: Any) -> None:
        if isinstance(got, bytes):
            self._bytes = got
        elif got.shape[-1] == 4:  # transparency goes onto white as in a file, by the same code
            self._bytes = _png.encode(got)
        else:
            self._pixels = np.repeat(got, 3, axis=-1) if got.shape[-1] == 1 else got

    def encoded(self) -> bytes | memoryview:
        """A file's bytes."""
        if self.path is not None:
            return pathlib.Path(self.path).read_bytes()
        return self._bytes if self._bytes is not None else _png.encode(np.asarray(self._pixels))

    def fill(self, to: _lib.Image) -> Any:
        """What `to` points to; it must live during the call."""
        to.size = ctypes.sizeof(_lib.Image)
        if self._pixels is None:
            data = self.encoded()
            array = np.frombuffer(data, np.uint8)
            to.kind, to.bytes, to.width, to.height, to.stride = _lib.IMAGE_ENCODED, array.size, 0, 0, 0
            to.data = address(array) if array.size else ctypes.addressof(_EMPTY)
            return array
        p = self._pixels
        if p.strides[2] != 1 or p.strides[1] != 3 or p.strides[0] < 3 * p.shape[1]:
            p = np.ascontiguousarray(p)
        to.kind, to.data, to.height, to.width, to.stride = _lib.IMAGE_RGB8, address(p), p.shape[0], p.shape[1], p.strides[0]
        to.bytes = (p.shape[0] - 1) * p.strides[0] + 3 * p.shape[1]
        return p

    @property
    def name(self) -> str:
        return self.path if self.path is not None else ""


_EMPTY = ctypes.c_char(b"\0")


def address(array: npt.NDArray[Any]) -> int:
    """What array.ctypes.data is, in a tenth of the time."""
    place: int = array.__array_interface__["data"][0]
    return place


def walk(folder: str) -> list[str]:
    """The images below a folder, as graft lists them: sorted, hidden ones left out."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.join(place, name) for name in files
                  if not name.startswith(".") and os.path.splitext(name)[1].lower() in ENDINGS]
    if not found:
        raise _errors.data(1103, f"{folder}: there is no image in it")
    return sorted(found, key=os.fsencode)


def items(x: One | Many) -> tuple[list[Item], bool]:
    """The images that x stands for, and whether it is a single one."""
    if isinstance(x, np.ndarray) and x.ndim == 3:
        return [Item(x)], True
    if _is_path(x):
        path = os.fsdecode(os.fspath(x))
        return ([Item(p) for p in walk(path)], False) if os.path.isdir(path) else ([Item(path)], True)
    if isinstance(x, (bytes, bytearray, memoryview)) or _is_pillow(x):
        return [Item(x)], True
    if is_array(x) and not (isinstance(x, np.ndarray) and _of_texts(x)):
        array = np.asarray(x)
        if not _of_texts(array):
            _check_type(array)
            if array.ndim == 4:
                _check_shape(array, 4)
                return [Item(image) for image in array], False
            _check_shape(array, 3)
            return [Item(array)], True
        x = array
    if isinstance(x, Iterable):
        found: list[Item] = []
        for one in x:
            one = one.item() if isinstance(one, (np.str_, np.bytes_)) else one
            found += items(one)[0] if _is_path(one) else [Item(one)]
        if not found:
            raise _refuse("there is no image in it", "a list has one at least")
        return found, False
    raise _refuse(f"{type(x).__name__} is no image", "a path, the bytes of a file, a uint8 array, an image of Pillow's, or a list of these")


@contextlib.contextmanager
def as_files(given: Sequence[Item]) -> Iterator[list[bytes]]:
    """Paths of the images; those in memory lie in a temporary folder meanwhile."""
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        paths: list[bytes] = []
        for i, item in enumerate(given):
            if item.path is None:
                path = os.path.join(folder, f"{i:09d}.png")  # what the bytes are is seen in the bytes
                pathlib.Path(path).write_bytes(item.encoded())
                paths.append(os.fsencode(path))
            else:
                encoded = _lib.encode(item.path)
                assert encoded is not None
                paths.append(encoded)
        yield paths
