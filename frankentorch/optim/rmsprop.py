"""RMSprop (Tieleman and Hinton, Coursera lecture 6.5, 2012; centred form: Graves, arXiv:1308.0850)."""

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch.optim._scalar import number
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_one_element, new_counter

__all__ = ["RMSprop"]


class RMSprop(ParameterWise):
    """Gradient descent scaled by the root of a running mean of squared gradients.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        Learning rate.
    alpha : float
        Decay of the running mean.
    eps : float
        Added to the root.
    weight_decay : float
        This times the parameter is added to the gradient.
    momentum : float
        Factor on the running direction; 0 keeps none.
    centered : bool
        Divide by an estimate of the standard deviation instead of the root mean square.
    capturable, foreach, maximize, differentiable : see `Adam`

    Notes
    -----
    ``v = alpha * v + (1 - alpha) * g * g``; ``p = p - lr * g / (sqrt(v) + eps)``.
    """

    _kernel = staticmethod(optim_ops.rmsprop_step)
    _options_since = {
        "momentum": 0, "centered": False, "foreach": None, "maximize": False, "differentiable": False,
        "capturable": False,
    }  # fmt: skip

    def __init__(
        self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False,
        capturable=False, foreach=None, maximize=False, differentiable=False,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        check_at_least("epsilon value", eps)
        check_at_least("momentum value", momentum)
        check_at_least("weight_decay value", weight_decay)
        check_at_least("alpha value", alpha)
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, param, group):
        state = {"step": new_counter(), "square_avg": ops.zeros_like(param)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = ops.zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = ops.zeros_like(param)
        return state

    @staticmethod
    def _update(params, grads, states, group):
        lr, alpha, eps, momentum = number(group["lr"]), group["alpha"], group["eps"], group["momentum"]
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            square = state["square_avg"]
            square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
            if group["centered"]:
                mean = state["grad_avg"]
                mean.lerp_(grad, 1 - alpha)
                scale = square.addcmul(mean, mean, value=-1).sqrt_()
            else:
                scale = square.sqrt()
            scale = scale.add(eps) if group["differentiable"] else scale.add_(eps)
            if momentum > 0:
                direction = state["momentum_buffer"]
                direction.mul_(momentum).addcdiv_(grad, scale)
                param.add_(direction, alpha=-lr)
            else:
                param.addcdiv_(grad, scale, value=-lr)
