#!/usr/bin/env python3
"""Installs into a folder, moves it away, and uses what is there: the command, the library through pkg-config (shared), the
examples, man pages, completion. test_install.py ROOT BUILD-FOLDER"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from needs import lack  # noqa: E402

ROOT, BUILD = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
VERBS = "train resume eval predict summary features inspect bench export convert models fetch".split()
failures = []


def check(what, ok, told=""):
    print(("ok      " if ok else "FAILED  ") + what + (f": {told}" if told and not ok else ""))
    if not ok:
        failures.append(what)


def run(*command, **environment):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


def install(folder):
    """As `make install PREFIX=/usr DESTDIR=folder` does, then moved; returns the prefix."""
    staged, moved = folder / "staged", folder / "moved"
    code, _, told = run("cmake", "--install", BUILD, "--prefix", "/opt/graft", DESTDIR=str(staged))
    check("cmake --install ends well", code == 0, told)
    shutil.move(staged / "opt/graft", moved)
    return moved


def check_files(prefix):
    for name in ["bin/graft", "lib/libgraft.so", "lib/libgraft.so.0", "lib/libgraft.a", "include/graft/graft.h",
                 "include/graft/status.h", "lib/pkgconfig/graft.pc", "share/bash-completion/completions/graft",
                 "share/doc/graft/LICENSE", "share/graft/catalogue.json", *(f"share/man/man1/graft-{v}.1" for v in VERBS),
                 "share/man/man1/graft.1"]:
        path = prefix / name
        check(f"{name} is installed", path.exists() and path.stat().st_size > 0)
    for page in (prefix / "share/man/man1").glob("*.1"):
        check(f"{page.name} is a man page", page.read_text().lstrip().startswith(".TH"))
    check("the completion is bash", run("bash", "-n", prefix / "share/bash-completion/completions/graft")[0] == 0)
    script = (f". {prefix}/share/bash-completion/completions/graft; COMP_WORDS=(graft tr); COMP_CWORD=1; COMP_LINE='graft tr'; "
              "COMP_POINT=8; $(complete -p graft | sed 's/.*-F \\([^ ]*\\).*/\\1/') graft tr graft; echo ${COMPREPLY[*]}")
    check("`graft tr<TAB>` completes to train", run("bash", "-c", script)[1].split() == ["train"])


def check_command(prefix):
    code, out, told = run(prefix / "bin/graft", "--version")
    check("graft --version", code == 0 and "0.1.0" in out, out + told)
    code, out, told = run(prefix / "bin/graft", "fetch", "--list")
    check("it finds its catalogue of weights", code == 0 and "resnet50" in out, out + told)
    libraries = run("ldd", prefix / "bin/graft")[1]
    check("its libraries are the installed ones", str(BUILD) not in libraries and f"{prefix}" in libraries and
          "not found" not in libraries, libraries)
    if "dnnl" in libraries and (prefix / "lib/graft").exists():
        check("oneDNN comes along", f"{prefix}/bin/../lib/graft/libdnnl" in libraries or
              f"{prefix}/lib/graft/libdnnl" in libraries, libraries)


def check_library(prefix, folder):
    path = {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    code, flags, told = run("pkg-config", "--cflags", "--libs", "graft", **path)
    check("pkg-config knows graft", code == 0, told)
    strict = ["-std=c17", "-Wall", "-Wextra", "-Werror", f"-Wl,-rpath,{prefix}/lib"]
    for source in [ROOT / "tests/install/use.c", *sorted((ROOT / "examples").glob("*.c"))]:
        code, _, told = run("gcc", source, *strict, "-o", folder / source.stem, *flags.split())
        check(f"{source.name} compiles with pkg-config's flags", code == 0, told)
    code, out, told = run(folder / "use")
    check("it runs and counts 2,259,265 parameters", code == 0 and out.strip() == "2259265", out + told)
    code, flags, _ = run("pkg-config", "--static", "--libs", "graft", **path)
    static = [f for f in flags.split() if f != "-lgraft"]
    code, _, told = run("gcc", ROOT / "tests/install/use.c", f"-I{prefix}/include", prefix / "lib/libgraft.a", *static,
                        f"-Wl,-rpath,{prefix}/lib/graft", "-o", folder / "use_static")
    check("it links with libgraft.a", code == 0, told)
    code, out, told = run(folder / "use_static")
    check("and runs", code == 0 and out.strip() == "2259265", out + told)
    header = "#include <graft/graft.h>\nint main() { graft_context_options o; graft_context_defaults(&o); }\n"
    (folder / "header.cpp").write_text(header)
    why = lack("g++", "test_install.py", "the_header_is_c++")
    if why:
        print(f"skipped  the header is C++ as well: {why}")
    else:
        code, _, told = run("g++", "-fsyntax-only", "-Wall", "-Werror", f"-I{prefix}/include", folder / "header.cpp")
        check("the header is C++ as well", code == 0, told)


with tempfile.TemporaryDirectory() as name:
    place = install(pathlib.Path(name).resolve())
    check_files(place)
    check_command(place)
    check_library(place, pathlib.Path(name).resolve())
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
