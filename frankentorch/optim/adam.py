"""Adam (Kingma and Ba, ICLR 2015), AMSGrad (Reddi et al., ICLR 2018), AdamW (Loshchilov and Hutter, ICLR 2019)."""

from frankentorch import ops
from frankentorch._ext import optim_ops
from frankentorch._tensor import Tensor
from frankentorch.optim._scalar import number, power, root
from frankentorch.optim.optimizer import ParameterWise, check_at_least, check_betas, check_fused, check_rate, new_counter

__all__ = ["Adam"]


def _check_tensor_betas(betas, foreach, capturable):
    kinds = {isinstance(beta, Tensor) for beta in betas}
    if kinds == {True, False}:
        raise ValueError("betas must be either both floats or both Tensors")
    for index, beta in enumerate(betas):
        if not isinstance(beta, Tensor):
            continue
        if foreach and not capturable:
            raise ValueError(f"betas[{index}] as a Tensor is not supported for capturable=False and foreach=True")
        if beta.numel() != 1:
            raise ValueError(f"Tensor betas[{index}] must be 1-element")


class Adam(ParameterWise):
    """Gradient descent scaled by running means of the gradient and of its square.

    Parameters
    ----------
    params : iterable
        Parameters or groups, see `Optimizer`.
    lr : float or Tensor of one element
        Learning rate.
    betas : (float, float) or (Tensor, Tensor)
        Decay of the two running means.
    eps : float
        Added to the root of the mean square.
    weight_decay : float
        Coefficient of the penalty on the squared parameters.
    amsgrad : bool
        Scale by the largest mean square seen so far.
    decoupled_weight_decay : bool
        Shrink the parameters instead of changing the gradient, which makes this `AdamW`.
    maximize, foreach, differentiable, fused : see `SGD`
    capturable : bool
        For graph capture on accelerators; `step` refuses it on CPU.

    Notes
    -----
    ``m = lerp(m, g, 1 - b1)``; ``v = b2 * v + (1 - b2) * g * g``;
    ``p = p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)``.
    """

    _kernel = staticmethod(optim_ops.adam_step)
    _options_since = {
        "amsgrad": False, "maximize": False, "foreach": None, "capturable": False, "differentiable": False,
        "decoupled_weight_decay": False, "fused": None,
    }  # fmt: skip

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False,
        *, foreach=None, maximize=False, capturable=False, differentiable=False, fused=None,
        decoupled_weight_decay=False,
    ):  # fmt: skip
        check_rate(lr, foreach=foreach, capturable=capturable)
        check_at_least("epsilon value", eps)
        check_betas(betas)
        check_at_least("weight_decay value", weight_decay)
        _check_tensor_betas(betas, foreach, capturable)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_fused(self, defaults)

    def _new_state(self, param, group):
        state = {"step": new_counter(), "exp_avg": ops.zeros_like(param), "exp_avg_sq": ops.zeros_like(param)}
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = ops.zeros_like(param)
        return state

    @staticmethod
    def _update(params, grads, states, group):
        lr, eps, amsgrad = group["lr"], group["eps"], group["amsgrad"]
        decay = group["weight_decay"] if group["decoupled_weight_decay"] else 0
        recorded = group["differentiable"] and isinstance(lr, Tensor) and lr.requires_grad
        beta1, beta2 = group["betas"]
        for param, grad, state in zip(params, grads, states, strict=True):
            state["step"] += 1
            step = state["step"].item()
            mean, square = state["exp_avg"], state["exp_avg_sq"]
            if decay != 0:
                param.mul_(1 - lr * decay)
            mean.lerp_(grad, 1 - (beta1.to(param.dtype) if isinstance(beta1, Tensor) else beta1))
            square.mul_(beta2).addcmul_(grad, grad, value=number(1 - beta2))
            if amsgrad:
                square = state["max_exp_avg_sq"].copy_(state["max_exp_avg_sq"].maximum(square))
            rate = lr / (1 - power(beta1, step))
            root_correction = root(1 - power(beta2, step))
            scale = (square.sqrt() / root_correction).add_(eps)
            if recorded:
                param.sub_(rate * mean / scale)
            else:
                param.addcdiv_(mean, scale, value=-number(rate))
