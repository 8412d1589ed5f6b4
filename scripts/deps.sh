#!/bin/sh
# Installs what graft needs to build and run, on Debian 12 / Ubuntu 24.04 and later: packages by apt; oneDNN 3.x by pip into
# .deps/onednn where the system's own package is older. Does nothing where all is there.
set -eu
cd "$(dirname "$0")/.."

packages="gcc clang libc6-dev make cmake ninja-build pkg-config python3 python3-pip
libjpeg-dev libpng-dev libwebp-dev libgif-dev libhdf5-dev libjansson-dev libcairo2-dev libcmocka-dev libseccomp-dev
nettle-dev fonts-dejavu-core"

missing=""
for p in $packages; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    if [ "$(id -u)" = 0 ]; then
        apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
    elif command -v sudo >/dev/null; then
        sudo apt-get update -q && sudo DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
    else
        echo "graft needs packages. As root, run:" >&2
        echo "    apt-get update && apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
fi

# A wheel is a zip: unpacked with Python's standard library, nothing is installed into any Python.
unpack() {
    python3 - "$1" "$2" <<'PY'
import pathlib, sys, zipfile
out = pathlib.Path(sys.argv[2])
for wheel in pathlib.Path(sys.argv[1]).glob("*.whl"):
    with zipfile.ZipFile(wheel) as z:
        for name in z.namelist():
            part = name.split(".data/data/", 1)
            if len(part) == 2 and not name.endswith("/") and not name.endswith((".so", ".so.3")):
                target = out / part[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(z.read(name))
PY
}

system=$(pkg-config --modversion dnnl 2>/dev/null || dpkg-query -W -f '${Version}' libdnnl-dev 2>/dev/null || echo 0)
case "$system" in
[3-9]*) ;;
*)
    candidate=$(apt-cache policy libdnnl-dev 2>/dev/null | sed -n 's/ *Candidate: //p')
    case "$candidate" in
    [3-9]*)
        if [ "$(id -u)" = 0 ]; then apt-get install -qy libdnnl-dev; else sudo apt-get install -qy libdnnl-dev; fi
        ;;
    *)
        if [ ! -e .deps/onednn/lib/libdnnl.so ]; then
            rm -rf .deps/onednn.tmp .deps/wheels && mkdir -p .deps/wheels .deps/onednn.tmp
            python3 -m pip download -q --no-deps -d .deps/wheels onednn-devel-cpu-gomp==2023.2.0 onednn-cpu-gomp==2023.2.0
            unpack .deps/wheels .deps/onednn.tmp
            ln -sf libdnnl.so.3.2 .deps/onednn.tmp/lib/libdnnl.so.3
            ln -sf libdnnl.so.3 .deps/onednn.tmp/lib/libdnnl.so
            rm -rf .deps/onednn .deps/wheels && mv .deps/onednn.tmp .deps/onednn
        fi
        ;;
    esac
    ;;
esac
