"""How many of 30 wrong labels `graft clean` lists among its first 60, and how many of 100 near copies it finds.

    check_clean.py GRAFT DATA [SEED] -- OPTIONS OF GRAFT CLEAN, as --model efficientnet_lite0 --weights FILE

DATA is a folder of class folders. Copies are recoded, resized (0.4 to 1.8 times) or mirrored.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

from PIL import Image

WRONG, COPIES, LISTED = 30, 100, 60


def make(data, out, rng):
    classes = sorted(os.listdir(data))
    files = [(c, f) for c in classes for f in sorted(os.listdir(f"{data}/{c}"))]
    wrong = set(rng.sample(range(len(files)), WRONG))
    copied = set(rng.sample(sorted(set(range(len(files))) - wrong), COPIES))
    flipped, pairs = set(), set()
    for i, (c, f) in enumerate(files):
        to = rng.choice([k for k in classes if k != c]) if i in wrong else c
        os.makedirs(f"{out}/{to}", exist_ok=True)
        name = f"{to}/{c}_{f}"
        shutil.copy(f"{data}/{c}/{f}", f"{out}/{name}")
        if i in wrong:
            flipped.add(name)
        if i in copied:
            copy = f"{to}/copy_{c}_{os.path.splitext(f)[0]}.jpg"
            change(Image.open(f"{data}/{c}/{f}").convert("RGB"), rng).save(f"{out}/{copy}", quality=rng.choice([40, 60, 80, 90]))
            pairs.add(tuple(sorted((name, copy))))
    return flipped, pairs


def change(image, rng):
    kind, factor = rng.randrange(3), rng.uniform(0.4, 1.8)
    if kind == 1:
        return image.resize([max(int(side * factor), 32) for side in image.size], Image.BICUBIC)
    return image.transpose(Image.FLIP_LEFT_RIGHT) if kind == 2 else image


graft, data, *rest = sys.argv[1:]
options = rest[rest.index("--") + 1:]
rng = random.Random(int(rest[0]) if rest[0] != "--" else 0)
with tempfile.TemporaryDirectory() as out:
    flipped, pairs = make(data, out, rng)
    told = json.loads(subprocess.run([graft, "clean", out, "--json", "--most", str(LISTED), *options], check=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
found = {tuple(sorted((p["path"], p["copy"]))) for p in told["copies"]}
first = sum(row["path"] in flipped for row in told["labels"])
print(f"{first} of {WRONG} wrong labels among the first {LISTED}; {len(found & pairs)} of {COPIES} copies, "
      f"{len(found - pairs)} other pairs of {told['images']} images: {sorted(found - pairs)}")
sys.exit(not (first >= 24 and len(found & pairs) >= 95))
