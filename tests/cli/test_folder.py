"""What a run folder promises: everything that a run that ended holds is there, or a resume makes it again."""

import glob
import json
import os
import re
import shutil
import subprocess

from graft_cli import main
from test_run import HERE, SMALL, RunTest, bits, digest

LIST = "files.sha256"
CLOCKS = ("metrics.json", "report.html")  # the run's seconds stand in these


def promised(run):
    """Name and digest of each file in a run's list."""
    with open(f"{run}/{LIST}") as f:
        return {name: value for value, name in (line.rstrip("\n").split("  ", 1) for line in f)}


def flip(path):
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte ^ 1]))


class Folder(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ended = f"{cls.shared}/ended"
        test = cls("train")
        arguments = [word for word in test.train_arguments(cls.ended) if word != "--no-report"]
        subprocess.run([cls.binary, *map(str, arguments)], check=True, capture_output=True, timeout=300)

    def setUp(self):
        super().setUp()
        self.run_folder = shutil.copytree(self.ended, f"{self.dir}/run")

    def with_report(self, out, *more, **settings):
        return [word for word in self.train_arguments(out, *more, **settings) if word != "--no-report"]

    def mended(self, *names, **more):
        """Resumes; the run is whole again, nothing was trained, each of `names` was told."""
        done = self.good("resume", self.run_folder, **more)
        self.assertFalse(re.search("^epoch ", done.out + done.err, re.M), done.err)
        for name in names:
            self.assertRegex(done.err, f"graft: warning: .*{re.escape(name)}")
        before, now = promised(self.ended), promised(self.run_folder)
        self.assertEqual(sorted(now), sorted(before))
        for name, value in now.items():
            self.assertEqual(digest(f"{self.run_folder}/{name}"), value, name)
            if name not in CLOCKS:
                self.assertEqual(value, before[name], name)
        self.assertEqual(glob.glob(f"{self.run_folder}/**/*.tmp", recursive=True), [])
        return done

    def test_the_list_is_what_sha256sum_checks(self):
        names = promised(self.run_folder)
        for name in ("model.safetensors", "classes.txt", "metrics.json", "history.csv", "events.out.tfevents.graft",
                     "report.html", "plots/curves.png", "plots/samples.png", "plots/augmentations.png",
                     "plots/predictions.png", "plots/confusion.png", "plots/reliability.png", "model-card.md"):
            self.assertIn(name, names)
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", LIST], cwd=self.run_folder, check=True)

    def test_the_documents_list_each_file(self):
        with open(os.path.join(HERE, "..", "..", "docs", "design", "checkpoint.md")) as f:
            text = f.read()
        for path in glob.glob(f"{self.run_folder}/**", recursive=True):
            name = os.path.relpath(path, self.run_folder)
            if os.path.isfile(path) and "ckpt-" not in name:
                self.assertIn(f"`{name}`", text)

    def test_each_promised_file_is_made_again(self):
        for name in promised(self.ended):
            os.remove(f"{self.run_folder}/{name}")
            self.mended(name)
        for name in promised(self.ended):
            flip(f"{self.run_folder}/{name}")
        self.mended(*promised(self.ended))

    def test_several_at_once_and_the_list_itself(self):
        for name in ("report.html", "plots/curves.png", "history.csv"):
            os.remove(f"{self.run_folder}/{name}")
        self.mended("report.html", "plots/curves.png", "history.csv")
        os.remove(f"{self.run_folder}/{LIST}")  # as if it had been killed right before the end
        self.mended()
        for text in ("", "nonsense\n", "x" * 64 + "  ../model.safetensors\n"):
            with open(f"{self.run_folder}/{LIST}", "w") as f:
                f.write(text)
            self.mended(LIST)

    def test_what_cannot_be_made_again_is_refused_by_name(self):
        for path in glob.glob(f"{self.run_folder}/checkpoint/ckpt-*"):
            os.remove(path)
        self.good("resume", self.run_folder)  # whole: nothing is needed
        flip(f"{self.run_folder}/model.safetensors")
        message = self.refused(4, "E2304", "resume", self.run_folder)
        self.assertIn("model.safetensors", message)
        self.assertEqual(self.graft("predict", self.run_folder, self.data).status, 4)

    def test_class_names_are_mended_from_the_model(self):
        flip(f"{self.run_folder}/classes.txt")
        for path in glob.glob(f"{self.run_folder}/checkpoint/*"):
            os.remove(path)
        self.mended("classes.txt")

    def test_an_end_that_cannot_be_written_is_made_up_for(self):
        """Exit 5, and the same end once it can be written: at each of the files of the end."""
        for name in ("model.safetensors", "classes.txt", "metrics.json", "plots/samples.png", "report.html", LIST):
            out = f"{self.dir}/out"
            os.makedirs(f"{out}/{name}.tmp/x")
            blocked = self.graft(*self.with_report(out, "--force"))
            self.assertEqual(blocked.status, 5, f"{name}: {blocked.err}")
            os.removedirs(f"{out}/{name}.tmp/x")
            if name == "classes.txt":  # written before there is a run
                self.good(*self.with_report(out, "--force"))
            again = self.good("resume", out)
            self.assertFalse(re.search("^epoch ", again.out + again.err, re.M), again.err)
            self.assertEqual(sorted(promised(out)), sorted(promised(self.ended)))
            shutil.rmtree(out)

    def test_half_written_files_go(self):
        for name in ("events.out.tfevents.graft.tmp", "checkpoint/ckpt-000000000005.graft.tmp", "model.safetensors.tmp"):
            with open(f"{self.run_folder}/{name}", "wb") as f:
                f.write(b"x" * 1000)
        self.mended()

    def test_a_run_that_0_1_ended(self):
        """It left no list: its files tell."""
        os.remove(f"{self.run_folder}/{LIST}")
        config = f"{self.run_folder}/config.json"
        with open(config) as f:
            text = re.sub(r',\s*"base_digest": "[0-9a-f]*"', "", f.read())
        with open(config, "w") as f:
            f.write(text)
        self.assertEqual(self.document("resume", self.run_folder)["epochs"], 2)
        self.assertFalse(os.path.exists(f"{self.run_folder}/{LIST}"))
        shutil.copy(f"{self.ended}/config.json", config)
        os.remove(f"{self.run_folder}/report.html")  # what 0.1 lost
        self.mended()

    def test_the_base_is_tied_to_its_run(self):  # C30
        """Of another run, damaged or lost: by name, before anything is trained."""
        base = f"{self.run_folder}/checkpoint/base.safetensors"
        self.train(f"{self.dir}/other", "--seed", "8")
        os.remove(f"{self.run_folder}/report.html")
        for spoil in (lambda: shutil.copy(f"{self.dir}/other/checkpoint/base.safetensors", base), lambda: flip(base),
                      lambda: os.remove(base)):
            spoil()
            self.assertIn("base.safetensors", self.refused(4, "E2307", "resume", self.run_folder))
        shutil.copy(f"{self.ended}/checkpoint/base.safetensors", base)
        self.mended("report.html")

    def test_force_clears_all_that_a_run_writes_and_nothing_else(self):
        with open(f"{self.run_folder}/notes.txt", "w") as f:
            f.write("mine")
        with open(f"{self.run_folder}/plots/mine.png", "w") as f:
            f.write("mine")
        self.train(self.run_folder, "--force", "--augment", "none")
        names = sorted(os.path.relpath(p, self.run_folder) for p in glob.glob(f"{self.run_folder}/**", recursive=True) if os.path.isfile(p))
        self.assertEqual([n for n in names if "ckpt" not in n],
                         ["checkpoint/base.safetensors", "checkpoint/data.txt", "classes.txt", "config.json", "decisions.json", LIST,
                          "history.csv", "metrics.json", "model.safetensors", "notes.txt", "plots/mine.png"])
        shutil.rmtree(f"{self.run_folder}/plots")
        self.good(*self.with_report(self.run_folder, "--force", "--augment", "none"))
        self.assertFalse(os.path.exists(f"{self.run_folder}/plots/augmentations.png"))
        self.train(self.run_folder, "--force")
        self.assertFalse(os.path.exists(f"{self.run_folder}/plots"))

    def test_a_folder_without_a_run_is_started_again_without_force(self):
        """Killed before config.json: resume and train agree."""
        out = f"{self.dir}/begun"
        os.makedirs(f"{out}/checkpoint")
        for name in ("checkpoint/base.safetensors", "checkpoint/data.txt", "classes.txt"):
            shutil.copy(f"{self.ended}/{name}", f"{out}/{name}")
        shutil.copy(f"{self.ended}/config.json", f"{out}/config.json.tmp")
        message = self.refused(2, "E3007", "resume", out)
        self.assertIn("same graft train", message)
        with open(f"{out}/notes.txt", "w") as f:
            f.write("mine")
        self.refused(2, "E3006", *self.train_arguments(out))
        os.remove(f"{out}/notes.txt")
        self.assertEqual(self.train(out)["epochs"], 2)
        self.refused(2, "E3006", *self.train_arguments(out))


class WhileItRuns(RunTest):
    """History and events can be read, and followed by name or by descriptor, while a run goes on."""

    EPOCHS = {"epochs": 12, "fine_tune_epochs": 3}

    def rows(self, out):
        with open(f"{out}/history.csv") as f:
            lines = f.read().splitlines()
        self.assertTrue(lines[0].startswith("epoch,phase,"))
        return [line.split(",")[0] for line in lines[1:]]

    def test_history_and_events_grow(self):  # E1
        arguments = [word for word in self.train_arguments("run", "--checkpoint-seconds", "0", **self.EPOCHS) if word != "--no-report"]
        child = subprocess.Popen([self.binary, *map(str, arguments)], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True)
        out, names, sizes = f"{self.dir}/run", ("history.csv", "events.out.tfevents.graft"), []
        for epoch in range(1, 7):
            self.assertIn(f"epoch {epoch:2}/15", child.stdout.readline())
            self.assertGreaterEqual(len(self.rows(out)), epoch)
            sizes.append([(os.stat(f"{out}/{name}").st_ino, os.stat(f"{out}/{name}").st_size) for name in names])
        child.kill()
        child.communicate()
        for k in range(len(names)):
            self.assertEqual(len({size[k][0] for size in sizes[1:]}), 1)  # the same file: tail -f sees it grow
            self.assertLess(sizes[0][k][1], sizes[-1][k][1])
        with open(f"{out}/history.csv", "a") as f:
            f.write("99,fine_tuning,0.1,0.")  # cut short by a power cut
        self.good("resume", out)
        self.assertEqual(self.rows(out), [str(i) for i in range(1, 16)])
        self.train(f"{self.dir}/whole", **self.EPOCHS)
        self.assertEqual(bits(out), bits(f"{self.dir}/whole"))

    def test_a_log_that_cannot_be_written_costs_no_run(self):  # E8
        os.makedirs(f"{self.dir}/run/history.csv")
        done = self.graft(*self.train_arguments("run", "--force"))
        self.assertIn("tried again after the next epoch", done.err)
        self.assertEqual(done.status, 5)  # promised, and not there at the end
        self.assertTrue(os.path.exists(f"{self.dir}/run/model.safetensors"))
        os.rmdir(f"{self.dir}/run/history.csv")
        self.good("resume", "run")
        self.assertEqual(self.rows(f"{self.dir}/run"), ["1", "2"])


class MoreEpochs(RunTest):
    """A run that ended goes on, with the bits of one that was asked for as much at its start."""

    def go_on(self, out, *more):
        self.good("resume", out, *more)
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", LIST], cwd=out, check=True)

    def test_more_epochs_of_each_phase_are_those_of_the_longer_run(self):
        out = f"{self.dir}/run"
        self.train(out, epochs=2, fine_tune_epochs=0)
        for more, wanted in ((["--epochs", "4"], {"epochs": 4, "fine_tune_epochs": 0}),
                             (["--fine-tune-epochs", "2"], {"epochs": 4, "fine_tune_epochs": 2}),
                             (["--fine-tune-epochs", "3"], {"epochs": 4, "fine_tune_epochs": 3})):
            self.go_on(out, *more)
            self.train("longer", "--force", **wanted)
            self.assertEqual(bits(out), bits(f"{self.dir}/longer"), more)
        self.go_on(out)
        self.refused(4, "E2306", "resume", out, "--epochs", "5")
        self.refused(4, "E2306", "resume", out, "--fine-tune-epochs", "2")
        self.assertEqual(bits(out), bits(f"{self.dir}/longer"))

    def test_both_at_once_and_killed_on_the_way(self):
        out = f"{self.dir}/run"
        self.train(out, epochs=1, fine_tune_epochs=0)
        child = subprocess.Popen([self.binary, "resume", out, "--epochs", "8", "--fine-tune-epochs", "3"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        for _ in range(3):
            self.assertIn(b"epoch", child.stdout.readline())
        child.kill()
        child.communicate()
        self.go_on(out)
        self.train("longer", epochs=8, fine_tune_epochs=3)
        self.assertEqual(bits(out), bits(f"{self.dir}/longer"))

    def test_a_run_of_0_1_goes_on(self):
        """Its last checkpoint is taken; without one it is never begun anew."""
        old = os.path.join(HERE, "..", "fixtures", "runs", "0.1", "finished")
        if not os.path.isdir(old):
            self.fail(f"{old} is not there")
        shutil.copytree(old, f"{self.dir}/old")
        before = digest(f"{self.dir}/old/model.safetensors")
        with open(f"{self.dir}/old/config.json") as f:
            epochs = int(re.search(r'"epochs": (\d+)', f.read())[1])
        message = self.refused(4, "E2304", "resume", "old", "--fine-tune-epochs", epochs + 100)
        self.assertIn("--model", message)
        self.assertEqual(digest(f"{self.dir}/old/model.safetensors"), before)


class FromRun(RunTest):
    """What begins with a run that ended."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = f"{cls.shared}/first"
        test = cls("train")
        subprocess.run([cls.binary, *map(str, test.train_arguments(cls.first, "--precision", "f32", epochs=2, fine_tune_epochs=2))], check=True,
                       capture_output=True, timeout=300)

    def from_run(self, out, *more):
        done = self.good("train", self.data, "--batch", "8", "--epochs", "1", "--seed", "7", "--precision", "f32", "--no-report",
                         "--out", out, *more)
        self.assertNotIn("no --weights", done.err)
        return done


class RunAsModel(FromRun):
    """A run is a model wherever one is wanted."""

    def test_in_every_way_that_a_model_is_named(self):
        file = f"{self.first}/model.safetensors"
        for i, more in enumerate((["--model", self.first], ["--model", file], ["--from", self.first], ["--from", file])):
            self.from_run(f"m{i}", *more)
            self.assertEqual(digest(f"{self.dir}/m{i}/model.safetensors"), digest(f"{self.dir}/m0/model.safetensors"), more)
        for i, weights in enumerate((self.first, file)):
            self.from_run(f"w{i}", *SMALL, "--weights", weights)
        self.assertEqual(digest(f"{self.dir}/w0/model.safetensors"), digest(f"{self.dir}/w1/model.safetensors"))
        names = sorted(glob.glob(f"{self.data}/validation/*/*.png"))[:3]
        for i, more in enumerate((["--model", self.first], [*SMALL, "--weights", self.first])):
            self.good("features", *more, "--precision", "f32", "--out", f"f{i}.npy", *names)
        self.assertEqual(digest(f"{self.dir}/f0.npy"), digest(f"{self.dir}/f1.npy"))
        with open(f"{self.dir}/m0/config.json") as f:
            text = f.read()
        self.assertIn('"architecture": "mobilenet_v2"', text)
        self.assertIn(f'"weights": "{self.first}"', text)

    def test_a_config_json_of_another_tool_is_no_run(self):
        os.makedirs(f"{self.dir}/1_Pooling")
        with open(f"{self.dir}/1_Pooling/config.json", "w") as f:
            f.write('{"word_embedding_dimension": 384, "pooling_mode_mean_tokens": true}')
        done = self.graft("eval", f"{self.dir}/1_Pooling", self.data)
        self.assertNotEqual(done.status, 0)
        self.assertIn("not a run folder", done.err)
        self.assertNotIn("has not ended", done.err)

    def test_its_classifier_may_be_kept(self):
        before = self.document("eval", self.first, self.data, "--split", "validation")
        got = json.loads(self.from_run("kept", "--model", self.first, "--keep-top", "--json").out)
        self.assertAlmostEqual(got["before"]["loss"], before["loss"], places=4)

    def test_what_does_not_go_together(self):
        self.refused(2, "E3001", *self.train_arguments("x", "--from", self.first, "--model", "resnet18"))
        self.refused(2, "E3002", "train", self.data, "--model", self.first, "--size", "64", "--out", "x")
        self.refused(2, "E3002", "train", self.data, "--model", self.first, "--preprocess", "unit", "--out", "x")
        os.makedirs(f"{self.dir}/empty")
        self.refused(2, "E3007", "train", self.data, "--model", "empty", "--out", "x")


class NothingReadIsWrittenOver(FromRun):
    def test_a_file_of_a_run(self):  # D3
        """Whatever the verb, the file and the way it is named."""
        self.good("export", self.first, "--to", "onnx")  # into the run folder: no file of the run
        run = shutil.copytree(self.first, f"{self.dir}/run")
        os.makedirs(f"{run}/plots")
        os.symlink(run, f"{self.dir}/link")
        os.symlink(f"{run}/config.json", f"{self.dir}/link.json")
        os.link(f"{run}/model.safetensors", f"{self.dir}/hard.safetensors")
        other = shutil.copytree(self.first, f"{self.dir}/other")
        image = f"{self.data}/train/dark/000.png"
        outs = [f"run/{name}" for name in [*promised(self.first), LIST, "config.json", "checkpoint/base.safetensors",
                                           "checkpoint/ckpt-000000000001.graft", "report.html", "plots/curves.png"]]
        outs += ["link/model.safetensors", "link.json", "hard.safetensors", f"{run}/model.safetensors",
                 "run/../run/./model.safetensors", "run/checkpoint/../metrics.json", "other/model.safetensors"]
        for out in outs:
            self.refused(2, "E3006", "export", "run", "--to", "safetensors", "--out", out, "--force")
        for out in ("run/model.safetensors", "run/history.csv", "hard.safetensors"):
            self.refused(2, "E3006", "convert", "run", out, "--to", "npz", "--force")
            self.refused(2, "E3006", "features", "--model", "run", "--out", out, "--force", image)
        for out in ("run/model.safetensors", "run/history.csv"):  # a run that is not even read
            self.refused(2, "E3006", "features", *SMALL, "--weights", self.weights, "--out", out, "--force", image)
        self.refused(2, "E3006", "export", "run/model.safetensors", "--to", "npz", "--out", "run/model.safetensors", "--force")
        for folder in (run, other):
            subprocess.run(["sha256sum", "--check", "--strict", "--quiet", LIST], cwd=folder, check=True)
            self.assertEqual(digest(f"{folder}/config.json"), digest(f"{self.first}/config.json"))

    def test_the_run_that_a_new_one_begins_with(self):
        run = shutil.copytree(self.first, f"{self.dir}/run")
        for more in (["--model", run], ["--from", "run"], [*SMALL, "--weights", "run/model.safetensors"],
                     [*SMALL, "--weights", "run/checkpoint/base.safetensors"]):
            self.refused(2, "E3006", "train", self.data, *more, "--epochs", "1", "--out", "run", "--force")
        self.assertEqual(digest(f"{run}/model.safetensors"), digest(f"{self.first}/model.safetensors"))

    def test_other_files_that_are_read(self):
        image, weights = f"{self.dir}/a.png", f"{self.dir}/base.h5"
        shutil.copy(f"{self.data}/train/dark/000.png", image)
        shutil.copy(self.weights, weights)
        for out in ("a.png", "base.h5"):
            self.refused(2, "E3006", "features", *SMALL, "--weights", weights, "--out", out, "--force", image)
        self.good("convert", "--model", "mobilenet_v2", *SMALL, weights, "net.keras")
        self.refused(2, "E3006", "convert", "net.keras", "net.keras", "--force")


class OneClass(RunTest):
    def test_it_is_refused_at_the_start(self):  # B1
        for name, part in (("flat", ""), ("parts", "train/")):
            for i in range(6):
                shutil.copytree(f"{self.data}/train/dark", f"{self.dir}/{name}/{part}cats", dirs_exist_ok=True)
            message = self.refused(3, "E1126", *self.train_arguments("run", data=name))
            self.assertIn("cats", message)
        self.assertFalse(os.path.exists(f"{self.dir}/run"))
        self.train("two")
        self.assertEqual(self.document("eval", "two", f"{self.data}/validation")["images"], 16)


if __name__ == "__main__":
    main()
