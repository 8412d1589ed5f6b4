"""graft models, against what the architectures' publishers say of them. Usage: test_models.py COMMAND"""

from graft_cli import CommandTest, main

# Parameters without and with the classifier for 1000 classes (Keras's tables; torchvision's count no running statistics),
# image size, 10^9 multiply-adds as published: by the papers, by torchvision; with the classifier, which is little.
PUBLISHED = {
    "mobilenet_v2": (2257984, 3538984, 224, 0.30),
    "mobilenet_v3_small": (939120, 2554968, 224, 0.056),
    "mobilenet_v3_large": (2996352, 5507432, 224, 0.219),
    "efficientnet_b0": (4049571, 5330571, 224, 0.39),
    "efficientnet_b1": (6575239, 7856239, 240, 0.70),
    "efficientnet_b2": (7768569, 9177569, 260, 1.0),
    "efficientnet_b3": (10783535, 12320535, 300, 1.8),
    "resnet50_v2": (23564800, 25613800, 224, None),
    "resnet101_v2": (42626560, 44675560, 224, None),
    "resnet152_v2": (58331648, 60380648, 224, None),
    "resnet50_keras": (23587712, 25636712, 224, 3.8),
    "densenet121": (7037504, 8062504, 224, 2.83),
    "densenet169": (12642880, 14307880, 224, 3.36),
    "densenet201": (18321984, 20242984, 224, 4.29),
    "inception_v3": (21802784, 23851784, 299, 5.71),
    "xception": (20861480, 22910480, 299, None),
    "vgg16": (14714688, 138357544, 224, 15.47),
    "vgg19": (20024384, 143667240, 224, 19.63),
    "efficientnet_lite0": (None, 4652008, 224, None),
    "efficientnet_lite0_timm": (None, 4652008, 224, None),
    "mobilenet_v2_torch": (2223872, 3504872, 224, 0.30),
    "resnet18": (11176512, 11689512, 224, 1.81),
    "resnet34": (21284672, 21797672, 224, 3.66),
    "resnet50": (23508032, 25557032, 224, 4.09),
    "resnet101": (42500160, 44549160, 224, 7.80),
    "densenet121_torch": (6953856, 7978856, 224, 2.83),
    "vgg16_torch": (14714688, 138357544, 224, 15.47),
}
OF_KERAS = "mobilenet_v efficientnet_b resnet50_ resnet101_ resnet152_ densenet inception xception vgg".split()
PREPROCESSING = {"tf": "[-1, 1]", "torch": "ImageNet", "caffe": "BGR"}


class Models(CommandTest):
    def test_every_column_is_what_was_published(self):
        rows = {row["name"]: row for row in self.document("models")["models"]}
        self.assertEqual(set(rows), set(PUBLISHED))
        for name, (params, with_top, size, multiply_adds) in PUBLISHED.items():
            row = rows[name]
            of_keras = not name.endswith("_torch") and any(name.startswith(word) for word in OF_KERAS)
            self.assertEqual(row["source"], "keras" if of_keras else "torch", name)
            self.assertEqual((row["params_top"], row["size"]), (with_top, size), name)
            if of_keras:
                self.assertEqual(row["params"], params, name)
            self.assertIn("ms", row)
            if multiply_adds:
                self.assertAlmostEqual(row["gflop"] / 2 / multiply_adds, 1, delta=0.025, msg=name)
            self.assertGreater(row["gflop"], 0.1, name)
            self.assertLessEqual(32, row["least_size"], name)
            self.assertLessEqual(row["least_size"], row["size"], name)
            self.assertGreater(len(row["when"]), 10, name)

    def test_people_read_the_same(self):
        head, *lines = self.good("models").out.splitlines()
        for word in ("name", "source", "params (M)", "with top", "size", "GFLOP", "ms", "preprocessing", "when to choose it"):
            self.assertIn(word, head)
        for row, line in zip(self.document("models")["models"], lines, strict=True):
            name, source, params, with_top, size, gflop = line.split()[:6]
            self.assertEqual((name, source, int(size)), (row["name"], row["source"], row["size"]))
            self.assertAlmostEqual(float(params), row["params"] / 1e6, delta=0.051)
            self.assertAlmostEqual(float(with_top), row["params_top"] / 1e6, delta=0.051)
            self.assertAlmostEqual(float(gflop), row["gflop"], delta=0.0051)
            self.assertTrue(line.endswith(row["when"]), line)
            self.assertIn(PREPROCESSING.get(row["preprocess"], ""), line)

    def test_measured_times_are_remembered(self):
        env = {"XDG_CACHE_HOME": f"{self.dir}/cache"}
        times = lambda *arguments: {row["name"]: row["ms"] for row in
                                    self.document("models", *arguments, env=env)["models"]}
        self.assertEqual(set(times().values()), {None})
        for name in ("mobilenet_v3_small", "resnet18"):
            measured = times(name, "--time", "--threads", "1")
            self.assertEqual(list(measured), [name])
            self.assertTrue(0.05 < measured[name] < 5000, measured)
        told = times("--threads", "1")
        self.assertEqual({name for name in told if told[name]}, {"mobilenet_v3_small", "resnet18"})
        self.assertAlmostEqual(told["resnet18"], measured["resnet18"], delta=0.001)
        self.assertEqual(set(times("--threads", "2").values()), {None})
        line = self.good("models", "resnet18", "--threads", "1", env=env).out.splitlines()[1].split()
        self.assertAlmostEqual(float(line[6]), told["resnet18"], delta=0.0051)

    def test_a_damaged_memory_does_no_harm(self):
        cache = f"{self.dir}/cache/graft"
        self.good("models", "resnet18", "--time", "--threads", "1", env={"XDG_CACHE_HOME": f"{self.dir}/cache"})
        with open(f"{cache}/times", "rb") as f:
            machine = f.readline().rstrip()
        for rest in (b"", b"\n", b"\nresnet18", b"\nresnet18=", b"\nresnet18=x\n", b"\n\0\xff=1", b"\n=\n=\n"):
            with open(f"{cache}/times", "wb") as f:
                f.write(machine + rest)
            rows = self.document("models", "resnet18", "--threads", "1", env={"XDG_CACHE_HOME": f"{self.dir}/cache"})
            self.assertIsNone(rows["models"][0]["ms"], rest)

    def test_names_that_are_none(self):
        self.refused(2, "E3101", "models", "resnet18", "resnet19")


if __name__ == "__main__":
    main()
