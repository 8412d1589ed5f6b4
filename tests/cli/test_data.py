"""Data as people have them, through the command: what was taken as what is said and kept, and a hint names options of its verb."""

import csv
import json
import os
import re
import shutil
import struct
import xml.etree.ElementTree

import pictures
from graft_cli import CommandTest, main

TRAIN = ["--size", "32", "--epochs", "1", "--batch", "4", "--precision", "f32", "--no-report", "--threads", "1"]


def flat_jpeg(width, height):
    """A gray baseline JPEG of one shade, large in pixels and small in bytes: two bits per block."""
    def segment(marker, data):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data

    bits = 2 * ((width + 7) // 8) * ((height + 7) // 8)
    return (b"\xff\xd8" + segment(0xdb, b"\0" + b"\1" * 64) + segment(0xc0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
            + segment(0xc4, b"\0\1" + bytes(16)) + segment(0xc4, b"\x10\1" + bytes(16)) + segment(0xda, b"\1\1\0\0\x3f\0")
            + bytes((bits + 7) // 8) + b"\xff\xd9")


class DataTest(CommandTest):
    def pictures(self, *paths):
        for seed, path in enumerate(paths):
            pictures.write(f"{self.dir}/{path}", pictures.picture(hash(path.split("/")[-2]) % 2, seed, 40))

    def trained(self, data, run="run", *options):
        done = self.good("train", data, *TRAIN, "--out", run, *options)
        with open(f"{self.dir}/{run}/decisions.json") as f:
            return done, {d["what"]: d["value"] for d in json.load(f)["decisions"]}


class Parts(DataTest):
    def test_said_and_kept_by_train_eval_and_resume(self):
        self.pictures(*[f"d/{p}/{c}/{i}.png" for p, n in (("Training", 4), ("Valid", 2), ("TEST", 2)) for c in "ab" for i in range(n)],
                      "d/seg_pred/seg_pred/1.png", "d/Training/a/notes.txt.png")
        pictures.write(f"{self.dir}/d/Training/a/notes.txt", b"nothing")
        pictures.write(f"{self.dir}/d/Training/b/README", b"nothing")
        done, kept = self.trained("d")
        for what, value in (("Training/", "train"), ("Valid/", "validation"), ("TEST/", "test")):
            self.assertEqual(kept[what], value)
            self.assertIn(f"{what}: {value}", done.err)
        self.assertEqual(kept["seg_pred/seg_pred"], "left out")
        self.assertIn("seg_pred/seg_pred/: 1 image without class folders", done.err)
        self.assertRegex(done.err, r"2 files are left out, no image by content: 1 \.txt \(notes\.txt\), 1 without an ending \(README\)")
        told = json.loads(self.good("eval", "run", "d", "--split", "test", "--json").out)
        self.assertEqual(told["images"], 4)

    def test_a_csv_files_columns_come_back_with_the_run(self):
        self.pictures(*[f"d/p/{c}/{i}.png" for c in "ab" for i in range(4)])
        rows = "".join(f"{c};p/{c}/{i}.png;{i};{'dev' if i == 3 else 'train'}\n" for c in "ab" for i in range(4))
        pictures.write(f"{self.dir}/d/l.csv", ("kind;file;weight;part\n" + rows).encode())
        options = ["--image-column", "file", "--label-column", "1", "--split-column", "part"]
        done, kept = self.trained("d/l.csv", "run", *options)
        self.assertEqual(kept["the columns' separator"], ";")
        os.remove(f"{self.dir}/run/metrics.json")  # as if it had been stopped before its end
        self.good("resume", "run")
        told = json.loads(self.good("eval", "run", "d/l.csv", "--split", "validation", "--json", *options).out)
        self.assertEqual(told["images"], 2)


class Refusals(DataTest):
    def options(self, verb):
        return set(re.findall(r"^\s+--([a-z-]+)", self.good(verb, "--help").out, re.M))

    def assert_hint_fits(self, verb, err):
        hint = err.partition("hint: ")[2]
        for other, text in re.findall(r"`graft (\w+)([^`]*)`", hint):
            self.assertLessEqual(set(re.findall(r"--([a-z-]+)", text)), self.options(other), hint)
        named = set(re.findall(r"--([a-z][a-z-]+)", re.sub(r"`[^`]*`", "", hint)))
        self.assertLessEqual(named, self.options(verb), hint)
        return named

    def test_hints_name_options_of_the_verb(self):
        self.pictures(*[f"d/{c}/{i}.png" for c in "ab" for i in range(4)], "other/a/1.png")
        self.trained("d")
        for folder in ("empty", "cut", "linked"):
            shutil.copytree(f"{self.dir}/d", f"{self.dir}/{folder}")
        os.mkdir(f"{self.dir}/empty/c")
        cut = f"{self.dir}/cut/a/0.png"
        with open(cut, "rb") as f:
            data = f.read()
        pictures.write(cut, data[:len(data) // 2])
        os.symlink(f"{self.dir}/other/a/1.png", f"{self.dir}/linked/a/9.png")
        pictures.write(f"{self.dir}/x.jpg", flat_jpeg(12000, 9000))
        wanted = {("train", "empty"): {"allow-empty-class"}, ("train", "cut"): {"bad-images", "allow-truncated"},
                  ("train", "linked"): {"follow-links"}, ("inspect", "linked"): {"follow-links"},
                  ("inspect", "empty"): {"allow-empty-class"}, ("eval", "cut"): {"bad-images", "allow-truncated"},
                  ("eval", "linked"): {"follow-links"}, ("predict", "cut/a/0.png"): {"allow-truncated"},
                  ("predict", "linked"): {"follow-links"}, ("predict", "x.jpg"): {"max-pixels"},
                  ("features", "x.jpg"): {"max-pixels"}}
        for (verb, data), options in wanted.items():
            arguments = {"train": [data, *TRAIN, "--out", "no"], "inspect": [data], "eval": ["run", data], "predict": ["run", data],
                         "features": [data, "--size", "32", "--out", "f.npy"]}[verb]
            done = self.graft(verb, *arguments)
            self.assertEqual(done.status, 3, done.err)
            self.assertEqual(self.assert_hint_fits(verb, done.err), options, (verb, done.err))
        self.good("eval", "run", "cut", "--bad-images", "skip", "--max-bad", "0.5")
        self.good("eval", "run", "linked", "--follow-links")
        self.good("predict", "run", "cut/a/0.png", "--allow-truncated")

    def test_nothing_is_guessed(self):
        self.pictures(*[f"pets/pets/{c}/{i}.png" for c in "ab" for i in range(2)])
        done = self.graft("train", "pets", *TRAIN, "--out", "no")
        self.assertEqual(done.status, 3)
        self.assertRegex(done.err, r"did you mean \S*/pets/pets\?")
        self.assertFalse(os.path.exists(f"{self.dir}/no"))

    def test_an_empty_class_is_no_images_in_eval(self):
        self.pictures(*[f"d/{c}/{i}.png" for c in "ab" for i in range(4)], "some/a/1.png", "some/a/2.png")
        os.makedirs(f"{self.dir}/some/b")
        self.trained("d")
        told = json.loads(self.good("eval", "run", "some", "--json").out)
        self.assertEqual(told["images"], 2)
        self.assertEqual(told["confusion"][1], [0, 0])


class Page(DataTest):
    def test_a_data_set_as_a_page(self):
        """Well-formed, without a script or an address; its numbers are those of --json, and each image is whole."""
        self.pictures(*[f"d/{c}/{i}.png" for c in ("a & b", "c<d>") for i in range(6)], "d/c<d>/../a & b/x.png")
        shutil.copy(f"{self.dir}/d/a & b/0.png", f"{self.dir}/d/a & b/same.png")
        with open(f"{self.dir}/d/a & b/1.png", "rb") as f:
            pictures.write(f"{self.dir}/d/c<d>/cut.png", f.read()[:300])
        done = self.graft("inspect", "d", "--html", "i.html", "--json")
        self.assertEqual(done.status, 3, done.err)  # of the bad image
        told = json.loads(done.out)
        page = xml.etree.ElementTree.parse(f"{self.dir}/i.html").getroot()
        self.assertEqual(list(page.iter("script")), [])
        tiles = {li.find("span").text: li.find("b").text for li in page.iter("li")}
        self.assertEqual(tiles["images"], str(told["images"]))
        self.assertEqual(tiles["that cannot be used"], "1")
        self.assertEqual(tiles["equal files"], "1")
        self.assertEqual(tiles["pairs of near copies"], str(told["near_copies"]["count"]))
        rows = {tr.find("th").text: [td.text for td in tr.findall("td")] for tr in page.iter("tr") if tr.find("td") is not None}
        for c in ("a & b", "c<d>"):
            self.assertEqual(rows[c][:3], [str(told["splits"][s]["classes"][c]) for s in ("train", "validation", "test")])
        images = [i for i in page.iter("img")]
        self.assertGreaterEqual(len(images), 8 + 3)
        for i in images:
            self.assertTrue(i.get("alt"))
            self.assertRegex(i.get("src"), "^data:image/(jpeg|png);base64,")
        for name in ("shorter_side", "width_to_height", "mean_brightness"):
            self.assertEqual(sum(told["distributions"][name]["counts"]), told["images"] - 1)
        self.assertIn("mean brightness", self.graft("inspect", "d").out)


class Weights(DataTest):
    def test_of_each_image(self):
        """Weights that are the same for a whole class are class weights, bit for bit; others are not; a bad one is told."""
        self.pictures(*[f"d/p/{c}/{i}.png" for c in "ab" for i in range(6)])

        def table(name, weight):
            rows = "".join(f"p/{c}/{i}.png,{c},{'val' if i > 3 else 'train'},{weight(c, i)}\n" for c in "ab" for i in range(6))
            pictures.write(f"{self.dir}/d/{name}.csv", ("path,label,split,w\n" + rows).encode())
            return f"d/{name}.csv"

        def history(data, run, *options):
            self.good("train", data, *TRAIN, "--epochs", "2", "--model", "layers:conv=8,3,relu;gap", "--out", run, *options)
            with open(f"{self.dir}/{run}/history.csv", newline="") as f:
                return [{k: v for k, v in row.items() if "seconds" not in k and k != "images_per_second"} for row in csv.DictReader(f)]

        per_class = table("c", lambda c, i: {"a": 2, "b": 0.5}[c])
        per_image = table("i", lambda c, i: 3 if i == 1 else 0)
        plain = history(per_class, "plain")
        weighted = history(per_class, "weighted", "--weight-column", "w")
        self.assertEqual(weighted, history(per_class, "classes", "--class-weight", "a=2,b=0.5"))
        self.assertNotEqual(weighted, plain)
        self.assertNotEqual(history(per_image, "images", "--weight-column", "w"), plain)
        os.remove(f"{self.dir}/weighted/metrics.json")
        self.good("resume", "weighted")
        probes, least = [], ["--size", "32", "--precision", "f32", "--no-report", "--threads", "1"]
        for run, more in (("p0", ()), ("p1", ("--weight-column", "w")), ("p2", ("--class-weight", "a=2,b=0.5"))):
            self.good("train", per_class, *least, "--probe", "--model", "layers:conv=8,3,relu;gap", "--out", run, *more)
            with open(f"{self.dir}/{run}/metrics.json") as f:
                probes.append(json.load(f)["validation"]["loss"])
        self.assertNotEqual(probes[0], probes[1])
        self.assertEqual(probes[1], probes[2])
        for bad in ("-1", "x", "nan", ""):
            told = self.refused(3, "E1113", "train", table("bad", lambda c, i: bad), *TRAIN, "--weight-column", "w", "--out", "no")
            self.assertIn("bad.csv:2: not a weight", told)
        self.refused(2, "E3002", "train", "d/p", *TRAIN, "--weight-column", "w", "--out", "no")


class Decode(DataTest):
    def test_the_model_keeps_how_jpegs_are_decoded(self):
        fixtures = f"{os.path.dirname(os.path.abspath(__file__))}/../fixtures/tensorflow_jpeg"
        jpegs = [f"{fixtures}/{name}" for name in sorted(os.listdir(fixtures)) if name.endswith(".jpg")]
        for i, path in enumerate(jpegs * 2):
            for part in ("train", "validation"):
                os.makedirs(f"{self.dir}/d/{part}/{'ab'[i % 2]}", exist_ok=True)
                shutil.copy(path, f"{self.dir}/d/{part}/{'ab'[i % 2]}/{i}.jpg")
        self.trained("d", "plain")
        self.trained("d", "fast", "--decode", "tensorflow", "--cache-dir", f"{self.dir}/c", "--cache", "disk")
        self.trained("d", "again", "--cache-dir", f"{self.dir}/c", "--cache", "disk")  # not out of the other's cache
        logits = {}
        for run in ("plain", "fast", "again"):
            rows = json.loads(self.good("predict", run, *jpegs, "--json", "--output", "logits").out)["predictions"]
            told = json.loads(self.good("eval", run, "d", "--split", "validation", "--json").out)
            with open(f"{self.dir}/{run}/metrics.json") as f:
                self.assertEqual(told["loss"], json.load(f)["validation"]["loss"], run)  # the same pixels as in training
            logits[run] = rows
        self.assertEqual(logits["plain"], logits["again"])
        self.assertNotEqual(logits["plain"], logits["fast"])
        os.remove(f"{self.dir}/fast/metrics.json")
        self.good("resume", "fast")


class Large(DataTest):
    def test_above_the_limit(self):
        for c in "ab":
            for i in range(2):
                pictures.write(f"{self.dir}/d/{c}/{i}.jpg", flat_jpeg(12000 + i, 9000) if c == "a" else flat_jpeg(64 + i, 48))
        told = json.loads(self.good("inspect", "d", "--max-pixels", "120000000", "--json").out)
        self.assertEqual(told["peculiar"]["reduced"], 2)
        self.assertEqual(told["width"]["max"], 6001)
        done, _ = self.trained("d", "run", "--max-pixels", "120000000")
        self.assertIn("decoded at 1/2, 1/4 or 1/8 of its size", done.err)
        done = self.good("predict", "run", "d/a/0.jpg", "--max-pixels", "120000000")
        self.assertIn("decoded at 1/2", done.err)
        os.remove(f"{self.dir}/run/metrics.json")
        self.good("resume", "run")  # which takes them as they were


class Labels(DataTest):
    def test_files_as_they_come(self):
        self.pictures(*[f"d/{c}/{i}.png" for c in "abc" for i in range(3)])
        self.trained("d")
        self.good("export", "run", "--out", "m.onnx")
        for text, said in ((b"\xef\xbb\xbfx\r\ny\r\nz\r\n\r\n", None), (b"0 x\n1 y\n2 z", "without their numbers"),
                           (b"2: z\n0: x\n1: y\n", "in the order of their numbers")):
            pictures.write(f"{self.dir}/l.txt", text)
            done = self.good("predict", "m.onnx", "d/a/0.png", "--labels", "l.txt", "--top", "3", "--json")
            self.assertEqual({t["label"] for t in json.loads(done.out)["predictions"][0]["top"]}, {"x", "y", "z"})
            self.assertIn(said or "", done.err)


class Detections(DataTest):
    """graft eval --truth --results: no run, no model."""
    BOXES = f"{os.path.dirname(os.path.abspath(__file__))}/../fixtures/boxes"

    def test_the_twelve_numbers(self):
        done = self.good("eval", "--truth", f"{self.BOXES}/truth.json", "--results", f"{self.BOXES}/results.json", "--json")
        measured = json.loads(done.out)
        with open(f"{self.BOXES}/measures.json") as f:
            for name, wanted in json.load(f).items():  # pycocotools's
                self.assertAlmostEqual(measured[name], wanted, delta=1e-6, msg=name)
        text = self.good("eval", "--truth", f"{self.BOXES}/truth.json", "--results", f"{self.BOXES}/results.json").out
        self.assertIn("AP50", text)
        self.assertIn("kind ", text)
        voc = [json.loads(self.good("eval", "--truth", f"{self.BOXES}/truth.json", "--results", f"{self.BOXES}/results.json", "--measure", m,
                                    "--json").out) for m in ("voc07", "voc12")]
        for of in voc:
            known = [c["AP"] for c in of["categories"] if c["AP"] is not None]
            self.assertAlmostEqual(of["mAP"], sum(known) / len(known), delta=1e-8)
        self.assertNotEqual(voc[0]["mAP"], voc[1]["mAP"])

    def test_refusals(self):
        truth, results = f"{self.BOXES}/truth.json", f"{self.BOXES}/results.json"
        self.assertIn("go together", self.refused(2, "E3001", "eval", "--truth", truth))
        self.assertIn("--truth and --results", self.refused(2, "E3001", "eval"))
        self.assertIn("no RUN", self.refused(2, "E3001", "eval", "--truth", truth, "--results", results, "run"))
        self.assertIn("not like labels", self.refused(3, "E1130", "eval", "--truth", results, "--results", truth))


class Boxes(DataTest):
    """Labelled boxes: inspected and converted."""

    def setUp(self):
        super().setUp()
        self.pictures(*[f"d/images/{i}.png" for i in range(3)])
        os.mkdir(f"{self.dir}/d/annotations")
        for i in range(3):
            self.label(i, 20 + i)

    def label(self, i, right):
        pictures.write(f"{self.dir}/d/annotations/{i}.xml", f"<annotation><object><name>cat</name><bndbox><xmin>2</xmin><ymin>3</ymin>"
                       f"<xmax>{right}</xmax><ymax>30</ymax></bndbox></object></annotation>".encode())

    def test_inspect_tells_classes_and_sizes(self):
        told = json.loads(self.good("inspect", "d", "--json").out)
        self.assertEqual((told["format"], told["images"], told["boxes"], told["problems"]), ("voc", 3, 3, 0))
        self.assertEqual(told["classes"], [{"name": "cat", "boxes": 3, "images": 3}])
        text = self.good("inspect", "d", "--rename", "cat=dog")
        self.assertIn("3 images, VOC XML labels, 1 class, 3 boxes", text.out)
        self.assertRegex(text.out, r"dog +3 +3")
        self.assertIn("warning: class \"dog\" has 3 boxes only", text.out)

    def test_conversion_there_and_back(self):
        self.good("labels", "d", "coco", "--to", "coco")
        self.good("labels", "coco", "csv", "--to", "csv", "--labels-only")
        self.assertEqual(os.listdir(f"{self.dir}/csv"), ["labels.csv"])
        with open(f"{self.dir}/d/images/0.png", "rb") as f:
            width, height = struct.unpack(">II", f.read()[16:24])
        with open(f"{self.dir}/csv/labels.csv") as f:
            self.assertEqual(f.read().splitlines()[1], f"0.png,{width},{height},cat,2,3,20,30,")
        self.assertIn("is not empty", self.refused(2, "E3006", "labels", "d", "coco", "--to", "yolo"))
        self.assertIn("never written to", self.refused(2, "E3006", "labels", "d", "d/yolo", "--to", "yolo"))
        self.assertIn("--to FORMAT", self.refused(2, "E3001", "labels", "d", "x"))

    def test_what_cannot_be_right_is_told(self):
        self.label(1, 90)
        self.label(2, "12,5")
        self.assertIn("the box is 2,3 to 90,30", self.refused(3, "E1132", "labels", "d", "out", "--to", "yolo"))
        done = self.graft("inspect", "d")
        self.assertEqual(done.status, 3)
        self.assertIn("bad: annotations/2.xml:1: <xmax> is \"12,5\": wanted is a number with a decimal point", done.out)
        self.assertIn("2 things in the labels cannot be right", done.err)


if __name__ == "__main__":
    main()
