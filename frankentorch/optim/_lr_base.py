"""The base class of learning rate schedules, and what schedules share.

A schedule changes the rate from what it is now (`get_lr`), so that several can work on one optimizer; one with
``_get_closed_form_lr`` can also jump to an epoch.
"""

import functools
import warnings
import weakref

from frankentorch._tensor import Tensor
from frankentorch.optim.optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` is not needed and deprecated; call `scheduler.step()`. "
    "While it is accepted, the closed form is used where there is one."
)


def count_steps_of(optimizer):
    """Let the optimizer note that its `step` was called, so that a schedule can tell a wrong order of calls."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return
    # Weak, or the optimizer would hold itself through its own attribute.
    step, owner = optimizer.step.__func__, weakref.ref(optimizer)

    @functools.wraps(step)
    def counted_step(*args, **kwargs):
        self = owner()
        self._opt_called = True
        return step(self, *args, **kwargs)

    counted_step._wrapped_by_lr_sched = True
    optimizer.step = counted_step


def set_value(group, name, value):
    """Set an option of a group; a tensor is filled, for it may be shared."""
    if isinstance(group[name], Tensor):
        group[name].fill_(value.item() if isinstance(value, Tensor) else value)
    else:
        group[name] = value


def copied(value):
    """`value`, or a copy of it if it is a tensor."""
    return value.clone() if isinstance(value, Tensor) else value


def value_per_group(optimizer, value, name):
    """`value` once for each parameter group, or checked to be one for each."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {count}."
        )
    return list(value)


class LRScheduler:
    """Base of all schedules.

    Parameters
    ----------
    optimizer : Optimizer
        Each group must hold ``initial_lr`` if `last_epoch` is not -1; otherwise it is set from ``lr``.
    last_epoch : int
        Index of the epoch that has been; -1 for a fresh start.

    Notes
    -----
    Construction takes the first step, to epoch ``last_epoch + 1``.
    """

    _is_initial = False
    _get_lr_called_within_step = False

    def __init__(self, optimizer, last_epoch=-1):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when resuming scheduler "
                    f"with last_epoch >= 0 (here {last_epoch}): load the optimizer's state first"
                )
        self.base_lrs = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        count_steps_of(optimizer)
        self._initial_step()

    def _initial_step(self):
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self):
        """All attributes but the optimizer, as a dict."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict):
        """Take over attributes from `state_dict`."""
        self.__dict__.update(state_dict)

    def get_last_lr(self):
        """The rates of all groups as this schedule last left them."""
        return self._last_lr

    def get_lr(self):
        """The rates of all groups at ``last_epoch``, from the ones now; meant to be called by `step`."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr")

    def step(self, epoch=None):
        """Go to the next epoch, or to `epoch`, and set the rates. Call it after ``optimizer.step()``."""
        self._step_count += 1
        if self._step_count == 2:
            self._warn_of_order()
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch=None):
        """Set the rates of the next epoch, or by the closed form those of `epoch`."""
        if epoch is None:
            self.last_epoch += 1
            rates = self._computed(self.get_lr)
        else:
            self.last_epoch = epoch
            rates = self._computed(getattr(self, "_get_closed_form_lr", self.get_lr))
        self._set(rates)

    def _computed(self, formula):
        self._get_lr_called_within_step = True
        try:
            return formula()
        finally:
            self._get_lr_called_within_step = False

    def _set(self, rates):
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_value(group, "lr", rate)
        self._last_lr = self._rates()

    def _rates(self):
        return [copied(group["lr"]) for group in self.optimizer.param_groups]

    def _warn_of_order(self):
        if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. "
                "Make sure to call `optimizer.step()` before `lr_scheduler.step()`.",
                stacklevel=3,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: "
                "the first value of the learning rate schedule is skipped. Call `optimizer.step()` first.",
                stacklevel=3,
            )

    def _warn_outside_step(self):
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.", stacklevel=3
            )


# The name from before the base class was public; programs still test against it.
class _LRScheduler(LRScheduler):
    pass
