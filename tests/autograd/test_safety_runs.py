"""What strains the engine: depth, size, threads, signals, processes. Nothing here is timed; limits are counted."""
import _thread
import gc
import os
import signal
import threading
import time
import warnings
import weakref

import pytest

from tests.autograd.misuse import misuse
from tests.processes import run_python

GROUP = "Depth, size, threads, signals, processes"


def nested(ft, depth):
    """A Function whose backward runs itself and walks that, `depth` times."""
    class Nested(ft.autograd.Function):
        @staticmethod
        def forward(ctx, x, left):
            ctx.left = left
            with ft.enable_grad():
                ctx.x = x.detach().requires_grad_()
            return x * 1

        @staticmethod
        def backward(ctx, g):
            if ctx.left == 0:
                return g, None
            with ft.enable_grad():
                Nested.apply(ctx.x, ctx.left - 1).sum().backward()
            return ctx.x.grad + 1, None
    x = ft.zeros(1, requires_grad=True)
    Nested.apply(x, depth).sum().backward()
    return x.grad.item()


@misuse(GROUP, "Backward inside backward, 5,000 deep", "Done; every 40 levels go on in a fresh thread")
def test_reentrant_backward(ft, mode):
    assert 5001.0 == nested(ft, 5000)


@misuse(GROUP, "Backward inside backward while a ledger is written", "Told like any other")
def test_reentrant_backward_is_recorded(ft, mode, tmp_path, subject_name):
    if subject_name == "torch":
        pytest.skip("the oracle has no ledger")
    with ft.runtime.record(tmp_path / "deep.ftl", level="node"):
        nested(ft, 100)

    assert ft.runtime.verify(tmp_path / "deep.ftl").ok


def in_threads(count, work):
    """Run `work(i)` in as many threads at once; the first exception comes out."""
    failures = []
    barrier = threading.Barrier(count)

    def run(i):
        barrier.wait()
        try:
            work(i)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@misuse(GROUP, "Backward of eight graphs into the same leaf, from eight threads", "No contribution is lost")
def test_threads_into_one_leaf(ft, mode):
    leaf = ft.zeros(50_000, requires_grad=True)

    def work(i):
        for _ in range(10):
            (leaf * (i + 1)).sum().backward()
    in_threads(8, work)

    assert ft.full((50_000,), 360.0).equal(leaf.grad)


@misuse(GROUP, "Backward of one graph, kept, from eight threads", "Every walk gives its whole gradient")
def test_threads_over_one_graph(ft, mode):
    leaf = ft.ones(10_000, requires_grad=True)
    loss = (leaf * leaf * 3).sum()
    in_threads(8, lambda i: [loss.backward(retain_graph=True) for _ in range(5)])

    assert ft.full((10_000,), 240.0).equal(leaf.grad)


@misuse(GROUP, "Backward of one graph, not kept, from eight threads", "One walk succeeds; the others get RuntimeError: second time, or find all done")
def test_threads_over_a_graph_that_is_freed(ft, mode):
    for _ in range(5):
        leaf = ft.ones(100, requires_grad=True)
        loss = (leaf.exp() * leaf).sum()
        errors = []

        def work(i):
            try:
                loss.backward()
            except RuntimeError as error:
                errors.append(str(error))
        in_threads(8, work)

        assert all("second time" in text for text in errors)


@misuse(GROUP, "Hooks, switches and saved-tensor hooks of one thread", "Unseen by the others")
def test_switches_belong_to_their_thread(ft, mode):
    entered, done = threading.Event(), threading.Event()
    seen = []

    def other():
        with ft.no_grad(), ft.autograd.graph.saved_tensors_hooks(lambda value: seen.append(1) or value, lambda value: value):
            entered.set()
            done.wait()
    thread = threading.Thread(target=other)
    thread.start()
    entered.wait()
    x = ft.ones(2, requires_grad=True)
    (x * x).sum().backward()
    done.set()
    thread.join()

    assert [2.0, 2.0] == x.grad.tolist() and [] == seen


MILLION = """
import resource
import frankentorch as ft
ft.runtime.set_mode(MODE)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
x = ft.ones(1, requires_grad=True)
y = x
for _ in range(1_000_000):
    y = y * 1.0
y.backward()
assert x.grad is not None
del y
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@misuse(GROUP, "A graph of 1,000,000 nodes built, walked and freed", "At most 400 MB, no recursion")
def test_a_million_nodes(ft, mode, subject_name):
    if subject_name == "torch":
        pytest.skip("measures a new process of ours")
    done = run_python(MILLION.replace("MODE", repr(mode)), timeout=600)

    assert 0 == done.returncode, done.stderr
    assert float(done.stdout) <= 400


@misuse(GROUP, "`create_graph=True` into `.grad`: leaf and graph hold each other", "The cycle is found by `gc.collect()`")
def test_cycles_of_create_graph(ft, mode, subject_name):
    if subject_name == "torch":
        pytest.skip("the oracle keeps such cycles")
    gone = []
    for _ in range(3):
        x = ft.ones(1000, requires_grad=True)
        y = (x ** 3).sum()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")                  # the oracle warns of the cycle
            y.backward(create_graph=True)
        x.grad.sum().backward()
        gone += [weakref.ref(x), weakref.ref(y)]
        del x, y
    gc.collect()

    assert [None] * 6 == [ref() for ref in gone]


def chain_with_interrupt(ft, length, at):
    """Nodes that count themselves; the one in the middle is hit by Ctrl-C."""
    ran = []

    def hook(given, got):
        ran.append(1)
        if len(ran) == at:
            os.kill(os.getpid(), signal.SIGINT)
    x = ft.ones(2, requires_grad=True)
    y = x
    for _ in range(length):
        y = y * 2
        y.grad_fn.register_hook(hook)
    return x, y.sum(), ran


@pytest.fixture
def interrupts():
    """Ctrl-C raises KeyboardInterrupt, whatever the runner made of it."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals go to the main thread")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@misuse(GROUP, "Ctrl-C during a walk", "KeyboardInterrupt before the next node; every `.grad` is as it was. Once leaves are being filled, the walk is finished first")
def test_interrupt(ft, mode, interrupts):
    x, loss, ran = chain_with_interrupt(ft, 300, 100)
    x.grad = ft.full((2,), 5.0)
    with pytest.raises(KeyboardInterrupt):
        loss.backward()

    assert len(ran) <= 101
    assert [5.0, 5.0] == x.grad.tolist()


@misuse(GROUP, "Ctrl-C during a walk deep inside others", "KeyboardInterrupt comes out of all of them; every `.grad` is as it was")
def test_interrupt_far_inside(ft, mode, interrupts, subject_name):
    if subject_name == "torch":
        pytest.skip("the oracle finishes inner walks of other threads")
    outer, running = ft.ones(1, requires_grad=True), _thread._count()

    class Deep(ft.autograd.Function):
        @staticmethod
        def forward(ctx, x, left):
            ctx.left = left
            return x * 1

        @staticmethod
        def backward(ctx, g):
            with ft.enable_grad():
                inner = ft.ones(1, requires_grad=True)
                if ctx.left:
                    Deep.apply(inner, ctx.left - 1).sum().backward()
                else:
                    os.kill(os.getpid(), signal.SIGINT)
                    y = inner
                    while True:                         # ends by the interrupt only
                        (y * 2).sum().backward()
            return g, None
    with pytest.raises(KeyboardInterrupt):
        Deep.apply(outer, 100).sum().backward()

    assert outer.grad is None
    (outer * 3).sum().backward()
    assert 3.0 == outer.grad.item()
    for _ in range(500):                                # no walk goes on in a thread of its own
        if _thread._count() == running:
            break
        time.sleep(0.01)
    assert running == _thread._count()


FORKED = """
import os
import frankentorch as ft
ft.runtime.set_mode(MODE)
ft.set_num_threads(4)
leaf = ft.arange(200_000.0).requires_grad_()
def walk():
    leaf.grad = None
    loss = (leaf * leaf.sin()).sum()
    loss.backward()
    return leaf.grad.clone()
before = walk()
kept = (leaf * leaf).sum()
child = os.fork()
if child == 0:
    same = walk().equal(before)
    leaf.grad = None
    kept.backward()
    os._exit(0 if same and leaf.grad.equal(2 * leaf.detach()) else 1)
status = os.waitpid(child, 0)[1]
assert status == 0, status
assert walk().equal(before)
leaf.grad = None
kept.backward()
assert leaf.grad.equal(2 * leaf.detach())
print("same")
"""


@misuse(GROUP, "Fork after backward, with threads at work before", "The child walks new graphs and those it inherited, with the same bits; the parent too")
def test_fork_after_backward(ft, mode, subject_name):
    if subject_name == "torch":
        pytest.skip("runs a new process of ours")
    done = run_python(FORKED.replace("MODE", repr(mode)))

    assert "same" == done.stdout.strip(), done.stderr


FORKED_DURING = """
import os, threading
import frankentorch as ft
ft.runtime.set_mode(MODE)
leaf = ft.zeros(300_000, requires_grad=True)
stop = threading.Event()
def work():
    while not stop.is_set():
        (leaf * 2).sum().backward()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
codes = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        leaf.grad = None
        (leaf * 3).sum().backward()
        os._exit(0 if leaf.grad.eq(3).all().item() else 1)
    codes.append(os.waitpid(child, 0)[1])
stop.set()
for thread in threads:
    thread.join()
print(set(codes))
"""


@misuse(GROUP, "Fork while other threads walk", "The child has no lock held by a thread it does not have")
def test_fork_during_backward(ft, mode, subject_name):
    if subject_name == "torch":
        pytest.skip("runs a new process of ours")
    done = run_python(FORKED_DURING.replace("MODE", repr(mode)))

    assert "{0}" == done.stdout.strip(), done.stderr


@misuse(GROUP, "The same walk a thousand times", "No memory is kept")
def test_no_leak(ft, mode, subject_name):
    if subject_name == "torch":
        pytest.skip("counts our allocator's bytes")
    from frankentorch._ext import alloc

    class Mine(ft.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    def work():
        x = ft.ones(100, requires_grad=True)
        y = x[:50].clone()
        y.mul_(x[50:])
        loss = Mine.apply(y).sum() + ft.utils.checkpoint.checkpoint(ft.sin, x, use_reentrant=False).sum()
        loss.register_hook(lambda g: g * 2)
        first, = ft.autograd.grad(loss, x, create_graph=True)
        first.sum().backward()
        try:
            (x.exp() * first).sum().backward()
        except RuntimeError:
            pass
    for _ in range(10):
        work()                                              # what is kept for good is kept now
    gc.collect()
    before = alloc.memory_stats()["allocated_bytes"]
    for _ in range(1000):
        work()
    gc.collect()

    assert alloc.memory_stats()["allocated_bytes"] - before < 1000       # one tensor kept by each walk would be 64,000
