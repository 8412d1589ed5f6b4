"""The row about geometry: how an image of other proportions becomes one of the network's."""
import json
import math
import os
import struct
import subprocess
import sys

from .frame import Wrong, row

# A linear classifier of the whole image made with Keras, and what it says of the image when it is prepared by a tool that
# crops the center (Teachable Machine's way), that pads, and that shrinks with a wider filter.
KERAS = """
import sys, json
import numpy as np, keras
out, photo = sys.argv[1:]
rng = np.random.default_rng(4)
x = keras.Input((32, 32, 3))
y = keras.layers.Rescaling(1 / 127.5, -1)(x)
y = keras.layers.Flatten()(y)
y = keras.layers.Dense(3, name="classes", activation="softmax")(y)
model = keras.Model(x, y)
model.layers[-1].set_weights([rng.normal(0, 0.05, (3072, 3)).astype("f4"), np.zeros(3, "f4")])
model.save(out)
image = keras.utils.img_to_array(keras.utils.load_img(photo))
ways = {"crop": dict(crop_to_aspect_ratio=True), "stretch": {}, "antialias": dict(antialias=True)}
told = {}
for name, how in ways.items():
    small = keras.ops.convert_to_numpy(keras.ops.image.resize(image, (32, 32), data_format="channels_last", **how))
    told[name] = keras.ops.convert_to_numpy(model(np.rint(small)[None]))[0].tolist()
print(json.dumps(told))
"""


def write_photo(path):
    """A smooth image, 96 x 48, as BMP: no decoder differs about it."""
    w, h = 96, 48
    rows = []
    for y in reversed(range(h)):
        row_bytes = bytearray()
        for x in range(w):
            r = 127 + 120 * math.sin(x / 7.0)
            g = 127 + 120 * math.cos(y / 5.0 + x / 30.0)
            b = 255 * x / w
            row_bytes += bytes((int(b), int(g), int(r)))
        rows.append(bytes(row_bytes))
    data = b"".join(rows)
    path.write_bytes(struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(data), 0, 0, 54, 40, w, h, 1, 24, 0, len(data), 0, 0, 0, 0)
                     + data)


@row(18, "a model's geometry: crop, padding and antialias wherever a model is used, and kept in a run")
def _(case):
    photo, model = case.work / "photo.bmp", case.work / "m.keras"
    write_photo(photo)
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", KERAS, model, photo], capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        raise Wrong(f"Keras could not make the input: {done.stderr[-300:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    for name, options in (("stretch", []), ("crop", ["--fit", "crop"]), ("antialias", ["--antialias"])):
        answer = case.graft("predict", model, photo, "--preprocess", "none", "--top", 3, "--json", *options)
        answer.must(answer.code == 0, f"exit code 0 with {options}")
        top = {t["label"]: t["probability"] for t in answer.json["predictions"][0]["top"]}
        got = [top[f"class {i}"] for i in range(3)]
        answer.must(max(abs(a - b) for a, b in zip(got, told[name])) <= 0.01, f"{name}: {told[name]}, not {got}")
    data = case.work / "data"
    for i in range(8):
        folder = data / ("train" if i < 4 else "validation") / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_photo(folder / f"{i}.bmp")
    run = case.work / "run"
    case.graft("train", data, "--size", 32, "--epochs", 1, "--batch", 2, "--no-report", "--fit", "shortest=36,center", "--out",
               run).must((run / "model.safetensors").exists(), "a run")
    head = (run / "model.safetensors").read_bytes()[:1 << 20]
    if b"shortest=36,center" not in head:
        raise Wrong("the run's model does not keep its geometry")
    other = case.graft("predict", run, photo, "--fit", "crop")
    other.must(other.code == 2, "another geometry than the run's own refused")
