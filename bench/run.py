#!/usr/bin/env python3
"""graft beside its peers: the time of a training step of MobileNetV2 (batch 32, 160x160, 2 threads, synthetic batch).

Each configuration of a peer is a process of its own. First all of them run once, briefly (the sweep); then the best of each peer
and graft run in turn, for some rounds, and the medians over the rounds are compared. README.md says how to read the table.
With --nets: many networks instead (nets.py).
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time

import nets
import results

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TASKS = ("frozen", "finetune")
TORCH = [f"--precision {p} --layout {l} --mode {m}" for p, l, m in (
    ("f32", "nchw", "eager"), ("f32", "nhwc", "eager"), ("f32", "nchw", "compile"), ("f32", "nhwc", "compile"), ("f32", "nhwc", "freeze"),
    ("amp", "nchw", "eager"), ("amp", "nhwc", "eager"), ("amp", "nchw", "compile"), ("amp", "nhwc", "compile"), ("amp", "nhwc", "freeze"),
    ("bf16", "nhwc", "eager"), ("bf16", "nchw", "compile"), ("bf16", "nhwc", "compile"), ("bf16", "nchw", "freeze"), ("bf16", "nhwc", "freeze"),
    ("bf16", "nhwc", "autotune"))]
TORCH_FINETUNE = [f"--precision {p} --layout nhwc --mode {m}" for p, m in (
    ("bf16+f32", "freeze"), ("bf16+dw32", "eager"), ("bf16+dw32", "compile"), ("bf16+dw32", "freeze"), ("bf16+dw32", "autotune"))]
KERAS = [f"--precision {p} --jit {j}" for p in ("f32", "bf16") for j in ("off", "on")]
QUICK = ("--precision bf16 --layout nhwc --mode freeze", "--precision f32 --layout nhwc --mode freeze", "--precision bf16 --layout nhwc --mode autotune",
         "--precision bf16+dw32 --layout nhwc --mode freeze", "--precision amp --layout nhwc --mode compile", "--precision f32 --jit off", "--precision bf16 --jit off")


def kind_of(peer, arguments):
    """The row of the table that a configuration competes in: PyTorch as its documentation shows it, and tuned by hand beyond."""
    if peer == "keras":
        return "keras + augmentation" if "--augment" in arguments else "keras"
    words = arguments.split()
    if peer in nets.FORWARD:
        return f"{peer}, forward alone, {'int8' if 'int8' in words else 'f32 or bf16'}"
    plain = words[words.index("--precision") + 1] in ("f32", "amp") and words[words.index("--mode") + 1] in ("eager", "compile")
    return "torch" if plain else "torch, hand-tuned"


def configurations(quick):
    out = []
    for task in TASKS:
        for arguments in TORCH + (TORCH_FINETUNE if task == "finetune" else []):
            if not quick or arguments in QUICK:
                out.append(("torch", task, arguments))
        for arguments in KERAS:
            if not quick or arguments in QUICK:
                out += [("keras", task, arguments), ("keras", task, arguments + " --augment")]
    return out + [(peer, "frozen", arguments) for peer, all_of_it in nets.FORWARD.items() for arguments in all_of_it]


def allocators():
    """Environments that keep freed memory: glibc told to, and tcmalloc where it is installed."""
    out = {"glibc": {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296"}}
    found = sorted(glob.glob("/usr/lib/*/libtcmalloc_minimal.so.4") + glob.glob("/usr/lib/*/libtcmalloc.so.4"))
    if found:
        out["tcmalloc"] = {"LD_PRELOAD": found[0], "TCMALLOC_RELEASE_RATE": "0"}
    return out


def run(command, environment, limit):
    """The last line of a process's output as JSON; None, with the reason on stderr, if there is none."""
    try:
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        print(f"  over {limit} s: {' '.join(command)}", file=sys.stderr)
        return None
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        print(f"  failed ({done.returncode}): {' '.join(command)}\n{done.stderr[-600:]}", file=sys.stderr)
        return None


class Bench:
    def __init__(self, options):
        self.o, self.allocators, self.log = options, allocators(), []

    def peer(self, peer, task, arguments, allocator, steps, net="mobilenet_v2", size=None, batch=None):
        program = ["forward_bench.py", "--peer", peer] if peer in nets.FORWARD else [f"{peer}_bench.py"]
        command = [*self.o.wrap.split(), self.o.python, os.path.join(HERE, "peers", program[0]), *program[1:], "--net", net,
                   "--task", task, *arguments.split(), "--batch", str(batch or self.o.batch),
                   "--size", str(size or self.o.size), "--threads", str(self.o.threads), "--steps", str(steps)]
        if peer in nets.FORWARD and not run([*command, "--make"], {}, self.o.limit):
            return None
        threads = {"OMP_NUM_THREADS": str(self.o.threads)}
        result = run(command, {**self.allocators[allocator], **threads}, self.o.limit)
        if result:
            result["allocator"] = allocator
            self.log.append(result)
            print(f"  {peer:6} {net:18} {task:9} {arguments:55} {allocator:9} {result['ms']:8.1f} ms {result['peak_rss_mb']:7.0f} MB",
                  file=sys.stderr, flush=True)
        return result

    def graft(self, net, size, batch, boundary, steps, precision="auto", augment=None):
        """boundary: the first layer of graft's fine-tune step; None for no such step. augment: None for graft's usual one."""
        command = [*self.o.wrap.split(), self.o.graft, "bench", "--model", net, "--size", str(size), "--batch", str(batch),
                   "--threads", str(self.o.threads), "--steps", str(steps), "--precision", precision, "--json"]
        if augment:
            command += ["--augment", augment]
        if boundary is not None:
            command += ["--fine-tune-at", str(boundary)]
        result = run(command, {}, self.o.limit)
        if result:
            self.log.append({"peer": "graft", "net": net, "boundary": boundary, **result})
            print(f"  graft  {net:18} frozen {result['frozen_step_ms']:.1f} ms, fine-tune {result['fine_tune_step_ms']:.1f} ms",
                  file=sys.stderr, flush=True)
        return result

    def sweep(self):
        """The best two PyTorch configurations of each kind and task and the best Keras one, the latter with and without augmentation.

        Ranked by the fastest step: the sweep is short, and other work on the machine only ever adds time.
        """
        first, *others = self.allocators
        found = {}
        for peer, task, arguments in configurations(self.o.quick):
            if self.o.only and peer != self.o.only:
                continue
            result = self.peer(peer, task, arguments, first, self.o.sweep_steps)
            if result:
                found.setdefault((kind_of(peer, arguments), task), []).append((result["min_ms"], peer, arguments, first))
        for (_, task), rows in found.items():
            for allocator in others:
                for _, peer, arguments, _ in sorted(rows)[:2]:
                    result = self.peer(peer, task, arguments, allocator, self.o.sweep_steps)
                    if result:
                        rows.append((result["min_ms"], peer, arguments, allocator))
        return {key: [c[1:] for c in sorted(rows)[:2 if key[0].startswith("torch") else 1]] for key, rows in found.items()}

    def rounds(self, chosen):
        samples, graft = {}, []
        for i in range(self.o.rounds):
            print(f"round {i + 1} of {self.o.rounds}", file=sys.stderr)
            if os.access(self.o.graft, os.X_OK):
                graft.append(self.graft("mobilenet_v2", self.o.size, self.o.batch, 100, self.o.steps))
            for (kind, task), candidates in chosen.items():
                for peer, arguments, allocator in candidates:
                    result = self.peer(peer, task, arguments, allocator, self.o.steps)
                    if result:
                        samples.setdefault((kind, task), {}).setdefault((arguments, allocator), []).append(result)
        return samples, [g for g in graft if g]


def table(samples, graft):
    """Rows of the final table: (who, task, ms, MB, configuration, ratio to graft)."""
    middle = lambda rows, key: statistics.median(r[key] for r in rows)
    names = {"frozen": "frozen_step_ms", "finetune": "fine_tune_step_ms"}
    rows = []
    for task in TASKS:
        own = middle(graft, names[task]) if graft else None
        if own:
            rows.append(("graft", task, own, middle(graft, "peak_rss_mb"), "augmentation included", 1.0))
        for (kind, t), by_configuration in sorted(samples.items()):
            if t != task:
                continue
            key, results = min(by_configuration.items(), key=lambda item: middle(item[1], "ms"))
            ms = middle(results, "ms")
            rows.append((kind, task, ms, middle(results, "peak_rss_mb"), " ".join(key), ms / own if own else None))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graft", default=os.path.join(ROOT, "build", "graft"))
    parser.add_argument("--python", default=os.path.join(ROOT, ".deps", "venv", "bin", "python"), help="where the peers are installed")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40, help="timed steps of a round")
    parser.add_argument("--sweep-steps", type=int, default=15, help="timed steps of the sweep")
    parser.add_argument("--net-steps", type=int, default=8, help="timed steps of a network of --nets")
    parser.add_argument("--limit", type=int, default=900, help="seconds a process may take")
    parser.add_argument("--wrap", default="", help="a command that runs each measured one, as \"taskset -c 0,1\"")
    parser.add_argument("--nets", nargs="*", metavar="NAME", help=f"the table of networks: {', '.join(nets.NETS)}; none named: all")
    parser.add_argument("--only", choices=("torch", "keras", *nets.FORWARD))
    parser.add_argument("--quick", action="store_true", help="sweep only the configurations that usually win")
    parser.add_argument("--chosen", help="take the configurations that a former results.json chose, no sweep")
    parser.add_argument("--append", action="store_true", help="keep the table in bench/results/, in the file of this class of processors")
    parser.add_argument("--out", help="results.json beside this file, results_nets.json with --nets")
    options = parser.parse_args()
    if not options.out:
        options.out = os.path.join(HERE, "results.json" if options.nets is None else "results_nets.json")
    if not os.path.exists(options.python):
        parser.error(f"{options.python} is missing: run tools/venv.sh first")
    bench = Bench(options)
    if options.nets is not None:
        rows = nets.table(bench, options.nets)
        with open(options.out, "w") as f:
            json.dump({"when": time.strftime("%Y-%m-%dT%H:%M:%S"), "cpus": os.cpu_count(), "all": bench.log, "table": rows}, f, indent=1)
        if options.append and rows:
            print("appended to", results.append(sys.argv, rows))
        return 0 if rows else 1
    if options.chosen:
        with open(options.chosen) as f:
            chosen = {(c["kind"], c["task"]): [tuple(x) for x in c["candidates"]] for c in json.load(f)["chosen"]}
    else:
        chosen = bench.sweep()
    samples, graft = bench.rounds(chosen)
    rows = table(samples, graft)
    if not rows:
        print("nothing could be measured", file=sys.stderr)
        return 1
    with open(options.out, "w") as f:
        json.dump({"when": time.strftime("%Y-%m-%dT%H:%M:%S"), "cpus": os.cpu_count(), "all": bench.log,
                   "chosen": [{"kind": k, "task": t, "candidates": c} for (k, t), c in chosen.items()],
                   "table": [dict(zip(("who", "task", "ms", "peak_rss_mb", "configuration", "ratio"), r)) for r in rows]}, f, indent=1)
    if options.append:
        print("appended to", results.append(sys.argv, [dict(zip(("who", "task", "ms", "peak_rss_mb", "configuration", "ratio"), r)) for r in rows]))
    print("| who | step | ms | times graft | peak MB | configuration |\n|---|---|---|---|---|---|")
    for who, task, ms, rss, configuration, ratio in rows:
        print(f"| {who} | {task} | {ms:.1f} | {'' if ratio is None else f'{ratio:.2f}'} | {rss:.0f} | {configuration} |")
    if not graft:
        print(f"\n{options.graft} is not there or failed: the peers alone were measured")
    return 0


if __name__ == "__main__":
    sys.exit(main())
