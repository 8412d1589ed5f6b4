#!/usr/bin/env python3
"""Two builds of graft in turn: python3 bench/before.py BEFORE NOW [--pairs 5] [--nets NAME ...] [--json FILE]
                             python3 bench/before.py BEFORE NOW --train NAME [--pairs 2] -- DATA OPTIONS of `graft train`

BEFORE and NOW are two `graft` programs. Of each network, at the size and batch of nets.py, a pair is one process of each, the one
that begins changing from pair to pair, each with a tuning cache of its own. Told are the medians of each, and of the ratios
now / before of the pairs the median with the least and the greatest; a row says "slower" or "more memory" where that median is
above --bound (1.03) and also beyond the noise: where even the smallest of the ratios is above 1. Ends with 1 if a row says so.

With --train a pair is a whole training each, called NAME in the table; its accuracies stand below.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

import nets

FIGURES = {"frozen": "frozen_step_ms", "fine-tuned": "fine_tune_step_ms", "MB": "peak_rss_mb"}
OF_TRAINING = {"seconds": "seconds", "MB": "peak_rss_mb"}
MAIN = ("mobilenet_v2", 160, 32, 100, 30)  # the main job's network: size, batch, the first layer fine-tuned, steps


def rows(names, steps):
    table = {MAIN[0]: MAIN[1:], **{net: (size, batch, 0, steps) for net, (size, batch, _, _) in nets.NETS.items()}}
    unknown = [n for n in names if n not in table]
    if unknown:
        sys.exit(f"no such network: {', '.join(unknown)}; there are {', '.join(table)}")
    return {n: table[n] for n in names or table}


def run(command, cache):
    done = subprocess.run(command, env={**os.environ, "XDG_CACHE_HOME": cache}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: ended with {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout[done.stdout.index("{"):])


def step(net, size, batch, boundary, steps, threads):
    """What measures a network: a function of a program and its cache."""
    options = ["--model", net, "--size", str(size), "--batch", str(batch), "--threads", str(threads), "--steps", str(steps),
               "--fine-tune-at", str(boundary), "--json"]
    return lambda program, cache: run([program, "bench", *options], cache)


def training(options):
    def one(program, cache):
        with tempfile.TemporaryDirectory() as folder:
            return run([program, "train", *options, "--out", os.path.join(folder, "run"), "--json"], cache)
    return one


def told(figure, key, before, now, bound):
    """One line of the table: is the figure worse, beyond what the pairs differ from each other?"""
    ratios = [n[key] / b[key] for b, n in zip(before, now)]
    middle = statistics.median(ratios)
    if not all(math.isfinite(r) for r in ratios):
        sys.exit(f"{key}: not a number")
    worse = middle > bound and min(ratios) > 1
    return {"figure": figure, "before": statistics.median(b[key] for b in before), "now": statistics.median(n[key] for n in now),
            "ratio": middle, "least": min(ratios), "greatest": max(ratios),
            "verdict": ("more memory" if figure == "MB" else "slower") if worse else "ok"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("now")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6, help="timed steps of a whole network")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--bound", type=float, default=1.03)
    parser.add_argument("--nets", nargs="+", default=[])
    parser.add_argument("--train", metavar="NAME", help="whole trainings instead")
    parser.add_argument("--json")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    o, options = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1:]
    kept, bad = [], 0
    table = {o.train: training(options)} if o.train else {n: step(n, *row, o.threads) for n, row in rows(o.nets, o.steps).items()}
    print("| network | figure | before | now | now / before | of the pairs | |\n|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sides = {o.before: os.path.join(folder, "before"), o.now: os.path.join(folder, "now")}
        for name, measure in table.items():
            samples = {program: [] for program in sides}
            for pair in range(o.pairs):
                for program in sorted(sides, key=list(sides).index, reverse=pair % 2 == 1):
                    samples[program].append(measure(program, sides[program]))
            for figure, key in (OF_TRAINING if o.train else FIGURES).items():
                line = told(figure, key, samples[o.before], samples[o.now], o.bound)
                kept.append({"network": name, **line})
                bad += line["verdict"] != "ok"
                print(f"| {name} | {figure} | {line['before']:.1f} | {line['now']:.1f} | {line['ratio']:.3f} | "
                      f"{line['least']:.3f} to {line['greatest']:.3f} | {line['verdict']} |", flush=True)
            for program in sides if o.train else ():
                accuracies = [{part: s[part]["accuracy"] for part in ("validation", "test") if s.get(part)} for s in samples[program]]
                print(f"{program}: {accuracies}")
    if o.json:
        with open(o.json, "w") as f:
            json.dump({"pairs": o.pairs, "rows": kept}, f, indent=1)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
