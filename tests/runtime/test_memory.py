"""The allocator's counters, as users see them; a training that goes on takes no more memory."""
import gc

import pytest

import frankentorch as ft
from frankentorch import runtime

counted = pytest.mark.skipif(not (lambda before: ft.ones(100) is not None and runtime.memory_stats()["allocations"] > before)(runtime.memory_stats()["allocations"]),
                             reason="no cache under AddressSanitizer")


@counted
def test_counters_follow_a_tensor():
    """4 MB of floats: in use while the tensor lives, in the cache afterwards, given back when asked."""
    runtime.empty_cache()
    before = runtime.memory_stats()
    runtime.reset_peak_memory_stats()
    tensor = ft.ones(1_000_000)
    during = runtime.memory_stats()
    del tensor
    after = runtime.memory_stats()

    assert 4_000_000 <= during["allocated_bytes"] - before["allocated_bytes"] < 5_000_000
    assert during["peak_bytes"] >= during["allocated_bytes"] and after["peak_bytes"] == during["peak_bytes"]
    assert after["allocated_bytes"] == before["allocated_bytes"]
    assert after["cached_bytes"] - during["cached_bytes"] >= 4_000_000
    assert runtime.empty_cache() >= 4_000_000 and 0 == runtime.memory_stats()["cached_bytes"]


def training(model, batch, optimizer):
    updater = optimizer(model.parameters())
    target = ft.zeros(len(batch), dtype=ft.int64)

    def step():
        updater.zero_grad()
        ft.nn.functional.cross_entropy(model(batch), target).backward()
        updater.step()
    return step


MODELS = {
    "MLP, Adam": lambda: training(ft.nn.Sequential(ft.nn.Linear(8, 16), ft.nn.ReLU(), ft.nn.Dropout(0.1), ft.nn.Linear(16, 4)), ft.rand(4, 8), ft.optim.Adam),
    "convolution, SGD": lambda: training(ft.nn.Sequential(ft.nn.Conv2d(1, 3, 3), ft.nn.BatchNorm2d(3), ft.nn.MaxPool2d(2), ft.nn.Flatten(), ft.nn.Linear(27, 4)), ft.rand(2, 1, 8, 8),
                                         lambda parameters: ft.optim.SGD(parameters, lr=0.1, momentum=0.9)),
}


@counted
@pytest.mark.parametrize("name", MODELS)
def test_steps_leave_nothing_behind(name):
    """After the first steps have made gradients and moments, thousands more leave as many bytes in use, and need no memory from the system."""
    step = MODELS[name]()
    for _ in range(20):
        step()
    gc.collect()            # cycles that other tests left would be counted as given back
    before = runtime.memory_stats()
    for _ in range(2000):
        step()
    after = runtime.memory_stats()

    assert before["allocated_bytes"] == after["allocated_bytes"] and before["peak_bytes"] == after["peak_bytes"]
    assert before["system_allocations"] == after["system_allocations"]
    assert before["allocations"] < after["allocations"]
