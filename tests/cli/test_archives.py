"""Images out of zip, tar and gzipped tar files: the bits of the folder that they were packed from, through every verb that takes
data, and archives that are refused."""

import csv
import hashlib
import json
import os
import tarfile
import zipfile

import pictures
from graft_cli import CommandTest, main

TRAIN = ["--size", "32", "--epochs", "2", "--batch", "4", "--precision", "f32", "--no-report", "--threads", "1", "--model",
         "layers:conv=8,3,relu;max-pool;conv=16,3,relu;gap", "--lr", "1e-2"]


def pack(folder, parent):
    """The folder as each kind of archive, beside it."""
    files = sorted(os.path.join(d, f) for d, _, names in os.walk(f"{parent}/{folder}") for f in names)
    for name, method in (("deflated.zip", zipfile.ZIP_DEFLATED), ("stored.zip", zipfile.ZIP_STORED)):
        with zipfile.ZipFile(f"{parent}/{name}", "w", method) as z:
            for f in reversed(files):
                z.write(f, os.path.relpath(f, parent))
    for name, mode in (("plain.tar", "w"), ("packed.tar.gz", "w:gz"), ("packed.tgz", "w:gz")):
        with tarfile.open(f"{parent}/{name}", mode) as t:
            t.add(f"{parent}/{folder}", folder)
    return ["deflated.zip", "stored.zip", "plain.tar", "packed.tar.gz", "packed.tgz"]


def bits(run):
    with open(f"{run}/history.csv", newline="") as f:
        rows = [[v for k, v in row.items() if k not in ("seconds", "images_per_second")] for row in csv.DictReader(f)]
    with open(f"{run}/model.safetensors", "rb") as f:
        return hashlib.sha256(f.read()).hexdigest(), rows


class Archives(CommandTest):
    def setUp(self):
        super().setUp()
        pictures.data_set(f"{self.dir}/pets", train=6, validation=4)
        self.archives = pack("pets", self.dir)

    def test_each_trains_to_the_bits_of_the_folder(self):  # B17-B22
        self.good("train", "pets", *TRAIN, "--out", "folder", "--cache", "none")
        told = json.loads(self.good("eval", "folder", "pets", "--json").out)
        looked = json.loads(self.good("inspect", "pets", "--json").out)
        for archive in self.archives:
            run = f"run-{archive}"
            for cache in ("none", "memory"):
                self.good("train", archive, *TRAIN, "--out", f"{run}-{cache}", "--cache", cache)
                self.assertEqual(bits(f"{self.dir}/{run}-{cache}"), bits(f"{self.dir}/folder"), (archive, cache))
            again = json.loads(self.good("eval", "folder", archive, "--json").out)
            for key in ("loss", "accuracy", "confusion", "images"):
                self.assertEqual(again[key], told[key], (archive, key))
            seen = json.loads(self.good("inspect", archive, "--json").out)
            for key in ("images", "bytes", "classes", "width", "height"):
                self.assertEqual(seen[key], looked[key], (archive, key))
        self.assertEqual([n for n in os.listdir("/var/tmp") if n.startswith("graft-unpacked-")], [])

    def test_predict_and_features_take_them(self):
        self.good("train", "pets", *TRAIN, "--out", "run")
        plain = json.loads(self.good("predict", "run", "pets", "--json").out)
        self.good("features", "pets", "--model", "run", "--out", "folder.npy")
        with open(f"{self.dir}/folder.npy", "rb") as f:
            wanted = f.read()
        for archive in self.archives:
            seen = json.loads(self.good("predict", "run", archive, "--json").out)
            for a, b in zip(seen["predictions"], plain["predictions"], strict=True):
                self.assertEqual(a["path"], f"{archive}/{b['path']}")
                self.assertEqual(a["top"], b["top"])
            self.good("features", archive, "--model", "run", "--out", f"{archive}.npy")
            with open(f"{self.dir}/{archive}.npy", "rb") as f:
                self.assertEqual(f.read(), wanted, archive)
        self.good("predict", "run", "stored.zip", "--sort-into", "sorted")
        self.assertEqual(sum(len(names) for _, _, names in os.walk(f"{self.dir}/sorted")), 20)

    def test_a_run_knows_another_archive(self):
        self.good("train", "packed.tgz", *TRAIN, "--out", "whole")
        pictures.data_set(f"{self.dir}/other", train=7, validation=4)
        os.rename(f"{self.dir}/pets", f"{self.dir}/old")
        os.rename(f"{self.dir}/other", f"{self.dir}/pets")
        pack("pets", self.dir)
        os.remove(f"{self.dir}/whole/metrics.json")
        done = self.graft("resume", "whole")
        self.assertEqual(done.status, 3, done.err)
        self.assertIn("E1123", done.err)

    def test_bad_ones_are_refused(self):
        with tarfile.open(f"{self.dir}/up.tar", "w") as t:
            t.add(f"{self.dir}/pets", "../pets")
        with open(f"{self.dir}/packed.tgz", "rb") as f:
            whole = f.read()
        pictures.write(f"{self.dir}/cut.tgz", whole[:len(whole) // 2])
        pictures.write(f"{self.dir}/data.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100))
        with zipfile.ZipFile(f"{self.dir}/empty.zip", "w"):
            pass
        with zipfile.ZipFile(f"{self.dir}/nested.zip", "w") as z:
            z.write(f"{self.dir}/packed.tgz", "all/packed.tgz")
        self.assertIn("all/packed.tgz", self.refused(3, "E1103", "inspect", "nested.zip"))
        for archive, code in (("up.tar", "E1161"), ("cut.tgz", "E1160"), ("data.7z", "E1165"), ("empty.zip", "E1102")):
            self.refused(3, code, "train", archive, *TRAIN, "--out", "no")
            self.assertFalse(os.path.exists(f"{self.dir}/no"))
        self.refused(3, "E1163", "inspect", "packed.tgz", "--max-unpacked", "10K")
        self.refused(3, "E1163", "inspect", "stored.zip", "--max-unpacked", "10K")
        done = self.graft("train", "plain.tar", "--layout", "csv", *TRAIN, "--out", "no")
        self.assertEqual(done.status, 3, done.err)


if __name__ == "__main__":
    main()
