"""Muon: momentum whose matrix is made orthogonal (Jordan et al., "Muon: an optimizer for hidden layers", 2024).

Orthogonalisation is a fixed number of Newton-Schulz iterations with a quintic polynomial, in bfloat16.
"""

import math

from frankentorch import ops
from frankentorch.optim._scalar import number
from frankentorch.optim.optimizer import ParameterWise, check_one_element

__all__ = ["Muon"]

_MOST_ITERATIONS = 100
_ADJUSTMENTS = ("original", "match_rms_adamw")


def _orthogonal(matrix, coefficients, iterations, eps):
    """An orthogonal matrix near the polar factor of `matrix`, as bfloat16."""
    linear, cubic, quintic = coefficients
    x = matrix.to(dtype=ops.bfloat16)
    is_tall = x.size(0) > x.size(1)
    if is_tall:
        x = x.T
    x = x / x.norm().clamp(min=eps)
    for _ in range(iterations):
        gram = x @ x.T
        x = ops.addmm(x, ops.addmm(gram, gram, gram, beta=cubic, alpha=quintic), x, beta=linear)
    return x.T if is_tall else x


def _adjusted(lr, adjustment, shape):
    """The rate for a matrix of this shape."""
    rows, columns = shape[:2]
    if adjustment == "match_rms_adamw":
        return lr * 0.2 * math.sqrt(max(rows, columns))
    return lr * math.sqrt(max(1, rows / columns))


class Muon(ParameterWise):
    """Steps along the orthogonalised momentum; for the matrices of hidden layers.

    Parameters
    ----------
    params : iterable
        Parameters with two axes, or groups, see `Optimizer`.
    lr : float
        Learning rate, before `adjust_lr_fn`.
    weight_decay : float
        Shrinks the parameters by ``1 - lr * weight_decay``.
    momentum : float
    nesterov : bool
    ns_coefficients : (float, float, float)
        Of x, x^3 and x^5 in the iteration.
    eps : float
        Least norm to divide by.
    ns_steps : int
        Iterations.
    adjust_lr_fn : {None, "original", "match_rms_adamw"}
        Rate times ``sqrt(max(1, rows / columns))``, or ``0.2 * sqrt(max(rows, columns))``.
    """

    def __init__(
        self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, ns_coefficients=(3.4445, -4.775, 2.0315),
        eps=1e-7, ns_steps=5, adjust_lr_fn=None,
    ):  # fmt: skip
        check_one_element(lr)
        for name, value in (("learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn is not None and adjust_lr_fn not in _ADJUSTMENTS:
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        if ns_steps >= _MOST_ITERATIONS:
            raise ValueError(f"Number of steps must be less than {_MOST_ITERATIONS}, got {ns_steps}")
        if len(ns_coefficients) != 3:
            raise ValueError(f"Coefficients must be a tuple of exactly 3 values, got {len(ns_coefficients)}")
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                if param.ndim != 2:
                    raise ValueError(f"Muon only supports 2D parameters, got one of size {tuple(param.shape)}")

    def _penalty(self, group):
        return None  # decoupled

    def _new_state(self, param, group):
        if param.is_complex():
            raise RuntimeError(f"Muon does not support complex parameters, got {param.dtype}")
        return {"momentum_buffer": ops.zeros_like(param.grad)}

    @staticmethod
    def _update(params, grads, states, group):
        lr, momentum = group["lr"], group["momentum"]
        for param, grad, state in zip(params, grads, states, strict=True):
            direction = state["momentum_buffer"].lerp_(grad, 1 - momentum)
            if group["nesterov"]:
                direction = grad.lerp(direction, momentum)
            direction = _orthogonal(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
            param.mul_(1 - lr * group["weight_decay"])
            param.add_(direction, alpha=-number(_adjusted(lr, group["adjust_lr_fn"], param.shape)))
