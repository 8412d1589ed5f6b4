#!/usr/bin/env python3
"""Makes tests/fixtures/reduce_lr.txt: what Keras's ReduceLROnPlateau makes of sequences of monitored values.

    .deps/venv/bin/python tools/make_reduce_lr_fixtures.py > tests/fixtures/reduce_lr.txt

A line each: graft's arguments of the hook, the rate it begins with, then after each epoch VALUE/RATE. Values are of few digits,
so that equal ones and differences of just min_delta are common.
"""
import os
import random
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras


class Model:  # what the callback asks of one
    metrics = []

    def __init__(self, rate):
        self.optimizer = keras.optimizers.SGD(rate)


def replay(arguments, rate, values):
    callback, model = keras.callbacks.ReduceLROnPlateau(**arguments), Model(rate)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {arguments["monitor"]: value})
        yield value, float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def case(r):
    monitor = r.choice(["val_loss", "val_accuracy", "loss", "accuracy"])
    up = monitor.endswith("accuracy")
    mode = r.choice(["auto", "min", "max"]) if not up else r.choice(["max", "max", "min"])
    arguments = {"monitor": monitor, "mode": mode, "patience": r.choice([0, 1, 1, 2, 3]), "factor": r.choice([0.1, 0.5, 0.3])}
    if r.random() < 0.5:
        arguments["min_delta"] = r.choice([0, 0.001, 0.01, 0.05])
    if r.random() < 0.4:
        arguments["cooldown"] = r.choice([1, 2, 4])
    if r.random() < 0.4:
        arguments["min_lr"] = r.choice([0.0001, 0.002])
    x, values, digits = r.uniform(0.3, 1), [], r.choice([1, 2, 3, 6])
    for _ in range(r.randint(1, 30)):
        x = min(max(x + r.gauss(0.01 if up else -0.01, 0.05), 0), 1.5)
        values.append(round(x, digits))
    return arguments, values


r = random.Random(21)
print(f"# keras {keras.__version__}; made by tools/make_reduce_lr_fixtures.py")
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 300):
    arguments, values = case(r)
    rate = r.choice([0.01, 0.003])
    print(",".join(f"{k}={v}" for k, v in arguments.items()), rate,
          *(f"{value}/{lr:.9g}" for value, lr in replay(arguments, rate, values)))
