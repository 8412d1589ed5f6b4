"""Makes tests/fixtures/keras_split.txt: which files Keras's image_dataset_from_directory takes for validation.

    tools/venv.sh && .deps/venv/bin/python tools/make_split_fixtures.py

Lines "file PATH" are the tree; "case SHARE SEED" (SEED -: shuffle=False) begins a case, whose "validation PATH" lines follow.
"""
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/keras_split.txt"
FILES = sorted([f"b class/img_{i}.jpg" for i in range(23)] + [f"a/{i:03d}.PNG" for i in range(11)] +
               [f"a/deep/er/{i}.png" for i in range(4)] + [f"a/deep-est/{i}.bmp" for i in range(3)] + ["a/z.gif"] +
               [f"c/{n}.jpeg" for n in ("x", "X", "\u00e9", "_", "10", "9")])
CASES = [(0.2, 42), (0.2, 123), (0.25, 0), (0.5, 4294967295), (0.1, None), (0.33, 1337)]

lines = [f"# Keras {keras.__version__}"] + [f"file {name}" for name in FILES]
with tempfile.TemporaryDirectory() as root:
    for name in FILES:
        os.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
        pathlib.Path(f"{root}/{name}").write_bytes(b"")
    for share, seed in CASES:
        parts = [keras.utils.image_dataset_from_directory(root, validation_split=share, subset=subset, seed=seed, verbose=False,
                                                          shuffle=seed is not None, image_size=(8, 8)).file_paths
                 for subset in ("training", "validation")]
        assert sorted(parts[0] + parts[1]) == sorted(f"{root}/{name}" for name in FILES)
        lines.append(f"case {share} {'-' if seed is None else seed}")
        lines += sorted(f"validation {os.path.relpath(path, root)}" for path in parts[1])
OUT.write_text("\n".join(lines) + "\n")
