"""graft features --shard, --part: a folder of files that one process or many fill, with the same bytes."""

import csv
import json
import os
import random
import signal
import struct
import subprocess
import time

from graft_cli import CommandTest, main
from pictures import picture, write
from test_run import digest

MODEL = ("--model", "mobilenet_v2", "--alpha", "0.35", "--size", "32", "--seed", "3", "--threads", "1")
IMAGES = 41


def shards(folder):
    return sorted(f for f in os.listdir(folder) if f.endswith(".npy"))


def read(path):
    """The shape and the bytes of the rows of a .npy file of floats."""
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<H", data[8:10])[0]
    return eval(data[10:10 + n].decode(), {"__builtins__": {}})["shape"], data[10 + n:]


class Shards(CommandTest):
    def setUp(self):
        super().setUp()
        for i in range(IMAGES):
            write(f"{self.dir}/photos/{i:03}.png", picture(i, i, size=36))

    def features(self, out, *more, **how):
        return self.graft("features", *MODEL, "--out", out, *more, "photos", **how)

    def contents(self, out):
        files = {f: digest(f"{self.dir}/{out}/{f}") for f in shards(f"{self.dir}/{out}")}
        with open(f"{self.dir}/{out}/manifest.json") as f:
            manifest = json.load(f)
        self.assertEqual({row["file"]: row["sha256"] for row in manifest["files"]}, files)
        self.assertEqual(sum(row["rows"] for row in manifest["files"]), IMAGES)
        left = [f for f in os.listdir(f"{self.dir}/{out}") if f.endswith((".tmp", ".errors")) or f[0].isdigit() and f.endswith(".lock")]
        self.assertEqual(left, [])
        return files

    def test_together_they_are_the_one_file(self):
        self.good("features", *MODEL, "--out", "one.npy", "photos")
        done = self.features("all", "--shard", "7")
        self.assertEqual(done.status, 0, done.err)
        shape, whole = read(f"{self.dir}/one.npy")
        parts = [read(f"{self.dir}/all/{f}") for f in shards(f"{self.dir}/all")]
        self.assertEqual([p[0][0] for p in parts], [7, 7, 7, 7, 7, 6])
        self.assertEqual((sum(p[0][0] for p in parts), parts[0][0][1]), shape)
        self.assertEqual(b"".join(p[1] for p in parts), whole)
        with open(f"{self.dir}/all/index.csv") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([r["path"] for r in rows], [f"photos/{i:03}.png" for i in range(IMAGES)])
        self.assertEqual([int(r["size"]) for r in rows], [os.path.getsize(f"{self.dir}/{r['path']}") for r in rows])

    def test_bytes_do_not_depend_on_how_many(self):
        self.assertEqual(self.features("n1", "--shard", "5").status, 0)
        wanted = self.contents("n1")
        for n in (2, 3, 7):
            started = [subprocess.Popen([self.binary, "features", *MODEL, "--out", f"n{n}", "--shard", "5", "--part", f"{i}/{n}", "photos"],
                                        cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for i in range(n)]
            for p in started:
                said = p.communicate()[1]
                self.assertEqual(p.returncode, 0, said)
            self.assertEqual(self.contents(f"n{n}"), wanted)

    def test_one_part_does_the_rest_too(self):
        self.assertEqual(self.features("a", "--shard", "5").status, 0)
        done = json.loads(self.good("features", *MODEL, "--out", "b", "--shard", "5", "--part", "2/3", "--json", "photos").out)
        self.assertEqual((done["shards"], done["made"], done["there"]), (9, 9, 9))
        self.assertEqual(self.contents("b"), self.contents("a"))
        again = json.loads(self.good("features", *MODEL, "--out", "b", "--shard", "5", "--json", "photos").out)
        self.assertEqual((again["made"], again["there"]), (0, 9))

    def test_killed_at_any_moment(self):
        self.assertEqual(self.features("whole", "--shard", "1").status, 0)
        moments, made = random.Random(5), []
        for _ in range(int(os.environ.get("GRAFT_TEST_KILLS", "12"))):
            p = subprocess.Popen([self.binary, "features", *MODEL, "--out", "killed", "--shard", "1", "photos"], cwd=self.dir,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0, 0.25))
            p.send_signal(signal.SIGKILL)
            p.wait()
            made.append(len(shards(f"{self.dir}/killed")) if os.path.isdir(f"{self.dir}/killed") else 0)
        self.assertEqual(made, sorted(made))  # what was there stays there
        self.assertEqual(self.features("killed", "--shard", "1").status, 0)
        self.assertEqual(self.contents("killed"), self.contents("whole"))

    def test_bad_images_are_rows_of_nan(self):
        write(f"{self.dir}/photos/017.png", b"no image")
        for part in ("0/2", "1/2", "0/1"):  # the same answer whoever asks, now and later
            done = self.features("bad", "--shard", "10", "--part", part)
            self.assertEqual(done.status, 3, done.err)
            self.assertIn("1 of 41 rows", done.err)
        with open(f"{self.dir}/bad/errors.csv") as f:
            (row,) = csv.DictReader(f)
        self.assertEqual((row["row"], row["path"]), ("17", "photos/017.png"))
        self.assertIn("017.png", row["error"])
        shape, data = read(f"{self.dir}/bad/00001.npy")
        rows = [struct.unpack(f"<{shape[1]}f", data[4 * shape[1] * i:4 * shape[1] * (i + 1)]) for i in range(shape[0])]
        self.assertEqual([i for i, r in enumerate(rows) if any(x != x for x in r)], [7])
        self.assertTrue(all(x != x for x in rows[7]))
        self.contents("bad")

    def test_other_features_are_refused(self):
        self.assertEqual(self.features("f", "--shard", "20").status, 0)
        others = [("--shard", "10"), ("--shard", "20", "--seed", "4"), ("--shard", "20", "--fit", "crop"), ("--shard", "20", "--resize-filter", "area")]
        for more in others:
            done = self.features("f", *more)
            self.assertEqual(done.status, 2, (more, done.err))
            self.assertIn("holds other features", done.err)
        write(f"{self.dir}/photos/new.png", picture(0, 99))
        done = self.features("f", "--shard", "20")
        self.assertIn("'rows' differs", done.err)

    def test_what_is_no_part(self):
        for part in ("16/16", "-1/4", "3/0", "1", "a/b", "1/2/3", "1/", "/2", "0/4294967296"):
            done = self.features("none", "--part", part)
            self.assertEqual(done.status, 2, (part, done.err))
            self.assertIn("I/N", done.err)
        write(f"{self.dir}/there", b"")
        self.assertEqual(self.features("there", "--part", "0/2").status, 2)
        self.assertEqual(self.features("f", "--part", "0/2", "--force").status, 2)


main()
