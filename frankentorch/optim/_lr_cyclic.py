"""Schedules that swing: cosine with restarts, triangles, one cycle."""

import math
import types

from frankentorch.optim._lr_base import LRScheduler, set_value, value_per_group
from frankentorch.optim._scalar import power
from frankentorch.optim.optimizer import Optimizer


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the initial rate down to `eta_min`, again and again, over ever longer times.

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        Epochs to the first restart.
    T_mult : int
        The next restart comes after `T_mult` times as many.
    eta_min : float
    last_epoch : int

    Notes
    -----
    Loshchilov and Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR 2017.
    """

    def __init__(self, optimizer, T_0, T_mult=1, eta_min=0.0, last_epoch=-1):
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_outside_step()
        return [
            self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
            for base in self.base_lrs
        ]

    def step(self, epoch=None):
        """Go to the next epoch, or to `epoch`, which may lie between two: ``epoch + batch / batches``."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            if epoch < 0:
                raise ValueError(f"Expected non-negative epoch, but got {epoch}")
            self._seek(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self._computed(self.get_lr))

    def _seek(self, epoch):
        """Find the cycle that `epoch` falls in: its length `T_i` and the time since it began, `T_cur`."""
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_i, self.T_cur = self.T_0, epoch % self.T_0
        else:
            # Cycle n begins at T_0 * (T_mult^n - 1) / (T_mult - 1).
            cycle = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            begin = self.T_0 * (self.T_mult**cycle - 1) / (self.T_mult - 1)
            self.T_i, self.T_cur = self.T_0 * self.T_mult**cycle, epoch - begin


class _MomentumKind:
    """Which option of an optimizer is its momentum: ``momentum``, or the first of ``betas``."""

    @staticmethod
    def check(optimizer):
        """Whether it is the first of ``betas``; refuses an optimizer that has neither."""
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        return "betas" in optimizer.defaults

    @staticmethod
    def set(group, momentum, is_beta):
        if is_beta:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(LRScheduler):
    """Rates, and momentum against them, that go up and down in triangles.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or list of float
        Lower and upper end.
    step_size_up, step_size_down : int
        Steps of each side; down defaults to up.
    mode : {"triangular", "triangular2", "exp_range"}
        Height of the triangles: constant, halved each time, or times ``gamma ** step``.
    gamma : float
    scale_fn : callable, optional
        Height of its own, in place of `mode`.
    scale_mode : {"cycle", "iterations"}
        What `scale_fn` is given: number of the cycle, from 1, or of the step.
    cycle_momentum : bool
    base_momentum, max_momentum : float or list of float
    last_epoch : int

    Notes
    -----
    L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017.
    """

    def __init__(
        self, optimizer, base_lr, max_lr, step_size_up=2000, step_size_down=None, mode="triangular", gamma=1.0,
        scale_fn=None, scale_mode="cycle", cycle_momentum=True, base_momentum=0.8, max_momentum=0.9, last_epoch=-1,
    ):  # fmt: skip
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        base_lrs = value_per_group(optimizer, base_lr, "base_lr")
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = value_per_group(optimizer, max_lr, "max_lr")
        up = float(step_size_up)
        down = float(step_size_down) if step_size_down is not None else up
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"mode is invalid and scale_fn is None: {mode}")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None or mode != "exp_range" else "iterations"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = _MomentumKind.check(optimizer)
            self.base_momentums = value_per_group(optimizer, base_momentum, "base_momentum")
            self.max_momentums = value_per_group(optimizer, max_momentum, "max_momentum")
            if last_epoch == -1:
                for low, high, group in zip(self.base_momentums, self.max_momentums, optimizer.param_groups, strict=True):
                    _MomentumKind.set(group, high, self.use_beta1)
                    group["max_momentum"] = high
                    group["base_momentum"] = low
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x):
        """Height of the triangle at `x`, the number of the cycle or of the step."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else power(self.gamma, x)

    def get_lr(self):
        """The rates at ``last_epoch``. Sets the momentum on the way when it cycles."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        place = 1.0 + self.last_epoch / self.total_size - cycle
        height = place / self.step_ratio if place <= self.step_ratio else (place - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            ends = zip(self.base_momentums, self.max_momentums, self.optimizer.param_groups, strict=True)
            for low, high, group in ends:
                _MomentumKind.set(group, high - (high - low) * height * scale, self.use_beta1)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self):
        """All attributes but the optimizer. A `scale_fn` that is a function is left out, other callables give theirs."""
        state = super().state_dict()
        scale_fn = state.pop("_scale_fn_custom")
        state["_scale_fn_custom"] = None
        if scale_fn is not None and not isinstance(scale_fn, types.FunctionType):
            state["_scale_fn_custom"] = dict(scale_fn.__dict__)
        return state

    def load_state_dict(self, state_dict):
        """Take over attributes; those of a callable `scale_fn` go to the one that is here."""
        attributes = state_dict.get("_scale_fn_custom")
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_scale_fn_custom"})
        if attributes is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(attributes)


def _anneal_cosine(start, end, share):
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _anneal_linear(start, end, share):
    return (end - start) * share + start


class OneCycleLR(LRScheduler):
    """Up from a low rate to `max_lr`, then down to a much lower one; momentum the other way round.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or list of float
    total_steps : int, optional
        Steps of the whole cycle; or else `epochs` times `steps_per_epoch`.
    epochs, steps_per_epoch : int, optional
    pct_start : float
        Share of the cycle that goes up.
    anneal_strategy : {"cos", "linear"}
    cycle_momentum : bool
    base_momentum, max_momentum : float or list of float
    div_factor : float
        First rate is ``max_lr / div_factor``.
    final_div_factor : float
        Last rate is the first over this.
    three_phase : bool
        Down to the first rate as fast as it went up, then to the last.
    last_epoch : int

    Notes
    -----
    Smith and Topin, "Super-convergence", arXiv:1708.07120.
    """

    def __init__(
        self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None, pct_start=0.3,
        anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85, max_momentum=0.95, div_factor=25.0,
        final_div_factor=1e4, three_phase=False, last_epoch=-1,
    ):  # fmt: skip
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        self.total_steps = self._length(total_steps, epochs, steps_per_epoch)
        if three_phase:
            ends = [pct_start * self.total_steps - 1, 2 * pct_start * self.total_steps - 2, self.total_steps - 1]
            rates = ["initial_lr", "max_lr", "initial_lr", "min_lr"]
            momenta = ["max_momentum", "base_momentum", "max_momentum", "max_momentum"]
        else:
            ends = [pct_start * self.total_steps - 1, self.total_steps - 1]
            rates = ["initial_lr", "max_lr", "min_lr"]
            momenta = ["max_momentum", "base_momentum", "max_momentum"]
        self._schedule_phases = [
            {
                "end_step": float(end) if phase < len(ends) - 1 else end,
                "start_lr": rates[phase],
                "end_lr": rates[phase + 1],
                "start_momentum": momenta[phase],
                "end_momentum": momenta[phase + 1],
            }
            for phase, end in enumerate(ends)
        ]
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy
        max_lrs = value_per_group(optimizer, max_lr, "max_lr")
        if last_epoch == -1:
            for highest, group in zip(max_lrs, optimizer.param_groups, strict=True):
                group["initial_lr"] = highest / div_factor
                group["max_lr"] = highest
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = _MomentumKind.check(optimizer)
            highs = value_per_group(optimizer, max_momentum, "max_momentum")
            lows = value_per_group(optimizer, base_momentum, "base_momentum")
            if last_epoch == -1:
                for high, low, group in zip(highs, lows, optimizer.param_groups, strict=True):
                    _MomentumKind.set(group, high, self.use_beta1)
                    group["max_momentum"] = high
                    group["base_momentum"] = low
        super().__init__(optimizer, last_epoch)

    @staticmethod
    def _length(total_steps, epochs, steps_per_epoch):
        named = {"total_steps": total_steps} if total_steps is not None else {
            "epochs": epochs, "steps_per_epoch": steps_per_epoch,
        }  # fmt: skip
        if None in named.values():
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        for name, value in named.items():
            if value <= 0 or not isinstance(value, int):
                raise ValueError(f"Expected positive integer {name}, but got {value}")
        return math.prod(named.values())

    def get_lr(self):
        """The rates at step ``last_epoch``. Sets the momentum on the way when it cycles."""
        self._warn_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        anneal = _anneal_cosine if self._anneal_func_type == "cos" else _anneal_linear
        begin = 0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            begin = phase["end_step"]
        share = (step - begin) / (phase["end_step"] - begin)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(anneal(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                momentum = anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], share)
                _MomentumKind.set(group, momentum, self.use_beta1)
        return rates
