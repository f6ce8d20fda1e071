"""Adagrad (Duchi, Hazan and Singer, JMLR 12, 2011)."""

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch.optim._scalar import number
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_fused, check_one_element, new_counter

__all__ = ["Adagrad"]


class Adagrad(ParameterWise):
    """Gradient descent scaled by the root of the sum of all squared gradients.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        Learning rate.
    lr_decay : float
        At step t the rate is ``lr / (1 + (t - 1) * lr_decay)``.
    weight_decay : float
        This times the parameter is added to the gradient.
    initial_accumulator_value : float
        Start of the sums.
    eps : float
        Added to the root.
    foreach, maximize, differentiable, fused : see `SGD`
    """

    _kernel = staticmethod(optim_ops.adagrad_step)
    _options_since = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(
        self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, foreach=None,
        *, maximize=False, differentiable=False, fused=None,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        check_at_least("lr_decay value", lr_decay)
        check_at_least("weight_decay value", weight_decay)
        check_at_least("initial_accumulator_value value", initial_accumulator_value)
        check_at_least("epsilon value", eps)
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_fused(self, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = self._new_state(param, group)

    def _new_state(self, param, group):
        start = group["initial_accumulator_value"]
        start = complex(start, start) if param.is_complex() else start
        return {"step": new_counter(), "sum": ops.full_like(param, start)}

    def share_memory(self):
        """Move the state to memory that forked processes share."""
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["sum"].share_memory_()

    @staticmethod
    def _update(params, grads, states, group):
        lr, eps = number(group["lr"]), group["eps"]
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            rate = lr / (1 + (state["step"].item() - 1) * group["lr_decay"])
            total = state["sum"].addcmul_(grad, grad, value=1)
            scale = total.sqrt()
            scale = scale + eps if group["differentiable"] else scale.add_(eps)
            param.addcdiv_(grad, scale, value=-rate)
