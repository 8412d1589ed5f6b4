"""Every option of every verb has an effect, or is refused: COMMAND is linked with stub.c, which tells what reached the library."""

import json
import os

from graft_cli import VERBS, CommandTest, main

# option: (a value that is not its default, options that it needs beside it); a verb of its own where it differs there
VALUES = {
    "model": ("resnet18", []), "weights": ("w.h5", []), "allow-nonfinite": (None, ["--weights", "w.h5"]),
    "alpha": ("0.5", []), "preprocess": ("caffe", []), "size": ("96", []), "head": ("replace-last:8", []),
    "keep-top": (None, []), "cut": ("-2", []), "channels": ("1", []), "gray-kernels": ("mean", ["--channels", "1"]), "dropout": ("0.5", []), "precision": ("f32", []),
    "max-length": ("64", []), "pooling": ("mean", []), "text-column": ("t", []), "encoding": ("big5", []),
    "epochs": ("3", []), "batch": ("8", []), "lr": ("0.5", []), "optimizer": ("sgd", []), "fine-tune-at": ("7", []),
    "fine-tune-last": ("7", []), "fine-tune-epochs": ("3", ["--fine-tune-at", "7"]),
    "fine-tune-lr": ("0.5", ["--fine-tune-at", "7"]), "fine-tune-optimizer": ("sgd", ["--fine-tune-at", "7"]),
    "augment": ("flip", []), "batch-norm": ("fixed", []), "backbone-dropout": ("on", []), "on-nan": ("lower-lr", []), "test-from-validation": ("0.5", []),
    "split": ("0.5,0.5", []), "bad-images": ("skip", []), "max-bad": ("0.5", ["--bad-images", "skip"]),
    "allow-empty-class": (None, []), "antialias": (None, []), "fit": ("crop", []), "resize-filter": ("bicubic", []), "allow-truncated": (None, []), "no-exif": (None, []),
    "layout": ("parts", []), "image-column": ("f", []), "label-column": ("2", []), "split-column": ("s", []),
    "follow-links": (None, []), "max-pixels": ("5000", []), "max-unpacked": ("20G", []), "decode": ("tensorflow", []), "weight-column": ("w", []), "stored-size": ("200", []), "cache": ("disk", []), "memory": ("8M", []), "cache-dir": ("c", []), "checkpoint-seconds": ("5", []),
    "no-report": (None, []), "dataset-size": ("5", []), "similarity": ("high", []), "probe": (None, []), "probe-options": ("lambda=1", ["--probe"]), "monitor": ("loss", []), "max-time": ("10m", []), "threads": ("3", []), "data": ("d", []), "classes": ("5", []), "labels": ("l.txt", []),
    "confidence": ("0.5", []), "threshold": ("0.5", []), "shard": ("7", []), "part": ("0/2", []), "overlap": ("0.5", []), "top": ("3", []), "calibration": ("off", []), "values": (None, ["--variables"]), "split-by": ("content", []), "split-seed": ("4", ["--validation-split", "0.3"]), "validation-split": ("0.3", []), "unknown": ("0.9", []), "recipe": ("r.yaml", []), "grid": ("3", ["--out", "g.png"]), "layer": ("x", []), "steps": ("7", []), "to": ("npz", []), "check": ("p", []), "time": (None, []),
    "clip-norm": ("1", []), "clip-tensor-norm": ("1", []), "clip-value": ("1", []), "from": ("d", []), "seed": ("7", []), "out": ("other", []), "list": (None, []),
}
OF_A_VERB = {("inspect", "html"): ("i.html", []), ("fetch", "data"): (None, []), ("fetch", "sha256"): ("ab" * 32, ["--data"]), ("eval", "out"): ("other.png", ["--grid", "3"]), ("compare", "split"): ("test", []), ("split", "split-by"): ("seed", []), ("resume", "fine-tune-epochs"): ("3", []), ("eval", "split"): ("test", []), ("convert", "model"): ("resnet18", []),
             ("convert", "alpha"): ("0.5", ["--model", "mobilenet_v2"]),
             ("convert", "classes"): ("5", ["--model", "resnet18"]), ("labels", "to"): ("voc", [])}
# a verb's arguments where those of graft_cli.VERBS take a run, which has its own
ARGUMENTS = {"eval": ["mobilenet_v2", "DATA"], "predict": ["mobilenet_v2", "a.jpg"], "fetch": ["mobilenet_v2"],
             "export": ["run.safetensors", "--out", "f.onnx"]}
# what --save-recipe writes is test_recipe.py's
# --force is about what is there; --seed where nothing is random is taken, as its help says; what --list is given stands alone
# detections are judged without a run: below
NOT_HERE = {("train", "save-recipe"), ("eval", "truth"), ("eval", "results"), ("eval", "nms"), ("eval", "measure"), ("advise", "apply"), ("advise", "out"), ("advise", "force"), ("train", "out"), ("features", "out"), ("export", "out"), ("augment", "out"), ("fetch", "list")}
NOTHING_RANDOM = {"eval", "predict", "clean", "compare", "export", "convert", "fetch", "resume", "models", "labels", "serve"}

# verb, what is given, the option that then would have no effect
IDLE = [
    ("train", "--fine-tune-lr 1e-5", "fine-tune-lr"),
    ("train", "--fine-tune-optimizer sgd", "fine-tune-optimizer"),
    ("train", "--fine-tune-at 7 --fine-tune-epochs 0 --fine-tune-lr 1", "fine-tune-lr"),
    ("train", "--fine-tune-at 7 --fine-tune-epochs 0 --fine-tune-optimizer sgd", "fine-tune-optimizer"),
    ("train", "--epochs 0 --fine-tune-at 7 --optimizer sgd", "optimizer"),
    ("train", "--probe --epochs 3", "epochs"),
    ("train", "--probe --fine-tune-at 7 --optimizer sgd", "optimizer"),
    ("train", "--probe --schedule cosine", "schedule"),
    ("train", "--probe --lr 0.1", "lr"),
    ("train", "--probe --augment flip", "augment"),
    ("train", "--probe-options lambda=1", "probe-options"),
    ("train", "--max-bad 0.5", "max-bad"),
    ("train", "--bad-images refuse --max-bad 0.5", "max-bad"),
    ("eval", "--max-bad 0.5", "max-bad"),
    ("train", "--cache disk --memory 8M", "memory"),
    ("train", "--cache none --memory 8M", "memory"),
    ("train", "--cache none --cache-dir c", "cache-dir"),
    ("train", "--keep-top --dropout 0.5", "dropout"),
    ("train", "--head keep --dropout 0.5", "dropout"),
    ("train", "--head mlp:8,0.3 --dropout 0.5", "dropout"),
    ("train", "--head replace-last:8,0.3 --dropout 0.5", "dropout"),
    ("train", "--head mlp:8 --keep-top", "keep-top"),
    ("bench", "--head mlp:8 --keep-top", "keep-top"),
    ("features", "--head none --keep-top", "keep-top"),
    ("features", "--head mlp:8", "head"),
    ("train", "--model net.keras --alpha 0.5", "alpha"),
    ("bench", "--model net.keras --alpha 0.5", "alpha"),
    ("features", "--model net.keras --alpha 0.5", "alpha"),
    ("train", "--allow-nonfinite", "allow-nonfinite"),
    ("features", "--allow-nonfinite", "allow-nonfinite"),
    ("bench", "--allow-nonfinite", "allow-nonfinite"),
    ("export", "--check p --to labels", "check"),
]
# the same with arguments of one's own
IDLE_WITH = [
    (["predict", "net.keras", "a.jpg", "--alpha", "0.5"], "alpha"),
    (["predict", "net.keras", "a.jpg", "--classes", "5"], "classes"),
    (["eval", "net.keras", "d", "--classes", "5"], "classes"),
    (["summary", "net.keras", "--alpha", "0.5"], "alpha"),
    (["summary", "mobilenet_v2", "--allow-nonfinite"], "allow-nonfinite"),
    (["predict", "mobilenet_v2", "a.jpg", "--allow-nonfinite"], "allow-nonfinite"),
    (["convert", "net.keras", "o.onnx", "--alpha", "0.5"], "alpha"),
    (["convert", "net.keras", "o.onnx", "--classes", "5"], "classes"),
    (["convert", "net.keras", "o.txt", "--check", "p"], "check"),
]
OF_THE_RUN = ["--weights w.h5", "--allow-nonfinite --weights w.h5", "--alpha 0.5", "--preprocess tf", "--size 96", "--classes 5",
              "--labels l.txt"]


def another(option):
    """A value that is not the default, for an option that VALUES does not name."""
    default = option["default"] or ""
    if not option["value"]:
        return None
    if option["choices"]:
        return next(c for c in option["choices"].split("|") if c != default)
    try:
        return str(int(default) + 1)
    except ValueError:
        return "other" if default != "other" else "another"


class Effects(CommandTest):
    def setUp(self):
        super().setUp()
        with open(os.path.join(self.dir, "net.keras"), "w") as f:
            f.write("a network")
        with open(os.path.join(self.dir, "r.yaml"), "w") as f:
            f.write("lr: 0.5\n")
        os.mkdir(os.path.join(self.dir, "RUN"))

    def told(self, verb, *options):
        return json.loads(self.good(verb, *ARGUMENTS.get(verb, VERBS[verb]), *options, "--json").out)

    def test_every_option_reaches_the_library(self):
        for verb in VERBS:
            for option in self.document(verb, "--help")["options"]:
                name = option["name"]
                if name in ("json", "help", "force") or (verb, name) in NOT_HERE:
                    continue
                if name == "seed" and verb in NOTHING_RANDOM:
                    continue
                value, beside = OF_A_VERB.get((verb, name)) or VALUES.get(name) or (another(option), [])
                with self.subTest(verb=verb, option=name):
                    without = self.told(verb, *beside)
                    given = self.told(verb, *beside, f"--{name}", *([value] if value else []))
                    self.assertNotEqual(given, without)

    def test_detections_reach_the_library(self):
        def told(*options):
            return json.loads(self.good("eval", *options, "--json").out)
        base = told("--truth", "t.json", "--results", "r.json")
        self.assertEqual((base["truth"], base["results"]), ("t.json", "r.json"))
        self.assertNotEqual(told("--truth", "t.json", "--results", "r.json", "--nms", "0.5"), base)
        self.assertNotEqual(told("--truth", "t.json", "--results", "r.json", "--measure", "voc07"), base)

    def test_what_would_have_no_effect_is_refused(self):
        for verb, options, name in IDLE:
            with self.subTest(verb=verb, options=options):
                base = {"train": ["DATA", "--out", "R"], "export": ["RUN"]}.get(verb, VERBS[verb])
                self.assertIn(f"--{name} has no effect here: ", self.refused(2, "E3001", verb, *base, *options.split()))
        for arguments, name in IDLE_WITH:
            with self.subTest(arguments=arguments):
                self.assertIn(f"--{name} has no effect here: ", self.refused(2, "E3001", *arguments))

    def test_a_run_has_its_own(self):
        for verb, rest in (("predict", ["a.jpg"]), ("eval", ["DATA"]), ("summary", [])):
            names = {option["name"] for option in self.document(verb, "--help")["options"]}
            more = ["--fine-tune-at 7", "--fine-tune-last 7", "--channels 1", "--head none", "--cut -2", "--keep-top"]
            for options in OF_THE_RUN + [o for o in more if verb == "summary"]:
                if options.split()[0][2:] in names:
                    self.assertIn("does not go with './RUN'", self.refused(2, "E3001", verb, "./RUN", *rest, *options.split()))


if __name__ == "__main__":
    main()
