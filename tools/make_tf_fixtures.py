#!/usr/bin/env python3
"""Makes tests/fixtures/formats/tf/: checkpoints that TensorFlow 2.21.0 writes, and what is in them. A tensor NAME of
FILE.safetensors is the bytes of the tensor of that key in FILE.index, as U8; `name/KEY` is what its program calls it, as text."""
import os
import pathlib
import shutil
import tempfile

os.environ["KERAS_BACKEND"] = "tensorflow"
import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file

assert tf.__version__ == "2.21.0", tf.__version__
OUT = pathlib.Path(__file__).resolve().parents[1] / "tests/fixtures/formats/tf"
TYPES = ["float32", "float64", "int32", "uint8", "int16", "int8", "int64", "bool", "bfloat16", "uint16", "float16", "uint32", "uint64",
         "complex64", "complex128"]


def values(shape, seed):
    return np.random.default_rng(seed).integers(-8, 8, shape) / 4


def keep(name, prefix, names=None):
    """Copies the files, and writes what TensorFlow itself reads in them."""
    for file in pathlib.Path(prefix).parent.glob(pathlib.Path(prefix).name + ".*"):
        if not file.name.endswith(".meta"):
            shutil.copy(file, OUT / file.name.replace(pathlib.Path(prefix).name, name, 1))
    reader = tf.train.load_checkpoint(prefix)
    want = {}
    for key, dtype in reader.get_variable_to_dtype_map().items():
        if dtype != tf.string:
            want[key] = np.frombuffer(np.ascontiguousarray(reader.get_tensor(key)).tobytes(), np.uint8)
    for key, text in (names or {}).items():
        want["name/" + key] = np.frombuffer(text.encode(), np.uint8)
    save_file(want, OUT / f"{name}.safetensors")


def save(prefix, tensors):
    names = sorted(tensors)
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=[tensors[n] for n in names])


with tempfile.TemporaryDirectory() as folder:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    # every type, a scalar, an empty tensor, texts
    tensors = {f"types/{t}": tf.cast(tf.constant(np.abs(values((3, 5), i))), t) for i, t in enumerate(TYPES)}
    tensors |= {"scalar": tf.constant(1.5), "empty": tf.zeros((0, 3)), "texts": tf.constant([["a", "", "三" * 100]]), "text": tf.constant("x")}
    tensors |= {f"many/{i:03}/a_name_that_is_much_like_the_others": tf.constant(float(i)) for i in range(40)}
    save(f"{folder}/types", tensors)
    keep("types", f"{folder}/types")
    # in three files
    for i in range(3):
        save(f"{folder}/part{i}", {f"layer{i}/kernel": tf.constant(values((4, 3), i), tf.float32), f"layer{i}/bias": tf.constant(values(3, 9 + i), tf.float32)})
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=[f"{folder}/part{i}" for i in range(3)], destination_prefix=f"{folder}/three", delete_old_dirs=False)
    keep("three", f"{folder}/three")
    # TensorFlow 1
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for i, name in enumerate(["bert/embeddings/word_embeddings", "bert/pooler/dense/kernel", "bert/pooler/dense/kernel/adam_m", "global_step"]):
            tf.compat.v1.get_variable(name, initializer=tf.constant(values((3, 4), i), tf.float32))
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, f"{folder}/saver")
    keep("saver", f"{folder}/saver")

    # TensorFlow 2, with an optimizer's slots by hand, a variable without a name of its own, a list
    class Module(tf.Module):
        def __init__(self):
            self.layers = [tf.Variable(values((2, 2), 1), name=f"dense_{i}/kernel", dtype=tf.float32) for i in range(2)]
            self.inner = tf.train.Checkpoint(scale=tf.Variable(values(3, 2), dtype=tf.float32))
            self.optimizer = tf.Module()
            self.optimizer.momentum = tf.Variable(values(3, 5), name="momentum", dtype=tf.float32)

    module = Module()
    path = tf.train.Checkpoint(module=module, optimizer=module.optimizer).save(f"{folder}/object")
    end = "/.ATTRIBUTES/VARIABLE_VALUE"
    keep("object", path, {f"module/layers/0{end}": "dense_0/kernel", f"module/layers/1{end}": "dense_1/kernel", f"module/inner/scale{end}": "module/inner/scale"})

    # weights of a network, by the names of its layers
    save(f"{folder}/network", {f"net/{layer}/{var}": tf.constant(values(shape, 20 + i), dtype) for i, (layer, var, shape, dtype) in enumerate([
        ("Conv1", "kernel", (3, 3, 3, 4), tf.float32), ("Conv1", "bias", (4,), tf.float16), ("Dense", "kernel", (4, 2), tf.bfloat16),
        ("Dense", "bias", (2,), tf.float64), ("Other", "kernel", (2,), tf.float32)])} | {"net/step": tf.constant(7, tf.int64)})
    keep("network", f"{folder}/network")
for file in sorted(OUT.iterdir()):
    print(file.name, file.stat().st_size)
