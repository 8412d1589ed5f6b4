#!/usr/bin/env python3
"""What the int8 frozen part costs in accuracy: the same training in int8 and in f32, with several seeds, and the paired
difference of the labels of each image.

    tools/measure_int8.py DATA WEIGHTS [--graft build/graft] [--seeds 1,2,3] [--work DIR] [--isa AVX512_CORE_VNNI] -- TRAIN-OPTIONS

DATA has train/CLASS and validation/CLASS. Validation and test images (both come out of validation/) are labelled together.
A run that is in --work already is taken as it is, so that the measurement can be stopped and goes on. Prints, for each seed,
accuracies, and for all the mean difference (int8 - f32) with its 95 % interval: an image's differences are averaged over the
seeds, since they hang together, and images are what the interval is over. Exit 1 unless it lies within --within points."""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile


def run(graft, isa, *arguments):
    environment = dict(os.environ)
    if isa:
        environment["ONEDNN_MAX_CPU_ISA"] = isa
    done = subprocess.run([graft, *arguments], capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"graft {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def train(o, precision, isa, seed):
    """Label of each image of validation/, by its path."""
    folder = f"{o.work}/{precision}-{isa or 'native'}-{seed}"
    labels = f"{folder}.labels.json"
    if not os.path.exists(labels):
        begun = os.path.exists(f"{folder}/config.json")
        if begun:
            run(o.graft, isa, "resume", folder, "--json")
        else:
            run(o.graft, isa, "train", o.data, "--weights", o.weights, "--precision", precision, "--seed", str(seed), "--no-report",
                "--force", "--out", folder, "--json", *o.options)
        predicted = json.loads(run(o.graft, isa, "predict", folder, f"{o.data}/validation", "--json"))
        with open(f"{labels}.tmp", "w") as f:
            json.dump({p["path"]: p["label"] for p in predicted["predictions"]}, f)
        os.rename(f"{labels}.tmp", labels)
    with open(labels) as f:
        return json.load(f)


def right(labels):
    return {path: label == os.path.basename(os.path.dirname(path)) for path, label in labels.items()}


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("data")
parser.add_argument("weights")
parser.add_argument("--graft", default="build/graft")
parser.add_argument("--seeds", default="1,2,3")
parser.add_argument("--work", default=None)
parser.add_argument("--isa", default="", help="hold the int8 runs to a lesser processor, as ONEDNN_MAX_CPU_ISA does")
parser.add_argument("--precision", default="int8", help="of the runs that are compared with f32: int8 or auto")
parser.add_argument("--within", type=float, default=0.4, help="points of accuracy")
split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
o = parser.parse_args(sys.argv[1:split])
o.options = sys.argv[split + 1:]
o.work = o.work or tempfile.mkdtemp(prefix="graft-int8-")
os.makedirs(o.work, exist_ok=True)

difference, seeds = {}, o.seeds.split(",")
for seed in seeds:
    exact, rough = right(train(o, "f32", "", seed)), right(train(o, o.precision, o.isa, seed))
    assert exact.keys() == rough.keys() and exact
    for path in exact:
        difference[path] = difference.get(path, 0) + (rough[path] - exact[path]) / len(seeds)
    n = len(exact)
    print(f"seed {seed}: {n} images, f32 {sum(exact.values()) / n:.4f}, {o.precision} {sum(rough.values()) / n:.4f}, "
          f"right in f32 alone {sum(exact[p] and not rough[p] for p in exact)}, "
          f"in {o.precision} alone {sum(rough[p] and not exact[p] for p in exact)}", flush=True)
n = len(difference)
mean = sum(difference.values()) / n
error = math.sqrt(sum((d - mean) ** 2 for d in difference.values()) / (n - 1) / n)
low, high = 100 * (mean - 1.96 * error), 100 * (mean + 1.96 * error)
print(f"{o.precision} - f32, {len(seeds)} seeds, {n} images: {100 * mean:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f} "
      f"({o.isa or 'as the processor is'})")
sys.exit(not (-o.within <= low and high <= o.within))
