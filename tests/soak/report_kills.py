#!/usr/bin/env python3
"""Kills graft again and again while the end of a run is written, and looks whether a resume gives all that was promised.

    tests/soak/report_kills.py build/graft [--kills 200] [--seed 1]

A kill counts where model.safetensors was there and files.sha256 was not. Every other one is of `graft train`, the others are
of a `graft resume` that makes the end of a run anew. After each, `graft resume` must end well, train no epoch, and leave
the files of a run that nothing happened to, each with the same bytes (but for the clocks in them). Exit code 0: 0 lost.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import pictures  # noqa: E402

LIST = "files.sha256"


def without_clocks(name, data):
    """The bytes of a file of a run without what its clocks and its memory say."""
    if name == "metrics.json":
        return json.dumps({k: v for k, v in json.loads(data).items() if k not in ("seconds", "peak_rss_mb")}).encode()
    if name == "history.csv":
        return b"\n".join(b",".join(line.split(b",")[:-2]) for line in data.splitlines())
    if name.startswith("events"):
        return b""  # times in every record
    if name == "report.html":
        return re.sub(rb"\d+(\.\d+)? (s|min|ms|MB|images/s)\b", b"", re.sub(rb"<td[^>]*>[^<]*</td>", b"", data))
    return data


def content(run):
    """Each file that a run's list names, without its clocks; what the list says must hold."""
    got = {}
    for line in (run / LIST).read_text().splitlines():
        digest, name = line.split("  ", 1)
        data = (run / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise AssertionError(f"{name} is not what {LIST} says")
        got[name] = hashlib.sha256(without_clocks(name, data)).hexdigest()
    return got


class Soak:
    def __init__(self, binary, work, seed):
        self.binary, self.work, self.random = binary, work, random.Random(seed)
        self.env = {**os.environ, "XDG_CACHE_HOME": str(work / "cache")}
        self.data = pictures.data_set(str(work / "data"), train=8, validation=6)
        self.reference = work / "reference" / "run"  # each in a folder of its own: the page tells the run's name
        self.reference.parent.mkdir()
        self.call(self.reference, *self.train())
        self.wanted = content(self.reference)
        self.window = 0.2

    def train(self):
        return ["train", self.data, "--alpha", "0.35", "--size", "64", "--batch", "8", "--epochs", "1", "--precision", "f32",
                "--seed", "7", "--force", "--out", "run"]

    def call(self, run, *arguments):
        done = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True, env=self.env,
                              cwd=run.parent, timeout=300, check=False)
        if done.returncode:
            raise AssertionError(f"graft {' '.join(map(str, arguments))} ends with {done.returncode}: {done.stderr[-600:]}")
        return done.stdout + done.stderr

    def kill_in_window(self, run, arguments):
        """Starts graft, waits for the model, then for a random part of the window, and kills; whether it was in time."""
        model, marker = run / "model.safetensors", run / LIST
        child = subprocess.Popen([self.binary, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 cwd=run.parent, env=self.env)
        while child.poll() is None and not model.exists():
            time.sleep(0.0005)
        begin = time.monotonic()
        until = begin + self.random.random() * self.window
        while child.poll() is None and time.monotonic() < until and not marker.exists():
            time.sleep(0.0005)
        over = marker.exists()
        if over:
            self.window = 0.5 * self.window + 0.5 * (time.monotonic() - begin)
        else:
            self.window *= 1.02
        child.kill()
        child.wait()
        return model.exists() and not marker.exists()

    def once(self, i):
        """One kill; None where it was not within the window."""
        run = self.work / str(i) / "run"
        run.parent.mkdir()
        if i % 2:
            arguments = self.train()
        else:
            shutil.copytree(self.reference, run)
            for name in (LIST, "model.safetensors", *(n for n in self.wanted if n != "classes.txt")):
                (run / name).unlink(missing_ok=True)
            arguments = ["resume", "run"]
        try:
            if not self.kill_in_window(run, arguments):
                return None
            said = self.call(run, "resume", "run")
            if "epoch 1/" in said or re.search(r"^epoch ", said, re.M):
                raise AssertionError(f"an epoch was trained again: {said}")
            got = content(run)
            if got != self.wanted:
                raise AssertionError(f"other files: {sorted(set(got.items()) ^ set(self.wanted.items()))}")
            left = [str(p) for p in run.rglob("*.tmp")]
            if left:
                raise AssertionError(f"left behind: {left}")
            return True
        except AssertionError as e:
            print(f"LOST {i}: {e}", flush=True)
            return False
        finally:
            shutil.rmtree(run.parent, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graft")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graft-soak-") as work:
        soak = Soak(os.path.abspath(options.graft), pathlib.Path(work), options.seed)
        kills = lost = tries = 0
        while kills < options.kills and tries < 5 * options.kills + 20:
            outcome = soak.once(tries)
            tries += 1
            kills += outcome is not None
            lost += outcome is False
    print(f"{kills} kills in the window where a run's end is written ({tries} tries): {lost} lost")
    return 1 if lost or kills < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())
