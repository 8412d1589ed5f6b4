#!/bin/bash
# Equal commands give equal files, however busy the machine is: starts the same short training again and again, several at
# once, each with a cache folder of its own (nothing is known from before), and compares the models that come out.
#   tests/soak/equal_starts.sh GRAFT [STARTS [AT-ONCE [BUSY-LOOPS [DATA [GRAFT-OPTIONS...]]]]]
# STARTS 48, AT-ONCE 3, BUSY-LOOPS 0 (shell loops that run beside them); DATA: class folders (without: 24 + 12 pictures of
# noise). Prints how many starts gave which digest; fails unless all gave the same.
set -eu
graft=$(realpath "$1")
starts=${2:-48} at_once=${3:-3} busy=${4:-0} data=${5:-}
shift $(($# < 5 ? $# : 5))
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
loops=()
trap '[ ${#loops[@]} = 0 ] || kill "${loops[@]}"; rm -rf "$work"' EXIT

if [ -z "$data" ]; then
    data=$work/data
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here/../cli python3 -c "import pictures; pictures.data_set('$data')"
fi
for ((i = 0; i < busy; i++)); do
    while :; do :; done &
    loops+=($!)
done

start() { # start NUMBER OPTIONS...
    local n=$1
    shift
    XDG_CACHE_HOME=$work/cache$n "$graft" train "$data" --size 64 --batch 8 --epochs 1 --fine-tune-at 100 --fine-tune-epochs 1 \
        --cache memory --no-report --out "$work/run$n" --json "$@" >"$work/out$n" 2>&1 || return 0
    sha256sum <"$work/run$n/model.safetensors" | cut -c1-16 >"$work/digest$n"
    grep -oE '"(dtype|frozen)": "[a-z0-9]*"' "$work/run$n/config.json" | tr '\n' ' ' >>"$work/digest$n"
}

running=()
for ((n = 0; n < starts; n++)); do
    start "$n" "$@" &
    running+=($!)
    if [ ${#running[@]} = "$at_once" ] || [ $((n + 1)) = "$starts" ]; then
        wait "${running[@]}"
        running=()
    fi
done

for ((n = 0; n < starts; n++)); do
    [ -s "$work/digest$n" ] || { echo "start $n failed: $(tail -3 "$work/out$n")"; exit 1; }
done
for ((n = 0; n < starts; n++)); do tr '\n' ' ' <"$work/digest$n"; echo; done | sort | uniq -c | tee "$work/all"
different=$(wc -l <"$work/all")
echo "$starts starts, $at_once at once beside $busy busy loops: $different different"
[ "$different" = 1 ]
