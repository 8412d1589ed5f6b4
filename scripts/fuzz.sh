#!/bin/bash
# Runs the fuzz targets of tests/fuzz, each for some seconds, from its corpus: scripts/fuzz.sh SECONDS [TARGET ...]
# What libFuzzer finds new stays in build-fuzz/corpus; an input that crashes is named and makes the exit code 1.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
CC=clang cmake -G Ninja -B build-fuzz -DGRAFT_FUZZ=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g1" . >/dev/null
cmake --build build-fuzz
# libhdf5 loses a little on damaged files; it runs in a child that ends
export LSAN_OPTIONS=suppressions=$PWD/tests/fuzz/leaks.txt
bad=0
for source in tests/fuzz/*.c; do
    target=$(basename "$source" .c)
    [ $# = 0 ] || [[ " $* " == *" $target "* ]] || continue
    mkdir -p "build-fuzz/corpus/$target"
    echo "== $target"
    "build-fuzz/tests/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -verbosity=0 \
        -print_final_stats=1 -artifact_prefix="build-fuzz/crash-$target-" \
        "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target" || bad=1
done
exit $bad
