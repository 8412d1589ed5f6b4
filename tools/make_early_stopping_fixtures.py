#!/usr/bin/env python3
"""Makes tests/fixtures/early_stopping.txt: what Keras's EarlyStopping makes of sequences of monitored values.

    .deps/venv/bin/python tools/make_early_stopping_fixtures.py > tests/fixtures/early_stopping.txt

A line each: graft's arguments of the hook, the epoch (from 1) at whose end training stops (0: not), the best epoch (0: none),
then the values. Values are of few digits, so that equal ones and differences of just min_delta are common.
"""
import os
import random
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras


class Model:  # what the callback asks of one
    stop_training, metrics = False, []

    def get_weights(self):
        return []

    def set_weights(self, weights):
        pass


def replay(arguments, values):
    callback = keras.callbacks.EarlyStopping(**arguments)
    model = Model()
    model.stop_training = False
    callback.set_model(model)
    callback.on_train_begin()
    seen, stopped = 0, 0
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {arguments["monitor"]: value})
        if callback.best is not None:
            seen = callback.best_epoch + 1
        if model.stop_training:
            stopped = epoch + 1
            break
    return stopped, seen


def case(r):
    monitor = r.choice(["val_loss", "val_accuracy", "loss", "accuracy"])
    up = monitor.endswith("accuracy")
    mode = r.choice(["auto", "min", "max"]) if not up else r.choice(["max", "max", "min"])
    arguments = {"monitor": monitor, "mode": mode, "patience": r.choice([0, 0, 1, 2, 3, 5])}
    if r.random() < 0.5:
        arguments["min_delta"] = r.choice([0.001, 0.01, 0.05, -0.01])
    if r.random() < 0.3:
        arguments["baseline"] = round(r.uniform(0, 1), 2)
    if r.random() < 0.3:
        arguments["start_from_epoch"] = r.choice([1, 2, 4])
    x, values, digits = r.uniform(0.3, 1), [], r.choice([1, 2, 3, 6])
    for _ in range(r.randint(1, 30)):
        x = min(max(x + r.gauss(0.01 if up else -0.01, 0.05), 0), 1.5)
        values.append(round(x, digits))
    return arguments, values


r = random.Random(20)
print(f"# keras {keras.__version__}; made by tools/make_early_stopping_fixtures.py")
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 400):
    arguments, values = case(r)
    stopped, best = replay(arguments, values)
    print(",".join(f"{k}={v}" for k, v in arguments.items()), stopped, best, *values)
