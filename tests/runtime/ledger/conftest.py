"""Small runs to record."""

import pytest

import frankentorch as ft
from frankentorch import nn
from frankentorch.runtime import record


def small_training(steps=3, seed=0, optimizer="SGD", change=None, **options):
    """Two linear layers with dropout; `change(step, model, x, updater)` gives the input of a step and may disturb it."""
    ft.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.25), nn.Linear(8, 3))
    updater = getattr(ft.optim, optimizer)(model.parameters(), lr=0.05, **options)
    inputs = ft.randn(steps, 5, 6)

    def run():
        for step in range(steps):
            x = inputs[step]
            if change is not None:
                x = change(step, model, x, updater)
            updater.zero_grad()
            nn.functional.mse_loss(model(x), ft.zeros(5, 3)).backward()
            updater.step()
    return run


@pytest.fixture
def ledger_of(tmp_path):
    """`ledger_of(name, level, **options of small_training)`: path of the ledger of a run."""

    def make(name="run", level="node", **options):
        run = small_training(**options)
        path = tmp_path / f"{name}.ledger"
        with record(path, level=level):
            run()
        return path
    return make
