"""RAdam: Adam with a rectified early phase (Liu et al., ICLR 2020)."""

import math

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch.optim._scalar import number, power, root
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_betas, check_one_element, new_counter

__all__ = ["RAdam"]

_LEAST_LENGTH = 5.0  # of the averaged window, above which the variance of the scale is tractable


class RAdam(ParameterWise):
    """`Adam` that steps without scaling until its mean square has seen enough gradients.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        Learning rate.
    betas : (float, float)
        Decay of the running means of the gradient and of its square.
    eps : float
        Added to the root of the mean square.
    weight_decay : float
        Coefficient of the penalty on the squared parameters.
    decoupled_weight_decay : bool
        Shrink the parameters instead of changing the gradient.
    foreach, maximize, capturable, differentiable : see `Adam`
    """

    _kernel = staticmethod(optim_ops.radam_step)
    _options_since = {
        "foreach": None, "maximize": False, "differentiable": False, "decoupled_weight_decay": False,
        "capturable": False,
    }  # fmt: skip

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False,
        *, foreach=None, maximize=False, capturable=False, differentiable=False,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        check_at_least("epsilon value", eps)
        check_betas(betas)
        check_at_least("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, param, group):
        return {"step": new_counter(), "exp_avg": ops.zeros_like(param), "exp_avg_sq": ops.zeros_like(param)}

    @staticmethod
    def _update(params, grads, states, group):
        lr, (beta1, beta2), eps = number(group["lr"]), group["betas"], group["eps"]
        decay = group["weight_decay"] if group["decoupled_weight_decay"] else 0
        longest = 2 / (1 - beta2) - 1
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            step = state["step"].item()
            mean, square = state["exp_avg"], state["exp_avg_sq"]
            if decay != 0:
                param.mul_(1 - lr * decay)
            mean.lerp_(grad, 1 - beta1)
            square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
            correction1 = 1 - power(beta1, step)
            correction2 = 1 - power(beta2, step)
            direction = mean / correction1
            length = longest - 2 * step * power(beta2, step) / correction2
            if length > _LEAST_LENGTH:
                rectification = math.sqrt(
                    (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
                )
                scale = square.sqrt()
                scale = scale.add(eps) if group["differentiable"] else scale.add_(eps)
                param.add_(direction * lr * (root(correction2) / scale) * rectification, alpha=-1.0)
            else:
                param.add_(direction * lr, alpha=-1.0)
