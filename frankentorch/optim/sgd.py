"""Stochastic gradient descent with momentum (Polyak 1964; Nesterov 1983; Sutskever et al., ICML 2013)."""

from frankentorch._ext import optim_ops
from frankentorch._tensor import Tensor
from frankentorch.optim._scalar import number
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_fused, check_one_element

__all__ = ["SGD"]


class SGD(ParameterWise):
    """Gradient descent, optionally with momentum.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        Learning rate.
    momentum : float
        Factor on the running direction; 0 keeps none.
    dampening : float
        The new gradient enters the running direction with factor ``1 - dampening``, except at the first step.
    weight_decay : float or Tensor
        This times the parameter is added to the gradient.
    nesterov : bool
        Look ahead along the running direction. Needs momentum, and no dampening.
    maximize : bool
        Climb instead of descend.
    foreach, fused : bool, optional
        Accepted for compatibility; every choice runs the same update, with the same bits.
    differentiable : bool
        Record the step, so that it can be differentiated.

    Notes
    -----
    ``b = momentum * b + (1 - dampening) * g``; ``p = p - lr * b``. The first `b` is the gradient itself.
    """

    _kernel = staticmethod(optim_ops.sgd_step)
    _options_since = {"nesterov": False, "maximize": False, "foreach": None, "differentiable": False, "fused": False}
    _real_pairs = False

    def __init__(
        self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False,
        *, maximize=False, foreach=None, differentiable=False, fused=None,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        check_at_least("momentum value", momentum)
        check_at_least("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach, "differentiable": differentiable,
            "fused": fused,
        }  # fmt: skip
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, defaults)
        check_fused(self, defaults)

    def _takes_sparse(self, group):
        return group["momentum"] == 0

    def _new_state(self, param, group):
        return {} if group["momentum"] != 0 else None

    @staticmethod
    def _update(params, grads, states, group):
        lr, momentum, nesterov = group["lr"], group["momentum"], group["nesterov"]
        fresh_part = 1 - group["dampening"]
        recorded = isinstance(lr, Tensor) and lr.requires_grad
        lr = lr if recorded else number(lr)
        for param, grad, state in zip(params, grads, states, strict=True):
            if momentum != 0:
                direction = state.get("momentum_buffer")
                if direction is None:
                    direction = state["momentum_buffer"] = grad.clone()
                else:
                    direction.mul_(momentum).add_(grad, alpha=fresh_part)
                grad = grad.add(direction, alpha=momentum) if nesterov else direction
            if recorded:
                param.addcmul_(grad, lr, value=-1)
            else:
                param.add_(grad, alpha=-lr)
