"""A child forked after threaded work runs threaded kernels and backward, with the parent's bits, and ends."""
import os
import signal
import threading
import time

import pytest

import frankentorch as ft
from frankentorch._ext import threads

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
SECONDS = 60


@pytest.fixture(autouse=True)
def four_threads():
    before = ft.get_num_threads()
    ft.set_num_threads(4)
    yield
    ft.set_num_threads(before)


def kernels():
    """Bytes of results that several threads make: product, sum, elementwise, sort, convolution, pool, random numbers."""
    ft.manual_seed(0)
    a, image = ft.rand(300, 300), ft.rand(2, 3, 40, 40)
    found = [a @ a, a.exp().sum(), (a * 2 + 1).softmax(1), ft.rand(200_000).sort()[0], ft.nn.functional.max_pool2d(ft.nn.functional.conv2d(image, ft.rand(4, 3, 3, 3)), 2)]
    return b"".join(memoryview(tensor.contiguous().numpy()).tobytes() for tensor in found)


def backward():
    """Bytes of the gradients of a small network."""
    ft.manual_seed(1)
    model = ft.nn.Sequential(ft.nn.Conv2d(1, 8, 3), ft.nn.ReLU(), ft.nn.Flatten(), ft.nn.Linear(8 * 26 * 26, 32), ft.nn.LayerNorm(32), ft.nn.Linear(32, 4))
    ft.nn.functional.cross_entropy(model(ft.rand(16, 1, 28, 28)), ft.zeros(16, dtype=ft.int64)).backward()
    return b"".join(memoryview(parameter.grad.numpy()).tobytes() for parameter in model.parameters())


def both():
    return kernels() + backward()


def child_status(work):
    """Exit status of a forked child that runs `work`, 0 if it returns True; a child that hangs is killed and fails the test."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    limit = time.monotonic() + SECONDS
    while time.monotonic() < limit:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"the child hung for {SECONDS} s")


def test_child_runs_kernels_and_backward_with_threads():
    expected = both()
    assert threads.live_workers() == 3
    for _ in range(5):
        assert 0 == child_status(lambda: both() == expected and threads.live_workers() == 3)
    assert expected == both()


def test_backward_of_a_graph_made_before_the_fork():
    """The child walks what the parent recorded; the parent's gradients are its own."""
    ft.manual_seed(0)
    x = ft.rand(400, 400, requires_grad=True)
    loss = (x @ x).exp().mean()
    expected = ft.autograd.grad(loss, x, retain_graph=True)[0]

    def work():
        loss.backward()
        return bool((x.grad == expected).all())
    assert 0 == child_status(work)
    assert x.grad is None


def test_fork_while_another_thread_computes():
    expected, stop = both(), threading.Event()

    def compute():
        a = ft.rand(200, 200)
        while not stop.is_set():
            (a @ a).sum()
    other = threading.Thread(target=compute)
    other.start()
    try:
        for _ in range(5):
            assert 0 == child_status(lambda: both() == expected)
    finally:
        stop.set()
        other.join()


def test_child_of_a_child():
    expected = kernels()

    assert 0 == child_status(lambda: kernels() == expected and child_status(lambda: kernels() == expected) == 0)


def test_child_may_choose_its_own_number_of_threads():
    expected = both()

    def work():
        ft.set_num_threads(2)
        return both() == expected and threads.live_workers() == 1
    assert 0 == child_status(work)
    assert 4 == ft.get_num_threads()


def test_fork_pool():
    """multiprocessing's workers are forks too."""
    import multiprocessing

    expected = both()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert [expected] * 4 == pool.starmap_async(both, [()] * 4).get(SECONDS)


def test_fork_while_another_thread_draws():
    """The child draws from a generator that a thread of the parent was drawing from."""
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            ft.rand(100_000)
    other = threading.Thread(target=draw)
    other.start()
    try:
        for _ in range(10):
            assert 0 == child_status(lambda: ft.rand(10).shape == (10,))
    finally:
        stop.set()
        other.join()
