"""Runs that several processes share, by --ranks: the same bytes as alone, and what becomes of a run one of whose processes is
killed, stopped or asked to end. COMMAND is linked with the library."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pictures
from graft_cli import CommandTest, main
from test_detect import Detection
from test_run import RunTest, bits

KILLS = int(os.environ.get("GRAFT_TEST_RANK_KILLS", "12"))
LONG = {"epochs": 3, "fine_tune_epochs": 3}


def children(pid):
    """The processes that a process has started and that are not over."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if fields[0] != "Z" and int(fields[1]) == pid:
            found.append(int(name))
    return sorted(found)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Ranks(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ["XDG_CACHE_HOME"] = f"{cls.shared}/cache"  # what ranks keep for each other
        cls.reference = f"{cls.shared}/reference"
        test = cls("train")
        begin = time.monotonic()
        subprocess.run([cls.binary, *map(str, test.train_arguments(cls.reference, **LONG))], check=True, capture_output=True,
                       timeout=300)
        cls.seconds = time.monotonic() - begin

    def start(self, out, ranks, *more):
        arguments = self.train_arguments(out, "--ranks", ranks, "--threads", 1, *more, **LONG)
        return subprocess.Popen([self.binary, *map(str, arguments)], cwd=self.dir, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def training(self, child, ranks):
        """Waits for the first epoch's line; the other processes."""
        self.assertIn(b"epoch", child.stdout.readline())
        others = children(child.pid)
        self.assertEqual(len(others), ranks - 1)
        return others

    def none_left(self, pids):
        for _ in range(300):
            if not any(map(alive, pids)):
                return
            time.sleep(0.01)
        self.fail(f"still there: {[p for p in pids if alive(p)]}")

    def test_the_same_bytes(self):
        for ranks, threads in ((2, 1), (3, 2), (4, 1)):
            done = self.good(*self.train_arguments(f"{self.dir}/{ranks}", "--ranks", ranks, "--threads", threads, **LONG))
            self.assertEqual(bits(f"{self.dir}/{ranks}"), bits(self.reference), ranks)
            counts = re.search(r"by rank: ([\d +]+) = (\d+)", done.err)  # 24 images, 3 + 3 epochs
            self.assertEqual([int(counts[2]), sum(map(int, counts[1].split("+")))], [24 * 6] * 2, done.err)

    def test_resumed_by_others(self):
        out = f"{self.dir}/run"
        child = self.start(out, 2)
        self.training(child, 2)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, err)
        self.assertIn("stopped after", err.decode())
        self.good("resume", out, "--ranks", "3")
        self.assertEqual(bits(out), bits(self.reference))

    def test_any_of_them_may_be_asked_to_stop(self):
        out = f"{self.dir}/run"
        child = self.start(out, 3)
        others = self.training(child, 3)
        os.kill(others[1], signal.SIGTERM)
        begin = time.monotonic()
        _, err = child.communicate(timeout=60)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(child.returncode, 143, err)
        self.none_left(others)
        self.good("resume", out)
        self.assertEqual(bits(out), bits(self.reference))

    def test_killed_at_random_moments(self):  # H1, H3, H6
        moments = random.Random(5)
        for i in range(KILLS):
            out = f"{self.dir}/{i}"
            child = self.start(out, 3, "--checkpoint-seconds", "0")
            time.sleep(moments.random() * 1.5 * self.seconds)
            others = children(child.pid)
            whose = moments.randrange(3)
            victim = child.pid if not whose or len(others) < whose else others[whose - 1]
            over = child.poll() is not None
            begin = time.monotonic()
            if not over:
                os.kill(victim, signal.SIGKILL)
            _, err = child.communicate(timeout=60)
            self.assertLess(time.monotonic() - begin, 5 if victim != child.pid or over else 60, err)
            self.none_left(others)
            if not over and victim != child.pid and child.returncode:  # 0: it was not needed any more
                self.assertEqual(child.returncode, 8, err)
                self.assertIn("error E8001: rank ", err.decode())
                self.assertIn(f"process {victim}", err.decode())
            again = self.graft("resume", out, "--ranks", moments.choice([1, 2, 4]))
            if again.status:  # it had not begun
                self.assertIn("error E3007", again.err)
                self.good(*self.train_arguments(out, "--force", **LONG))
            self.assertEqual(bits(out), bits(self.reference), f"kill {i}")
            shutil.rmtree(out)

    def test_a_silent_one_is_given_up(self):  # H2
        out = f"{self.dir}/run"
        child = self.start(out, 3, "--rank-timeout", "2")
        others = self.training(child, 3)
        os.kill(others[0], signal.SIGSTOP)
        begin = time.monotonic()
        _, err = child.communicate(timeout=60)
        self.assertLess(time.monotonic() - begin, 8)
        self.assertEqual(child.returncode, 8, err)
        self.assertRegex(err.decode(), rf"error E8002: rank \d of 3 \(process {others[0]}\) .* at step \d+")
        self.none_left(others)
        self.good("resume", out, "--ranks", "2")
        self.assertEqual(bits(out), bits(self.reference))

    def test_what_goes_wrong_before(self):
        self.assertIn("from 1 to 64", self.refused(2, "E3002", *self.train_arguments("run", "--ranks", 0)))
        self.assertIn("from 1 to 64", self.refused(2, "E3002", *self.train_arguments("run", "--ranks", -1)))
        done = self.graft(*self.train_arguments("run", "--ranks", 2, data="nowhere"))
        self.assertEqual(done.status, 3, done.err)

    def test_bench(self):
        told = self.document("bench", "--alpha", "0.35", "--size", "64", "--batch", "16", "--steps", "2", "--fine-tune-at", "120",
                             "--precision", "f32", "--ranks", "2", "--threads", "1")
        rows = {row["ranks"]: row for row in told["ranks"]}
        self.assertEqual(sorted(rows), [1, 2, 4, 8, 16, 32, 64])
        self.assertTrue(all(row["modelled_ms"] > 0 for row in rows.values()))
        self.assertEqual([n for n, row in rows.items() if row["step_ms"]], [1, 2])
        self.assertTrue(told["latency_us"] > 0 and told["bandwidth_gb_s"] > 0)

    def test_more_ranks_than_parts(self):
        done = self.good(*self.train_arguments("run", "--ranks", 3, "--threads", 1))
        self.assertIn("of 3 ranks 1 have one", done.err)

    def test_a_vanished_image_is_lost_for_all(self):  # H7
        data = pictures.data_set(f"{self.dir}/data", train=12, validation=8)
        more = ["--cache", "none", "--augment", "flip", "--bad-images", "skip", "--max-bad", "20%"]
        arguments = self.train_arguments("run", "--ranks", 2, "--threads", 1, *more, data=data, epochs=6, fine_tune_epochs=2)
        child = subprocess.Popen([self.binary, *map(str, arguments)], cwd=self.dir, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        self.assertIn(b"epoch", child.stdout.readline())
        folder = sorted(os.listdir(f"{data}/train"))[0]
        victim = sorted(os.listdir(f"{data}/train/{folder}"))[0]
        os.remove(f"{data}/train/{folder}/{victim}")
        _, err = child.communicate(timeout=120)
        self.assertEqual(child.returncode, 0, err)
        self.assertIn(victim, err.decode())


class OtherTasks(Detection):
    """Boxes, whose losses hang on all of a batch."""

    test_it_learns_and_is_used = test_bits_do_not_hang_on_threads = None  # they are test_detect.py's
    test_a_killed_run_goes_on_to_the_same_bits = test_what_does_not_go_is_refused = None

    def test_boxes(self):
        for name, more in (("alone", []), ("shared", ["--ranks", "3", "--threads", "1"])):
            self.good("train", "d", *self.TRAIN, "--batch", "20", "--phases", self.PHASES.format(2), "--out", name, "--no-report",
                      *more)
        self.assertEqual(bits(f"{self.dir}/alone"), bits(f"{self.dir}/shared"))


class Texts(CommandTest):
    ENCODER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "text", "bert")

    def test_texts(self):
        words = {"yes": ["good", "great", "fun"], "no": ["bad", "dull", "poor"]}
        with open(f"{self.dir}/t.tsv", "w") as f:
            f.write("text\tlabel\n")
            for i in range(60):
                label = ["yes", "no"][i % 2]
                f.write(f"a {words[label][i // 2 % 3]} film{' !' * (i % 5)}\t{label}\n")
        kinds = {"frozen": ["--epochs", "3"], "all": ["--phases", "all at=0 epochs=2 lr=1e-3"]}
        for kind, options in kinds.items():
            for ranks in (1, 2, 5):
                self.good("train", "t.tsv", "--weights", self.ENCODER, "--batch", "14", "--no-report", "--precision", "f32", "--ranks",
                          ranks, "--threads", "1", "--out", f"{kind}{ranks}", *options)
            for ranks in (2, 5):
                self.assertEqual(bits(f"{self.dir}/{kind}1"), bits(f"{self.dir}/{kind}{ranks}"), (kind, ranks))


del RunTest, Detection
if __name__ == "__main__":
    main()
