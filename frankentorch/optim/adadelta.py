"""Adadelta (Zeiler, arXiv:1212.5701)."""

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch.optim._scalar import number
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_one_element, new_counter

__all__ = ["Adadelta"]


class Adadelta(ParameterWise):
    """Steps in the ratio of the running root mean squares of past steps and of gradients.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        Factor on the step.
    rho : float
        Decay of both running means.
    eps : float
        Added below both roots.
    weight_decay : float
        This times the parameter is added to the gradient.
    foreach, capturable, maximize, differentiable : see `Adam`
    """

    _kernel = staticmethod(optim_ops.adadelta_step)
    _options_since = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None,
        *, capturable=False, maximize=False, differentiable=False,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_at_least("epsilon value", eps)
        check_at_least("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, param, group):
        return {"step": new_counter(), "square_avg": ops.zeros_like(param), "acc_delta": ops.zeros_like(param)}

    @staticmethod
    def _update(params, grads, states, group):
        lr, rho, eps = number(group["lr"]), group["rho"], group["eps"]
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            square, moved = state["square_avg"], state["acc_delta"]
            square.mul_(rho).addcmul_(grad, grad, value=1 - rho)
            scale = square.add(eps).sqrt_()
            change = moved.add(eps).sqrt_()
            change = change.div(scale).mul(grad) if group["differentiable"] else change.div_(scale).mul_(grad)
            moved.mul_(rho).addcmul_(change, change, value=1 - rho)
            param.add_(change, alpha=-lr)
