#!/bin/bash
# Runs every test, in parts; one that fails does not stop the others:
#   release    the Release build's (gcc), with the gates
#   isa        those whose code depends on the processor, under lesser instruction sets
#   sanitize   the same tests under AddressSanitizer and UBSan (clang, so that both compilers build everything)
#   thread     what threads share, under ThreadSanitizer (clang)
#   accuracy   the tutorial's job on its own data, where these are
# The last line is the verdict, "N passed, N failed", followed by ", N skipped" where tests could not run for want of
# something (tests/skips.txt): these are named above it, with the reason, and a skip that is not expected counts as a failure. A
# part that ran nothing counts as one. Passed and failed are programs, skipped are single tests of programs that ran.
#   scripts/test.sh [PART ...]     all of the above unless named; also:
#   check      for contributors: unit tests and gates, without those labelled slow; under 3 minutes
#   soak       the long ones, once before a release: 200 kills, a million executions of each fuzz target
set -u
cd "$(dirname "$0")/.."
jobs=$(nproc)
data=${GRAFT_TEST_DATA:-$PWD/../shared/data}
passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/skipped"

count() { # count PASSED FAILED: adds a part's figures
    local p=$1 f=$2
    [ $((p + f)) -gt 0 ] || { echo "this part ran no test: a failure"; f=1; }
    passed=$((passed + p)) failed=$((failed + f))
    echo "   $p passed, $f failed, $((SECONDS - started)) s"
}

count_skips() { # count_skips BUILD: names what the last run of ctest skipped; what tests/skips.txt does not expect is a failure
    local s w
    python3 scripts/skips.py "$1" "$work/junit.xml" "$work/records" >"$work/log" || echo "0 1" >>"$work/log"
    read -r s w < <(tail -1 "$work/log")
    sed -i '$d' "$work/log"
    cat "$work/log"
    sed "s/^ */   $part: /" "$work/log" >>"$work/skipped"
    skipped=$((skipped + s)) failed=$((failed + w))
}

build() { # build DIR TARGET CMAKE-OPTIONS...: quiet unless it fails
    local dir=$1 target=$2
    shift 2
    { cmake -G Ninja -B "$dir" "$@" . && cmake --build "$dir" --target "$target"; } >"$work/log" 2>&1 && return 0
    grep -E 'error|Error|FAILED' "$work/log" | head -40
    tail -5 "$work/log"
    return 1
}

run_ctest() { # run_ctest DIR CTEST-OPTIONS...
    local dir=$1
    shift
    rm -f "$work/records"
    GRAFT_SKIPS=$work/records ctest --test-dir "$dir" -j "$jobs" --output-on-failure --output-junit "$work/junit.xml" "$@" \
        >"$work/log" 2>&1
    grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed |^ *Start |^Internal ctest|^Label Time|^$' "$work/log" | head -400
    # shellcheck disable=SC2046
    count $(python3 scripts/junit.py "$work/junit.xml")
    count_skips "$dir"
}

build_release() { build build all -DCMAKE_BUILD_TYPE=Release -DGRAFT_TESTS=ON; }

part_release() {
    build_release && run_ctest build -LE isa || count 0 1
}

part_isa() {
    build_release && run_ctest build -L isa || count 0 1
}

part_check() {
    build_release && run_ctest build -LE 'slow|isa|install' || count 0 1
}

part_soak() {
    build_release && run_ctest build -C soak -L soak || count 0 1
    scripts/fuzz.sh 1000000x && count 1 0 || count 0 1
}

part_sanitize() {
    CC=clang build build-sanitize all -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g1" \
        -DGRAFT_SANITIZE=address,undefined -DGRAFT_TESTS=ON &&
        ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1 \
            LSAN_OPTIONS=suppressions=$PWD/tests/support/leaks.txt:print_suppressions=0 \
            UBSAN_OPTIONS=print_stacktrace=1 run_ctest build-sanitize -LE 'gate|install|isa_avx512|isa_vnni' || count 0 1
}

part_thread() {
    CC=clang build build-thread tsan_tests -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g1" -DGRAFT_SANITIZE=thread \
        -DGRAFT_TESTS=ON &&
        TSAN_OPTIONS=suppressions=$PWD/tests/support/races.txt:second_deadlock_stack=1 run_ctest build-thread -L tsan -LE isa || count 0 1
}

part_accuracy() {
    if [ ! -d "$data/cats_dogs" ]; then
        echo "   skipped without data:cats_dogs (not in $data): accuracy.sh" | tee -a "$work/skipped"
        skipped=$((skipped + 1))
        return
    fi
    tests/accuracy.sh "$data/cats_dogs" | tee "$work/log"
    count "$(grep -c '^pass:' "$work/log")" "$(grep -c '^FAIL:' "$work/log")"
}

begin=$SECONDS
for part in ${*:-release isa sanitize thread accuracy}; do
    started=$SECONDS
    echo "== $part"
    "part_$part"
done
echo "all parts: $((SECONDS - begin)) s"
[ -s "$work/skipped" ] && echo "skipped:" && cat "$work/skipped"
verdict="$passed passed, $failed failed"
[ "$skipped" = 0 ] || verdict="$verdict, $skipped skipped"
echo "$verdict"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
