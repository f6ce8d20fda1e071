"""Averages of a model's parameters over training, and the schedule that goes with them.

Stochastic weight averaging: Izmailov et al., UAI 2018. Exponential moving average: Polyak and Juditsky, 1992.
"""

import copy
import itertools
import math

from frankentorch import ops
from frankentorch.nn import Module
from frankentorch.nn.modules.batchnorm import _BatchNorm
from frankentorch.optim._lr_base import LRScheduler, value_per_group

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(decay):
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_multi_avg_fn(decay=0.999):
    """Function on lists of tensors that moves averages towards current values, keeping the share `decay`."""
    _check_decay(decay)

    @ops.no_grad()
    def ema_update(ema_param_list, current_param_list, _):
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn():
    """Function on lists of tensors that takes one more value into equally weighted means."""

    @ops.no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged):
        share = 1 / (num_averaged + 1)
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, float(share))
            else:
                average.copy_(average + (current - average) * share)

    return swa_update


def get_ema_avg_fn(decay=0.999):
    """Function of one tensor: ``decay * average + (1 - decay) * current``."""
    _check_decay(decay)

    @ops.no_grad()
    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn():
    """Function of one tensor: the mean of ``num_averaged`` values and one more."""

    @ops.no_grad()
    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages.

    Parameters
    ----------
    model : Module
        Copied deeply.
    device : device, optional
        Where the averages are kept.
    avg_fn : callable, optional
        ``(average, current, num_averaged)`` to the new average of one parameter.
    multi_avg_fn : callable, optional
        ``(averages, currents, num_averaged)``, changing a list of averages in place. Without either function the
        averages are equally weighted means.
    use_buffers : bool
        Average buffers also, instead of copying them.

    Attributes
    ----------
    module : Module
        The copy.
    n_averaged : Tensor, shape ()
        int64; how many models went into the averages.
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", ops.tensor(0, dtype=ops.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """Call the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model):
        """Take the present parameters of `model` into the averages. The first ones are copied."""
        pairs = zip(self._averaged(self.module), self._averaged(model), strict=True)
        averages, currents = [], []
        with ops.no_grad():
            for average, current in pairs:
                current = current.detach().to(average.device)
                averages.append(average.detach())
                currents.append(current)
            if self.n_averaged == 0:
                for average, current in zip(averages, currents, strict=True):
                    average.copy_(current)
            elif self.avg_fn is not None:
                for average, current in zip(averages, currents, strict=True):
                    average.copy_(self.avg_fn(average, current, self.n_averaged.to(average.device)))
            else:
                (self.multi_avg_fn or get_swa_multi_avg_fn())(averages, currents, self.n_averaged)
            if not self.use_buffers:
                for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                    mine.detach().copy_(theirs.detach())
            self.n_averaged += 1

    def _averaged(self, model):
        return itertools.chain(model.parameters(), model.buffers() if self.use_buffers else ())


def update_bn(loader, model, device=None):
    """Compute the running statistics of all batch norm layers anew, over one pass through `loader`.

    Parameters
    ----------
    loader : iterable
        Batches; of a list or tuple the first item is the input.
    model : Module
    device : device, optional
        Where to move the inputs.
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not layers:
        return
    was_training = model.training
    momenta = [layer.momentum for layer in layers]
    model.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over all batches
    with ops.no_grad():
        for batch in loader:
            inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(inputs if device is None else inputs.to(device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From the rate at the start to a fixed one, which is then kept.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float or list of float
    anneal_epochs : int
    anneal_strategy : {"cos", "linear"}
    last_epoch : int
    """

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        for rate, group in zip(value_per_group(optimizer, swa_lr, "swa_lr"), optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step):
        """How far the rate has gone at `step`, in [0, 1]."""
        time = max(0, min(1, step / max(1, self.anneal_epochs)))
        return time if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * time)) / 2

    def get_lr(self):
        """The rates at ``last_epoch``: undo the last share, then apply the present one, so that it can be chained."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        share, before = self._share(step), self._share(step - 1)
        rates = []
        for group in self.optimizer.param_groups:
            swa_lr, lr = group["swa_lr"], group["lr"]
            start = lr if before == 1 else (lr - before * swa_lr) / (1 - before)
            rates.append(swa_lr * share + start * (1 - share))
        return rates
