"""Steps of the optimizers."""
import numpy as np

import frankentorch as ft
from tests.ops.slow_cases.registry import DTYPES, arrays, enter, leaf, numbers, tensor
from tests.reference import optim

STEPS = 7                           # the variance of RAdam's scale is tractable from the sixth on
OPTIONS = {
    "SGD": [{}, {"weight_decay": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}, {"momentum": 0.7, "nesterov": True, "weight_decay": 0.1}],
    "Adam": [{}, {"weight_decay": 0.1}, {"amsgrad": True, "betas": (0.3, 0.9)}],
    "AdamW": [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "amsgrad": True}],
    "RMSprop": [{}, {"weight_decay": 0.1, "momentum": 0.9}, {"centered": True}, {"centered": True, "momentum": 0.5, "alpha": 0.4}],
    "Adagrad": [{}, {"lr_decay": 0.1, "weight_decay": 0.1}],
    "Adadelta": [{}, {"weight_decay": 0.1, "rho": 0.7}],
    "Adamax": [{}, {"weight_decay": 0.1}],
    "NAdam": [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True}],
    "RAdam": [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True}],
    "Rprop": [{}, {"etas": (0.4, 1.3), "step_sizes": (1e-3, 0.02)}],
}


def add_optimizer(dtype, name):
    def inputs():
        for options in OPTIONS[name]:
            rng = np.random.default_rng(len(options))
            scale = 0.01 if dtype == "float16" else 1
            start, gradients = (numbers(rng, *shape) * scale for shape in ((37,), (STEPS, 37)))
            decay = {"weight_decay": 0} if name == "AdamW" and not options else {}
            yield start.astype(dtype), gradients.astype(dtype), {"lr": 0.01, **decay, **options}

    def found(start, gradients, options):
        parameter, made = leaf(start), []
        optimizer = getattr(ft.optim, name)([parameter], **options)
        for gradient in gradients:
            parameter.grad = tensor(gradient)
            optimizer.step()
            made += [a.copy() for a in arrays(parameter)]
        return made

    def expected(start, gradients, options):
        options = {"decoupled" if key == "decoupled_weight_decay" else key: value for key, value in options.items()}
        arithmetic, state, made = optim.Arithmetic(dtype), {}, []
        p = start.astype(arithmetic.wide)
        for gradient in gradients:
            p = getattr(optim, name.lower())(arithmetic, p, gradient.astype(arithmetic.wide), state, **options)
            made.append(p.astype(dtype))
        return made

    enter(f"{name} {dtype}", inputs, found, expected)


for dtype in (*DTYPES, "float16"):
    for name in OPTIONS:
        add_optimizer(dtype, name)
