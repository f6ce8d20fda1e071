"""`frankentorch doctor`: the facts are true, and a wrong bit makes it fail."""

import json

import pytest

import frankentorch as ft
from frankentorch.cli import doctor, selftest


def test_doctor_passes_and_its_json_says_the_same(frankentorch_command):
    text, machine = frankentorch_command("doctor"), frankentorch_command("doctor", "--json")

    assert (0, "", 0) == (text.returncode, text.stderr, machine.returncode), text.stdout
    report = json.loads(machine.stdout)
    assert report["ok"] and all(check["holds"] for check in report["self-test"])
    assert all(check["name"] in text.stdout for check in report["self-test"])
    assert ft.__version__ == report["package"]["FrankenTorch"]


def test_settings_of_the_environment_are_shown(frankentorch_command):
    done = frankentorch_command("doctor", "--json", environment={"FRANKENTORCH_NUM_THREADS": "3", "FRANKENTORCH_CPU": "baseline"})
    report = json.loads(done.stdout)

    assert ["baseline", 3] == [report["machine"]["CPU level in use"], report["machine"]["threads in use"]]
    assert ["baseline", 3, "strict"] == [report["settings"][name] for name in ("FRANKENTORCH_CPU", "FRANKENTORCH_NUM_THREADS", "FRANKENTORCH_MODE")]


def test_wrong_digest_is_named_and_fails(monkeypatch, tmp_path, capsys):
    wrong = {**json.loads(open(selftest.GOLDEN).read()), "exp": "0" * 64}
    (tmp_path / "golden.json").write_text(json.dumps(wrong))
    monkeypatch.setattr(selftest, "GOLDEN", str(tmp_path / "golden.json"))

    class Arguments:
        json = False

    assert 1 == doctor.execute(Arguments)
    assert "FAILED   12 computations: bits differ from the recorded ones: exp" in capsys.readouterr().out


def test_missing_digests_fail(monkeypatch, tmp_path):
    monkeypatch.setattr(selftest, "GOLDEN", str(tmp_path / "missing.json"))

    assert [False] == [check.holds for check in selftest.checks()]


def test_case_that_raises_is_reported_by_its_error(monkeypatch):
    monkeypatch.setitem(selftest.CASES, "exp", lambda: 1 / 0)

    assert "ZeroDivisionError: division by zero" == selftest.digests()["exp"]
    assert "exp (ZeroDivisionError: division by zero)" in selftest._compare("x", {"exp": "0" * 64}, selftest.digests()).seen


def test_child_that_dies_is_reported(monkeypatch):
    assert "exit code" in selftest._child_digests({"FRANKENTORCH_CPU": "no-such-level"})


def test_grid_is_exact_and_fills_its_range():
    values = selftest.grid(5000)

    assert (-4.0, 4.0) == (values.min().item(), values.max().item())
    assert (values * 128 == (values * 128).round()).all()


@pytest.mark.parametrize("nbytes, text", [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (5 << 19, "2.5 MiB"),
                                          (3 << 30, "3.0 GiB"), (1 << 42, "4096.0 GiB")])
def test_sizes_are_readable(nbytes, text):
    assert text == doctor.readable_size(nbytes)
