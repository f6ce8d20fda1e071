"""NAdam: Adam with Nesterov momentum (Dozat, ICLR workshop 2016)."""

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch.optim._scalar import number, power
from frankentorch.optim.optimizer import (
    ParameterWise,
    check_at_least,
    check_betas,
    check_one_element,
    new_counter,
    scalar_dtype,
)

__all__ = ["NAdam"]

_MOMENTUM_BASE = 0.96  # of the momentum schedule in Dozat's paper


class NAdam(ParameterWise):
    """`Adam` that looks ahead along its running mean.

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
    momentum_decay : float
        Momentum at step t is ``b1 * (1 - 0.96 ** (t * momentum_decay) / 2)``.
    decoupled_weight_decay : bool
        Shrink the parameters instead of changing the gradient.
    foreach, maximize, capturable, differentiable : see `Adam`
    """

    _kernel = staticmethod(optim_ops.nadam_step)
    _options_since = {
        "maximize": False, "foreach": None, "capturable": False, "differentiable": False,
        "decoupled_weight_decay": False,
    }  # fmt: skip

    def __init__(
        self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
        decoupled_weight_decay=False, *, foreach=None, maximize=False, capturable=False, differentiable=False,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        check_at_least("epsilon value", eps)
        check_betas(betas)
        check_at_least("weight_decay value", weight_decay)
        check_at_least("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, param, group):
        return {
            "step": new_counter(),
            "mu_product": ops.tensor(1.0, dtype=scalar_dtype()),
            "exp_avg": ops.zeros_like(param),
            "exp_avg_sq": ops.zeros_like(param),
        }

    @staticmethod
    def _update(params, grads, states, group):
        lr, (beta1, beta2), eps = group["lr"], group["betas"], group["eps"]
        decay = group["weight_decay"] if group["decoupled_weight_decay"] else 0
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            step = state["step"].item()
            mean, square = state["exp_avg"], state["exp_avg_sq"]
            if decay != 0:
                param.mul_(1 - lr * decay)
            momentum = beta1 * (1.0 - 0.5 * power(_MOMENTUM_BASE, step * group["momentum_decay"]))
            next_momentum = beta1 * (1.0 - 0.5 * power(_MOMENTUM_BASE, (step + 1) * group["momentum_decay"]))
            state["mu_product"] *= momentum
            product = state["mu_product"].item()
            mean.lerp_(grad, 1 - beta1)
            square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
            scale = square.div(1 - power(beta2, step)).sqrt()
            scale = scale.add(eps) if group["differentiable"] else scale.add_(eps)
            param.addcdiv_(grad, scale, value=number(-lr * (1.0 - momentum) / (1.0 - product)))
            param.addcdiv_(mean, scale, value=number(-lr * next_momentum / (1.0 - product * next_momentum)))
