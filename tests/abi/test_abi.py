#!/usr/bin/env python3
"""Programs of 0.1 and the library of today, programs of today and the library of 0.1 (commit 3a2f211, kept in
tests/fixtures/abi/0.1 with its headers): client.c, compiled with either header, runs with either library and prints the same.
test_abi.py ROOT BUILD-FOLDER CC ONEDNN-FOLDER"""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT, BUILD, CC, ONEDNN = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
OLD = ROOT / "tests/fixtures/abi/0.1"
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/cli")]
import needs  # noqa: E402
import pictures  # noqa: E402

failures = []


def check(what, ok, told=""):
    print(("ok      " if ok else "FAILED  ") + what + (f":\n{told}" if told and not ok else ""), flush=True)
    if not ok:
        failures.append(what)


def run(command, library=None, **more):
    paths = [str(library)] if library else []
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join([*paths, ONEDNN]), "XDG_CACHE_HOME": "/dev/null", "GRAFT_OFFLINE": "1"}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=environment, timeout=300, **more)
    return done.returncode, done.stdout, done.stderr


def unpack(folder):
    """The library of 0.1 as if it were installed in `folder`; returns where it lies."""
    (folder / "lib").mkdir(parents=True)
    shutil.copytree(ROOT / "share", folder / "share")
    (folder / "lib/libgraft.so.0").write_bytes(gzip.decompress((OLD / "libgraft.so.0.gz").read_bytes()))
    (folder / "lib/libgraft.so").symlink_to("libgraft.so.0")
    return folder / "lib"


def compile_client(out, headers, library):
    """The client by those headers, linked with that library, which it looks for where it is told when it runs."""
    code, _, told = run([CC, "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", f"-I{headers}", ROOT / "tests/abi/client.c",
                         ROOT / "tests/abi/layout.c", f"-L{library}", "-lgraft", "-Wl,--allow-shlib-undefined", "-lm", "-o", out])
    check(f"{out.name} compiles", code == 0, told)


def said(folder, name, client, library):
    """What the client prints with that library."""
    place = folder / name
    pictures.data_set(f"{place}/data", train=8, validation=4, size=32, vary=1)  # no resizing: 0.1 predicted unrounded images
    shutil.copy(ROOT / "tests/fixtures/digests/own.json", place)
    code, out, told = run([client, place], library)
    check(f"{name}: every call of 0.1 works", code == 0 and out.endswith("\n0 failures\n"), out + told)
    _, libraries, _ = run(["ldd", client], library)
    check(f"{name}: with that library", f"{library}/libgraft.so.0" in libraries, libraries)
    return out


def versions(library):
    """name: version, of each function of the library."""
    _, listed, _ = run(["readelf", "-W", "--dyn-syms", library])
    names = re.findall(r"FUNC +GLOBAL +DEFAULT +\d+ (graft_\w+)(?:@+(\S+))?", listed)
    return dict(names)


def check_nodes(folder):
    old, today = versions(folder / "0.1/lib/libgraft.so.0"), versions(BUILD / "libgraft.so")
    check("0.1 has 35 functions, of no version", len(old) == 35 and set(old.values()) == {""}, old)
    check("they are GRAFT_0.1 today", all(today.get(name) == "GRAFT_0.1" for name in old), today)
    check("and others are later", all(today[name] not in ("", "GRAFT_0.1") for name in set(today) - set(old)), today)
    _, dynamic, _ = run(["readelf", "-d", BUILD / "libgraft.so"])
    check("the library is libgraft.so.0", "soname: [libgraft.so.0]" in dynamic, dynamic)


def check_clients(folder):
    old, today = folder / "0.1/lib", BUILD
    compile_client(folder / "client_0.1", OLD, old)
    compile_client(folder / "client_today", ROOT / "include", today)
    first = said(folder, "0.1 with 0.1", folder / "client_0.1", old)
    for name, client, library in [("0.1 with today", "client_0.1", today), ("today with today", "client_today", today),
                                  ("today with 0.1", "client_today", old)]:
        out = said(folder, name, folder / client, library)
        check(f"{name}: it prints the same", out == first, f"{first}\n-- is now\n{out}")


with tempfile.TemporaryDirectory(prefix="graft-abi-") as name:
    place = pathlib.Path(name).resolve()
    unpack(place / "0.1")
    check_nodes(place)
    why = needs.lack("lib-0.1", "test_abi.py", "old_and_new")
    if why:
        print(f"skipped: the clients: {why}")
    else:
        check_clients(place)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
