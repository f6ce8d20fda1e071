"""Where two runs part, and by what: each of the causes planted and found."""

import frankentorch as ft
import pytest
from frankentorch._ext import dispatch
from frankentorch.runtime import LedgerError, diff
from tests.runtime.ledger.test_replay import rewritten


def unseen(call):
    """Do something that the recorder does not hear of, as an alias from elsewhere would."""
    dispatch.hush(1)
    try:
        with ft.no_grad():
            call()
    finally:
        dispatch.hush(-1)


def nudge(tensor, at=0):
    """Move one element by one unit of the last place."""
    unseen(lambda: tensor.view(-1).view(ft.int32)[at].add_(1))


def weights(step, model, x, updater):
    if step == 2:
        nudge(model[3].weight, 5)
    return x


def copied(x):
    """A copy whose making the recorder does not hear of: data from elsewhere."""
    made = []
    unseen(lambda: made.append(x.detach().clone()))
    return made[0]


def same(step, model, x, updater):
    return copied(x) if step == 1 else x


def inputs(step, model, x, updater):
    if step == 1:
        x = copied(x)
        nudge(x, 7)
    return x


def generator(step, model, x, updater):
    if step == 1:
        ft.default_generator.manual_seed(77)
    return x


def program(step, model, x, updater):
    return x.abs() if step == 1 else x


def options(step, model, x, updater):
    if step == 2:
        updater.param_groups[0]["lr"] = 0.06
    return x


@pytest.mark.parametrize("level", ["step", "node", "full"])
def test_equal_runs_have_no_difference(ledger_of, level):
    assert diff(ledger_of("a", level), ledger_of("b", level)) is None


@pytest.mark.parametrize("level", ["node", "full"])
@pytest.mark.parametrize("change, cause, step, word", [
    (weights, "weights", 2, "3.weight"), (generator, "generator", 1, "generator"), (program, "program", 1, "op"), (options, "program", 2, "lr")])
def test_the_cause_is_named(ledger_of, level, change, cause, step, word):
    found = diff(ledger_of("a", level), ledger_of("b", level, change=change))

    assert (found.cause, found.step) == (cause, step)
    assert word in str(found) and f"step {step}" in str(found)


@pytest.mark.parametrize("level", ["node", "full"])
def test_changed_input_is_named_with_the_op_that_takes_it(ledger_of, level):
    found = diff(ledger_of("a", level, change=same), ledger_of("b", level, change=inputs))

    assert (found.cause, found.step, found.shapes) == ("inputs", 1, [5, 6])
    assert found.op in ("linear", "addmm")
    assert found.node is not None
    if level == "full":
        assert (found.elements["index"], found.elements["ulp"], found.elements["count"]) == ([1, 1], 1, 1)
        assert "1 ulp" in str(found)


def forged(path, target, kind, op):
    """The ledger with another digest in the first such record of step 1, as a wrong kernel would have left it."""
    state = {"step": 0, "done": None}

    def change(entry):
        attached = list(zip(entry.notes, entry.data, strict=True))
        state["step"] += entry.kind == "step"
        if state["step"] == 1 and state["done"] is None and entry.kind == kind and entry.fields[1] == op:
            line = entry.fields[6][0] if kind == "op" else entry.fields[3][0]
            place = 3 if kind == "op" else 2
            for number, (note, data) in enumerate(attached):
                if note[0] == line[place]:
                    attached[number] = (["f" * 32, *note[1:]], bytes([data[0] ^ 2]) + data[1:])
            line[place] = "f" * 32
            state["done"] = entry.number
        return entry.fields, attached
    rewritten(path, target, change)
    return state["done"]


@pytest.mark.parametrize("kind, op", [("op", "tanh"), ("node", "TanhBackward0")])
@pytest.mark.parametrize("level", ["node", "full"])
def test_an_operator_that_gives_something_else_is_named(ledger_of, tmp_path, level, kind, op):
    path = ledger_of(level=level)
    number = forged(path, tmp_path / "forged", kind, op)
    found = diff(path, tmp_path / "forged")

    assert (found.cause, found.step, found.op, found.records) == ("operator", 1, op, [number, number])
    assert found.node is not None and found.shapes in ([5, 8], [[5, 8]])
    if level == "full":
        assert found.elements["ulp"] == 2 and found.elements["count"] == 1


def test_an_unseen_write_is_told_with_its_distance(ledger_of):
    def change(step, model, x, updater):
        model[1].forward = lambda value: written(value.tanh()) if step == 1 else value.tanh()
        return x

    def written(out):
        out.detach().numpy().reshape(-1).view("int32")[3] += 1
        return out
    found = diff(ledger_of("a", "full"), ledger_of("b", "full", change=change))

    assert (found.kind, found.step) == ("changed", 1)
    assert (found.elements["index"], found.elements["ulp"], found.elements["count"]) == ([0, 3], 1, 1)


@pytest.mark.parametrize("change, cause, step", [(weights, "operator", 3), (options, "program", 2), (generator, "generator", 1)])
def test_step_ledgers_are_compared_too(ledger_of, change, cause, step):
    found = diff(ledger_of("a", "step", steps=5), ledger_of("b", "step", steps=5, change=change))

    assert found.step in (step, step - 1) and (found.cause == cause or change is weights)
    assert found.name or found.cause in ("program", "generator")


def test_levels_may_differ(ledger_of):
    assert diff(ledger_of("a", "step"), ledger_of("b", "full")) is None
    assert diff(ledger_of("c", "node"), ledger_of("d", "step", seed=1)).cause == "weights"


def test_a_shorter_run_is_named(ledger_of):
    found = diff(ledger_of("a", "step", steps=3), ledger_of("b", "step", steps=4))

    assert found is not None


def test_a_damaged_ledger_is_no_difference(ledger_of):
    a, b = ledger_of("a"), ledger_of("b")
    b.write_bytes(b.read_bytes()[:-1])
    with pytest.raises(LedgerError):
        diff(a, b)
