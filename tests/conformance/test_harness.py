"""The harness finds every fault it is given, and nothing in a library compared with itself."""
import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT



@pytest.fixture(scope="module")
def broken_run(tmp_path_factory, request):
    from tests.oracle import require

    require()
    from conformance.broken import FAULTS

    path = tmp_path_factory.mktemp("parity") / "parity.json"
    done = subprocess.run(
        [sys.executable, "-m", "conformance", "run", "--subject", "broken", "--op", "|".join(FAULTS), "--quick",
         "--samples", "4", "--seconds", "4", "--update", "--parity", str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert path.exists(), done.stdout + done.stderr
    return json.loads(path.read_text())["entries"], done


def failed_checks(record):
    return {check for line in record["results"] for check in line.get("failed", {})}


def fault_names():
    from conformance.broken import FAULTS

    return sorted(FAULTS)


@pytest.mark.parametrize("name", fault_names())
def test_each_fault_is_reported_by_its_check(broken_run, name):
    from conformance.broken import FAULTS

    entries, _ = broken_run

    assert FAULTS[name][1] in failed_checks(entries[name])


def test_a_crash_costs_only_the_entry_that_crashed(broken_run):
    from conformance.broken import FAULTS

    entries, _ = broken_run

    assert set(entries) == set(FAULTS)


def test_a_crash_names_sample_and_check(broken_run):
    entries, _ = broken_run
    (line,) = [line for line in entries["ceil"]["results"] if "failed" in line and "float32" in line["dtypes"]]

    assert "at sample 0 forward" in line["failed"]["crash"]


@pytest.fixture
def run(oracle, capsys):
    """The command in this process; gives (exit status, what it printed)."""
    from conformance.__main__ import main

    def call(*arguments):
        status = main(["run", "--jobs", "0", *arguments])
        return status, capsys.readouterr().out
    return call


def test_oracle_agrees_with_itself(run):
    status, printed = run("--subject", "torch", "--op", "add|abs|where|__getitem__|item|T|nn.functional.dropout",
                          "--samples", "6")

    assert status == 0, printed


def test_ratchet_fails_when_a_pass_is_lost(run, tmp_path):
    path = str(tmp_path / "parity.json")
    run("--subject", "torch", "--op", "exp|abs", "--dtype", "float32", "--update", "--parity", path)
    status, printed = run("--subject", "broken", "--op", "exp|abs", "--dtype", "float32", "--ratchet", "--parity", path)

    assert status == 1
    assert "LOST exp float32 forward" in printed
    assert "LOST abs" not in printed


def test_ratchet_ignores_what_was_not_examined(run, tmp_path):
    path = str(tmp_path / "parity.json")
    run("--subject", "torch", "--op", "exp|abs", "--dtype", "float32", "--update", "--parity", path)
    status, printed = run("--subject", "broken", "--op", "abs", "--dtype", "float32", "--ratchet", "--parity", path)

    assert status == 0, printed


def test_partial_run_keeps_the_other_records(run, tmp_path):
    path = tmp_path / "parity.json"
    run("--subject", "torch", "--op", "exp|abs", "--dtype", "float32", "--update", "--parity", str(path))
    run("--subject", "torch", "--op", "abs", "--dtype", "float64", "--update", "--parity", str(path))
    entries = json.loads(path.read_text())["entries"]

    assert sorted(entries) == ["abs", "exp"]
    assert {line["dtypes"] for line in entries["abs"]["results"]} == {"float32", "float64"}


def test_same_run_writes_the_same_bytes(run, tmp_path):
    paths = [tmp_path / name for name in ("a.json", "b.json")]
    for path in paths:
        run("--subject", "broken", "--op", "exp|sum", "--quick", "--update", "--parity", str(path))

    assert paths[0].read_bytes() == paths[1].read_bytes()
