"""What a ledger of level full says can be done again elsewhere, with the same digests; a difference is named."""

import os
import subprocess
import sys
import textwrap

import pytest

import frankentorch as ft
from conformance.graphs import random_program
from frankentorch.runtime import LedgerError, record, replay
from frankentorch.runtime.ledger.file import Writer, read
from tests.runtime.ledger.conftest import small_training

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
GRAPHS = 100


def test_random_graphs_replay_equal_elsewhere(tmp_path):
    for seed in range(GRAPHS):
        run = random_program(seed)
        with record(tmp_path / f"{seed}", level="full"):
            run()
    program = textwrap.dedent(f"""
        from frankentorch.runtime import replay
        for seed in range({GRAPHS}):
            assert replay({str(tmp_path)!r} + f"/{{seed}}", in_process=True).ok
    """)
    for words in ({"FRANKENTORCH_NUM_THREADS": "3"}, {"FRANKENTORCH_NUM_THREADS": "1", "FRANKENTORCH_CPU": "baseline"}):
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **words}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("optimizer, options", [("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {"amsgrad": True}), ("RMSprop", {}), ("Adagrad", {})])
def test_a_training_replays_in_a_new_process(ledger_of, optimizer, options):
    report = replay(ledger_of(level="full", optimizer=optimizer, **options))

    assert report.ok
    assert report.steps == 3
    assert report.num_threads != ft.get_num_threads()


def test_a_closure_is_replayed_by_what_it_does(tmp_path):
    weight = ft.ones(3, requires_grad=True)
    updater = ft.optim.SGD([weight], lr=0.1)

    def closure():
        updater.zero_grad()
        loss = (weight * weight).sum()
        loss.backward()
        return loss
    with record(tmp_path / "a", level="full"):
        for _ in range(3):
            updater.step(closure)

    assert replay(tmp_path / "a", in_process=True).walks == 3


def test_unseen_writes_are_inputs_of_the_replay(tmp_path):
    x = ft.ones(3, requires_grad=True)
    with record(tmp_path / "a", level="full"):
        (x * 2).sum().backward()
        x.data.numpy()[1] = 5
        (x * x).sum().backward()
        x.grad = None
        (x * 3).sum().backward()

    assert replay(tmp_path / "a", in_process=True).ok
    assert "changed" in [entry.kind for entry in read(tmp_path / "a")]


def rewritten(path, target, change):
    """The ledger again with each record passed through ``change(record) -> (fields, attached)``."""
    writer = Writer(target)
    for entry in read(path):
        fields, attached = change(entry)
        writer.write(entry.kind, fields, attached)
    writer.close()


def test_a_difference_is_named_with_its_element_and_distance(ledger_of, tmp_path):
    path = ledger_of(level="full")
    place = next(entry for entry in read(path) if entry.kind == "op" and entry.fields[1] == "tanh")
    digest = place.fields[6][0][3]

    def change(entry):
        attached = list(zip(entry.notes, entry.data, strict=True))
        if entry.number == place.number:
            entry.fields[6][0][3] = "0" * 32
            data = bytearray(attached[0][1])
            data[4 * 11] ^= 1
            assert attached[0][0][0] == digest
            attached[0] = (["0" * 32, *attached[0][0][1:]], bytes(data))
        return entry.fields, attached
    rewritten(path, tmp_path / "changed", change)
    with pytest.raises(LedgerError) as caught:
        replay(tmp_path / "changed")
    fault = caught.value

    assert (fault.rule, fault.record, fault.details["op"]) == ("replay", place.number, "tanh")
    assert fault.details["shapes"] == [[5, 8]]
    assert fault.details["elements"]["index"] == [1, 3]
    assert fault.details["elements"]["ulp"] == 1
    assert "[1, 3]" in str(fault) and "1 ulp" in str(fault) and "node" in str(fault)


@pytest.mark.parametrize("level", ["step", "node"])
def test_levels_without_elements_are_replayed_by_their_program(ledger_of, level):
    path = ledger_of(level=level)
    with pytest.raises(LedgerError, match="digests only"):
        replay(path)

    assert replay(path, run=small_training()).ok
    with pytest.raises(LedgerError, match="step 0"):
        replay(path, run=small_training(seed=1))
