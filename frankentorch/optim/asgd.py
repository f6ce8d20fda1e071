"""Averaged stochastic gradient descent (Polyak and Juditsky, SIAM J. Control Optim. 30, 1992)."""

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch.optim._scalar import number
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_one_element, new_counter, scalar_dtype

__all__ = ["ASGD"]


class ASGD(ParameterWise):
    """Gradient descent that also keeps the mean of its iterates, in the state as ``ax``.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        Learning rate at the start.
    lambd : float
        Shrinks the parameters by ``1 - lambd * eta`` each step.
    alpha : float
        The rate at step t is ``lr / (1 + lambd * lr * t) ** alpha``.
    t0 : float
        Step from which on iterates are averaged.
    weight_decay : float
        This times the parameter is added to the gradient.
    foreach, maximize, differentiable, capturable : see `Adam`
    """

    _kernel = staticmethod(optim_ops.asgd_step)
    _options_since = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, foreach=None, maximize=False,
        differentiable=False, capturable=False,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        check_at_least("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, param, group):
        dtype = scalar_dtype()
        return {
            "step": new_counter(),
            "eta": ops.tensor(number(group["lr"]), dtype=dtype),
            "mu": ops.tensor(1.0, dtype=dtype),
            "ax": ops.zeros_like(param),
        }

    @staticmethod
    def _update(params, grads, states, group):
        lr, lambd, alpha, start = group["lr"], group["lambd"], group["alpha"], group["t0"]
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            step = state["step"].item()
            mean = state["ax"]
            rate, share = state["eta"].item(), state["mu"].item()
            param.mul_(1 - lambd * rate)
            param.add_(grad, alpha=-rate)
            if share == 1:
                mean.copy_(param)
            else:
                mean.add_(param.sub(mean).mul_(share))
            state["eta"].fill_(number(lr / (1 + lambd * lr * step) ** alpha))
            state["mu"].fill_(1 / max(1, step - start))
