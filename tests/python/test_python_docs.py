"""The blocks of docs/python.md and README.md run as they stand, one behind the other. Weights by name would be fetched: a file of
tests/fixtures stands for them."""

import gzip
import os
import pathlib
import re
import runpy
import shutil
import sys

from common import PLACE, ROOT, Case, data, graft, images, quiet

WEIGHTS = PLACE / "weights.h5"
STAND_INS = [('weights="imagenet"', f'weights={str(WEIGHTS)!r}, alpha=0.35'), ('out=', 'progress=False, out=')]


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


class Documents(Case):
    def setUp(self):
        WEIGHTS.write_bytes(gzip.decompress((ROOT / "tests/fixtures/mobilenet_v2_a035_96_no_top.h5.gz").read_bytes()))
        self.place = PLACE / self._testMethodName
        self.place.mkdir()
        shutil.copytree(data(), self.place / "pets")
        shutil.copy(images()[0], self.place / "photo.jpg")
        before = os.getcwd()
        os.chdir(self.place)
        self.addCleanup(os.chdir, before)

    def run_page(self, page, least):
        found, names = blocks(page), {}
        self.assertGreaterEqual(len(found), least)
        for block in found:
            for old, new in STAND_INS:
                block = block.replace(old, new)
            quiet(exec, compile(block, page, "exec"), names)
        return names

    def test_python(self):
        names = self.run_page("docs/python.md", 4)
        self.assertIn(names["model"].predict("photo.jpg").label, names["model"].classes)
        self.assertEqual(len(names["run"].history["val_mcc"]), 2)
        self.assertTrue((self.place / "pets.onnx").exists())

    def test_readme(self):
        self.run_page("README.md", 1)

    def test_the_example(self):
        sys.argv = ["finetune.py", "pets", str(WEIGHTS), "runs/example", "photo.jpg"]
        model = graft.train
        try:
            graft.train = lambda *a, **k: model(*a, **k, alpha=0.35, epochs=1, fine_tune_epochs=1, progress=False)
            quiet(runpy.run_path, str(ROOT / "examples/python/finetune.py"), run_name="__main__")
        finally:
            graft.train = model
        self.assertTrue(pathlib.Path("runs/example/report.html").exists())
