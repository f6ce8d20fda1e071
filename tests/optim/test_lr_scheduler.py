"""Schedules: hand-worked rates, warnings and errors, and whole courses against the oracle."""

import copy
import random
import warnings

import pytest
from oracle_bridge import plain

import frankentorch as ft
from frankentorch import optim
from frankentorch.optim import lr_scheduler


def two_groups(library=ft, module=optim, kind="SGD", tensor=False, **first):
    """An optimizer with rates 0.1 and 0.3."""
    rate = library.tensor if tensor else float
    params = [library.ones(2, requires_grad=True) for _ in range(2)]
    groups = [{"params": [params[0]], "lr": rate(0.1), **first}, {"params": [params[1]], "lr": rate(0.3), **first}]
    return getattr(module, kind)(groups, **({"momentum": 0.9} if kind == "SGD" else {}))


def course(make, count, **options):
    """Rates of the first group at the start and after each of `count` steps."""
    optimizer = two_groups(**options)
    scheduler = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(count):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


S = lr_scheduler


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: S.LambdaLR(o, lambda epoch: 1 / (1 + epoch)), [0.1, 0.05, 0.1 / 3]),
        (lambda o: S.MultiplicativeLR(o, lambda epoch: 0.5), [0.1, 0.05, 0.025]),
        (lambda o: S.StepLR(o, 2, 0.5), [0.1, 0.1, 0.05, 0.05, 0.025]),
        (lambda o: S.MultiStepLR(o, [1, 3, 3], 0.5), [0.1, 0.05, 0.05, 0.0125]),
        (lambda o: S.ConstantLR(o, 0.5, 2), [0.05, 0.05, 0.1, 0.1]),
        (lambda o: S.LinearLR(o, 0.5, 1.0, 2), [0.05, 0.075, 0.1, 0.1]),
        (lambda o: S.ExponentialLR(o, 0.5), [0.1, 0.05, 0.025]),
        (lambda o: S.PolynomialLR(o, 4, 2.0), [0.1, 0.1 * 9 / 16, 0.025, 0.1 / 16, 0.0, 0.0]),
        (lambda o: S.CosineAnnealingLR(o, 2), [0.1, 0.05, 0.0, 0.05, 0.1]),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 2, 2), [0.1, 0.05, 0.1, 0.1 * 0.8535533905932737, 0.05]),
        (lambda o: S.CyclicLR(o, 0.1, 0.3, 2), [0.1, 0.2, 0.3, 0.2, 0.1, 0.2]),
        (lambda o: S.CyclicLR(o, 0.1, 0.3, 1, mode="triangular2"), [0.1, 0.3, 0.1, 0.2, 0.1, 0.15]),
        (lambda o: S.OneCycleLR(o, 1.0, 5, pct_start=0.4, div_factor=4, anneal_strategy="linear"), [0.25, 1.0]),
        (lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.5, 9), S.ExponentialLR(o, 0.5)], [2]), [0.05, 0.05, 0.1, 0.05]),
        (lambda o: S.ChainedScheduler([S.ConstantLR(o, 0.5, 2), S.ExponentialLR(o, 0.5)]), [0.05, 0.025, 0.025]),
    ],
)
def test_hand_worked_rates(make, expected):
    assert course(make, len(expected) - 1) == pytest.approx(expected, abs=1e-15)


def test_momentum_cycles_against_the_rate():
    optimizer = two_groups()
    scheduler = S.CyclicLR(optimizer, 0.1, 0.3, 1, base_momentum=0.5, max_momentum=0.75)
    seen = [optimizer.param_groups[0]["momentum"]]
    for _ in range(2):
        optimizer.step()
        scheduler.step()
        seen.append(optimizer.param_groups[0]["momentum"])
    assert seen == [0.75, 0.5, 0.75]


def test_first_beta_stands_for_momentum():
    optimizer = two_groups(kind="Adam")
    S.OneCycleLR(optimizer, 0.1, 10, max_momentum=0.75)
    assert optimizer.param_groups[0]["betas"] == (0.75, 0.999)


def test_plateau_waits_and_cools_down():
    optimizer = two_groups()
    scheduler = S.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1, min_lr=[0.03, 0.0])
    rates = []
    for value in [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]:
        scheduler.step(ft.tensor(value))
        rates.append(scheduler.get_last_lr()[0])
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03]


def test_plateau_follows_groups_added_later():
    optimizer = two_groups()
    scheduler = S.ReduceLROnPlateau(optimizer, patience=0)
    optimizer.add_param_group({"params": ft.ones(1, requires_grad=True), "lr": 1.0})
    scheduler.step(1.0)
    scheduler.step(1.0)
    assert scheduler.get_last_lr() == pytest.approx([0.01, 0.03, 0.1])


def test_rate_tensor_is_filled_in_place():
    optimizer = two_groups(tensor=True)
    rate = optimizer.param_groups[0]["lr"]
    scheduler = S.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.05)
    assert scheduler.base_lrs[0].item() == pytest.approx(0.1)


def test_wrong_order_of_steps_warns_once():
    scheduler = S.StepLR(two_groups(), 1)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_overridden_step_warns():
    optimizer = two_groups()
    scheduler = S.StepLR(optimizer, 1)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden"):
        scheduler.step()


def test_counting_steps_makes_no_reference_cycle():
    import gc
    import weakref

    optimizer = two_groups()
    scheduler = S.StepLR(optimizer, 1)
    witness = weakref.ref(optimizer)
    gc.disable()
    try:
        del optimizer, scheduler
        assert witness() is None
    finally:
        gc.enable()


def test_epoch_argument_uses_the_closed_form_and_warns():
    optimizer = two_groups()
    scheduler = S.StepLR(optimizer, 2, 0.5)
    optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(5)
    assert scheduler.get_last_lr()[0] == 0.025


def test_get_lr_outside_of_step_warns():
    with pytest.warns(UserWarning, match="get_last_lr"):
        S.StepLR(two_groups(), 1).get_lr()


class Halving:
    def __init__(self):
        self.factor = 0.5

    def __call__(self, epoch):
        return self.factor**epoch


def test_callable_objects_are_saved_by_attributes_and_functions_are_not():
    scheduler = S.LambdaLR(two_groups(), [Halving(), lambda epoch: 1.0])
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [{"factor": 0.5}, None]
    state["lr_lambdas"][0]["factor"] = 0.25
    other = S.LambdaLR(two_groups(), [Halving(), lambda epoch: 1.0])
    other.load_state_dict(state)
    assert other.lr_lambdas[0].factor == 0.25
    assert "optimizer" not in state


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda o: S.StepLR(3, 1), TypeError),
        (lambda o: S.StepLR(o, 1, last_epoch=3), KeyError),
        (lambda o: S.LambdaLR(o, [lambda epoch: 1]), ValueError),
        (lambda o: S.ConstantLR(o, 2), ValueError),
        (lambda o: S.LinearLR(o, 0), ValueError),
        (lambda o: S.LinearLR(o, 0.5, 2), ValueError),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 0), ValueError),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 1, 0), ValueError),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 1, 1, "a"), ValueError),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 1).step(-1), ValueError),
        (lambda o: S.CyclicLR(o, 0.1, 0.2, mode="x"), ValueError),
        (lambda o: S.CyclicLR(o, [0.1], 0.2), ValueError),
        (lambda o: S.CyclicLR(two_groups(kind="Adagrad"), 0.1, 0.2), ValueError),
        (lambda o: S.OneCycleLR(o, 0.1), ValueError),
        (lambda o: S.OneCycleLR(o, 0.1, 0), ValueError),
        (lambda o: S.OneCycleLR(o, 0.1, 1.5), ValueError),
        (lambda o: S.OneCycleLR(o, 0.1, epochs=3), ValueError),
        (lambda o: S.OneCycleLR(o, 0.1, 10, pct_start=2), ValueError),
        (lambda o: S.OneCycleLR(o, 0.1, 10, anneal_strategy="x"), ValueError),
        (lambda o: [S.OneCycleLR(o, 0.1, 10)] and S.OneCycleLR(o, 0.1, 1, last_epoch=2), ValueError),
        (lambda o: S.ReduceLROnPlateau(o, factor=1.0), ValueError),
        (lambda o: S.ReduceLROnPlateau(o, mode="x"), ValueError),
        (lambda o: S.ReduceLROnPlateau(o, threshold_mode="x"), ValueError),
        (lambda o: S.ReduceLROnPlateau(o, min_lr=[1]), ValueError),
        (lambda o: S.SequentialLR(o, [], []), ValueError),
        (lambda o: S.SequentialLR(o, [S.ConstantLR(o)], [1]), ValueError),
        (lambda o: S.SequentialLR(o, [S.ConstantLR(two_groups())], []), ValueError),
        (lambda o: S.SequentialLR(o, [S.ReduceLROnPlateau(o)], []), ValueError),
        (lambda o: S.ChainedScheduler([]), ValueError),
        (lambda o: S.ChainedScheduler([S.ConstantLR(o), S.ConstantLR(two_groups())]), ValueError),
        (lambda o: S.ChainedScheduler([S.ReduceLROnPlateau(o)]), ValueError),
    ],
)
def test_refusals(make, error):
    with pytest.raises(error):
        make(two_groups())


# ---- against the oracle ----

COURSES = {
    "lambda": lambda s, o, e: s.LambdaLR(o, lambda epoch: 0.9**epoch, last_epoch=e),
    "multiplicative": lambda s, o, e: s.MultiplicativeLR(o, lambda epoch: 0.9, last_epoch=e),
    "step": lambda s, o, e: s.StepLR(o, 3, 0.37, last_epoch=e),
    "multistep": lambda s, o, e: s.MultiStepLR(o, [2, 4, 4, 9], 0.3, last_epoch=e),
    "constant": lambda s, o, e: s.ConstantLR(o, 0.7, 3, last_epoch=e),
    "linear": lambda s, o, e: s.LinearLR(o, 0.5, 0.1, 7, last_epoch=e),
    "exponential": lambda s, o, e: s.ExponentialLR(o, 0.9, last_epoch=e),
    "polynomial": lambda s, o, e: s.PolynomialLR(o, 9, 2.0, last_epoch=e),
    "polynomial root": lambda s, o, e: s.PolynomialLR(o, 9, 0.7, last_epoch=e),
    "cosine": lambda s, o, e: s.CosineAnnealingLR(o, 7, 0.01, last_epoch=e),
    "restarts": lambda s, o, e: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01, last_epoch=e),
    "equal restarts": lambda s, o, e: s.CosineAnnealingWarmRestarts(o, 3, last_epoch=e),
    "triangular": lambda s, o, e: s.CyclicLR(o, 0.01, 0.1, 3, last_epoch=e),
    "triangular2": lambda s, o, e: s.CyclicLR(o, 0.01, 0.1, 3, 5, "triangular2", last_epoch=e),
    "exp_range": lambda s, o, e: s.CyclicLR(
        o, [0.01, 0.02], [0.1, 0.3], 3, None, "exp_range", 0.93, base_momentum=[0.7, 0.6], last_epoch=e
    ),
    "scaled": lambda s, o, e: s.CyclicLR(
        o, 0.01, 0.1, 4, scale_fn=lambda x: 0.5**x, scale_mode="iterations", cycle_momentum=False, last_epoch=e
    ),
    "one cycle": lambda s, o, e: s.OneCycleLR(o, 0.5, 30, last_epoch=e),
    "linear cycle": lambda s, o, e: s.OneCycleLR(
        o, [0.5, 0.3], epochs=5, steps_per_epoch=6, anneal_strategy="linear", pct_start=0.2, last_epoch=e
    ),
    "three phases": lambda s, o, e: s.OneCycleLR(o, 0.5, 31, three_phase=True, base_momentum=[0.8, 0.7], last_epoch=e),
}
ONLY_FRESH = {
    "sequence": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 5)], [3, 8]
    ),
    "warm up": lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 4), s.CosineAnnealingWarmRestarts(o, 3, 2)], [4]),
    "chain": lambda s, o: s.ChainedScheduler([s.LinearLR(o, 0.1, 1.0, 5), s.StepLR(o, 4, 0.3), s.CosineAnnealingLR(o, 12)]),
    "sequence of sequence": lambda s, o: s.SequentialLR(
        o, [s.SequentialLR(o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)], [2]), s.PolynomialLR(o, 7)], [5]
    ),
    "sequence of chain": lambda s, o: s.SequentialLR(
        o, [s.ChainedScheduler([s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)]), s.PolynomialLR(o, 7)], [5]
    ),
    "chain of sequence": lambda s, o: s.ChainedScheduler(
        [s.SequentialLR(o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)], [2]), s.ExponentialLR(o, 0.8)]
    ),
}


def observed(optimizer, scheduler):
    """All that a program can see: options of the groups, last rates, saved state."""

    def without_functions(state):
        return {
            key: [without_functions(each) for each in value] if key == "_schedulers" else value
            for key, value in state.items()
            if not callable(value)
        }

    options = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    return plain((options, scheduler.get_last_lr(), without_functions(scheduler.state_dict())))


def oracle_and_ours():
    torch = pytest.importorskip("torch")
    import torch.optim.lr_scheduler as theirs

    return [(torch, torch.optim, theirs), (ft, optim, lr_scheduler)]


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("way", ["plain", "Adam", "tensor", "resumed", "jumping"])
@pytest.mark.parametrize("name", COURSES)
def test_course_is_that_of_the_oracle(name, way):
    """Bit for bit, with the state at each step."""
    resumed = {"initial_lr": 0.1, "max_lr": 0.5, "min_lr": 1e-3, "max_momentum": 0.95, "base_momentum": 0.8}
    seen = []
    for library, module, schedulers in oracle_and_ours():
        optimizer = two_groups(
            library, module, "Adam" if way == "Adam" else "SGD", way == "tensor", **(resumed if way == "resumed" else {})
        )
        scheduler = COURSES[name](schedulers, optimizer, 4 if way == "resumed" else -1)
        steps = [observed(optimizer, scheduler)]
        for step in range(20):
            optimizer.step()
            scheduler.step(*([step + 2] if way == "jumping" and step % 4 == 1 else []))
            steps.append(observed(optimizer, scheduler))
        seen.append(steps)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.parametrize("name", ONLY_FRESH)
def test_combined_course_is_that_of_the_oracle_across_a_reload(name, tensor):
    seen = []
    for library, module, schedulers in oracle_and_ours():
        optimizer = two_groups(library, module, tensor=tensor)
        steps = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scheduler = ONLY_FRESH[name](schedulers, optimizer)
            for step in range(18):
                if step == 14:
                    state = copy.deepcopy(scheduler.state_dict())
                    scheduler = ONLY_FRESH[name](schedulers, optimizer)
                    scheduler.load_state_dict(state)
                optimizer.step()
                scheduler.step()
                steps.append(observed(optimizer, scheduler))
        seen.append((steps, [warning.category for warning in caught]))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("seed", range(40))
def test_plateau_is_that_of_the_oracle(seed):
    draw = random.Random(seed)
    options = {
        "mode": draw.choice(["min", "max"]),
        "factor": draw.choice([0.1, 0.5]),
        "patience": draw.choice([0, 1, 3]),
        "threshold": draw.choice([1e-4, 0.1]),
        "threshold_mode": draw.choice(["rel", "abs"]),
        "cooldown": draw.choice([0, 2]),
        "min_lr": draw.choice([0, 0.02, [0.01, 0.05]]),
        "eps": draw.choice([1e-8, 0.01]),
    }
    values = [draw.choice([draw.random(), round(draw.random(), 1)]) for _ in range(30)]
    seen = []
    for library, module, schedulers in oracle_and_ours():
        optimizer = two_groups(library, module)
        scheduler = schedulers.ReduceLROnPlateau(optimizer, **options)
        steps = []
        for value in values:
            scheduler.step(value)
            steps.append(observed(optimizer, scheduler))
        seen.append(steps)
    assert seen[0] == seen[1]
