"""Networks of other tools: how their images are prepared, how they end, which operators are read (rows 1, 2, 3, 5, 7, 12, 27).

The models of rows 1, 2, 3, 12 and 27 are made by tools/make_foreign_fixtures.py, with what Keras and ONNX Runtime compute.
"""
import functools
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

from .frame import Wrong, row

TOOLS = pathlib.Path(__file__).resolve().parent.parent
PREPARED = {"unit": lambda x: x / 255, "none": lambda x: x}


@functools.lru_cache
def made(peer):
    """The folder with the peer's models: TensorFlow and PyTorch want a process each."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="networks."))
    done = subprocess.run([sys.executable, TOOLS / "make_foreign_fixtures.py", peer, "--out", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"{peer} did not make the models: {done.stderr.strip()[-400:]}")
    return folder


def fixture(path):
    from safetensors.numpy import load_file
    tensors = load_file(path.with_suffix(".safetensors"))
    return tensors["pixels"], tensors["output"]


def save(case, pixels):
    from PIL import Image
    paths = []
    for i, p in enumerate(pixels):
        paths.append(case.work / f"{i}.png")
        Image.fromarray(np.repeat(p, 3, -1).astype(np.uint8) if p.shape[-1] == 1 else p.astype(np.uint8)).save(paths[-1])
    return paths


def predicted(answer, n, classes):
    """(images, classes) of a JSON answer, by class number."""
    answer.must(answer.code == 0, "exit code 0")
    out = np.full((n, classes), np.nan)
    for i, one in enumerate(answer.json["predictions"]):
        for label in one["top"]:
            out[i, int(label["label"].split()[-1])] = label["probability"]
    return out


def expect(answer, want, what, tolerance=1e-4):
    got = predicted(answer, len(want), want.shape[1])
    if not np.abs(got - want).max() <= tolerance:
        raise Wrong(f"{what}: {got[0].round(4)}, its tool says {np.asarray(want[0]).round(4)}")


def predict(case, model, paths, *options):
    return case.graft("predict", model, *paths, "--top", 1000, "--json", *options)


def expect_asked_or_said(answer, what):
    asked = answer.code == 4 or answer.code == 2
    if asked:
        answer.must("E3002" in answer.text and "--preprocess" in answer.text, f"{what}: E3002 and a hint that names --preprocess")
    else:
        answer.must(re.search("preprocess|prepared", answer.err), f"{what}: what it took and why, on standard error")


def numbers(model, x):
    """ONNX Runtime's last output, an image at a time, for (n, h, w, c)."""
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    first = session.get_inputs()[0]
    x = np.ascontiguousarray(x, np.float32)
    if first.shape[1] == x.shape[-1]:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return np.concatenate([session.run(None, {first.name: p[None]})[-1] for p in x])


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def pictures(side, channels=3):
    return np.random.default_rng(3).integers(0, 256, (2, side, side, channels)).astype(np.float32)


@row(1, "a Keras CNN with automatic names is no InceptionV3")
def automatic_names(case):
    model = made("keras") / "automatic.keras"
    pixels, want = fixture(model)
    paths = save(case, pixels)
    expect_asked_or_said(predict(case, model, paths), "without --preprocess")
    expect(predict(case, model, paths, "--preprocess", "unit"), want, "with --preprocess unit")


@row(2, "any number of augmentation layers before Rescaling")
def augmentation(case):
    for name in ("augmented0", "augmented3", "augmented5", "augmented8", "nested7"):
        model = made("keras") / f"{name}.keras"
        pixels, want = fixture(model)
        expect(predict(case, model, save(case, pixels)), want, name)


@row(3, "ONNX of tf2onnx and PyTorch on x / 255 or 0..255")
def onnx_preparation(case):
    for peer, name, prepare in (("keras", "nhwc_grey", "unit"), ("keras", "nhwc_colour", "none"), ("torch", "softmax4", "unit")):
        model = made(peer) / f"{name}.onnx"
        pixels, want = fixture(model)
        paths = save(case, pixels)
        expect_asked_or_said(predict(case, model, paths), f"{name} without --preprocess")
        expect(predict(case, model, paths, "--preprocess", prepare), want, name)


@row(5, "a sigmoid of several outputs")
def sigmoid(case):
    folder = case.folder("onnx_sigmoid")
    for model in [*folder.glob("*.onnx"), made("torch") / "sigmoid5.onnx", made("torch") / "sigmoid2.onnx"]:
        pixels = pictures(32 if model.parent == folder else 20)
        want = numbers(model, pixels / 255)
        expect(predict(case, model, save(case, pixels), "--preprocess", "unit"), want, model.name)
        out = case.work / "out.onnx"
        case.graft("convert", model, out, "--preprocess", "unit", "--force").must(out.exists(), "a converted file")
        got = numbers(out, pixels)
        if not np.abs(got - want).max() <= 1e-4:
            raise Wrong(f"{model.name}: converted, ONNX Runtime makes {got[0].round(4)} of it, before {want[0].round(4)}")
    for name in ("tanh4", "log4", "logits4"):
        model = made("torch") / f"{name}.onnx"
        pixels, want = fixture(model)
        out = case.work / f"{name}.onnx"
        case.graft("convert", model, out, "--preprocess", "unit").must(out.exists(), "a converted file")
        if not np.abs(numbers(out, pixels) - want).max() <= 1e-4:
            raise Wrong(f"{name}: converted it gives {numbers(out, pixels)[0].round(4)}, before {want[0].round(4)}")


def keras_numbers(model, x):
    code = ("import sys, os; os.environ['CUDA_VISIBLE_DEVICES'] = ''; os.environ['KERAS_BACKEND'] = 'tensorflow'; import numpy, keras; "
            "m = keras.models.load_model(sys.argv[1], compile=False); numpy.save(sys.argv[3], m(numpy.load(sys.argv[2]), training=False))")
    with tempfile.TemporaryDirectory() as work:
        np.save(f"{work}/x.npy", x)
        subprocess.run([sys.executable, "-c", code, model, f"{work}/x.npy", f"{work}/y.npy"], check=True, capture_output=True)
        return np.load(f"{work}/y.npy")


@row(7, "a classifier of convolution and pooling")
def convolutional(case):
    folder = case.folder("fcn_classifier")
    data = case.work / "data"
    for k in range(3):
        for i, p in enumerate(np.random.default_rng(k).integers(60 * k, 60 * k + 120, (8, 32, 32, 3))):
            from PIL import Image
            (data / f"c{k}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(p.astype(np.uint8)).save(data / f"c{k}" / f"{i}.png")
    rows = [(m, numbers) for m in sorted(folder.glob("*.onnx"))] + [(m, keras_numbers) for m in sorted(folder.glob("*.hdf5"))]
    rows += [(made("torch") / f"{n}.onnx", numbers) for n in ("squeeze", "fcn_max", "fcn_two")]
    rows += [(made("keras") / f"{n}.keras", keras_numbers) for n in ("convolutional", "separate", "one_place")]
    for model, tool in rows:
        side, channels = keras_shape(model) if model.suffix == ".hdf5" else (32 if model.parent == folder else 20, 3)
        pixels = pictures(side, channels)
        want = tool(model, pixels / 255)
        if not np.allclose(want.sum(-1), 1, atol=1e-3):
            want = softmax(want)
        expect(predict(case, model, save(case, pixels), "--preprocess", "unit"), want, model.name)
        run = case.work / f"run_{model.name}"
        case.graft("train", data, "--model", model, "--preprocess", "unit", "--split", "0.5,0.5", "--epochs", 1, "--fine-tune-epochs", 0, "--out", run,
                   "--no-report").must((run / "model.safetensors").exists(), f"{model.name}: a run")
        summary = case.graft("summary", run).must(True, "")
        summary.must("oftmax" not in summary.out, f"{model.name}: a new head that does not stand behind the old softmax")


def keras_shape(model):
    import h5py
    text = h5py.File(model)["/"].attrs["model_config"]
    found = re.search(r'"batch(_input)?_shape": \[null, (\d+), \d+, (\d+)\]', text if isinstance(text, str) else text.decode())
    return int(found[2]), int(found[3])


def same_as_its_tool(case, names):
    for name in names:
        model = made("torch") / f"{name}.onnx"
        pixels, want = fixture(model)
        expect(predict(case, model, save(case, pixels), "--preprocess", "unit"), want, name)


@row(12, "ONNX of opset 7 to 10, and 23")
def opsets(case):
    for model in case.folder("onnx_old_opset").glob("*.onnx"):
        pixels = pictures(28, 1)
        expect(predict(case, model, save(case, pixels), "--preprocess", "unit"), softmax(numbers(model, pixels / 255)), model.name)
    same_as_its_tool(case, ("opset7", "opset8", "opset9", "opset10", "attributes7", "softmax9", "opset23", "opset24"))


@row(27, "ONNX with Split, PRelu a channel, a fixed batch, ArgMax")
def operators(case):
    same_as_its_tool(case, ("shuffle", "sliced1", "slopes", "fixed1", "fixed3", "bare_map", "bare_list", "label"))
