#!/bin/bash
# Runs the fuzz targets of tests/fuzz, each from its corpus: scripts/fuzz.sh SECONDS|RUNSx [TARGET ...]
# 60: for so many seconds; 1000000x: for so many executions, however long that takes.
# TIMEOUT=60: seconds after which an input counts as an endless loop (20), by the clock.
# What libFuzzer finds new stays in build-fuzz/corpus; an input that crashes is named and makes the exit code 1.
set -eu
cd "$(dirname "$0")/.."
how=${1:-60}
shift || true
case $how in
*x) limit=-runs=${how%x} ;;
*) limit=-max_total_time=$how ;;
esac
targets=()
for source in tests/fuzz/*.c; do
    target=$(basename "$source" .c)
    [ $# = 0 ] || [[ " $* " == *" $target "* ]] || continue
    targets+=("$target")
done
[ ${#targets[@]} -gt 0 ] || { echo "there is no such target; tests/fuzz has them"; exit 2; }
CC=clang cmake -G Ninja -B build-fuzz -DGRAFT_FUZZ=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g1" . >/dev/null
cmake --build build-fuzz --target "${targets[@]/#/fuzz_}"
# libhdf5 loses a little on damaged files; it runs in a child that ends
export LSAN_OPTIONS=suppressions=$PWD/tests/fuzz/leaks.txt:print_suppressions=0
bad=0
for target in "${targets[@]}"; do
    mkdir -p "build-fuzz/corpus/$target"
    echo "== $target"
    "build-fuzz/tests/fuzz_$target" "$limit" -timeout="${TIMEOUT:-20}" -rss_limit_mb=4096 -verbosity=0 \
        -print_final_stats=1 -artifact_prefix="build-fuzz/crash-$target-" \
        "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target" || bad=1
done
exit $bad
