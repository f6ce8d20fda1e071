"""AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""

from frankentorch.optim.adam import Adam

__all__ = ["AdamW"]


class AdamW(Adam):
    """`Adam` whose weight decay shrinks the parameters by ``1 - lr * weight_decay`` before each update.

    Parameters are those of `Adam`, with ``weight_decay`` 0.01 and ``decoupled_weight_decay`` True.
    """

    _options_since = {**Adam._options_since, "decoupled_weight_decay": True}

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False,
        *, maximize=False, foreach=None, capturable=False, differentiable=False, fused=None,
    ):  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad,
            foreach=foreach, maximize=maximize, capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
