"""What calls give, beside what the command gives."""

import json
import pathlib

import numpy as np

from common import PLACE, SMALL, Case, command, data, graft, images, model, pictures, quiet, run


class Images(Case):
    def test_predictions_are_the_command_s(self):
        told = command("predict", run().path, *images(), "--top", 2)["predictions"]
        found = model().predict(images(), top=2)
        self.assertEqual([p.label for p in found], [d["label"] for d in told])
        for p, d in zip(found, told):
            self.assertEqual(p.probability, np.float32(d["probability"]))
            self.assertEqual(p.top, [(t["label"], np.float32(t["probability"])) for t in d["top"]])
            self.assertEqual(p.path, d["path"])
        one = model().predict(images()[0])
        self.assertEqual((one.label, one.top), (found[0].label, found[0].top))
        self.assertIn(one.label, repr(one))

    def test_options_of_predict(self):
        plain = model().predict(images())
        turned = model().predict(images(), tta="flip")
        self.assertEqual([p.label for p in turned], [d["label"] for d in command("predict", run().path, *images(), "--tta", "flip")["predictions"]])
        self.assertTrue(any(p.probability != q.probability for p, q in zip(plain, turned)))
        pixels = np.zeros((40, 40, 3), np.uint8)
        self.assertEqual(len(model().predict(pixels, tta="flip").top), 2)
        self.assertEqual([p.probability for p in model().predict(images())], [p.probability for p in plain])
        self.refused(graft.UsageError, "E3003", model().predict, images(), unkown=0.9)

    def test_features(self):
        found = model().features(images())
        self.assertEqual((found.shape, found.dtype), ((4, 1280), np.float32))
        self.assertEqual(found.paths, images())
        command("features", "--model", run().path, "--out", PLACE / "f.npy", *images())
        np.testing.assert_array_equal(found, np.load(PLACE / "f.npy"))
        memory = model().features([pathlib.Path(p).read_bytes() for p in images()])
        self.assertEqual(memory.paths, [""] * 4)
        self.assertLess(np.abs(memory - found).max() / np.abs(found).max(), 0.02)
        self.assertEqual(found[1:].paths, [])
        self.assertEqual((found * 2).paths, images())
        layer = model().features(images(2), layer="block_1_project")
        self.assertEqual(layer.ndim, 4)
        with self.assertRaisesRegex(graft.Error, "nothing"):
            model().features(images(2), layer="nothing")

    def test_evaluate(self):
        told = command("eval", run().path, data(), "--split", "validation", "--metrics", "mcc")
        found = model().evaluate(data(), split="validation", metrics="mcc")
        self.assertEqual(dict(found), told)
        self.assertEqual((found.accuracy, found["mcc"]), (told["accuracy"], told["mcc"]))
        np.testing.assert_array_equal(found.confusion, told["confusion"])
        self.assertEqual(found.confusion.sum(), 12)
        with self.assertRaises(AttributeError):
            found.nothing
        pixels = np.stack([np.full((40, 40, 3), 220, np.uint8), np.full((40, 40, 3), 20, np.uint8)])
        self.assertEqual(quiet(model().evaluate, (pixels, ["bright", "dark"]))["images"], 2)

    def test_export(self):
        told = model().export(PLACE / "pets.onnx", images=images())
        self.assertEqual((told["format"], told["pictures"]), ("onnx", 4))
        self.assertLessEqual(told["difference"], 1e-4)
        foreign = graft.load(PLACE / "pets.onnx", threads=2)
        np.testing.assert_allclose(foreign.predict_proba(images()), model().predict_proba(images()), atol=1e-3)
        self.refused(graft.UsageError, "E3002", model().export, PLACE / "x.bin", to="nothing")

    def test_a_backbone_has_features_alone(self):
        network = graft.backbone(size=32, alpha=0.35, threads=1)
        self.assertEqual(network.features(images(2)).shape, (2, 1280))
        self.assertEqual(network.features(np.zeros((2, 9, 9, 3), np.uint8)).shape, (2, 1280))
        self.assertEqual(network.size, (32, 32))
        self.refused(graft.UsageError, "E3007", network.predict, images())
        network.close()
        self.refused(graft.UsageError, "E3001", network.features, images())
        network.close()

    def test_what_cannot_be_loaded(self):
        self.refused(graft.UsageError, "E3007", graft.load, data())
        with self.assertRaises(graft.Error):
            graft.load("no/such/run")
        (PLACE / "bad.safetensors").write_bytes(b"\0" * 64)
        with self.assertRaises(graft.WeightsError):
            graft.load(PLACE / "bad.safetensors")


class Texts(Case):
    @classmethod
    def setUpClass(cls):
        words = "a good bad great dull film fun cast".split()
        (PLACE / "words.vec").write_text("8 4\n" + "".join(f"{w} {i} {-i} {0.5 * i} 1\n" for i, w in enumerate(words)))
        cls.texts = [f"a {word} film" for word in ("good", "great", "fun", "bad", "dull", "dull cast") for _ in range(4)]
        cls.labels = ["yes"] * 12 + ["no"] * 12
        cls.trained = quiet(graft.train, (cls.texts, cls.labels), out=PLACE / "texts", weights=PLACE / "words.vec", epochs=2, batch=8, lr=0.05,
                        precision="f32", report=False, progress=False, threads=2)
        cls.model = cls.trained.model

    def test_labels_and_probabilities(self):
        self.assertEqual((self.model.samples, self.model.classes), ("texts", ["no", "yes"]))
        told = command("predict", self.trained.path, *self.texts[::4])["predictions"]
        found = self.model.predict(self.texts[::4])
        self.assertEqual([p.label for p in found], [d["label"] for d in told])
        p = self.model.predict_proba(self.texts[::4])
        self.assertEqual((p.shape, p.dtype), ((6, 2), np.float32))
        np.testing.assert_allclose(p.max(axis=1), [d["probability"] for d in told], rtol=1e-6)
        self.assertEqual(self.model.predict("a good film").label, found[0].label)

    def test_a_text_is_a_text_whatever_files_there_are(self):
        (PLACE / "words.txt").write_text("dull\ndull\n")
        wanted = self.model.predict_proba("words")
        self.assertEqual(self.model.predict_proba([str(PLACE / "words.txt")]).shape, (1, 2))
        self.assertEqual(len(self.model.predict_proba(["two\nlines", "\u597d \"x\"\t"])), 2)
        self.assertEqual(wanted.shape, (1, 2))

    def test_features_and_evaluation(self):
        found = self.model.features(self.texts[:3])
        self.assertEqual(found.shape, (3, 4))
        self.assertEqual(found.paths, self.texts[:3])
        self.assertEqual(self.model.evaluate((self.texts, self.labels))["images"], 24)

    def test_what_is_refused(self):
        self.refused(graft.UsageError, "E3002", self.model.predict, [3])
        self.refused(graft.UsageError, "E3002", self.model.predict, [])
        self.refused(graft.DataError, "E1103", self.model.predict, ["a", " "])


class Boxes(Case):
    def test_detections_are_the_command_s(self):
        import test_detect
        place = PLACE / "boxes"
        rows = ["filename,class,xmin,ymin,xmax,ymax,split"]
        for i in range(24):
            image, boxes = test_detect.scene(i)
            pictures.write(f"{place}/d/{i:02d}.png", image)
            rows += [f"{i:02d}.png,{kind},{x},{y},{x + size},{y + size},{'val' if i >= 16 else 'train'}" for kind, x, y, size in boxes]
        (place / "d/labels.csv").write_text("\n".join(rows) + "\n")
        (place / "net.json").write_text(json.dumps(test_detect.NETWORK))
        made = quiet(graft.train, place / "d", out=place / "run", task="detect", model=place / "net.json", size=test_detect.SIDE, batch=8, seed=3,
                     phases="all at=0 epochs=4 lr=3e-3 optimizer=adam augment=flip", progress=False, threads=2, report=False)
        self.assertEqual(made.model.task, "detect")
        paths = [f"{place}/d/{i:02d}.png" for i in range(3)]
        told = command("predict", made.path, *paths, "--confidence", 0.01)["predictions"]
        found = made.model.predict(paths, confidence=0.01)
        for d, f in zip(told, found):
            self.assertEqual(f.labels, [x["name"] for x in d["detections"]])
            np.testing.assert_array_equal(f.boxes, np.array([x["box"] for x in d["detections"]]).reshape(-1, 4))
            np.testing.assert_array_equal(f.scores, [x["confidence"] for x in d["detections"]])
        self.assertGreater(sum(map(len, found)), 0)
        self.assertIn("position:absolute", max(found, key=len)._repr_html_())
        memory = made.model.predict(pathlib.Path(paths[0]).read_bytes(), confidence=0.01)
        np.testing.assert_array_equal(memory.boxes, found[0].boxes)
        self.refused(graft.UsageError, "E3002", made.model.predict_proba, paths)
