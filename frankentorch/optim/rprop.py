"""Resilient backpropagation (Riedmiller and Braun, ICNN 1993), without weight backtracking."""

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch.optim._scalar import number
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_one_element, new_counter

__all__ = ["Rprop"]


class Rprop(ParameterWise):
    """Steps of adapted length along the sign of the gradient; for full batches.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        First step length.
    etas : (float, float)
        Factors on the step length when the sign of the gradient changed, and when it stayed.
    step_sizes : (float, float)
        Bounds of the step length.
    capturable, foreach, maximize, differentiable : see `Adam`
    """

    _kernel = staticmethod(optim_ops.rprop_step)
    _options_since = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50),
        *, capturable=False, foreach=None, maximize=False, differentiable=False,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, param, group):
        lr = number(group["lr"])
        first = complex(lr, lr) if param.is_complex() else lr
        return {"step": new_counter(), "prev": ops.zeros_like(param), "step_size": ops.full_like(param, first)}

    @staticmethod
    def _update(params, grads, states, group):
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            before, length = state["prev"], state["step_size"]
            agreement = grad.mul(before.clone() if group["differentiable"] else before).sign()
            changed = agreement.lt(0)
            factor = agreement.masked_fill(agreement.gt(0), grow).masked_fill(agreement.eq(0), 1.0)
            length.mul_(factor.masked_fill(changed, shrink)).clamp_(least, most)
            # Where the sign changed the parameter rests, and the next gradient is compared with zero.
            grad = grad.masked_fill(changed, 0)
            param.addcmul_(grad.sign(), length.clone() if group["differentiable"] else length, value=-1)
            before.copy_(grad)
