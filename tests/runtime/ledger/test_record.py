"""What is recorded does not depend on circumstances; a ledger that cannot be written stops the run."""

import errno
import os
import subprocess
import sys
import threading

import pytest

import frankentorch as ft
from frankentorch import nn
from frankentorch._ext import evidence
from frankentorch.runtime import LedgerError, record, verify
from frankentorch.runtime.ledger.file import read
from tests.runtime.ledger.conftest import small_training

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def test_digests_are_of_canonical_bytes():
    x = ft.arange(24.0).reshape(4, 6)
    same = [x, x.t().contiguous().t(), ft.zeros(4, 12)[:, ::2].copy_(x), ft.cat([ft.zeros(2, 6), x])[2:]]

    assert len({evidence.digest(t) for t in same}) == 1
    assert evidence.digest(x) != evidence.digest(x.reshape(6, 4))
    assert evidence.digest(x) != evidence.digest(x.double())
    assert evidence.digest(ft.zeros(3)) != evidence.digest(-ft.zeros(3))


@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16, ft.float32, ft.float64])
def test_all_nans_count_as_one(dtype):
    whole = {ft.float16: ft.int16, ft.bfloat16: ft.int16, ft.float32: ft.int32, ft.float64: ft.int64}[dtype]
    for size in (3, 2000):
        a, b = ft.ones(size, dtype=dtype), ft.ones(size, dtype=dtype)
        a[size - 1] = b[size - 1] = float("nan")
        b.view(whole)[size - 1] |= 1
        infinite = a.clone()
        infinite[size - 1] = float("inf")

        assert a.view(whole)[size - 1].item() != b.view(whole)[size - 1].item()
        assert evidence.digest(a) == evidence.digest(b) != evidence.digest(infinite)


def test_one_ulp_anywhere_changes_the_digest():
    x = ft.rand(5000)
    before = evidence.digest(x)
    for place in (0, 1, 31, 255, 256, 1023, 2500, 4863, 4999):
        y = x.clone()
        y.view(ft.int32)[place] += 1

        assert evidence.digest(y) != before


@pytest.mark.parametrize("level", ["step", "node", "full"])
def test_the_same_run_gives_the_same_bytes(tmp_path, level):
    program = ("import sys; from tests.runtime.ledger.conftest import small_training; from frankentorch.runtime import record; "
               "run = small_training(optimizer='AdamW')\nwith record(sys.argv[1], level=sys.argv[2]): run()")
    found = set()
    for number, words in enumerate(({}, {"FRANKENTORCH_NUM_THREADS": "1"}, {"FRANKENTORCH_NUM_THREADS": "3", "FRANKENTORCH_CPU": "baseline"})):
        path = tmp_path / str(number)
        subprocess.run([sys.executable, "-c", program, str(path), level], cwd=ROOT, env={**os.environ, **words}, check=True)
        found.add(path.read_bytes())

    assert len(found) == 1


@pytest.mark.parametrize("level", ["node", "full"])
def test_other_threads_do_not_show(ledger_of, level):
    """Nodes that another thread makes in between change no number."""
    def beside(step, model, x, updater):
        def work():
            for _ in range(step + 1):
                (ft.ones(3, requires_grad=True) * 2).sum().backward()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return x

    alone, accompanied = ledger_of("alone", level), ledger_of("accompanied", level, change=beside)
    assert alone.read_bytes() == accompanied.read_bytes()


def test_levels_hold_what_they_promise(ledger_of):
    kinds = {level: [entry.kind for entry in read(ledger_of(level, level))] for level in ("step", "node", "full")}

    assert kinds["step"] == ["ledger", "step", "step", "step", "final", "end"]
    for level in ("node", "full"):
        assert {"tensor", "op", "walk", "node", "leaf", "walked", "step", "stepped", "final", "end"} <= set(kinds[level])
        assert kinds[level].count("walk") == kinds[level].count("step") == 3
        assert kinds[level].count("leaf") == 12


def test_names_of_parameters_come_from_modules(ledger_of):
    names = {entry.fields[4] for entry in read(ledger_of()) if entry.kind == "tensor"}

    assert {"0.weight", "0.bias", "3.weight", "3.bias"} <= names


def test_the_order_of_contributions_is_recorded(tmp_path):
    x = ft.ones(3, requires_grad=True)
    with record(tmp_path / "a", level="node"):
        y = x * 2
        (y * 3 + y * 5 + y).sum().backward()
    lines = [line for entry in read(tmp_path / "a") if entry.kind == "node" for line in entry.fields[3] if line]
    orders = [line[3] for line in lines if isinstance(line[0], int)]

    assert ft.equal(x.grad, ft.full((3,), 18.0))
    assert sorted(orders)[-1] == 2
    assert sum(line[4] is not None for line in lines) == 2


def test_recording_changes_no_result(tmp_path):
    results = []
    for level in (None, "step", "node", "full"):
        ft.manual_seed(3)
        model = nn.Linear(4, 4)
        updater = ft.optim.Adam(model.parameters())

        def run():
            for _ in range(3):
                updater.zero_grad()
                nn.functional.dropout(model(ft.ones(2, 4)).tanh(), 0.5).pow(2).sum().backward()
                updater.step()
        if level is None:
            run()
        else:
            with record(tmp_path / level, level=level):
                run()
        results.append([p.tolist() for p in model.parameters()])

    assert all(result == results[0] for result in results)


def test_an_unwritable_path_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(LedgerError, match="No such file") as caught, record(tmp_path / "no" / "such", level="step"):
        pytest.fail("the body must not run")

    assert caught.value.rule == "write"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("level", ["step", "node", "full"])
def test_a_full_disk_stops_the_run_before_the_step(level):
    with pytest.raises(LedgerError, match="No space") as caught, record("/dev/full", level=level):
        pytest.fail("the first bytes cannot be written")

    assert caught.value.details["errno"] == errno.ENOSPC


def test_a_disk_that_fills_up_loses_no_step(tmp_path, monkeypatch):
    from frankentorch.runtime.ledger import file

    model = nn.Linear(2, 2)
    updater = ft.optim.SGD(model.parameters(), lr=0.1)
    left = [3000]

    def write(descriptor, data):
        if len(data) > left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= len(data)
        return os.write(descriptor, data)
    monkeypatch.setattr(file, "os", type("os", (), {**{name: getattr(os, name) for name in dir(os)}, "write": staticmethod(write)}))
    done, before = 0, None
    with pytest.raises(LedgerError, match="No space"), record(tmp_path / "a", level="node"):
        for _ in range(1000):
            updater.zero_grad()
            model(ft.ones(1, 2)).sum().backward()
            before = [p.tolist() for p in model.parameters()]
            updater.step()
            done += 1

    assert 0 < done < 1000
    assert [p.tolist() for p in model.parameters()] == before


class Doubled(ft.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_a_python_function_is_named_at_level_node_and_refused_at_full(tmp_path):
    x = ft.ones(2, requires_grad=True)
    with record(tmp_path / "node", level="node"):
        Doubled.apply(x).sum().backward()
    with pytest.raises(LedgerError, match="no canonical encoding") as caught, record(tmp_path / "full", level="full"):
        Doubled.apply(x).sum().backward()

    assert "DoubledBackward" in [entry.fields[1] for entry in read(tmp_path / "node") if entry.kind == "node"]
    assert caught.value.rule == "encoding"


def test_a_history_from_before_is_refused_at_level_full(tmp_path):
    y = ft.ones(2, requires_grad=True) * 2
    with pytest.raises(LedgerError, match="did not see"), record(tmp_path / "full", level="full"):
        y.sum()


def test_machine_ops_are_refused_when_only_portable_ones_are_wanted(tmp_path):
    from frankentorch import ops

    with record(tmp_path / "any", level="node"):
        ops.linalg_qr(ft.eye(3))
    with pytest.raises(LedgerError, match="portable") as caught, record(tmp_path / "portable", level="node", portable_only=True):
        ops.linalg_qr(ft.eye(3))

    assert caught.value.details["op"] == "linalg_qr"
    assert verify(tmp_path / "any").machine == ["linalg_qr"]


def test_two_ledgers_at_once_are_refused(tmp_path):
    with record(tmp_path / "a"), pytest.raises(LedgerError, match="already"), record(tmp_path / "b"):
        pass


def test_a_level_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ValueError, match="level"):
        record(tmp_path / "a", level="everything")


def test_off_means_off(tmp_path):
    from frankentorch._ext.tensor import get_special_bits

    with record(tmp_path / "a", level="node"):
        inside = get_special_bits()
    run = small_training()
    run()

    assert inside & 2
    assert not get_special_bits() & 2


def test_a_forked_child_does_not_write(tmp_path):
    with record(tmp_path / "a", level="node"):
        ft.ones(3).sum()
        child = os.fork()
        if child == 0:
            ft.ones(3).sum()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        ft.zeros(3).sum()

    assert verify(tmp_path / "a").ok


@pytest.mark.parametrize("level", ["step", "node", "full"])
def test_gradients_that_are_views_of_one_buffer_are_told(tmp_path, level):
    """Gradients kept in one flat buffer, that an op reads before the step does."""
    path = tmp_path / "ledger"
    weight = ft.ones(2, 3, requires_grad=True)
    optimizer = ft.optim.SGD([weight], lr=0.5)
    with record(path, level=level):
        flat = ft.arange(8.0)
        weight.grad = flat[1:7].view(2, 3)
        flat.sum()
        optimizer.step()

    assert weight.tolist() == [[0.5, 0.0, -0.5], [-1.0, -1.5, -2.0]]
    step = next(found for found in read(path) if found.kind == "step")
    told = step.fields[5][0]
    assert evidence.digest(weight.grad) == (told[2] if level == "step" else told[3][1])


def test_a_gradient_written_in_place_has_a_new_digest(tmp_path):
    """A Function that changes the gradient it is given and hands it on, itself or as a view."""
    class Twice(ft.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad.mul_(2).view(-1)

    x = ft.ones(4, requires_grad=True)
    path = tmp_path / "ledger"
    with record(path, level="node"):
        (Twice.apply(x * 5) * 3).sum().backward()

    assert x.grad.tolist() == [30.0] * 4
    node = next(found for found in read(path) if found.kind == "node" and "Twice" in found.fields[1])
    before, after = (evidence.digest(ft.full((4,), value)) for value in (3.0, 6.0))
    assert node.fields[2] == [before] and node.fields[3][0][2] == after
