"""A model whose frozen part was trained in int8, on a processor that has no int8: told, with what that does to labels.
Usage: test_elsewhere.py COMMAND"""

import json
import os
import sys

import pictures
from graft_cli import CommandTest, main

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from needs import lack

LESSER = {"ONEDNN_MAX_CPU_ISA": "AVX2"}


class Elsewhere(CommandTest):
    def train(self, precision):
        data = pictures.data_set(f"{self.dir}/data", train=8, validation=6)
        self.good("train", data, "--alpha", 0.35, "--size", 64, "--batch", 8, "--epochs", 6, "--lr", 0.01, "--precision", precision,
                  "--no-report", "--out", "run")
        return data

    def test_int8_is_told_where_there_is_none(self):
        why = lack("vnni", "test_elsewhere.py", "int8_is_told_where_there_is_none")
        if why:
            print(f"NOT RUN: int8_is_told_where_there_is_none: {why}")
            return
        data = self.train("int8")
        picture = f"{data}/validation/dark/000.png"
        here, there = self.good("predict", "run", picture, "--json"), self.good("predict", "run", picture, "--json", env=LESSER)
        self.assertNotIn("arithmetic", json.loads(here.out))
        self.assertNotIn("trained in", here.err)
        told = json.loads(there.out)["arithmetic"]
        self.assertEqual((told["trained"], told["here"], told["images"]), ("int8", "f32", 12))
        self.assertIn("this model's frozen part was trained in int8; on this processor", there.err)
        self.assertIn(f"of 12 validation and test images of its run {told['labels_differ']} are labelled otherwise", there.err)
        self.assertEqual(there.err.count("trained in int8"), 1)
        self.compare(data, told)
        evaluated = self.good("eval", "run", data, "--split", "validation", "--json", env=LESSER)
        self.assertEqual(json.loads(evaluated.out)["arithmetic"], told)
        self.assertIn("trained in int8", evaluated.err)
        told_to_people = self.good("eval", "run", data, "--split", "validation", env=LESSER)
        self.assertIn("trained in int8", told_to_people.err)

    def compare(self, data, told):
        """What the file says of another processor is what is seen there, on the images it was measured on."""
        rows = [{p["path"]: p for p in json.loads(self.good("predict", "run", f"{data}/validation", "--top", 2, "--json",
                                                            env=env).out)["predictions"]} for env in ({}, LESSER)]
        self.assertEqual(len(rows[0]), 12)
        near = 2e-3  # of the two probabilities: too close to call, for other sums of f32
        close = sum(min(abs(row[path]["probability"] - 0.5) for row in rows) < near for path in rows[0])
        labels = sum(rows[0][path]["label"] != rows[1][path]["label"] for path in rows[0])
        self.assertLessEqual(abs(labels - told["labels_differ"]), close)
        self.assertLess(close, 4)
        apart = max(abs(a["probability"] - b["probability"]) for path in rows[0] for a in rows[0][path]["top"]
                    for b in rows[1][path]["top"] if a["label"] == b["label"])
        self.assertGreater(told["probability_differs"], 0)
        self.assertAlmostEqual(apart, told["probability_differs"], delta=5e-3)  # predict may resize in floats

    def test_f32_says_nothing(self):
        data = self.train("f32")
        there = self.good("predict", "run", f"{data}/validation/dark/000.png", "--json", env=LESSER)
        self.assertNotIn("arithmetic", json.loads(there.out))
        self.assertNotIn("trained in", there.err)


if __name__ == "__main__":
    main()
