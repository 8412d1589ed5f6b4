#!/usr/bin/env python3
"""100 steps of each optimizer, and clipped gradients, as Keras 3.15.1 (on TensorFlow) and PyTorch 2.15.0 compute them:
make_optimizer_fixtures.py keras|torch DIR writes DIR/optimizers_keras.safetensors or optimizers_torch.safetensors. The
two frameworks do not run in one process.

Tensors of each file: w [16] and w2 [8] (two parameters), gradients [100, 24] (of both), rates [100], steps [6]: the
steps whose parameters are kept. Each case NAME [6, 24]: the parameters after those steps; its text in graft's words is
the metadata entry NAME. clip/NAME [100, 24]: the gradients, clipped."""
import sys

import numpy as np
from safetensors.numpy import save_file

SIZES, STEPS, KEPT = (16, 8), 100, [1, 2, 3, 10, 30, 100]
KINDS = {  # graft's words: (class, arguments)
    "keras": {
        "adam": ("Adam", {}), "adam:amsgrad=1,weight_decay=0.01": ("Adam", {"amsgrad": True, "weight_decay": 0.01}),
        "adam:beta_1=0.8,beta_2=0.95,epsilon=0.001": ("Adam", {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
        "adamw": ("AdamW", {}), "adamw:weight_decay=0.1": ("AdamW", {"weight_decay": 0.1}),
        "sgd": ("SGD", {}), "sgd:momentum=0.9,weight_decay=0.01": ("SGD", {"momentum": 0.9, "weight_decay": 0.01}),
        "sgd:momentum=0.9,nesterov=1": ("SGD", {"momentum": 0.9, "nesterov": True}),
        "rmsprop": ("RMSprop", {}), "rmsprop:rho=0.95,momentum=0.5,centered=1":
            ("RMSprop", {"rho": 0.95, "momentum": 0.5, "centered": True}),
        "adagrad": ("Adagrad", {}), "adagrad:initial_accumulator_value=0.5,weight_decay=0.01":
            ("Adagrad", {"initial_accumulator_value": 0.5, "weight_decay": 0.01}),
        "lamb": ("Lamb", {}), "lamb:beta_2=0.99,weight_decay=0.01": ("Lamb", {"beta_2": 0.99, "weight_decay": 0.01}),
        "lion": ("Lion", {}), "lion:beta_1=0.95,weight_decay=0.01": ("Lion", {"beta_1": 0.95, "weight_decay": 0.01}),
    },
    "torch": {
        "adam:form=torch": ("Adam", {}), "adam:form=torch,amsgrad=1,weight_decay=0.01":
            ("Adam", {"amsgrad": True, "weight_decay": 0.01}),
        "adam:beta_1=0.8,form=torch": ("Adam", {"betas": (0.8, 0.999)}),
        "adamw:form=torch": ("AdamW", {}), "adamw:form=torch,weight_decay=0.1": ("AdamW", {"weight_decay": 0.1}),
        "sgd:form=torch,momentum=0.9,weight_decay=0.01": ("SGD", {"momentum": 0.9, "weight_decay": 0.01}),
        "sgd:form=torch,momentum=0.9,nesterov=1": ("SGD", {"momentum": 0.9, "nesterov": True}),
        "sgd:form=torch,momentum=0.9,dampening=0.5": ("SGD", {"momentum": 0.9, "dampening": 0.5}),
        "sgd:form=torch": ("SGD", {}),
        "rmsprop:form=torch": ("RMSprop", {}), "rmsprop:form=torch,rho=0.9,momentum=0.5,centered=1,weight_decay=0.01":
            ("RMSprop", {"alpha": 0.9, "momentum": 0.5, "centered": True, "weight_decay": 0.01}),
        "adagrad:form=torch": ("Adagrad", {}), "adagrad:form=torch,lr_decay=0.1,weight_decay=0.01":
            ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.01}),
    },
}
LIMITS = {"norm": 2.0, "tensor_norm": 1.5, "value": 0.5}


def inputs():
    """Gradients of many sizes, some of them 0; a rate that moves."""
    rng = np.random.default_rng(20260)
    w = rng.normal(size=sum(SIZES)).astype(np.float32)
    g = (rng.normal(size=(STEPS, sum(SIZES))) * 10.0 ** rng.uniform(-3, 0.3, size=(STEPS, 1))).astype(np.float32)
    g[:, 3] = 0
    g[::7, 5:9] = 0
    rates = (0.02 * (1 + np.cos(np.pi * np.arange(STEPS) / STEPS)) / 2 + 1e-4).astype(np.float32)
    return w, g, rates


def parts(row):
    return np.split(row, [SIZES[0]])


def by_keras(w, g, rates):
    import keras
    import tensorflow as tf
    assert keras.__version__ == "3.15.1", keras.__version__

    def run(kind, arguments):
        variables = [keras.Variable(p) for p in parts(w)]
        o = getattr(keras.optimizers, kind)(learning_rate=1.0, **arguments)
        out = []
        for step in range(STEPS):
            o.learning_rate = float(rates[step])
            o.apply_gradients(zip([tf.constant(p) for p in parts(g[step])], variables))
            if step + 1 in KEPT:
                out.append(np.concatenate([v.numpy() for v in variables]))
        return np.stack(out)

    def clip(name):
        o = keras.optimizers.SGD(**{{"norm": "global_clipnorm", "tensor_norm": "clipnorm", "value": "clipvalue"}[name]:
                                    LIMITS[name]})
        return np.stack([np.concatenate([np.asarray(x) for x in o._clip_gradients([tf.constant(p) for p in parts(row)])])
                         for row in g])
    return run, {name: clip(name) for name in LIMITS}


def by_torch(w, g, rates):
    import torch
    assert torch.__version__.startswith("2.15.0"), torch.__version__
    torch.set_num_threads(1)

    def run(kind, arguments):
        variables = [torch.nn.Parameter(torch.from_numpy(p.copy())) for p in parts(w)]
        o = getattr(torch.optim, kind)(variables, lr=1.0, foreach=False, **arguments)
        out = []
        for step in range(STEPS):
            o.param_groups[0]["lr"] = float(rates[step])
            for v, p in zip(variables, parts(g[step])):
                v.grad = torch.from_numpy(p.copy())
            o.step()
            if step + 1 in KEPT:
                out.append(np.concatenate([v.detach().numpy() for v in variables]))
        return np.stack(out)

    def clip(row):
        variables = [torch.nn.Parameter(torch.zeros(n)) for n in SIZES]
        for v, p in zip(variables, parts(row)):
            v.grad = torch.from_numpy(p.copy())
        torch.nn.utils.clip_grad_norm_(variables, LIMITS["norm"])
        return np.concatenate([v.grad.numpy() for v in variables])
    return run, {"norm": np.stack([clip(row) for row in g])}


def main(framework, folder):
    w, g, rates = inputs()
    run, clipped = (by_keras if framework == "keras" else by_torch)(w, g, rates)
    tensors = {"w": w[:SIZES[0]].copy(), "w2": w[SIZES[0]:].copy(), "gradients": g, "rates": rates,
               "steps": np.array(KEPT, np.float32)}
    tensors.update({f"clip/{name}": x.astype(np.float32) for name, x in clipped.items()})
    meta = {}
    for i, (text, (kind, arguments)) in enumerate(KINDS[framework].items()):
        name = f"case{i:02}"
        tensors[name], meta[name] = run(kind, arguments).astype(np.float32), text
    save_file(tensors, f"{folder}/optimizers_{framework}.safetensors", meta)


main(*sys.argv[1:])
