#!/usr/bin/env python3
"""Makes tests/fixtures/ema.txt: the values of three parameters after each step of plain SGD on random gradients, and their
average by Keras's use_ema.

    .deps/venv/bin/python tools/make_ema_fixtures.py > tests/fixtures/ema.txt

A line "momentum M" begins a run; then a line per step: the values, and their averages, as C's hexadecimal floats.
"""
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

numbers = keras.ops.convert_to_numpy
print(f"# keras {keras.__version__}; made by tools/make_ema_fixtures.py")
r = np.random.default_rng(22)
for momentum in (0.99, 0.9, 0.5, 0.0):
    w = keras.Variable(r.normal(size=3).astype("float32"))
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=momentum)
    optimizer.build([w])
    print("momentum", momentum)
    for _ in range(50):
        optimizer.apply([keras.ops.convert_to_tensor(r.normal(size=3).astype("float32"))], [w])
        average = optimizer._model_variables_moving_average[0]
        print(*(float(x).hex() for v in (w, average) for x in numbers(v.value)))
