#!/usr/bin/env python3
"""Makes tests/fixtures/schedules.txt: the learning rate at every step of a phase, as Keras, PyTorch and transformers have it.

    .deps/venv/bin/python tools/make_schedule_fixtures.py > tests/fixtures/schedules.txt

A line each: graft's text of the schedule, the rate, epochs, steps of an epoch, then the rates with 17 digits. Keras computes
in float64 here.
"""
import os
import warnings

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch
import transformers

warnings.filterwarnings("ignore")
keras.config.set_floatx("float64")
K = keras.optimizers.schedules
RATE, SHAPES = 0.003, ((1, 1), (1, 2), (3, 7), (10, 25))


def of_keras(schedule, steps):
    return [float(schedule(t)) for t in range(steps)]


def of_torch(make, lr, steps, each=1):
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64)], lr=lr)
    schedule, rates = make(optimizer), []
    for t in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if (t + 1) % each == 0 and t + 1 < steps:
            schedule.step()
    return rates


def ceil_share(w, steps):
    return min(-int(-w * steps // 1) if w < 1 else int(w), max(steps - 1, 0))


def rows(epochs, each):
    total = epochs * each
    yield "constant", [RATE] * total
    for w, floor, start in ((0, 0, 0), (0.1, 0, 0), (0.25, 0.1, 0.5), (5, 0.01, 0)):
        n = ceil_share(w, total)
        s = (K.CosineDecay(RATE * start, total - n, alpha=floor, warmup_target=RATE, warmup_steps=n) if n else
             K.CosineDecay(RATE, total, alpha=floor))
        yield f"cosine:warmup={w},floor={floor},from={start}", of_keras(s, total)
    for w in (0, 0.3, 4):
        n = ceil_share(w, total)
        yield f"linear:warmup={w}", of_torch(
            lambda o: transformers.get_linear_schedule_with_warmup(o, n, total), RATE, total)
    for power, to in ((1, 0), (2, 0.25), (0.5, 0.01)):
        yield f"polynomial:power={power},to={to}", of_keras(K.PolynomialDecay(RATE, total, RATE * to, power), total)
    for every, factor in ((1, 0.9), (2.5, 0.5)):
        yield f"exponential:every={every},factor={factor}", of_keras(K.ExponentialDecay(RATE, every * each, factor), total)
    for every, factor in ((10, 0.1), (3, 0.5)):
        yield f"step:every={every},factor={factor}", of_torch(
            lambda o: torch.optim.lr_scheduler.StepLR(o, every, factor), RATE, total, each)
    for start, div, final in ((0.3, 25, 1e4), (0.5, 10, 100)):
        if start * total == 1:
            continue  # PyTorch divides by zero
        yield f"one-cycle:start={start},div={div},final={final:g}", of_torch(
            lambda o: torch.optim.lr_scheduler.OneCycleLR(o, RATE, total, pct_start=start, div_factor=div,
                                                          final_div_factor=final, cycle_momentum=False), RATE, total)


print(f"# keras {keras.__version__}, torch {torch.__version__}, transformers {transformers.__version__}; made by "
      "tools/make_schedule_fixtures.py")
for shape in SHAPES:
    for text, rates in rows(*shape):
        print(text, RATE, *shape, *(f"{r:.17g}" for r in rates))
