"""The whole tutorial job in Keras 3 on TensorFlow: DATA/{train,validation}/CLASS/*.jpg, 10 + 10 epochs. Prints one line of JSON.

BASE is a Keras HDF5 file with a MobileNetV2 1.0 in it (a whole saved model, the base nested). Data are decoded once and cached
in memory: as float32, what Dataset.cache() does after Keras's own reader, or with --cache uint8 rounded to bytes.
"""
import time

START = time.time()

import argparse
import json
import os
import resource

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("data")
parser.add_argument("base")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--fine-tune-epochs", type=int, default=10)
parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
parser.add_argument("--jit", choices=("off", "on"), default="off")
parser.add_argument("--cache", choices=("float32", "uint8"), default="float32")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--out", help="save the model there at the end")
options = parser.parse_args()

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import h5py
import keras
import tensorflow as tf

SIZE = 160
tf.config.threading.set_intra_op_parallelism_threads(options.threads)
tf.config.threading.set_inter_op_parallelism_threads(options.threads)
keras.utils.set_random_seed(options.seed)
if options.precision == "bf16":
    keras.mixed_precision.set_global_policy("mixed_bfloat16")


def pictures(folder):
    data = keras.utils.image_dataset_from_directory(
        os.path.join(options.data, folder), label_mode="binary", image_size=(SIZE, SIZE), batch_size=None,
        shuffle=False, verbose=False)
    count = len(data.file_paths)
    if options.cache == "uint8":
        data = data.map(lambda x, y: (tf.cast(tf.round(x), tf.uint8), y), tf.data.AUTOTUNE)
    return data, count


train, count = pictures("train")
train = train.cache().shuffle(count, seed=options.seed).batch(options.batch).prefetch(tf.data.AUTOTUNE)
# one fixed shuffle of the validation pictures, so that a fifth of their batches can be the test set
held, count_held = pictures("validation")
held = held.shuffle(count_held, seed=options.seed, reshuffle_each_iteration=False).batch(options.batch)
batches = (count_held + options.batch - 1) // options.batch
test = held.take(batches // 5).cache().prefetch(tf.data.AUTOTUNE)
validation = held.skip(batches // 5).cache().prefetch(tf.data.AUTOTUNE)

base = keras.applications.MobileNetV2(input_shape=(SIZE, SIZE, 3), include_top=False, weights=None)
with h5py.File(options.base) as f:
    group = next(g for n, g in f["model_weights"].items() if n.startswith("mobilenetv2"))
    for v in base.variables:
        v.assign(group["/".join(v.path.split("/")[-2:])][()])
base.trainable = False
inputs = keras.Input((SIZE, SIZE, 3))
x = keras.layers.RandomFlip("horizontal")(inputs)
x = keras.layers.RandomRotation(0.2)(x)
x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
x = base(x, training=False)
x = keras.layers.GlobalAveragePooling2D()(x)
x = keras.layers.Dropout(0.2)(x)
model = keras.Model(inputs, keras.layers.Dense(1, dtype="float32")(x))


def compiled(optimizer):
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True),
                  metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")], jit_compile=options.jit == "on")


def measured(data):
    loss, accuracy = model.evaluate(data, verbose=0)
    return {"loss": round(loss, 4), "accuracy": round(accuracy, 4)}


marks = {}
compiled(keras.optimizers.Adam(1e-4))
before = measured(validation)
marks["ready"] = time.time() - START
first = model.fit(train, epochs=options.epochs, validation_data=validation, verbose=0).history if options.epochs else {}
marks["extracted"] = time.time() - START
base.trainable = True
for layer in base.layers[:100]:
    layer.trainable = False
compiled(keras.optimizers.RMSprop(1e-5))
second = model.fit(train, epochs=options.epochs + options.fine_tune_epochs, initial_epoch=options.epochs,
                   validation_data=validation, verbose=0).history if options.fine_tune_epochs else {}
result = {"validation": measured(validation), "test": measured(test)}
if options.out:
    model.save(options.out)
print(json.dumps({
    "peer": "keras", "precision": options.precision, "jit": options.jit, "cache": options.cache, "before": before, **result,
    "best_validation": round(max(first.get("val_accuracy", []) + second.get("val_accuracy", []) + [0]), 4),
    "epochs": options.epochs + options.fine_tune_epochs, "seconds": round(time.time() - START, 1),
    "marks": {k: round(v, 1) for k, v in marks.items()},
    "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
