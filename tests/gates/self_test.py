#!/usr/bin/env python3
"""A gate that cannot fail proves nothing: each is run on a small project with one thing wrong, and must find that thing, and
on the same project without it, and must pass."""
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
GOOD = {
    "docs/design/names.md": "## Words\n| `picture` | image | `` |\n## Names\n| `gf_old` | gf_new | `^src/` |\n",
    "CMakeLists.txt": 'graft_room(base "" x)\ngraft_room(ops "base" y)\n',
    "src/base/a.h": "int gf_a(void);\n",
    "src/base/a.c": '#include "base/a.h"\nstatic const int table[] = {1};\nint gf_a(void) { return table[0]; }\n',
    "src/base/errors.def": '/* 1100-1199 data */\nGF_E(A, 1101, "a")\n',
    "src/ops/b.c": '#include "base/a.h"\n#include "base/kind.h"\n#include <string.h>\nint gf_b(void)\n{\n'
                   '    return gf_a() + !gf_kind_at(0); /* no exit() */\n}\n',
    "include/graft/graft.h": "#define GRAFT_API __attribute__((visibility(\"default\")))\nGRAFT_API int graft_x(void);\n",
    "tests/fixtures/abi/0.1/graft/graft.h": "/* as it was */ GRAFT_API int\n graft_x(void);\n",
    "cmake/exports.map": "GRAFT_0.1 { global: graft_x; local: *; };\nGRAFT_0.2 { global: graft_y; } GRAFT_0.1;\n",
    "tests/skips.txt": "# need program test\nbf16 test_a fast\n",
    "tests/unit/base/test_a.c": 'static void fast(void **state)\n{\n    NEEDS("bf16");\n}\n',
    "src/base/x.c": "#include <graft/graft.h>\nint gf_b(void);\nint graft_x(void) { return gf_b(); }\n",
    "src/base/errors.h": "enum { GF_E_A = 1101 };\nstatic const int e = GF_E_A;\n",
    "docs/map.md": "`base`, `ops`: `src/ops/b.c` and `b.c`, `gf_a`, see [this](map.md)\n",
    "src/base/kind.h": 'typedef struct gf_kind { const char *name; } gf_kind;\n#define GF_KIND(x) extern const gf_kind gf_kind_##x;\n'
                       '#include "base/kinds.def"\n#undef GF_KIND\nconst gf_kind *gf_kind_at(int i);\n',
    "src/base/kinds.def": 'GF_KIND(one)\n#ifdef GF_EXTEND\n#include "extend/kinds.def"\n#endif\n',
    "src/base/kinds.c": '#include "base/kind.h"\nstatic const gf_kind *const kinds[] = {\n#define GF_KIND(x) &gf_kind_##x,\n'
                        '#include "base/kinds.def"\n#undef GF_KIND\n};\nconst gf_kind *gf_kind_at(int i) { return kinds[i]; }\n',
    "src/base/kind_one.c": '#include "base/kind.h"\nconst gf_kind gf_kind_one = {.name = "one"};\n',
}
CASES = [  # gate, file, its text, a word of the message that must come
    ("layering.py", "src/base/a.c", '#include "ops/b.h"\n', "room base may not include"),
    ("layering.py", "src/base/a.c", "#include <cairo.h>\n", "room report alone"),
    ("layering.py", "src/ops/b.c", "#include <openssl/ssl.h>\n", "new dependency"),
    ("layering.py", "src/new/b.c", "int x;\n", "no graft_room line"),
    ("layering.py", "cli/m.c", '#include "base/a.h"\n', "public headers"),
    ("banned.py", "src/ops/b.c", "int gf_b(void)\n{\n    exit(1);\n}\n", "src/ops/b.c:3: exit()"),
    ("banned.py", "src/ops/b.c", 'char *s = "\\"/*"; void *p(void) { return malloc(1); }\n', "malloc()"),
    ("banned.py", "cli/m.c", "int m(char *s) { return atoi(s); }\n", "atoi()"),
    ("words.py", "src/ops/b.c", "/* a picture */\n", "say image"),
    ("words.py", "src/ops/b.c", "int picture_of(void);\n", "say image"),
    ("words.py", "src/ops/b.c", "int gf_old(void);\n", "gf_old is called gf_new"),
    ("lengths.py", "src/ops/b.c", "int gf_b(void)\n{\n" + "\n" * 130 + "}\n", "gf_b has"),
    ("mutable_globals.py", "src/ops/b.c", "static int counter;\nint gf_b(void) { return counter++; }\n", "counter"),
    ("mutable_globals.py", "src/ops/b.c", "static _Thread_local int mine = 3;\nint gf_b(void) { return mine++; }\n", "mine"),
    ("exports.py", "src/ops/b.c", '__attribute__((visibility("default"))) int gf_b(void) { return 0; }\n', "gf_b is exported"),
    ("exports.py", "include/graft/y.h", "GRAFT_API\nint graft_y(int a,\n            int b);\n", "graft_y is declared"),
    ("abi.py", "include/graft/graft.h", "GRAFT_API int graft_x(int more);\n", "0.1 declared: GRAFT_API int graft_x(void);"),
    ("abi.py", "cmake/exports.map", "GRAFT_0.1 { global: graft_y; local: *; };\n", "graft_x is of 0.1"),
    ("abi.py", "cmake/exports.map", "GRAFT_0.1 { global: graft_x; graft_y; local: *; };\n", "graft_y is in GRAFT_0.1"),
    ("abi.py", "tests/fixtures/abi/0.1/graft/graft.h", "GRAFT_API int graft_x(void);\ntypedef struct graft_z {\n    int a;\n} graft_z;\n",
     "typedef struct graft_z"),
    ("skips.py", "tests/unit/base/test_b.c", "static void b(void **state)\n{\n    if (!is_here()) skip();\n}\n", "test_b.c:3"),
    ("skips.py", "tests/unit/base/test_b.c", "static void b(void **state)\n{\n    if (stat(P, &st) != 0) return;\n}\n", "test_b.c:3"),
    ("skips.py", "tests/unit/base/test_b.c", 'static void b(void **state)\n{\n    NEEDS("bf16");\n}\n', "b may be skipped"),
    ("skips.py", "tests/cli/test_b.py", "self.skipTest('no')\n", "tests/cli/test_b.py"),
    ("dead.py", "src/ops/c.c", "int gf_c(void) { return 1; }\n", "src/ops/c.c: gf_c is dead"),
    ("dead.py", "src/ops/c.c", "int gf_c(void) { return 1; }\nint gf_d(void) { return gf_c(); }\n", "gf_c should be static"),
    ("dead.py", "include/graft/y.h", "typedef enum stage { STAGE_ONE,\n STAGE_TWO } stage;\nstatic stage s = STAGE_ONE;\n", "y.h:2: STAGE_TWO"),
    ("dead.py", "src/base/errors.def", 'GF_E(A, 1101, "a")\nGF_E(B, 1102, "b")\n', "nothing ever tells GF_E_B"),
    ("docs_files.py", "docs/map.md", "`src/ops/gone.c`\n", "docs/map.md:1: there is no src/ops/gone.c"),
    ("docs_files.py", "docs/map.md", "\n`gone.c`\n", "docs/map.md:2: there is no gone.c"),
    ("docs_files.py", "docs/map.md", "[that](gone.md#x)\n", "the link's gone.md"),
    ("map.py", "docs/map.md", "`base`, `ops`\n`gf_gone`\n", "docs/map.md:2: there is no gf_gone"),
    ("map.py", "docs/map.md", "`base`\n", "no row has the room ops"),
    ("registries.py", "src/ops/b.c", '#include "base/kind.h"\nconst gf_kind *b(void) { return &gf_kind_one; }\n', "b.c:2: gf_kind_one is named"),
    ("registries.py", "src/base/kinds.def", 'GF_KIND(one)\n#ifdef GF_EXTEND\n#include "extend/others.def"\n#endif\n', "its hook"),
    ("registries.py", "src/base/kinds.c", '#include "base/kinds.def"\n' + "\n" * 80, "its lookup alone"),
    ("registries.py", "src/base/kind_one.c", "\n", "gf_kind_one is in no file"),
    ("lengths.py", "src/ops/b.c", "int gf_b(void)\n{\n" + "\n" * 60 + "}\n", "gf_b has"),
    ("lengths.py", "src/ops/b.c", "int gf_b(void);\n" * 601, "the file has 601"),
    ("skips.py", "tests/skips.txt", "bf16 test_a fast\nbf16 test_a gone\n", "there is no such test"),
    ("skips.py", "tests/skips.txt", "bf16 test_a fast\nbf16 test_a f*\n", "the program has no table"),
    ("skips.py", "tests/unit/base/test_b.c", "static void b(void)\n{\n    needs_each_or_skip(0, 0, 0, 0);\n}\n", "no pattern"),
]


def make(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def build(root):
    """A room's archive and libgraft.so of all sources, as the real build makes them."""
    out = root / "build"
    out.mkdir()
    sources = [str(s) for s in sorted(root.glob("src/*/*.c"))]
    if not sources:
        return
    flags = ["-fPIC", "-fvisibility=hidden", "-I", str(root / "src"), "-I", str(root / "include")]
    objects = []
    for source in sources:
        objects.append(str(out / (pathlib.Path(source).stem + ".o")))
        subprocess.run(["gcc", *flags, "-c", source, "-o", objects[-1]], check=True)
        room = pathlib.Path(source).parent.name
        subprocess.run(["ar", "rc", str(out / f"libgf_{room}.a"), objects[-1]], check=True)
    subprocess.run(["gcc", "-shared", "-o", str(out / "libgraft.so"), *objects], check=True)


def run(gate, files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        make(root, files)
        if gate in ("mutable_globals.py", "exports.py", "dead.py"):
            build(root)
        done = subprocess.run([sys.executable, str(HERE / gate), folder, f"{folder}/build"], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


wrong = 0
for gate in sorted({case[0] for case in CASES}):
    code, output = run(gate, GOOD)
    if code != 0:
        wrong += 1
        print(f"{gate} fails on a good project:\n{output}")
    if run(gate, {"CMakeLists.txt": ""})[0] == 0:
        wrong += 1
        print(f"{gate} passes where there is nothing to look at")
for gate, name, text, message in CASES:
    code, output = run(gate, {**GOOD, name: text})
    if code != 1 or message not in output:
        wrong += 1
        print(f"{gate} did not find '{message}' in {name}:\n{output}")
print(f"{wrong} wrong verdicts; {len(CASES)} faults and the good project tried")
sys.exit(1 if wrong else 0)
