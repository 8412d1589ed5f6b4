"""report.html of an image, a text and a detection run, in Chromium at the widths of a phone and a desk: it complains of nothing and
asks nobody for anything, is as wide as its window, each image has pixels, and each number is that of metrics.json."""

import gzip
import json
import os
import pathlib
import shutil
import sys

import pictures
from graft_cli import CommandTest, main
from test_detect import NETWORK, scene

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from browser import Browser  # noqa: E402
from needs import lack  # noqa: E402

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
WIDTHS = (360, 1280)
SHARES = {"accuracy", "top1", "balanced_accuracy", "macro_f1"}

# each image: shown, as large as it says, and not one colour all over
IMAGES = """Promise.all([...document.images].map(async i => {
  await i.decode();
  const c = document.createElement('canvas'); c.width = i.naturalWidth; c.height = i.naturalHeight;
  const g = c.getContext('2d'); g.drawImage(i, 0, 0);
  const p = new Uint32Array(g.getImageData(0, 0, c.width, c.height).data.buffer);
  return {alt: i.alt, w: i.naturalWidth, h: i.naturalHeight, shown: i.getBoundingClientRect().width,
          folded: !!i.closest('details:not([open])'), colors: new Set(p).size};
}))"""
TABLES = "[...document.querySelectorAll('table')].map(t => [...t.rows].map(r => [...r.cells].map(c => c.textContent)))"
TILES = "[...document.querySelectorAll('.tiles li')].map(t => [t.querySelector('span').textContent, t.querySelector('b').textContent])"
# what reaches beyond the window without a box of its own that scrolls
WIDE = """[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('pre')
  && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.tagName + ' ' + e.className)"""


def shown(metric, value, decimals=2):
    return f"{100 * value:.{decimals}f} %" if metric in SHARES else f"{value:.{decimals + 2}f}"


class Pages(CommandTest):
    def page_of(self, browser, run, width):
        page = browser.open(f"{self.dir}/{run}/report.html", width)
        self.assertEqual(page.value("innerWidth"), width)
        self.assertLessEqual(page.value("document.documentElement.scrollWidth"), width, "it scrolls sideways")
        self.assertEqual(page.value(WIDE), [])
        return page

    def look_at_images(self, page, least):
        images = page.value(IMAGES)
        self.assertGreaterEqual(len(images), least)
        for image in images:
            with self.subTest(image=image["alt"]):
                self.assertTrue(image["alt"])
                self.assertTrue(image["w"] > 0 and image["h"] > 0 and image["colors"] > 1, image)
                self.assertTrue(image["folded"] or image["shown"] > 0, image)

    def table(self, page, first):
        """The rows of the table whose first heading is that."""
        found = [rows for rows in page.value(TABLES) if rows and rows[0][0] == first]
        self.assertEqual(len(found), 1, first)
        return found[0][1:]

    def compare_results(self, page, metrics, names):
        titles = {"Before training, validation set": "before", "Best weights, validation set": "validation",
                  "Best weights, test set": "test"}
        rows = self.table(page, "Evaluation")
        self.assertEqual([titles[row[0]] for row in rows], [key for key in titles.values() if metrics[key]])
        for title, images, *values in rows:
            told = metrics[titles[title]]
            self.assertEqual([int(images.replace(",", "")), *values], [told["images"], *(shown(n, told[n]) for n in names)], title)
        for name, value in page.value(TILES):
            for key, words in (("test", "on the test set"), ("validation", "on the validation set"), ("before", "before training")):
                if name.endswith(words):
                    headline = names[1]  # the first that is better when it is higher
                    self.assertEqual(value, shown(headline, metrics[key][headline], 1), name)

    def compare_phases(self, page, metrics, names):
        wanted = []
        for phase in metrics["phases"]:
            for which, title in (("last", "last"), ("best_so_far", "best so far")):
                told = phase[which]
                if which == "best_so_far" and told["epoch"] == phase["last"]["epoch"]:
                    continue
                wanted += [[phase["name"], f"{title}, epoch {told['epoch']}", part, *(shown(n, told[part][n]) for n in names)]
                           for part in ("validation", "test") if told[part]]
        self.assertTrue(wanted)
        self.assertEqual(self.table(page, "Phase"), wanted)

    def compare_classes(self, page, metrics):
        """Precision and its like, as the confusion matrix has them."""
        told = metrics["test"]["confusion"]
        for i, (name, images, *scores) in enumerate(self.table(page, "Class")[:len(told)]):
            right, row, column = told[i][i], sum(told[i]), sum(r[i] for r in told)
            wanted = [f"{100 * a / b:.1f} %" if b else "-" for a, b in ((right, column), (right, row), (2 * right, row + column))]
            self.assertEqual([name, int(images), *scores], [metrics["classes"][i], row, *wanted])

    def look_at(self, run, names, images):
        with open(f"{self.dir}/{run}/metrics.json") as f:
            metrics = json.load(f)
        with Browser() as browser:
            for width in WIDTHS:
                with self.subTest(width=width):
                    page = self.page_of(browser, run, width)
                    self.compare_results(page, metrics, names)
                    self.compare_phases(page, metrics, names)
                    if metrics["test"]["confusion"]:
                        self.compare_classes(page, metrics)
                    self.look_at_images(page, images)
                    self.assertEqual(page.complaints, [])

    def test_of_images(self):
        if lack("chromium", "test_pages.py", "test_of_images"):
            return
        with gzip.open(FIXTURES / "mobilenet_v2_a035_96_no_top.h5.gz") as packed, open(f"{self.dir}/w.h5", "wb") as f:
            shutil.copyfileobj(packed, f)
        names = ("bright", "dark_with_a_name_of_many_letters_and_no_space_in_it", "grey & <other>")
        pictures.data_set(f"{self.dir}/data", names, train=12, validation=12)
        self.good("train", "data", "--alpha", "0.35", "--size", "96", "--weights", "w.h5", "--batch", "8", "--test-from-validation", "0.4",
                  "--phases", "head epochs=3 lr=3e-2; a_tail_with_a_long_name last=20 epochs=2 lr=1e-3", "--metrics",
                  "top1,balanced_accuracy,macro_f1", "--seed", "7", "--out", "run")
        self.look_at("run", ["loss", "accuracy", "top1", "balanced_accuracy", "macro_f1"], 20)

    def test_of_texts(self):
        if lack("chromium", "test_pages.py", "test_of_texts"):
            return
        rows = [f"{'ten bytes' if i % 2 else 'four'}{'!' * (i % 3)} {i} <b>{'x' * 150}</b>\t{'good' if i % 2 else 'bad'}" for i in range(60)]
        pictures.write(f"{self.dir}/t.tsv", "\n".join(["text\tlabel", *rows]).encode())
        self.good("train", "t.tsv", "--weights", FIXTURES / "text" / "bert", "--epochs", "2", "--batch", "6", "--split", "0.6,0.2,0.2",
                  "--out", "run")
        self.look_at("run", ["loss", "accuracy"], 2)

    def test_of_boxes(self):
        if lack("chromium", "test_pages.py", "test_of_boxes"):
            return
        with open(f"{self.dir}/net.json", "w") as f:
            json.dump(NETWORK, f)
        rows = ["filename,class,xmin,ymin,xmax,ymax,split"]
        for i in range(36):
            image, boxes = scene(i)
            pictures.write(f"{self.dir}/d/{i:02d}.png", image)
            part = "train" if i < 20 else "val" if i < 28 else "test"
            rows += [f"{i:02d}.png,{kind},{x},{y},{x + size},{y + size},{part}" for kind, x, y, size in boxes]
        pictures.write(f"{self.dir}/d/labels.csv", "\n".join(rows).encode())
        self.good("train", "d", "--task", "detect", "--detector", "plain", "--model", "net.json", "--size", "96", "--batch", "8",
                  "--phases", "all at=0 epochs=4 lr=3e-3 optimizer=adam augment=flip", "--seed", "3", "--out", "run")
        with open(f"{self.dir}/run/metrics.json") as f:
            metrics = json.load(f)
        self.look_at("run", [name for name in metrics["validation"] if name not in ("images", "confusion", "intervals")], 6)


if __name__ == "__main__":
    main()
