"""Adamax: Adam in the infinity norm (Kingma and Ba, ICLR 2015, section 7.1)."""

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch.optim._scalar import number, power
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_betas, check_one_element, new_counter

__all__ = ["Adamax"]


class Adamax(ParameterWise):
    """Gradient descent scaled by a decaying maximum of gradient magnitudes.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        Learning rate.
    betas : (float, float)
        Decay of the running mean and of the maximum.
    eps : float
        Added to the magnitude.
    weight_decay : float
        This times the parameter is added to the gradient.
    foreach, maximize, differentiable, capturable : see `Adam`

    Notes
    -----
    ``u = max(b2 * u, |g| + eps)``; ``p = p - lr / (1 - b1^t) * m / u``.
    """

    _kernel = staticmethod(optim_ops.adamax_step)
    _options_since = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None,
        *, maximize=False, differentiable=False, capturable=False,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        check_at_least("epsilon value", eps)
        check_betas(betas)
        check_at_least("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, param, group):
        return {"step": new_counter(), "exp_avg": ops.zeros_like(param), "exp_inf": ops.zeros_like(param)}

    @staticmethod
    def _update(params, grads, states, group):
        lr, (beta1, beta2), eps = group["lr"], group["betas"], group["eps"]
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            mean, largest = state["exp_avg"], state["exp_inf"]
            mean.lerp_(grad, 1 - beta1)
            largest.copy_(ops.maximum(largest * beta2, grad.abs().add_(eps)))
            rate = lr / (1 - power(beta1, state["step"].item()))
            param.addcdiv_(mean, largest.clone() if group["differentiable"] else largest, value=-number(rate))
