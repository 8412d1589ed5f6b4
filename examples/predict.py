#!/usr/bin/env python3
"""Labels images with a model that graft trained, from Python without any package: libgraft by ctypes.

    python3 predict.py runs/pets photo.jpg another.png        (libgraft.so is found as the system's loader finds it,
                                                               or where GRAFT_LIBRARY says)

Session.probabilities takes encoded bytes, or (width, height, rgb) where rgb holds 3 x width x height bytes, for example
of Pillow's image.tobytes() or of an array's memory. ctypes lets other threads run during a call."""

import ctypes
import os
import sys

ENCODED, RGB8 = 1, 2


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("number", ctypes.c_int), ("message", ctypes.c_char * 1536), ("hint", ctypes.c_char * 512)]


class Image(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("kind", ctypes.c_uint32), ("data", ctypes.c_char_p), ("bytes", ctypes.c_size_t),
                ("width", ctypes.c_int32), ("height", ctypes.c_int32), ("stride", ctypes.c_size_t)]


class Output(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("unused", ctypes.c_uint32), ("name", ctypes.c_char_p),
                ("data", ctypes.POINTER(ctypes.c_float)), ("values", ctypes.c_size_t)]


class ContextOptions(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int), ("say", ctypes.c_void_p), ("progress", ctypes.c_void_p),
                ("should_stop", ctypes.c_void_p), ("user", ctypes.c_void_p)]


class GraftError(Exception):
    pass


def library():
    lib = ctypes.CDLL(os.environ.get("GRAFT_LIBRARY", "libgraft.so.0"))
    lib.graft_version.restype = ctypes.c_char_p
    lib.graft_session_class_name.restype = ctypes.c_char_p
    lib.graft_session_values.restype = ctypes.c_size_t
    if lib.graft_abi() < 2:
        raise GraftError("libgraft 0.2 or later is needed")
    return lib


class Session:
    def __init__(self, run, lib=None):
        self.lib, self.handle = lib or library(), ctypes.c_void_p()
        context, model, options = ctypes.c_void_p(), ctypes.c_void_p(), ContextOptions()
        self.lib.graft_context_defaults(ctypes.byref(options))
        self.call("graft_context_open", ctypes.byref(options), ctypes.byref(context))
        try:
            self.call("graft_run_open", context, os.fsencode(run), ctypes.byref(model))
            self.call("graft_session_open", model, None, ctypes.byref(self.handle))
        finally:  # the session needs neither from now on
            self.lib.graft_model_free(model)
            self.lib.graft_context_free(context)
        self.classes = [self.lib.graft_session_class_name(self.handle, i).decode("utf-8", "surrogateescape")
                        for i in range(self.lib.graft_session_classes(self.handle))]

    def call(self, name, *arguments):
        error = Error()
        if getattr(self.lib, name)(*arguments, ctypes.byref(error)) != 0:
            raise GraftError(f"E{error.number} {error.message.decode()}")

    def run(self, name, images):
        """One list of floats for each image."""
        if not images:
            return []
        values = self.lib.graft_session_values(self.handle, name.encode())
        numbers = (ctypes.c_float * (values * len(images)))()
        array = (Image * len(images))()
        for to, image in zip(array, images):
            if isinstance(image, bytes):
                fields = (ENCODED, image, len(image), 0, 0, 0)
            else:
                fields = (RGB8, image[2], len(image[2]), image[0], image[1], 0)
            to.size, (to.kind, to.data, to.bytes, to.width, to.height, to.stride) = ctypes.sizeof(Image), fields
        out = Output(ctypes.sizeof(Output), 0, name.encode(), numbers, values)
        self.call("graft_session_run", self.handle, array, ctypes.c_size_t(len(images)), ctypes.byref(out), ctypes.c_size_t(1), None)
        return [list(numbers[i * values:(i + 1) * values]) for i in range(len(images))]

    def probabilities(self, images):
        return self.run("probabilities", images)

    def close(self):
        self.lib.graft_session_free(self.handle)
        self.handle = ctypes.c_void_p()


def main(arguments):
    if len(arguments) < 3:
        sys.exit("usage: predict.py RUN IMAGE ...")
    session = Session(arguments[1])
    images = []
    for path in arguments[2:]:
        with open(path, "rb") as file:
            images.append(file.read())
    for path, p in zip(arguments[2:], session.probabilities(images)):
        best = max(range(len(p)), key=p.__getitem__)
        print(f"{path}\t{session.classes[best]}\t{p[best]:.9g}")
    session.close()


if __name__ == "__main__":
    try:
        main(sys.argv)
    except GraftError as error:
        sys.exit(str(error))
