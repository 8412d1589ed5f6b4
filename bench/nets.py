"""Many networks at their own sizes: run.py --nets. Frozen and whole-network steps of graft beside the best of each peer."""
import os
import statistics
import sys

NETS = {  # graft's name: (size, batch, PyTorch's name, Keras's name); the peer that is None has no such network
    "mobilenet_v3_small": (224, 32, "mobilenet_v3_small", "mobilenet_v3_small"),
    "efficientnet_b0": (224, 32, "efficientnet_b0", "efficientnet_b0"),
    "densenet121": (224, 32, "densenet121", "densenet121"),
    "resnet50": (224, 32, "resnet50", None),
    "resnet50_v2": (224, 32, "resnet50_v2", "resnet50_v2"),
    "vgg16": (224, 16, "vgg16", "vgg16"),
    "inception_v3": (299, 32, "inception_v3", "inception_v3"),
    "xception": (299, 32, "xception", "xception"),
}
TASKS = ("frozen", "whole")
# --quick takes the first of each precision: which of them is the fastest hangs on the processor. In the whole-network step bf16+dw32 is autocast with the depthwise convolutions in
# float32 (their backward pass in bfloat16 takes seconds), which changes nothing where a network has none.
TORCH = {
    "frozen": ("--precision bf16 --layout nhwc --mode freeze", "--precision bf16 --layout nhwc --mode compile",
               "--precision amp --layout nhwc --mode compile", "--precision bf16 --layout nhwc --mode eager",
               "--precision f32 --layout nhwc --mode freeze"),
    "whole": ("--precision bf16+dw32 --layout nhwc --mode compile", "--precision amp --layout nhwc --mode compile",
              "--precision bf16+dw32 --layout nhwc --mode eager", "--precision f32 --layout nhwc --mode compile"),
}
KERAS = ("--precision f32 --jit off", "--precision bf16 --jit off")
# What computes the frozen part alone: as good as what trains behind it is free.
FORWARD = {"openvino": [f"--precision {p} --hint {h}" for p in ("f32", "bf16", "int8") for h in ("latency", "throughput")],
           "onnxruntime": ["--precision f32", "--precision int8"]}
WARM_UP = " --warmup 4"


def candidates(bench, net, task):
    """(peer, its name of the network, arguments) of every configuration to try."""
    _, _, torch, keras = NETS[net]
    out = [("torch", torch, a) for a in TORCH[task]] if torch else []
    out += [("keras", keras, a) for a in KERAS] if keras else []
    out += [(peer, torch, a) for peer, all_of_it in FORWARD.items() for a in all_of_it] if torch and task == "frozen" else []
    seen, kept = set(), []
    for peer, name, arguments in out:
        kind = (peer, arguments.split()[1])
        if (bench.o.only and peer != bench.o.only) or (bench.o.quick and kind in seen):
            continue
        seen.add(kind)
        kept.append((peer, name, arguments))
    return kept


def graft(bench, net, task, precision="auto", augment=None):
    """A process with the frozen step alone, or one with the whole network's (which times a frozen one too, by the way)."""
    size, batch, _, _ = NETS[net]
    if not os.access(bench.o.graft, os.X_OK):
        return None
    result = bench.graft(net, size, batch, 0 if task == "whole" else None, bench.o.net_steps, precision, augment)
    if not result:
        return None
    whole = task == "whole"
    return {"ms": result["fine_tune_step_ms" if whole else "frozen_step_ms"], "peak_rss_mb": result["peak_rss_mb"],
            "gflops": result["gflops" if whole else "frozen_gflops"], "peak_gflops": result["peak_gflops"],
            "precision": result["precision" if whole else "frozen_precision"]}


def is_int8(arguments):
    return "int8" in arguments.split()


def best_of(tried, samples):
    """Of each peer's configurations the fastest of the first round, of int8 and of the others: they alone go on."""
    kinds = {}
    for peer, name, arguments in tried:
        if (peer, arguments) in samples:
            kinds.setdefault((peer, is_int8(arguments)), []).append((samples[peer, arguments][0]["ms"], (peer, name, arguments)))
    return [min(rows)[1] for rows in kinds.values()]


def measure(bench, net, task):
    """{who: [(configuration, results)]}: each configuration and graft in turn, for some rounds."""
    size, batch, _, _ = NETS[net]
    allocator = next(iter(bench.allocators))
    samples = {}
    tried = candidates(bench, net, task)
    for i in range(bench.o.rounds):
        if i == 1:
            tried = best_of(tried, samples)
        for peer, name, arguments in tried:
            result = bench.peer(peer, task, arguments + WARM_UP, allocator, bench.o.net_steps, name, size, batch)
            if result:
                samples.setdefault((peer, arguments), []).append(result)
        own = graft(bench, net, task)
        if own:
            samples.setdefault(("graft", own["precision"]), []).append(own)
        bare = graft(bench, net, task, augment="none") if own and task == "frozen" else None
        if bare:
            samples.setdefault(("graft, no augmentation", bare["precision"]), []).append(bare)
        same = graft(bench, net, task, "bf16") if own and own["precision"] == "int8" else None
        if same:
            samples.setdefault(("graft in bf16", "bf16"), []).append(same)
    return samples


def rows_of(net, task, samples):
    """The best configuration of each: a step's work in GFLOP is graft's count, so that shares of the peak compare."""
    middle = lambda rows, key: statistics.median(r[key] for r in rows)
    best = {}
    for (who, configuration), results in samples.items():
        who += ", int8" if is_int8(configuration) and not who.startswith("graft") else ""
        row = {"net": net, "task": task, "who": who, "configuration": configuration, "ms": middle(results, "ms"),
               "peak_rss_mb": middle(results, "peak_rss_mb")}
        if who.startswith("graft"):
            row["gflop"] = middle(results, "gflops") * row["ms"] * 1e-3
            row["peak_gflops"] = max(r["peak_gflops"] for r in results)
        if who not in best or row["ms"] < best[who]["ms"]:
            best[who] = row
    own = best.get("graft")
    for row in best.values():
        if own:
            row["ratio"] = row["ms"] / own["ms"]
            row["share"] = own["gflop"] / (row["ms"] * 1e-3) / own["peak_gflops"]
    return sorted(best.values(), key=lambda row: (not row["who"].startswith("graft"), row["ms"]))


HEAD = ("| network | step | who | ms | times graft | share of peak | peak MB | configuration |\n"
        "|---|---|---|---|---|---|---|---|")


def line(row):
    ratio, share = (f"{row['ratio']:.2f}", f"{row['share']:.0%}") if "ratio" in row else ("", "")
    return (f"| {row['net']} | {row['task']} | {row['who']} | {row['ms']:.1f} | {ratio} | {share} | "
            f"{row['peak_rss_mb']:.0f} | {row['configuration']} |")


def table(bench, names):
    """Prints the table as its rows come; returns them."""
    unknown = [n for n in names if n not in NETS]
    if unknown:
        sys.exit(f"--nets: {', '.join(unknown)}: known are {', '.join(NETS)}")
    if not os.access(bench.o.graft, os.X_OK):
        print(f"{bench.o.graft} is not there: the peers alone are measured", file=sys.stderr)
    print(HEAD, flush=True)
    rows = []
    for net in names or NETS:
        for task in TASKS:
            new = rows_of(net, task, measure(bench, net, task))
            rows += new
            for row in new:
                print(line(row), flush=True)
    return rows
