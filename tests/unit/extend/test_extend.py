"""One file and one line: a toy of each kind of extension (toy_NAME.c, tests/extend/LIST.def) is listed where its kind is,
takes part in a run, which is killed and resumed to the same bits, shows in the run's files, and wrong arguments get the
message that is made of its table. Called with the command that has the toys and the command itself. A kind whose name stands in expected_to_fail.txt is
not yet so."""

import csv
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "cli"))

import pictures  # noqa: E402
from graft_cli import CommandTest, main  # noqa: E402

EPOCHS = 8
WEIGHTS = [("first/kernel", (3, 3, 3, 8)), ("first/bias", (8,)), ("second/kernel", (3, 3, 8, 8)), ("second/bias", (8,))]


def weight_file(path, whole=True):
    """What toy_weight_format.c reads; values go up and down between -0.25 and 0.25."""
    data, k = b"TOY WEIGHTS\n", 0
    for name, shape in WEIGHTS:
        count = 1
        for n in shape:
            count *= n
        data += bytes([len(name)]) + name.encode() + bytes([len(shape)]) + struct.pack(f"<{len(shape)}H", *shape)
        data += struct.pack(f"<{count}f", *(((k + i) * 7 % 33 - 16) / 64 for i in range(count)))
        k += count
    return pictures.write(path, data if whole else data[:-3])


def unknown_operation(path):
    """A network with an operation that does not exist."""
    def layer(cls, name, config, source):
        inbound = [[[source, 0, 0, {}]]] if source else []
        return {"class_name": cls, "name": name, "config": {"name": name, **config}, "inbound_nodes": inbound}

    layers = [layer("InputLayer", "input", {"batch_input_shape": [None, 32, 32, 3]}, None),
              layer("Operation", "toy", {"operation": "toy_opp"}, "input"),
              layer("GlobalAveragePooling2D", "pool", {}, "toy")]
    network = {"class_name": "Functional", "config": {"name": "net", "layers": layers, "input_layers": [["input", 0, 0]],
                                                     "output_layers": [["pool", 0, 0]]}}
    return pictures.write(path, json.dumps(network).encode())


def colors(folder, last=1):
    """What toy_dataset.c reads: dark colors and light ones, to train on and to validate; the last sample's class."""
    lines = [f"{int(i >= 24)} {i % 2} {(i % 2) * 120 + 3 * i} {(i % 2) * 90 + 2 * i} {(i % 2) * 100 + i}" for i in range(36)]
    return pictures.write(f"{folder}/set.colors", "\n".join(lines + [f"0 {last} 9 9 9"]).encode())


class Kind:
    """arguments: more of `graft train`, or a function that makes them in a folder; the first may be another data set. differs: the run ends otherwise than
    one without the arguments; differs_from_graft: than one of the command without toys. listed: a call whose output names it. shown: files of the run and what stands in them. wrong:
    arguments of train, number and a part of the message."""

    def __init__(self, arguments=(), differs=False, listed=(), shown=(), wrong=(),
                 differs_from_graft=False):
        self.arguments = arguments if callable(arguments) else lambda folder: list(arguments)
        self.differs_from_graft = differs_from_graft
        self.differs, self.listed, self.shown, self.wrong = differs, listed, shown, wrong


KINDS = {
    "option": Kind(["--toy-option", "7"], listed=[(["train", "--help"], "--toy-option N")],
                   shown=[("config.json", '"toy.option": "7"'), ("report.html", "toy.option")],
                   wrong=[(["--toy-option", "12"], 3002, "a whole number from 0 to 9")]),
    "op": Kind(listed=[(["summary", "toy_architecture"], "Operation")],
               shown=[("model.safetensors", r'\"operation\": \"toy_op\"')],
               wrong=[(lambda folder: ["--model", unknown_operation(f"{folder}/net.json")], 2601, "toy_opp")]),
    "variant": Kind(["--model", "mobilenet_v2", "--alpha", "0.35", "--head", "mlp:13"], differs_from_graft=True),
    "architecture": Kind(["--model", "toy_architecture"], listed=[(["models"], "toy_architecture")],
                         shown=[("config.json", "toy_architecture"), ("report.html", "toy_architecture")],
                         wrong=[(["--size", "8"], 3002, "32 to 2048")]),
    "weight_format": Kind(lambda folder: ["--weights", weight_file(f"{folder}/weights.toy")], differs=True,
                          listed=[(["train", "--help"], ".toy - toy weights")], shown=[("config.json", "weights.toy")],
                          wrong=[(lambda folder: ["--weights", weight_file(f"{folder}/bad.toy", False)], 2101, "byte")]),
    "optimizer": Kind(["--optimizer", "toy_optimizer:share=0.5"], differs=True,
                      listed=[(["train", "--help"], "toy_optimizer:share=1")],
                      shown=[("config.json", "toy_optimizer:share=0.5"), ("report.html", "toy_optimizer:share=0.5")],
                      wrong=[(["--optimizer", "toy_optimizer:share=7"], 3302, "of the learning rate"),
                             (["--optimizer", "no_optimizer"], 3301, "toy_optimizer")]),
    "metric": Kind(["--metrics", "toy_metric"], listed=[(["train", "--help"], "toy_metric - a test's")],
                   shown=[("config.json", "toy_metric"), ("history.csv", "val_toy_metric"), ("metrics.json", "toy_metric"),
                          ("report.html", "toy share")], wrong=[(["--metrics", "no_metric"], 3002, "toy_metric")]),
    "random_change": Kind(["--augment", "toy-change=0.6"], differs=True, listed=[(["train", "--help"], "toy-change")],
                          shown=[("config.json", "toy-change=0.6"), ("report.html", "toy-change=0.6")],
                          wrong=[(["--augment", "toy-change=6"], 3002, "a toy's probability"),
                                 (["--augment", "toy-chang"], 3002, "toy-change")]),
    "loss": Kind(["--loss", "toy-loss:by=0.5"], differs=True, listed=[(["train", "--help"], "toy-loss:by=1")],
                 shown=[("config.json", "toy-loss:by=0.5"), ("report.html", "toy-loss:by=0.5")],
                 wrong=[(["--loss", "toy-loss:by=7"], 3002, "by from 0 to 2"), (["--loss", "no-loss"], 3002, "toy-loss")]),
    "task": Kind(["--task", "toy-task"], differs=True, listed=[(["train", "--help"], "toy-task - a test's")],
                 shown=[("config.json", "toy-task"), ("report.html", "toy-task"), ("model.safetensors", "toy_few/kernel")],
                 wrong=[(["--task", "no-task"], 3002, "toy-task")]),
    "report_part": Kind(shown=[("report.html", "A toy of a report part")]),
    "schedule": Kind(["--schedule", "toy_schedule:share=0.25"], differs=True,
                     listed=[(["train", "--help"], "toy_schedule - a test's share=0.5 - of the rate")],
                     shown=[("config.json", "toy_schedule:share=0.25"), ("report.html", "toy_schedule:share=0.25")],
                     wrong=[(["--schedule", "toy_schedule:share=7"], 3002, "of the rate"),
                            (["--schedule", "no_schedule"], 3002, "toy_schedule")]),
    "hook": Kind(["--hook", "toy_hook:after=5"], differs=True, listed=[(["train", "--help"], "toy_hook - a test's after=3 - a toy's steps")],
                 shown=[("config.json", "toy_hook:after=5"), ("report.html", "toy_hook:after=5")],
                 wrong=[(["--hook", "toy_hook:after=-7"], 3002, "a toy's steps"), (["--hook", "no_hook"], 3002, "toy_hook")]),
    "dataset": Kind(lambda folder: [colors(folder)], differs=True, shown=[("config.json", "set.colors"), ("report.html", "dark")],
                    wrong=[(lambda folder: [colors(folder, 7)], 1125, "class 7")]),
    "layout": Kind(["--layout", "toy_layout"], differs=True, listed=[(["train", "--help"], "toy_layout")],
                   shown=[("config.json", "toy_layout")], wrong=[(["--layout", "no_layout"], 3002, "toy_layout")]),
}


def bits(run):
    """What must be equal in equal runs: the model, and the history but for its clocks."""
    with open(f"{run}/history.csv", newline="") as f:
        rows = [[v for k, v in row.items() if k not in ("seconds", "images_per_second")] for row in csv.DictReader(f)]
    with open(f"{run}/model.safetensors", "rb") as f:
        return hashlib.sha256(f.read()).hexdigest(), rows


class Extensions(CommandTest):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="graft-extend-")
        cls.addClassCleanup(holder.cleanup)
        cls.shared = holder.name
        cls.data = pictures.data_set(f"{cls.shared}/data", train=12, validation=6, size=32)
        cls.plain = f"{cls.shared}/plain"
        cls("train_plain").train_plain()

    def train_plain(self):
        subprocess.run([self.binary, *self.train(self.plain, [])], check=True, capture_output=True, timeout=300)

    def train(self, out, more):
        if more and not more[0].startswith("--"):
            data, more = more[0], more[1:]
        else:
            data = self.data
        return ["train", data, "--model", "toy_architecture", "--size", "32", "--epochs", str(EPOCHS), "--batch", "6",
                "--precision", "f32", "--seed", "5", "--checkpoint-seconds", "0", "--out", out, *more]

    def kill_and_resume(self, out, call):
        """Kills a run behind its first epoch; one that was faster than the kill is begun anew."""
        for _ in range(5):
            child = subprocess.Popen([self.binary, *call], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            line = child.stdout.readline()
            child.kill()
            _, err = child.communicate()
            self.assertIn(b"epoch", line, err)
            if not os.path.exists(f"{out}/model.safetensors"):
                break
            shutil.rmtree(out)
        else:
            self.fail("no run was killed before its end")
        self.good("resume", out)

    def check(self, kind):
        more = kind.arguments(self.dir)
        whole, broken = f"{self.dir}/whole", f"{self.dir}/broken"
        for call, text in kind.listed:
            self.assertIn(text, " ".join(self.good(*call).out.split()), call)
        self.good(*self.train(whole, more))
        self.kill_and_resume(broken, self.train(broken, more))
        self.assertEqual(bits(broken), bits(whole))
        if kind.differs:
            self.assertNotEqual(bits(whole), bits(self.plain))
        if kind.differs_from_graft:
            subprocess.run([self.graft_itself, *self.train(f"{self.dir}/graft", more)], check=True, capture_output=True)
            self.assertNotEqual(bits(whole), bits(f"{self.dir}/graft"))
        for name, text in kind.shown:
            with open(f"{whole}/{name}", "rb") as f:
                self.assertTrue(text.encode() in f.read(), f"{name} does not hold {text}")
        for arguments, code, text in kind.wrong:
            arguments = arguments(self.dir) if callable(arguments) else arguments
            done = self.graft(*self.train(f"{self.dir}/wrong", arguments))
            self.assertNotEqual(done.status, 0, arguments)
            self.assertIn(f"error E{code}: ", done.err, arguments)
            self.assertIn(text, " ".join(done.err.split()), arguments)


    def test_tokenizer(self):
        """Texts, and a small encoder of them (tests/fixtures/text/bert) with the toy as its tokenizer."""
        folder = shutil.copytree(os.path.join(HERE, "..", "..", "fixtures", "text", "bert"), f"{self.dir}/weights")
        os.remove(f"{folder}/vocab.txt")
        pictures.write(f"{folder}/tokenizer.json", json.dumps({"model": {"type": "ToyBytes"}}).encode())
        rows = [f"{'ten bytes' if i % 2 else 'four'}{'!' * (i % 3)}\t{'good' if i % 2 else 'bad'}" for i in range(30)]
        texts = pictures.write(f"{self.dir}/t.tsv", "\n".join(["text\tlabel", *rows]).encode())
        pieces = json.loads(self.good("inspect", texts, "--weights", folder, "--json").out)["lengths"]
        self.assertEqual(pieces["max"], 11, pieces)

        def train(out):
            return ["train", texts, "--weights", folder, "--epochs", str(EPOCHS), "--batch", "6", "--precision", "f32",
                    "--checkpoint-seconds", "0", "--out", f"{self.dir}/{out}"]

        self.good(*train("whole"))
        self.kill_and_resume(f"{self.dir}/broken", train("broken"))
        self.assertEqual(bits(f"{self.dir}/broken"), bits(f"{self.dir}/whole"))
        with open(f"{self.dir}/whole/model.safetensors", "rb") as f:
            self.assertIn(b"ToyBytes", f.read())
        pictures.write(f"{folder}/tokenizer.json", json.dumps({"model": {"type": "NoSuch"}}).encode())
        done = self.graft("inspect", texts, "--weights", folder)
        self.assertNotEqual(done.status, 0)
        self.assertIn("ToyBytes", " ".join(done.err.split()))


def add_tests():
    """A test for each kind; one of the list must fail."""
    with open(os.path.join(HERE, "expected_to_fail.txt")) as f:
        failing = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    unknown = set(failing) - set(KINDS)
    if unknown:
        sys.exit(f"expected_to_fail.txt: {unknown} are no kinds of extension")
    import unittest
    for name, kind in KINDS.items():
        def test(self, kind=kind):
            self.check(kind)
        setattr(Extensions, f"test_{name}", unittest.expectedFailure(test) if name in failing else test)


if __name__ == "__main__":
    add_tests()
    main(graft_itself=os.path.abspath(sys.argv.pop(2)))
