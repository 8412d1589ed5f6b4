#!/bin/sh
# Installs what graft needs to build and run, on Debian 12 / Ubuntu 24.04 and later: packages by apt; by pip llhttp into
# .deps/llhttp, and oneDNN 3.x into .deps/onednn where the system's own package is older. Does nothing where all is there.
#   scripts/deps.sh [bench|wheel]     with "bench" also what its peers need, with "wheel" what the Python wheel is made with
set -eu
cd "$(dirname "$0")/.."

packages="gcc clang lld libc6-dev make cmake ninja-build pkg-config python3 python3-pip
libjpeg-dev libpng-dev libwebp-dev libgif-dev libtiff-dev libhdf5-dev libjansson-dev libcairo2-dev libcmocka-dev libseccomp-dev
nettle-dev fonts-dejavu-core libzip-dev libprotobuf-c-dev protobuf-c-compiler libcurl4-openssl-dev
libexpat1-dev libyaml-dev libarchive-dev zlib1g-dev openssl"
[ "${1:-}" != bench ] || packages="$packages g++ python3-venv libtcmalloc-minimal4"
[ "${1:-}" != wheel ] || packages="$packages patchelf binutils python3-venv"

if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian or Ubuntu: taking it that these are installed under their names here: $packages" >&2
    scripts/fetch.sh llhttp
    [ -e .deps/onednn/.complete ] || pkg-config --atleast-version=3 dnnl 2>/dev/null || scripts/fetch.sh onednn
    exit 0
fi

missing() { # missing PACKAGES...: those that are not installed
    for p; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$p"
    done
}

as_root() { # as_root COMMAND...: COMMAND as root, or what to run by hand
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "graft needs packages. As root, run:" >&2
        echo "    apt-get update && apt-get install -y --no-install-recommends$wanted" >&2
        exit 1
    fi
}

install() { # install PACKAGES...
    wanted=" $*"
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
}

# shellcheck disable=SC2086
wanted=$(missing $packages)
# shellcheck disable=SC2086
[ -z "$wanted" ] || install $wanted
runtime=libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev # the sanitizers; a package of its own, named by version
wanted=$(missing "$runtime")
[ -z "$wanted" ] || install "$runtime"

scripts/fetch.sh llhttp

# oneDNN: the system's where it is 3.x, installed or to be had; else the wheel
version() { dpkg-query -W -f '${Version}' libdnnl-dev 2>/dev/null || echo 0; }
candidate() { apt-cache policy libdnnl-dev 2>/dev/null | sed -n 's/ *Candidate: //p'; }
case "$(version)" in
[3-9]*) exit 0 ;;
esac
[ -e .deps/onednn/.complete ] && exit 0
case "$(candidate)" in
[3-9]*) install libdnnl-dev ;;
*) scripts/fetch.sh onednn ;;
esac
