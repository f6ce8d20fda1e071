"""Adafactor (Shazeer and Stern, "Adaptive learning rates with sublinear memory cost", ICML 2018)."""

from frankentorch import ops
from frankentorch._limits import finfo
from frankentorch.optim._scalar import number, power
from frankentorch.optim.optimizer import ParameterWise, check_one_element, new_counter

__all__ = ["Adafactor"]


class Adafactor(ParameterWise):
    """Adam-like scaling that keeps row and column means of the squared gradient instead of all of it.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`. Not complex.
    lr : float or Tensor of one element
        Upper bound of the relative step.
    beta2_decay : float
        At step t the new square enters the means with weight ``t ** beta2_decay``.
    eps : (float or None, float)
        Least scale; None is the resolution of the dtype. Least root mean square of a parameter.
    d : float
        Updates whose root mean square is larger are cut to it.
    weight_decay : float
        Shrinks the parameters by ``1 - lr * weight_decay``.
    foreach, maximize : see `SGD`

    Notes
    -----
    Tensors with two axes or more are factored over the last two.
    """

    _options_since = {"foreach": None}

    def __init__(
        self, params, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0,
        *, foreach=None, maximize=False,
    ):  # fmt: skip
        check_one_element(lr)
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _penalty(self, group):
        return None  # decoupled

    def _new_state(self, param, group):
        if param.is_complex():
            raise RuntimeError(f"Adafactor does not support complex parameters, got {param.dtype}")
        state = {"step": new_counter()}
        if param.grad.ndim < 2:
            state["variance"] = ops.zeros_like(param.grad)
            return state
        *outer, rows, columns = param.grad.shape
        state["row_var"] = param.grad.new_zeros((*outer, rows, 1))
        state["col_var"] = param.grad.new_zeros((*outer, 1, columns))
        return state

    @staticmethod
    def _update(params, grads, states, group):
        lr, (least_scale, least_size), most = group["lr"], group["eps"], group["d"]
        for param, grad, state in zip(params, grads, states, strict=True):
            if least_scale is None:
                least = finfo(param.dtype).eps
            else:
                least = least_scale
            state["step"] += 1
            step = state["step"].item()
            weight = power(step, group["beta2_decay"])
            relative = min(lr, 1 / step**0.5)
            size = param.norm(2).item() / param.numel() ** 0.5
            rate = max(least_size, size) * relative
            if group["weight_decay"] != 0:
                param.mul_(1 - lr * group["weight_decay"])
            if grad.ndim > 1:
                rows, columns = state["row_var"], state["col_var"]
                rows.lerp_(grad.norm(dim=-1, keepdim=True).square_().div_(grad.size(-1)), weight)
                columns.lerp_(grad.norm(dim=-2, keepdim=True).square_().div_(grad.size(-2)), weight)
                square = rows @ columns
                square.div_(rows.mean(dim=-2, keepdim=True).clamp_(min=least))
            else:
                state["variance"].lerp_(grad.square(), weight)
                square = state["variance"].clone()
            update = square.clamp_(min=least * least).rsqrt_().mul_(grad)
            excess = max(1.0, update.norm(2).item() / (update.numel() ** 0.5 * most))
            param.add_(update, alpha=number(-rate / excess))
