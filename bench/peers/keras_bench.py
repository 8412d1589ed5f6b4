"""One Keras 3 (TensorFlow) configuration: time of a training step of one network. Prints one line of JSON."""
import argparse
import json
import os
import resource
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--net", default="mobilenet_v2", help="one of NETWORKS")
parser.add_argument("--task", choices=("frozen", "finetune", "whole"), required=True, help="finetune: layers 100 and on")
parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
parser.add_argument("--jit", choices=("off", "on"), default="off", help="XLA (Keras's \"auto\" is one of the two)")
parser.add_argument("--augment", action="store_true", help="RandomFlip and RandomRotation(0.2) in the model, as in the tutorial")
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--size", type=int, default=160)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--warmup", type=int, default=10)
options = parser.parse_args()

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(options.threads)
tf.config.threading.set_inter_op_parallelism_threads(options.threads)
keras.utils.set_random_seed(1)
if options.precision == "bf16":
    keras.mixed_precision.set_global_policy("mixed_bfloat16")

NETWORKS = {"mobilenet_v2": "MobileNetV2", "mobilenet_v3_small": "MobileNetV3Small", "efficientnet_b0": "EfficientNetB0",
            "densenet121": "DenseNet121", "resnet50_v2": "ResNet50V2", "vgg16": "VGG16", "inception_v3": "InceptionV3",
            "xception": "Xception"}
base = getattr(keras.applications, NETWORKS[options.net])(
    input_shape=(options.size, options.size, 3), include_top=False, weights=None)
base.trainable = options.task != "frozen"
if options.task == "finetune":
    for layer in base.layers[:100]:
        layer.trainable = False
inputs = keras.Input((options.size, options.size, 3))
x = inputs
if options.augment:
    x = keras.layers.RandomFlip("horizontal")(x)
    x = keras.layers.RandomRotation(0.2)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
x = base(x, training=False)
x = keras.layers.GlobalAveragePooling2D()(x)
x = keras.layers.Dropout(0.2)(x)
model = keras.Model(inputs, keras.layers.Dense(1, dtype="float32")(x))
model.compile(keras.optimizers.Adam(1e-4) if options.task == "frozen" else keras.optimizers.RMSprop(1e-5),
              keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=options.jit == "on")

rng = np.random.default_rng(1)
pixels = rng.random((options.batch, options.size, options.size, 3), np.float32)
pixels = pixels * 255 if options.augment else pixels * 2 - 1
batch = (tf.constant(pixels), tf.constant((np.arange(options.batch) % 2).astype(np.float32)[:, None]))
iterator = iter(tf.data.Dataset.from_tensors(batch).cache().repeat().prefetch(2))
step = model.make_train_function()
if step is None:
    step = model.train_function


def run():
    logs = step(iterator)
    return float(logs["loss"])


for _ in range(options.warmup):
    run()
times = []
for _ in range(options.steps):
    start = time.perf_counter()
    loss = run()
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps({
    "peer": "keras", "version": f"{keras.__version__} / TensorFlow {tf.__version__}", "net": options.net, "task": options.task,
    "precision": options.precision, "jit": options.jit, "augment": options.augment,
    "ms": round(statistics.median(times), 2), "min_ms": round(min(times), 2), "loss": round(loss, 4),
    "trained": int(sum(np.prod(v.shape) for v in model.trainable_variables)),
    "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
