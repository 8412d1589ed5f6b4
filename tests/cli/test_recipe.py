"""Recipes: --recipe and --save-recipe. COMMAND is linked with stub.c, which tells what reached the library."""

import json
import os

from graft_cli import CommandTest, main


class Recipes(CommandTest):
    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)
        return name

    def told(self, *options):
        """What reached the library."""
        return self.document("train", "DATA", "--out", "RUN", *options)

    def test_a_recipe_is_its_options(self):
        self.write("a.yaml", "# a comment\nmodel: resnet18\nlr: 0.5\nsize: 96\nsplit: 0.5,0.5\nprobe: false\nfine-tune-at: 7\n"
                             "hook:\n  - early-stopping:patience=3\n  - ema\nallow-empty-class: true\nseed: 7\n")
        self.write("a.json", '{"model": "resnet18", "lr": 0.5, "size": 96, "split": [0.5, 0.5], "fine-tune-at": 7, "seed": 7,'
                             '"hook": "early-stopping:patience=3,ema", "allow-empty-class": true}')
        options = ["--model", "resnet18", "--lr", "0.5", "--size", "96", "--split", "0.5,0.5", "--fine-tune-at", "7", "--hook",
                   "early-stopping:patience=3,ema", "--allow-empty-class", "--seed", "7"]
        wanted = self.told(*options)
        self.assertNotEqual(wanted, self.told())
        self.assertEqual(self.told("--recipe", "a.yaml"), wanted)
        self.assertEqual(self.told("--recipe", "a.json"), wanted)

    def test_the_command_line_has_the_last_word(self):
        self.write("a.yaml", "lr: 0.5\nepochs: 3\n")
        wanted = self.told("--lr", "0.25", "--epochs", "3")
        self.assertEqual(self.told("--lr", "0.25", "--recipe", "a.yaml"), wanted)
        self.assertEqual(self.told("--recipe", "a.yaml", "--lr", "0.25"), wanted)

    def test_what_is_saved_is_the_same_job(self):
        options = ["--model", "resnet18", "--lr", "0.123456789", "--size", "96x128", "--split", "50/25/25", "--optimizer",
                   "sgd:momentum=0.9,nesterov=1", "--phases", "head epochs=5; tail last=30 lr=1e-5", "--allow-empty-class",
                   "--augment", "flip,rotate=0.1", "--seed", "12345678901234567890", "--threads", "2", "--cache", "none"]
        first = self.told(*options, "--save-recipe", "saved.yaml")
        again = self.told("--recipe", "saved.yaml", "--threads", "2", "--cache", "none", "--save-recipe", "again.json")
        self.assertEqual(again, first)
        text = open(os.path.join(self.dir, "saved.yaml")).read()
        for line in ("lr: 0.123456789", 'size: 96x128', "batch: 32", "seed: 12345678901234567890", "  - {name: tail, last: 30, lr: 1e-5}"):
            self.assertIn(f"\n{line}\n", "\n" + text)
        for word in ("threads", "cache", "out", "force", "json"):
            self.assertNotIn(f"\n{word}:", "\n" + text)
        saved = json.load(open(os.path.join(self.dir, "again.json")))
        self.assertEqual(saved["phases"], [{"name": "head", "epochs": "5"}, {"name": "tail", "last": "30", "lr": "1e-5"}])
        self.told("--recipe", "again.json", "--save-recipe", "third.yaml")
        self.assertEqual(open(os.path.join(self.dir, "third.yaml")).read(), text)

    def test_a_recipe_that_is_there_stays(self):
        self.write("a.yaml", "lr: 0.5\n")
        self.assertIn("--force", self.refused(2, "E3001", "train", "DATA", "--out", "R", "--save-recipe", "a.yaml"))
        self.assertEqual(open(os.path.join(self.dir, "a.yaml")).read(), "lr: 0.5\n")

    def test_what_is_wrong_is_told_with_its_line(self):
        for text, code, words in (("epochs: 5\nlerning-rate: 1\n", "E3003", ["r.yaml:2: lerning-rate is no option"]),
                                  ("optimiser: adam\n", "E3003", ["did you mean optimizer?"]),
                                  ("out: RUN\n", "E3003", ["r.yaml:1: out is no option of graft train that a recipe holds"]),
                                  ("lr: much\n", "E3002", ["r.yaml:1: --lr: 'much' cannot be used"]),
                                  ("probe: perhaps\n", "E3002", ["r.yaml:1: probe is a flag"]),
                                  ("lr: [1\n", "E3008", ["r.yaml:"]), ("- lr\n", "E3008", ["a map of options"]),
                                  ("fine-tune-epochs: 3\n", "E3001", ["needs --fine-tune-at"])):
            with self.subTest(text=text):
                self.write("r.yaml", text)
                message = self.refused(2, code, "train", "DATA", "--out", "R", "--recipe", "r.yaml")
                for word in words:
                    self.assertIn(word, message)


if __name__ == "__main__":
    main()
