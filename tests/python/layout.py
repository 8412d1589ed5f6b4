"""Structs and functions of _lib.py are those of the headers: asked of the C compiler, which lays them out. test_layout.py CC"""

import ctypes
import pathlib
import subprocess
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python/graft"
package = types.ModuleType("graft")  # the table alone: neither numpy nor the rest
package.__path__ = [str(PACKAGE)]
sys.modules["graft"] = package
import os  # noqa: E402

os.environ["GRAFT_LIBRARY"] = sys.argv[2]
from graft import _lib  # noqa: E402

C_TYPES = {ctypes.c_int: "int", ctypes.c_size_t: "size_t", ctypes.c_uint32: "uint32_t", ctypes.c_int64: "int64_t", None: "void"}


def members(struct):
    for name, kind in struct._fields_:
        at = getattr(struct, name)
        yield f'_Static_assert(offsetof({struct.c_name}, {name}) == {at.offset} && sizeof((({struct.c_name} *)0)->{name}) == {at.size}, "{name}");'


def functions():
    """A wrapper whose parameters have the types that the header gives: a wrong number of them, or a wrong kind, does not compile."""
    for name, (gives, takes) in _lib.FUNCTIONS.items():
        values = []
        for kind in takes:
            pointer = kind in (ctypes.c_void_p, ctypes.c_char_p) or hasattr(kind, "contents")
            values.append("(void *)p" if pointer else f"({C_TYPES[kind]})n")
        call = f"{name}({', '.join(values)})"
        pointer = gives in (ctypes.c_void_p, ctypes.c_char_p) or hasattr(gives, "contents")
        if gives is None:
            yield f"static void call_{name}(void *p, int n) {{ (void)p, (void)n, {call}; }}"
            yield f'_Static_assert(__builtin_types_compatible_p(__typeof__({call_type(name, takes)}), void), "{name}");'
        else:
            result = "const void *" if pointer else C_TYPES[gives]
            yield f"static {result} call_{name}(void *p, int n) {{ (void)p, (void)n; return {call}; }}"
            if not pointer:
                yield f'_Static_assert(sizeof({call_type(name, takes)}) == {ctypes.sizeof(gives)}, "{name}");'


def call_type(name, takes):
    return f"{name}({', '.join('0' for _ in takes)})"


lines = ["#include <graft/graft.h>", "#include <graft/serve.h>", "#include <stddef.h>"]
for struct in _lib.STRUCTS:
    lines.append(f'_Static_assert(sizeof({struct.c_name}) == {ctypes.sizeof(struct)}, "{struct.c_name}");')
    lines += members(struct)
lines += functions()
for i, stage in enumerate(_lib.STAGES):
    lines.append(f'_Static_assert(GRAFT_STAGE_{stage} == {i}, "{stage}");')
for i, kind in enumerate(_lib.OPTION_KINDS):
    lines.append(f'_Static_assert(GRAFT_OPTION_{kind} == {i}, "{kind}");')
for name in ("EVENT_NOTE", "EVENT_WARNING", "EVENT_EPOCH", "IMAGE_ENCODED", "IMAGE_RGB8"):
    lines.append(f'_Static_assert(GRAFT_{name} == {getattr(_lib, name)}, "{name}");')
from graft import _errors  # noqa: E402

for status in _errors.Status:
    lines.append(f'_Static_assert(GRAFT_{status.name} == {status.value}, "{status.name}");')
with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder) / "layout.c"
    source.write_text("\n".join(lines) + "\nint main(void) { return 0; }\n")
    done = subprocess.run([sys.argv[1], "-std=c17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
                           f"-I{ROOT}/include", source], capture_output=True, text=True)
print(done.stderr, end="")
print(f"{len(lines)} checks, {'they hold' if done.returncode == 0 else 'FAILED'}")
sys.exit(done.returncode)
