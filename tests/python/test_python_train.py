"""Training, going on, runs, and what is told meanwhile."""

import csv
import json
import logging
import os
import pathlib
import pickle
import shutil
import warnings

import numpy as np

from common import PLACE, SMALL, Case, command, data, graft, images, pictures, quiet, run


def losses(folder):
    return graft.Run(folder).history["val_loss"]


class Trained(Case):
    def test_history_is_keras_s_dictionary_of_lists(self):
        history = run().history
        self.assertEqual(history["epoch"], [1, 2])
        for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr"):
            self.assertEqual([type(x) for x in history[name]], [float, float], name)
        with open(f"{run().path}/history.csv", newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(history["val_loss"], [float(row["val_loss"]) for row in rows])
        self.assertEqual(set(history), set(rows[0]))

    def test_metrics_report_and_plots(self):
        with open(f"{run().path}/metrics.json") as f:
            self.assertEqual(run().metrics, json.load(f))
        self.assertTrue(os.path.exists(run().report))
        self.assertIn(f"{run().path}/plots/curves.png", run().plots)
        self.assertIn("validation accuracy", repr(run()))
        self.assertEqual(run().model.classes, ["bright", "dark"])

    def test_it_is_the_command_s_run(self):
        told = command("train", data(), "--out", PLACE / "by_command", "--size", 32, "--alpha", 0.35, "--epochs", 2, "--batch", 8, "--lr",
                       0.01, "--seed", 3, "--precision", "f32", "--threads", 1, "--no-report")
        self.assertEqual(losses(told["run"]), run().history["val_loss"])
        tensors = [pathlib.Path(folder, "model.safetensors").read_bytes() for folder in (told["run"], run().path)]
        self.assertEqual(len(tensors[0]), len(tensors[1]))

    def test_options_by_name(self):
        made = quiet(graft.train, data(), out=PLACE / "options", fine_tune_last=3, **{**SMALL, "epochs": 1}, fine_tune_epochs=1, metrics=["mcc", "macro_f1"],
                     augment="flip,zoom=0.1", class_weight={"bright": 2.0}, optimizer="sgd:momentum=0.9", split="0.5,0.5", fit="crop")
        config = json.loads(pathlib.Path(made.path, "config.json").read_text())
        text = json.dumps(config)
        for wanted in ("flip,zoom=0.1", "bright=2.0", "sgd:momentum=0.9", '"crop"'):
            self.assertIn(wanted, text)
        self.assertEqual(len(made.history["val_mcc"]), 2)
        self.assertEqual(made.history["phase"][1], "fine_tuning")
        self.assertEqual(graft.options("train")["train.epochs"]["default"], "10")

    def test_wrong_options_are_refused(self):
        out = str(PLACE / "refused")
        error = self.refused(graft.UsageError, "E3003", quiet, graft.train, data(), out=out, epoch=3)
        self.assertIn("epochs", error.hint)
        self.refused(graft.UsageError, "E3002", quiet, graft.train, data(), out=out, epochs=-1)
        self.refused(graft.UsageError, "E3002", quiet, graft.train, data(), out=out, lr=object())
        self.refused(graft.UsageError, "E3001", quiet, graft.train, data(), out=out, fine_tune_at=3, fine_tune_last=3)
        self.refused(graft.UsageError, "E3001", quiet, graft.train, data(), out=out, fine_tune_epochs=3)
        self.refused(graft.UsageError, "E3002", quiet, graft.train, data(), out=out, size="wide")
        error = self.refused(graft.UsageError, "E3006", quiet, graft.train, data(), out=run().path, **SMALL)
        self.assertIsInstance(error, ValueError)
        self.refused(graft.DataError, "E1101", quiet, graft.train, "no data", out=out, **SMALL)
        self.refused(graft.UsageError, "E3007", graft.Run, data())
        self.assertFalse(os.path.exists(out))

    def test_errors_are_kept_by_pickle(self):
        error = self.refused(graft.UsageError, "E3007", graft.load, data())
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(again), again.code, again.hint, str(again)), (graft.UsageError, "E3007", error.hint, str(error)))
        stop = pickle.loads(pickle.dumps(graft.Interrupted("stopped", "runs/x")))
        self.assertEqual((stop.run, str(stop)), ("runs/x", "stopped"))
        self.assertIsInstance(graft.ResourceError("full", "E5003"), OSError)

    def test_messages_are_logged_and_warnings_are_warnings(self):
        with self.assertLogs("graft", logging.INFO) as logged, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            graft.train(data(), out=PLACE / "told", **{**SMALL, "epochs": 1})
        self.assertTrue(any("image geometry" in line for line in logged.output), logged.output)
        self.assertTrue(any(issubclass(w.category, graft.Warning) and "random values" in str(w.message) for w in caught))
        self.assertTrue(all(w.filename == __file__ for w in caught if issubclass(w.category, graft.Warning)))
        with warnings.catch_warnings():
            warnings.simplefilter("error", graft.Warning)
            with self.assertRaises(graft.Warning):
                graft.train(data(), out=PLACE / "told2", **SMALL)

    def test_longer(self):
        shutil.copytree(run().path, PLACE / "longer")
        again = graft.resume(PLACE / "longer", epochs=3, threads=2, progress=False)
        self.assertEqual(len(again.history["loss"]), 3)
        self.assertEqual(again.history["val_loss"][:2], run().history["val_loss"])
        self.refused(graft.UsageError, "E3007", graft.resume, PLACE / "nothing")


class InMemory(Case):
    def test_arrays(self):
        rng = np.random.default_rng(1)
        x = np.concatenate([rng.integers(195, 255, (12, 40, 40, 3), np.uint8), rng.integers(0, 60, (12, 40, 40, 3), np.uint8)])
        y = ["bright"] * 12 + ["dark"] * 12
        parts = (["train"] * 8 + ["validation"] * 4) * 2
        made = quiet(graft.train, (x, y, parts), out=PLACE / "arrays", **SMALL)
        folder = pictures_of(x, y, parts)
        other = quiet(graft.train, folder, out=PLACE / "arrays_as_files", **SMALL)
        self.assertEqual(made.model.classes, ["bright", "dark"])
        np.testing.assert_allclose(made.history["val_loss"], other.history["val_loss"], rtol=0.2)
        np.testing.assert_allclose(made.metrics["before"]["loss"], other.metrics["before"]["loss"], rtol=1e-6)
        told = made.model.evaluate((x, y))
        self.assertEqual(told["images"], 24)
        self.assertEqual(graft.resume(made, progress=False).history, made.history)
        self.refused(graft.UsageError, "E3006", quiet, graft.train, (x, y), out=PLACE / "arrays", **SMALL)

    def test_paths_and_tables(self):
        paths = [p for i in range(6) for p in (f"{data()}/train/dark/{i:03d}.png", f"{data()}/train/bright/{i:03d}.png")]
        y = np.array([0, 1] * 6)
        made = quiet(graft.train, (paths, y), out=PLACE / "paths", **SMALL)
        self.assertEqual(made.model.classes, ["0", "1"])

        class Table(dict):
            columns = ["path", "label"]

        table = quiet(graft.train, Table(path=paths, label=y), out=PLACE / "table", **SMALL)
        self.assertEqual(table.history["val_loss"], made.history["val_loss"])
        self.refused(graft.DataError, "E3403", quiet, graft.train, (paths, y[1:]), out=PLACE / "uneven", **SMALL)
        self.refused(graft.DataError, "E3403", quiet, graft.train, (paths, [*y[1:], float("nan")]), out=PLACE / "lacking", **SMALL)
        self.assertTrue(any(name.endswith(" 000.png") for name in os.listdir(PLACE / "paths.data")))
        Table.columns = ["a", "b"]
        self.refused(graft.DataError, "E3403", quiet, graft.train, Table(a=paths, b=y), out=PLACE / "columns", **SMALL)


def pictures_of(x, y, parts):
    for i, (image, name, part) in enumerate(zip(x, y, parts)):
        pictures.write(f"{PLACE}/files/{part}/{name}/{i:03d}.png", pictures.png(40, 40, [row.tobytes() for row in image]))
    return f"{PLACE}/files"


class Foreign(Case):
    """Names that are hostile to HTML, or no UTF-8 (SERVICE's Y4)."""

    def rename(self, folder, names):
        for part in ("train", "validation"):
            for name, plain in zip(names, ("bright", "dark")):
                os.rename(f"{folder}/{part}/{plain}", os.path.join(folder, part, name))

    def test_names_of_classes_and_files(self):
        names = ["<script>alert(1)<\u2215script>", "a & \"c\" \u597d"]
        folder = pictures.data_set(str(PLACE / "strange"), train=4, validation=2)
        self.rename(folder, names)
        newline = PLACE / "a\nline \udcfe"
        made = quiet(graft.train, folder, out=newline, **{**SMALL, "report": True})
        self.assertEqual(sorted(made.model.classes), sorted(names))
        file = os.path.join(folder, "validation", names[1], "n\udcff\n.png")
        os.rename(os.path.join(folder, "validation", names[1], "000.png"), file)
        found = made.model.predict([file, file])
        self.assertEqual(found[0].path, file)
        self.assertIn(found[0].label, names)
        self.assertEqual(made.model.features([file]).paths, [file])
        self.assertEqual(made.model.predict(file, tta="flip").path, file)
        for shown in (found[0], made, made.model.evaluate(folder)):
            text = shown._repr_html_()
            self.assertNotIn("<script", text)
            text.encode("utf-8")
        self.assertIn("&lt;script&gt;", made.model.evaluate(folder)._repr_html_())

    def test_a_class_whose_name_is_no_text(self):
        folder = pictures.data_set(str(PLACE / "bytes"), train=4, validation=2)
        self.rename(folder, ["a\udcff", "b"])
        error = self.refused(graft.DataError, "E1127", quiet, graft.train, folder, out=PLACE / "of_bytes", **SMALL)
        self.assertIn("a\\xff", error.message)
        self.assertFalse((PLACE / "of_bytes").exists())


class Shown(Case):
    def test_html_is_small_and_has_the_run_s_plots(self):
        text = run()._repr_html_()
        self.assertIn("data:image/png;base64,", text)
        self.assertLess(len(text), 300_000)
        shown = run().model.predict(images()[0])._repr_html_()
        self.assertIn("<meter", shown)
        self.assertIn("data:image/png;base64,", shown)
        self.assertLess(len(shown), 300_000)
        big = run().model.predict(np.random.default_rng(0).integers(0, 255, (2000, 2000, 3), np.uint8))
        self.assertLess(len(big._repr_html_()), 300_000)
