"""Threads, Ctrl-C, fork, the end of the process, many openings (SERVICE's Y2, Y3)."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from common import PLACE, SMALL, Case, data, graft, images, model, python, quiet, run
from graft import _context

RUN = """
import graft, sys, warnings, os
warnings.simplefilter("ignore")
SMALL, data, out = %r, %r, %r
print("begins", flush=True)
try:
    graft.train(data, out=out, **SMALL)
except KeyboardInterrupt as stop:
    print("interrupted", getattr(stop, "run", None), flush=True)
"""


def settings(**more):
    return {**SMALL, "epochs": 4, "fine_tune_last": 20, "fine_tune_epochs": 3, "checkpoint_seconds": 0, **more}


class Threads(Case):
    def test_one_model_in_eight_threads(self):
        paths = images()
        wanted, got = model().predict_proba(paths), []

        def ask(k):
            order = np.random.default_rng(k).permutation(len(paths))
            for _ in range(10):
                got.append(np.array_equal(model().predict_proba([paths[i] for i in order]), wanted[order]))

        threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(got, [True] * 80)

    def test_two_contexts_and_calls_that_take_turns(self):
        results = {}

        def train(k):
            results[k] = quiet(graft.train, data(), out=PLACE / f"side{k}", **SMALL).history["val_loss"]

        def evaluate(k):
            results[k] = model().evaluate(data())["loss"]

        threads = [threading.Thread(target=train, args=(k,)) for k in range(2)] + [threading.Thread(target=evaluate, args=(k,)) for k in (2, 3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0], run().history["val_loss"])
        self.assertEqual(results[2], results[3])

    def test_close_while_it_is_used(self):
        other, told = graft.load(run().path, threads=2), []

        def ask():
            try:
                while True:
                    other.predict_proba(images())
            except graft.UsageError as error:
                told.append(error.code)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads:
            t.start()
        time.sleep(0.3)
        other.close()
        for t in threads:
            t.join(30)
        self.assertEqual(len(told), 4)
        self.assertLessEqual(set(told), {"E3001", "E3402"})


class Interrupts(Case):
    def begin(self, out, **more):
        child = subprocess.Popen([sys.executable, "-u", "-c", RUN % (settings(**more), data(), str(out))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)})
        child.stdout.readline()
        return child

    def test_stopped_at_several_moments_and_resumed(self):
        whole = quiet(graft.train, data(), out=PLACE / "whole", **settings())
        wanted = whole.history
        begun = time.monotonic()
        self.begin(PLACE / "timed").communicate()
        takes = time.monotonic() - begun
        stopped = 0
        for k in range(8):
            out = PLACE / f"stopped{k}"
            child = self.begin(out)
            time.sleep(takes * (k + 0.5) / 9)
            child.send_signal(signal.SIGINT)
            told = child.communicate(timeout=60)[0]
            if not told:
                self.assertEqual(graft.Run(out).history["loss"], wanted["loss"])  # it had ended
                continue
            if f"interrupted {out}" not in told:
                self.assertFalse((out / "config.json").exists())
                continue
            stopped += 1
            again = graft.resume(out, threads=1, progress=False)
            for column in ("loss", "val_loss", "val_accuracy"):
                self.assertEqual(again.history[column], wanted[column])
        self.assertGreater(stopped, 0)

    def test_twice_does_not_hang(self):
        child = self.begin(PLACE / "twice", epochs=10000)
        time.sleep(1)
        for _ in range(3):
            child.send_signal(signal.SIGINT)
            time.sleep(0.02)
        child.communicate(timeout=60)
        self.assertIsNotNone(child.returncode)

    def test_a_second_one_does_not_wait(self):
        context, ended = _context.Context(1), threading.Event()

        def interrupt():
            for _ in range(2):
                time.sleep(0.2)
                os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        begun = time.monotonic()
        with self.assertRaises(graft.Interrupted):
            context.run(lambda: (time.sleep(4), ended.set()))
        context.release()
        self.assertLess(time.monotonic() - begun, 3)
        self.assertFalse(ended.is_set())
        self.assertTrue(ended.wait(30))
        self.assertEqual(context.run(lambda: 3), 3)  # its turn is free again

    def test_in_the_same_process(self):
        def interrupt():
            while not (PLACE / "same/history.csv").exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with self.assertRaises(graft.Interrupted) as caught:
            quiet(graft.train, data(), out=PLACE / "same", **settings(epochs=100000))
        self.assertIsInstance(caught.exception, KeyboardInterrupt)
        self.assertEqual(caught.exception.run, str(PLACE / "same"))
        self.assertIn(len(graft.Run(PLACE / "same").history["loss"]), range(100000))

    def test_many_images_can_be_interrupted(self):
        x = np.zeros((20000, 32, 32, 3), np.uint8)
        model().predict_proba(x[:3])
        timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            while True:
                model().predict_proba(x)
        self.assertEqual(model().predict_proba(x[:3]).shape, (3, 2))


class Processes(Case):
    def test_fork_with_an_open_model(self):
        model().predict_proba(images(2))
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            told = []
            for call in (lambda: model().predict_proba(images(2)), lambda: model().evaluate(data()), lambda: model().summary()):
                try:
                    call()
                    told.append("nothing")
                except graft.UsageError as error:
                    told.append(error.code)
            mine = graft.load(run().path, threads=1)
            told.append(str(mine.predict_proba(images(2)).shape))
            model().close()
            os.write(writer, " ".join(told).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as f:
            self.assertEqual(f.read().decode(), "E3406 E3406 E3406 (2, 2)")
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(model().predict_proba(images(2)).shape, (2, 2))

    def test_the_process_ends_during_calls(self):
        for work in ("while True: m.predict_proba(x)", "m.evaluate(data); threading.Event().wait()",
                     "graft.train(data, out=out, **{**SMALL, 'epochs': 100000})"):
            code = f"""
import graft, threading, time, warnings, numpy as np
warnings.simplefilter("ignore")
SMALL, data, out = {SMALL!r}, {data()!r}, {str(PLACE / 'ending')!r}
m, x = graft.load({run().path!r}, threads=2), np.zeros((64, 32, 32, 3), np.uint8)
def go():
    {work}
threading.Thread(target=go, daemon=True).start()
time.sleep(0.7)
print("ends")
"""
            status, out, told = python(code)
            self.assertEqual((status, out, told), (0, "ends\n", ""), work)

    def test_deleted_during_a_call(self):
        code = f"""
import graft, threading, gc, numpy as np
m = graft.load({run().path!r}, threads=2)
call, x, got = m.predict_proba, np.zeros((300, 32, 32, 3), np.uint8), []
t = threading.Thread(target=lambda: got.append(call(x).shape))
t.start()
del m, call
gc.collect()
t.join()
print(got)
"""
        self.assertEqual(python(code)[:2], (0, "[(300, 2)]\n"))

    def test_opened_a_thousand_times(self):
        def resident():
            return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        def threads():
            return len(os.listdir("/proc/self/task"))

        def open_one(predict):
            with graft.load(run().path, threads=1) as one:
                if predict:
                    one.predict_proba(images(2))

        for i in range(100):
            open_one(i % 10 == 0)
        before, tasks, files = resident(), threads(), len(os.listdir("/proc/self/fd"))
        for i in range(900):
            open_one(i % 10 == 0)
        self.assertLess(resident() - before, 24 << 20)
        until = time.monotonic() + 5  # a thread that was joined is listed a moment longer
        while threads() > tasks and time.monotonic() < until:
            time.sleep(0.01)
        self.assertLessEqual(threads(), tasks)
        self.assertEqual(len(os.listdir("/proc/self/fd")), files)
