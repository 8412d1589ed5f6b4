"""What was measured, appended to one file per class of processors: bench/results/CLASS.jsonl, a line a table."""
import json
import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def processor():
    """(class, name): what decides which loops are fast, such as "intel-amx-bf16", and the name the machine tells."""
    with open("/proc/cpuinfo") as f:
        first = dict(line.split(":", 1) for line in f.read().split("\n\n")[0].splitlines())
    facts = {key.strip(): value.strip() for key, value in first.items()}
    flags = set(facts["flags"].split())
    words = [{"GenuineIntel": "intel", "AuthenticAMD": "amd"}.get(facts["vendor_id"], "other")]
    words.append("amx" if "amx_int8" in flags else "avx512-vnni" if "avx512_vnni" in flags else "avx512" if "avx512f" in flags
                 else "avx-vnni" if "avx_vnni" in flags else "avx2" if "avx2" in flags else "sse")
    if "avx512_bf16" in flags:
        words.append("bf16")
    held = os.environ.get("ONEDNN_MAX_CPU_ISA")
    name = f"{facts['model name']} (family {facts['cpu family']}, model {facts['model']}), {os.cpu_count()} cores"
    return "-".join(words + ([f"held-to-{held.lower()}"] if held else [])), name


def append(command, rows, folder=os.path.join(HERE, "results")):
    """The file's name. `rows` is a list of dicts; nothing that stands in the file is changed."""
    kind, name = processor()
    commit = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, kind + ".jsonl")
    with open(path, "a") as f:
        f.write(json.dumps({"when": time.strftime("%Y-%m-%dT%H:%M:%S"), "commit": commit, "processor": name, "command": command,
                            "rows": rows}) + "\n")
    return path
