#!/usr/bin/env python3
"""The Python wheel: the package, libgraft, the command, and every shared library that a Linux without graft's packages may lack,
under names of their own, so that they get in nobody's way. wheel.py BUILD [OUT]: writes OUT/libgraft-VERSION-TAG.whl (OUT: dist).

A wheel is a zip with three texts in it, and nothing here is compiled by Python: so it is written here, and not by a build backend,
which would want CMake run within pip. Needs patchelf, strip, readelf, ldd. Equal input gives equal bytes."""
import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What each Linux of the tag's age has: the C library's own, and the compilers'. manylinux lists some more (X11, GLib, zlib, expat),
# which small containers have not.
SYSTEM = re.compile(r"(ld-linux-x86-64|libc|libm|libdl|librt|libpthread|libresolv|libutil|libgcc_s|libstdc\+\+)\.so\.\d+$")
NEWEST = (2, 36)  # the C library that the wheel may need
METADATA = """Metadata-Version: 2.1
Name: libgraft
Version: {version}
Summary: Transfer learning on a CPU: pretrained networks fine-tuned on your own images and texts
License: Apache-2.0
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: C
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Scientific/Engineering :: Artificial Intelligence
Classifier: Typing :: Typed
Requires-Python: >=3.9
Requires-Dist: numpy>=1.22
Provides-Extra: sklearn
Requires-Dist: scikit-learn>=1.2; extra == "sklearn"
Description-Content-Type: text/markdown

{about}"""
WHEEL = "Wheel-Version: 1.0\nGenerator: graft (scripts/wheel.py)\nRoot-Is-Purelib: false\nTag: {tag}\n"


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def needed(file):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", file))


def closure(*files):
    """name: file, of all libraries that these need and a system may lack."""
    found = {}
    for file in files:
        for name, path in re.findall(r"^\s*(\S+) => (/\S+)", run("ldd", file), re.M):
            if not SYSTEM.match(name) and name != "libgraft.so.0":
                found[name] = pathlib.Path(path).resolve()
        missing = re.findall(r"(\S+) => not found", run("ldd", file))
        assert not missing, f"{file}: {missing} not found"
    return found


def own_name(name, file):
    """libpng16.so.16 -> libpng16-1a2b3c4d.so.16, as auditwheel calls them: no other package's library is taken for it."""
    stem, ending = re.match(r"(.*?)(\.so.*)", name).groups()
    return f"{stem}-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}{ending}"


def place(file, to):
    shutil.copyfile(file, to)
    to.chmod(0o755)
    run("strip", "--strip-unneeded", to)


def libraries(build, package):
    """libgraft, the command and what they need into package/lib and package/bin."""
    lib, binary = package / "lib", package / "bin"
    lib.mkdir(parents=True)
    binary.mkdir()
    graft = build / "wheel/libgraft.so"
    found = closure(graft)
    names = {name: own_name(name, file) for name, file in found.items()}
    for name, file in found.items():
        place(file, lib / names[name])
    place(graft.resolve(), lib / "libgraft.so.0")
    place(build / "graft", binary / "graft")
    for file in [*sorted(lib.iterdir()), binary / "graft"]:
        change = [word for name in needed(file) if name in names for word in ("--replace-needed", name, names[name])]
        if file.parent == lib and file.name != "libgraft.so.0":
            run("patchelf", "--set-soname", file.name, file)  # by itself: patchelf 0.14 mixes up names of versions else
        if change:
            run("patchelf", *change, file)
        run("patchelf", "--force-rpath", "--set-rpath", "$ORIGIN/../lib" if file.parent == binary else "$ORIGIN", file)
    return found


def oldest_c_library(package):
    """The oldest version that all files in the wheel run with. Each library that they name is in the wheel, or every Linux's."""
    asked, here = {}, {file.name for file in (package / "lib").iterdir()}
    for file in sorted(package.rglob("*")):
        if file.is_file() and file.read_bytes()[:4] == b"\x7fELF":
            foreign = [name for name in needed(file) if name not in here and not SYSTEM.match(name)]
            assert not foreign, f"{file.name} needs {foreign}, which are not in the wheel"
            for version in re.findall(r"Name: GLIBC_(\d+)\.(\d+)", run("readelf", "-V", file)):
                asked.setdefault(tuple(map(int, version)), []).append(file.name)
    newest = max(asked)
    assert newest <= NEWEST, f"{asked[newest]} need glibc {newest}: newer than {NEWEST}"
    return newest


def licences(found, to):
    """Of each library that comes along, the copyright file of its package; and a list of all with their versions."""
    to.mkdir()
    listed = ["libdnnl (oneDNN) and llhttp: as scripts/fetch.sh names them; of this system's packages:\n"]
    shutil.copyfile(ROOT / "LICENSE", to / "LICENSE")
    for source in [*ROOT.glob(".deps/llhttp/LICENSE-MIT"), *ROOT.glob(".deps/onednn/share/doc/**/*")]:
        if source.is_file():
            shutil.copyfile(source, to / f"{'llhttp' if 'llhttp' in str(source) else 'oneDNN'}-{source.name}")
    for name, file in sorted(found.items()):
        if ROOT in file.parents or ".deps" in file.parts:
            continue
        package = ""
        for path in (str(file), str(file).removeprefix("/usr")):  # the package may name it without /usr
            done = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True)
            package = package or done.stdout.split(":")[0]
        source = pathlib.Path("/usr/share/doc") / package / "copyright"
        assert package and source.exists(), f"{name}: no copyright file of its package is here"
        shutil.copyfile(source, to / package)
        listed.append(f"{name}: {package} {run('dpkg-query', '-W', '-f', '${Version}', package + ':amd64')}\n")
    (to / "LIBRARIES.txt").write_text("".join(listed))


def records(folder):
    lines = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{path.relative_to(folder).as_posix()},sha256={digest},{path.stat().st_size}\n")
    return lines


def write(folder, info, wheel):
    record = f"{info.name}/RECORD"
    (info / "RECORD").write_text("".join(records(folder)) + f"{record},,\n")
    time = (1980, 1, 1, 0, 0, 0)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as z:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), time)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
            z.writestr(entry, path.read_bytes())


def make(build, out):
    version = re.search(r'GRAFT_VERSION "(.*)"', (ROOT / "include/graft/graft.h").read_text())[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        package, info = folder / "graft", folder / f"libgraft-{version}.dist-info"
        package.mkdir()
        for source in sorted((ROOT / "python/graft").iterdir()):
            if source.suffix == ".py" or source.name == "py.typed":
                shutil.copyfile(source, package / source.name)
        shutil.copyfile(ROOT / "python/_graft_command.py", folder / "_graft_command.py")
        (package / "share/graft").mkdir(parents=True)
        shutil.copyfile(ROOT / "share/graft/catalogue.json", package / "share/graft/catalogue.json")
        found = libraries(build, package)
        major, minor = oldest_c_library(package)
        tag = f"py3-none-manylinux_{major}_{minor}_x86_64"
        info.mkdir()
        about = (ROOT / "docs/python.md").read_text(encoding="utf-8")
        (info / "METADATA").write_text(METADATA.format(version=version, about=about), encoding="utf-8")
        (info / "WHEEL").write_text(WHEEL.format(tag=tag))
        (info / "entry_points.txt").write_text("[console_scripts]\ngraft = _graft_command:main\n")
        (info / "top_level.txt").write_text("_graft_command\ngraft\n")
        licences(found, info / "licenses")
        out.mkdir(parents=True, exist_ok=True)
        for old in out.glob("libgraft-*.whl"):
            old.unlink()
        wheel = out / f"libgraft-{version}-{tag}.whl"
        write(folder, info, wheel)
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB, {len(found)} libraries, glibc {major}.{minor}")
    return wheel


if __name__ == "__main__":
    build = pathlib.Path(sys.argv[1]).resolve()
    for tool in ("patchelf", "strip", "readelf", "ldd"):
        if shutil.which(tool) is None:
            sys.exit(f"wheel.py needs {tool}: scripts/deps.sh installs it")
    run("cmake", "--build", build, "--target", "graft", "graft_wheel_lib")
    make(build, pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "dist"))
