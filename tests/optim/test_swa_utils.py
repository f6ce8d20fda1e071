"""Averaged models, batch norm statistics and the averaging schedule."""

import pytest
from oracle_bridge import distance, plain

import frankentorch as ft
from frankentorch import nn, optim
from frankentorch.optim import swa_utils


def line(weight):
    model = nn.Linear(1, 1, bias=False)
    with ft.no_grad():
        model.weight.fill_(weight)
    return model


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [2.0, 3.0, 5.0]),
        ({"avg_fn": swa_utils.get_swa_avg_fn()}, [2.0, 3.0, 5.0]),
        ({"avg_fn": swa_utils.get_ema_avg_fn(0.5)}, [2.0, 3.0, 6.0]),
        ({"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.5)}, [2.0, 3.0, 6.0]),
    ],
)
def test_averages_of_two_four_and_nine(options, expected):
    averaged = swa_utils.AveragedModel(line(7.0), **options)
    seen = []
    for weight in [2.0, 4.0, 9.0]:
        averaged.update_parameters(line(weight))
        seen.append(averaged.module.weight.item())
    assert seen == pytest.approx(expected)
    assert averaged.n_averaged.item() == 3
    assert averaged(ft.ones(1, 1)).item() == pytest.approx(expected[-1])


def test_the_copy_is_independent_and_saved_with_its_count():
    model = line(2.0)
    averaged = swa_utils.AveragedModel(model)
    with ft.no_grad():
        model.weight.fill_(5.0)
    assert averaged.module.weight.item() == 2.0
    assert list(averaged.state_dict()) == ["n_averaged", "module.weight"]


@pytest.mark.parametrize("use_buffers", [False, True])
def test_buffers_are_copied_or_averaged(use_buffers):
    model = nn.BatchNorm1d(1)
    averaged = swa_utils.AveragedModel(model, use_buffers=use_buffers)
    for value in [1.0, 3.0]:
        model.running_mean.fill_(value)
        averaged.update_parameters(model)
    assert averaged.module.running_mean.item() == (2.0 if use_buffers else 3.0)


def test_batch_norm_statistics_are_the_mean_over_batches():
    model = nn.Sequential(nn.BatchNorm1d(1))
    model.eval()
    batches = [ft.tensor([[0.0], [2.0]]), (ft.tensor([[4.0], [6.0]]), "label")]
    swa_utils.update_bn(batches, model)

    assert model[0].running_mean.item() == 3.0
    assert model[0].running_var.item() == 2.0
    assert (model[0].momentum, model.training) == (0.1, False)


def test_refusals():
    optimizer = optim.SGD([ft.ones(1, requires_grad=True)], lr=0.1)
    for make, error in [
        (lambda: swa_utils.SWALR(optimizer, 0.05, 5, "x"), ValueError),
        (lambda: swa_utils.SWALR(optimizer, 0.05, -1), ValueError),
        (lambda: swa_utils.SWALR(optimizer, [0.05, 0.1]), ValueError),
        (lambda: swa_utils.get_ema_avg_fn(2), ValueError),
        (lambda: swa_utils.get_ema_multi_avg_fn(-1), ValueError),
        (lambda: swa_utils.AveragedModel(line(1.0), avg_fn=max, multi_avg_fn=max), AssertionError),
    ]:
        with pytest.raises(error):
            make()


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 5])
def test_schedule_is_that_of_the_oracle(strategy, epochs):
    torch = pytest.importorskip("torch")
    import torch.optim.swa_utils as theirs

    seen = []
    for library, module, utilities in [(torch, torch.optim, theirs), (ft, optim, swa_utils)]:
        optimizer = module.SGD([library.ones(1, requires_grad=True)], lr=0.1)
        scheduler = utilities.SWALR(optimizer, 0.05, epochs, strategy)
        steps = []
        for _ in range(9):
            optimizer.step()
            scheduler.step()
            steps.append(plain((scheduler.get_last_lr(), scheduler.state_dict())))
        seen.append(steps)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("kind", ["swa", "ema"])
@pytest.mark.parametrize("multi", [False, True])
def test_averages_are_close_to_the_oracle(kind, multi):
    torch = pytest.importorskip("torch")
    import torch.optim.swa_utils as theirs

    name = f"get_{kind}_multi_avg_fn" if multi else f"get_{kind}_avg_fn"
    seen = []
    for library, utilities in [(torch, theirs), (ft, swa_utils)]:
        average = library.tensor([0.1, -2.5, 1e6])
        for count, value in enumerate([[0.3, 7.7, 1.0], [1.1, -0.2, 3e-5]], 1):
            function, current = getattr(utilities, name)(), library.tensor(value)
            if multi:
                function([average], [current], library.tensor(count))
            else:
                average = function(average, current, library.tensor(count))
        seen.append(average.tolist())
    assert distance(*seen) <= 1e-7 * 1e6
