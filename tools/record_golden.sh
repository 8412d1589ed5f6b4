#!/bin/bash
# Records what 0.1 (commit 3a2f211) computes, for tests that hold later versions to it: builds that commit with today's tests
# in it, and lets them write instead of compare. Needs the history: not a shallow clone.
#   tools/record_golden.sh digests    tests/fixtures/digests/0.1/MACHINE.txt of this processor, with all of its instructions
#                                     and with oneDNN held to fewer (ONEDNN_MAX_CPU_ISA)#   tools/record_golden.sh runs       tests/fixtures/runs/0.1/: the runs, the model and the predictions of test_golden_runs. Made
#                                     once; made again, they are runs of this processor#   tools/record_golden.sh library    tests/fixtures/abi/0.1/: the library, stripped, and its headers
set -eu
cd "$(dirname "$0")/.."
commit=3a2f211f9c9f735cbe9a55ceffe309a22115fefa
tree=$PWD/build-record/tree
build=$PWD/build-record/build

rm -rf "$tree"
mkdir -p "$tree"
git archive "$commit" | tar -x -C "$tree"
[ ! -e .deps ] || ln -s "$PWD/.deps" "$tree/.deps"

take() { # take FILE...: today's, into that tree
    for file; do
        mkdir -p "$tree/$(dirname "$file")"
        cp "$file" "$tree/$file"
    done
}

make_test() { # make_test NAME
    cmake -G Ninja -S "$tree" -B "$build" -DCMAKE_BUILD_TYPE=Release -DGRAFT_TESTS=ON \
        -DCMAKE_C_FLAGS="-DGRAFT_SKIPS_TABLE=\\\"$PWD/tests/skips.txt\\\"" >/dev/null
    cmake --build "$build" --target "$1" >"$build/log" || { tail -20 "$build/log"; exit 1; }
}

record_digests() {
    take tests/unit/api/test_digests.c tests/support/{needs.c,needs.h,sanitized.h} \
        tests/support/{golden_data,run_digest}.h tests/fixtures/digests/own.json
    make_test test_digests
    local to=$PWD/tests/fixtures/digests/0.1
    mkdir -p "$to"
    GRAFT_RECORD_DIGESTS=$to "$build/tests/test_digests"
    for isa in AVX512_CORE_BF16 AVX512_CORE_VNNI AVX512_CORE AVX2; do
        ONEDNN_MAX_CPU_ISA=$isa GRAFT_RECORD_DIGESTS=$to "$build/tests/test_digests"
    done
}

record_runs() {
    take tests/unit/api/test_golden_runs.c tests/support/{needs.c,needs.h,sanitized.h} \
        tests/support/{golden_data,run_digest,run_near}.h tests/fixtures/digests/own.json
    make_test test_golden_runs
    rm -rf tests/fixtures/runs/0.1
    mkdir -p tests/fixtures/runs/0.1
    GRAFT_RECORD_RUNS=$PWD/tests/fixtures/runs/0.1 "$build/tests/test_golden_runs"
}

record_library() { # with no paths of this machine in it
    local to=tests/fixtures/abi/0.1
    cmake -G Ninja -S "$tree" -B "$build.library" -DCMAKE_BUILD_TYPE=Release -DGRAFT_TESTS=OFF -DCMAKE_SKIP_RPATH=ON \
        -DCMAKE_C_FLAGS="-ffile-prefix-map=$tree=." >/dev/null
    cmake --build "$build.library" --target graft_lib >"$build.library/log" || { tail -20 "$build.library/log"; exit 1; }
    mkdir -p "$to/graft"
    cp "$tree"/include/graft/*.h "$to/graft/"
    strip --strip-unneeded -o "$build.library/stripped" "$build.library/libgraft.so"
    gzip -9n <"$build.library/stripped" >"$to/libgraft.so.0.gz"
}

for part in ${*:-digests}; do
    "record_$part"
done
