"""Detection through the command: a small network of random weights learns to find discs and squares, is killed and resumed, judged
and used."""

import json
import os
import random
import subprocess
import time

import pictures
from graft_cli import CommandTest, main

SIDE = 96


def conv(name, filters, strides):
    return {"class_name": "Conv2D", "config": {"name": name, "filters": filters, "kernel_size": [3, 3], "strides": [strides, strides],
            "padding": "same", "activation": "relu", "use_bias": True}}


NETWORK = {"class_name": "Sequential", "config": {"name": "small", "layers": [
    {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, SIDE, SIDE, 3]}},
    {"class_name": "Rescaling", "config": {"name": "rescaling", "scale": 1 / 127.5, "offset": -1}},
    conv("a", 16, 2), conv("b", 24, 2), conv("c", 32, 2), conv("d", 48, 2), conv("e", 48, 1)]}}


def scene(seed):
    """(PNG, boxes): one to three discs and squares, apart, on noise."""
    rng = random.Random(f"scene {seed}")
    image = [[rng.randrange(60) for _ in range(3 * SIDE)] for _ in range(SIDE)]
    boxes = []
    for _ in range(1 + rng.randrange(3)):
        size = 18 + rng.randrange(22)
        x, y, disc = rng.randrange(SIDE - size), rng.randrange(SIDE - size), rng.randrange(2)
        if any(x < b[1] + b[3] + 4 and b[1] < x + size + 4 and y < b[2] + b[3] + 4 and b[2] < y + size + 4 for b in boxes):
            continue
        color = [[240, 90, 60], [70, 120, 240]][disc]
        for i in range(size):
            for k in range(size):
                if disc and (i + 0.5 - size / 2) ** 2 + (k + 0.5 - size / 2) ** 2 > size * size / 4:
                    continue
                image[y + i][3 * (x + k):3 * (x + k) + 3] = color
        boxes.append((["square", "disc"][disc], x, y, size))
    return pictures.png(SIDE, SIDE, [bytes(row) for row in image]), boxes


class Detection(CommandTest):
    TRAIN = ["--task", "detect", "--detector", "plain", "--model", "net.json", "--size", str(SIDE), "--batch", "8", "--seed", "3"]
    PHASES = "all at=0 epochs={} lr=3e-3 optimizer=adam schedule=cosine augment=flip"

    def setUp(self):
        super().setUp()
        with open(f"{self.dir}/net.json", "w") as f:
            json.dump(NETWORK, f)
        rows = ["filename,class,xmin,ymin,xmax,ymax,split"]
        for i in range(80):
            image, boxes = scene(i)
            pictures.write(f"{self.dir}/d/{i:02d}.png", image)
            rows += [f"{i:02d}.png,{kind},{x},{y},{x + size},{y + size},{'val' if i >= 64 else 'train'}" for kind, x, y, size in boxes]
        with open(f"{self.dir}/d/labels.csv", "w") as f:
            f.write("\n".join(rows) + "\n")

    def history(self, run):
        with open(f"{self.dir}/{run}/history.csv") as f:
            return f.read()

    def test_it_learns_and_is_used(self):
        self.good("train", "d", *self.TRAIN, "--phases", self.PHASES.format(60), "--out", "run")
        with open(f"{self.dir}/run/metrics.json") as f:
            told = json.load(f)["validation"]
        self.assertGreater(told["AP50"], 0.9)
        self.assertIn("val_AP50", self.history("run").splitlines()[0])
        judged = json.loads(self.good("eval", "run", "d", "--split", "validation", "--json").out)
        self.assertAlmostEqual(judged["AP50"], told["AP50"], delta=1e-6)
        self.assertIn("AR100", judged)
        self.assertIn("predict.csv is of models", self.refused(2, "E3002", "predict", "run", "d/70.png", "--csv", "x.csv"))
        self.assertIn("eval.intervals is of models", self.refused(2, "E3002", "eval", "run", "d", "--intervals"))
        found = json.loads(self.good("predict", "run", "d/70.png", "--json", "--draw", "drawn").out)["predictions"][0]
        boxes = scene(70)[1]
        self.assertEqual((found["width"], found["height"], len(found["detections"])), (SIDE, SIDE, len(boxes)))
        for kind, x, y, size in boxes:
            near = [d for d in found["detections"] if d["name"] == kind and
                    max(abs(d["box"][0] - x), abs(d["box"][1] - y), abs(d["box"][2] - size), abs(d["box"][3] - size)) < 6]
            self.assertEqual(len(near), 1, (kind, x, y, size, found["detections"]))
        self.assertEqual(os.listdir(f"{self.dir}/drawn"), ["70.jpg"])
        with open(f"{self.dir}/drawn/70.jpg", "rb") as f:
            self.assertEqual(f.read(2), b"\xff\xd8")
        self.assertIn("drawn is not empty", self.refused(2, "E3006", "predict", "run", "d/70.png", "--draw", "drawn"))
        with open(f"{self.dir}/run/decisions.json") as f:
            decided = {d["what"]: float(d["value"]) for d in json.load(f)["decisions"] if d["what"] in ("confidence", "overlap")}
        used = json.loads(self.good("predict", "run", "d/70.png", "--json").out)
        self.assertAlmostEqual(used["confidence"], decided["confidence"], delta=0.001)
        self.assertAlmostEqual(used["overlap"], decided["overlap"], delta=0.001)
        self.assertEqual(json.loads(self.good("predict", "run", "d/70.png", "--json", "--confidence", "0.9").out)["confidence"], 0.9)
        self.saves_what_it_finds()
        self.goes_into_other_tools_files()
        with open(f"{self.dir}/run/report.html", encoding="utf-8") as f:
            page = f.read()
        for heading in ("<h2>Detections", "<h2>How good it is", "<h3>Precision and recall", "<h3>Which score counts", "<h3>What goes wrong"):
            self.assertIn(heading, page)
        self.assertTrue({"precision_recall.png", "confidence.png"} <= set(os.listdir(f"{self.dir}/run/plots")))
        with open(f"{self.dir}/run/metrics.json") as f:
            detection = json.load(f)["detection"]
        self.assertAlmostEqual(detection["AP50"], told["AP50"], delta=1e-6)
        self.assertEqual(detection["boxes"], sum(c["boxes"] for c in detection["per_class"]))
        self.assertEqual(detection["boxes"] - detection["detections"]["right"], detection["missed"] + detection["nearly_found"])
        self.assertNotIn("Confusion", page)
        self.assertTrue(os.path.exists(f"{self.dir}/run/plots/detections.png"))
        self.assertFalse(os.path.exists(f"{self.dir}/run/plots/confusion.png"))
        with open(f"{self.dir}/run/model-card.md", encoding="utf-8") as f:
            card = f.read()
        self.assertIn("pipeline_tag: object-detection\n", card)
        self.assertIn("# An object detector of ", card)
        self.assertNotIn("--unknown", card)

    def goes_into_other_tools_files(self):
        """Read back, the network of each file gives the same places. What stands behind it is compared by tools/check_detector_exports.py."""
        ends = {"decoded": [b"boxes", b"scores"], "yolo": [b"output0", b"images", b"{0: 'disc', 1: 'square'}"], "nms": [b"NonMaxSuppression"],
                "raw": [b"places"]}
        for kind, holds in ends.items():
            told = json.loads(self.good("export", "run", "--to", "onnx", "--boxes", kind, "--out", f"{kind}.onnx", "--check", "d", "--json").out)
            self.assertTrue(told["real_pictures"] and told["difference"] < 1e-4, told)
            with open(f"{self.dir}/{kind}.onnx", "rb") as f:
                file = f.read()
            for word in [*holds, b"graft.network_ends", b'"largest_exponent"', b'"stride": 16']:
                self.assertIn(word, file, kind)
        for form in ("keras", "safetensors"):
            self.assertLess(json.loads(self.good("export", "run", "--to", form, "--out", f"model.{form}", "--json").out)["difference"], 1e-4)
        self.assertIn("decoded, yolo, nms, raw", self.refused(2, "E3002", "export", "run", "--to", "onnx", "--boxes", "boxed", "--out", "x.onnx"))

    def saves_what_it_finds(self):
        """In each format: what is written reads back as labels of the same boxes, and COCO's results as detections."""
        photos = [f"d/{i}.png" for i in range(64, 72)]
        told = json.loads(self.good("predict", "run", *photos, "--json").out)["predictions"]
        boxes = {os.path.basename(p["path"]): p["detections"] for p in told}
        total = sum(len(b) for b in boxes.values())
        self.assertGreater(total, 8)
        for form in ("voc", "coco", "yolo", "createml", "csv"):
            self.good("predict", "run", *photos, "--save", form, "--out", f"as/{form}")
            for name in boxes:
                os.makedirs(f"{self.dir}/as/{form}/{'JPEGImages' if form == 'voc' else 'images'}", exist_ok=True)
                with open(f"{self.dir}/d/{name}", "rb") as f, \
                        open(f"{self.dir}/as/{form}/{'JPEGImages' if form == 'voc' else 'images'}/{name}", "wb") as to:
                    to.write(f.read())
            read = json.loads(self.good("inspect", f"as/{form}", "--json").out)
            self.assertEqual((read["format"], read["boxes"]), (form, total), form)
        with open(f"{self.dir}/as/csv/labels.csv") as f:
            rows = [row.split(",") for row in f.read().splitlines()]
        self.assertEqual(rows[0][-1], "confidence")
        row = next(row for row in rows[1:] if row[3])
        self.assertAlmostEqual(float(row[-1]), boxes[row[0]][0]["confidence"], delta=1e-6)
        with open(f"{self.dir}/as/yolo/labels/70.txt") as f:
            line = f.readline().split()
        self.assertEqual(len(line), 6)
        self.assertAlmostEqual(float(line[5]), boxes["70.png"][0]["confidence"], delta=1e-6)
        perfect = json.loads(self.good("eval", "--truth", "as/coco/annotations/instances.json", "--results", "as/coco/detections.json", "--json").out)
        self.assertEqual((perfect["detections"], perfect["AP"]), (total, 1.0))
        self.assertIn("go together", self.refused(2, "E3002", "predict", "run", "d/70.png", "--save", "coco"))
        self.assertIn("voc, coco, yolo, createml, csv", self.refused(2, "E3002", "predict", "run", "d/70.png", "--save", "coca", "--out", "x"))

    def test_bits_do_not_hang_on_threads(self):
        for threads in ("1", "3"):
            self.good("train", "d", *self.TRAIN, "--phases", self.PHASES.format(3), "--threads", threads, "--no-report", "--out", threads)
        losses = [[row.split(",")[2:8] for row in self.history(run).splitlines()] for run in ("1", "3")]
        self.assertEqual(losses[0], losses[1])
        self.assertEqual(len(losses[0]), 4)

    def test_a_killed_run_goes_on_to_the_same_bits(self):
        options = [*self.TRAIN, "--phases", self.PHASES.format(12), "--no-report"]
        self.good("train", "d", *options, "--out", "whole")
        with subprocess.Popen([self.binary, "train", "d", *options, "--checkpoint-seconds", "0", "--out", "cut"], cwd=self.dir,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            kept = f"{self.dir}/cut/checkpoint"
            while run.poll() is None and len(os.listdir(kept) if os.path.isdir(kept) else []) < 3:
                time.sleep(0.01)
            run.kill()
        self.assertEqual(run.wait(), -9)
        with open(f"{self.dir}/d/labels.csv") as f:
            labels = f.read()
        row = next(r for r in labels.splitlines() if r.startswith("05.png,"))
        cells = row.split(",")
        cells[2] = str(int(cells[2]) + 1)
        with open(f"{self.dir}/d/labels.csv", "w") as f:
            f.write(labels.replace(row, ",".join(cells)))
        self.assertIn("1 changed, such as 05.png", self.refused(3, "E1123", "resume", "cut"))
        with open(f"{self.dir}/d/labels.csv", "w") as f:
            f.write(labels)
        self.good("resume", "cut")
        told = [[row.split(",")[2:9] for row in self.history(run).splitlines()] for run in ("whole", "cut")]
        self.assertEqual(told[0], told[1])
        self.assertEqual(len(told[0]), 13)

    def test_what_does_not_go_is_refused(self):
        refuse = self.refused(2, "E3002", "train", "d", *self.TRAIN, "--augment", "mixup", "--epochs", "1", "--fine-tune-epochs", "0", "--out", "x")
        self.assertIn("mixup", refuse)
        pan = [*self.TRAIN[:2], *self.TRAIN[4:], "--detector", "pan", "--epochs", "1", "--fine-tune-epochs", "0", "--augment", "flip", "--out", "x"]
        self.assertIn("no map of a 32th", self.refused(2, "E3002", "train", "d", *pan))
        self.assertIn("plain, pan", self.refused(2, "E3002", "train", "d", *[w.replace("pan", "fpm") for w in pan]))
        with open(f"{self.dir}/d/labels.csv", "a") as f:
            f.write("03.png,disc,0,0,500,20,train\n")
        self.assertIn("the box is 0,0 to 500,20", self.refused(3, "E1132", "train", "d", *self.TRAIN, "--out", "x"))


if __name__ == "__main__":
    main()
