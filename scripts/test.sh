#!/bin/bash
# Runs every test: the Release build's (gcc) with the gates, the same tests under AddressSanitizer and UBSan (clang, so that
# both compilers build everything), and the accuracy run. A part that fails does not stop the others. The last line is the
# verdict, "N passed, N failed"; a part that ran nothing counts as one failure.
#   scripts/test.sh [release|sanitize|accuracy ...]     all of them unless named
set -u
cd "$(dirname "$0")/.."
jobs=$(nproc)
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count() { # count PASSED FAILED: adds a part's figures
    local p=$1 f=$2
    [ $((p + f)) -gt 0 ] || { echo "this part ran no test: a failure"; f=1; }
    passed=$((passed + p)) failed=$((failed + f))
    echo "   $p passed, $f failed, $((SECONDS - started)) s"
}

build() { # build DIR CMAKE-OPTIONS...: quiet unless it fails
    local dir=$1
    shift
    { cmake -G Ninja -B "$dir" "$@" . && cmake --build "$dir"; } >"$work/log" 2>&1 && return 0
    grep -E 'error|Error|FAILED' "$work/log" | head -40
    tail -5 "$work/log"
    return 1
}

run_ctest() { # run_ctest DIR CTEST-OPTIONS...
    local dir=$1
    shift
    ctest --test-dir "$dir" -j "$jobs" --output-on-failure --output-junit "$work/junit.xml" "$@" >"$work/log" 2>&1
    grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed |^ *Start |^Internal ctest|^Label Time|^$' "$work/log" | head -400
    # shellcheck disable=SC2046
    count $(python3 scripts/junit.py "$work/junit.xml")
}

part_release() {
    build build -DCMAKE_BUILD_TYPE=Release -DGRAFT_TESTS=ON && run_ctest build || count 0 1
}

part_sanitize() {
    CC=clang build build-sanitize -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g1" \
        -DGRAFT_SANITIZE=address,undefined -DGRAFT_TESTS=ON &&
        ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1 \
            LSAN_OPTIONS=suppressions=$PWD/tests/support/leaks.txt:print_suppressions=0 \
            UBSAN_OPTIONS=print_stacktrace=1 run_ctest build-sanitize -LE 'gate|install|timing' || count 0 1
}

part_accuracy() {
    if [ ! -d ../shared/data/cats_dogs ]; then
        echo "   not run: ../shared/data/cats_dogs is not here (counts neither as passed nor as failed)"
        return
    fi
    tests/accuracy.sh ../shared/data/cats_dogs | tee "$work/log"
    count "$(grep -c '^pass:' "$work/log")" "$(grep -c '^FAIL:' "$work/log")"
}

begin=$SECONDS
for part in ${*:-release sanitize accuracy}; do
    started=$SECONDS
    echo "== $part"
    "part_$part"
done
echo "all parts: $((SECONDS - begin)) s"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
