"""The gate's judgement, on made-up records."""
import json

import pytest

from bench import gate


def row(ours, oracle):
    return {"ours": {"median": 9.0, "min": ours}, "oracle": {"median": 9.0, "min": oracle}}


RECORD = {"add": row(1.0, 2.0), "mul": row(1.0, 8.0)}          # ratios 2 and 8: mean 4


@pytest.mark.parametrize(("add", "mul", "failed"), [
    (2.0, 8.0, False), (3.0, 9.0, False),        # as fast, faster
    (1.0, 16.0, False),                          # one case fell to a half, the mean did not
    (1.9, 7.6, False), (1.7, 6.8, True),         # down by 5 %, by 15 %
])
def test_the_mean_of_a_group_decides(add, mul, failed):
    verdict = gate.judge(RECORD, {"add": row(1.0, add), "mul": row(1.0, mul)}, 0.10)

    assert verdict["before"] == pytest.approx(4.0)
    assert verdict["now"] == pytest.approx((add * mul) ** 0.5)
    assert verdict["failed"] is failed


def test_tolerance_is_what_is_asked_for():
    rows = {"add": row(1.0, 1.7), "mul": row(1.0, 6.8)}

    assert not gate.judge(RECORD, rows, 0.20)["failed"]
    assert gate.judge(RECORD, rows, 0.10)["failed"]


def test_the_machine_cancels_out():
    """Both sides three times slower: the same ratios."""
    assert not gate.judge(RECORD, {"add": row(3.0, 6.0), "mul": row(3.0, 24.0)}, 0.01)["failed"]


def test_cases_that_no_longer_run_fail_the_group_and_new_ones_do_not_enter():
    lost = gate.judge(RECORD, {"add": row(1.0, 2.0), "mul": {"missing": "gone"}}, 0.10)
    added = gate.judge(RECORD, {**{name: dict(value) for name, value in RECORD.items()}, "div": row(100.0, 1.0)}, 0.10)

    assert lost["failed"] and lost["lost"] == ["mul"]
    assert not added["failed"] and added["added"] == ["div"] and added["now"] == pytest.approx(4.0)


def test_cases_that_were_missing_in_the_record_are_new():
    verdict = gate.judge({**RECORD, "div": {"missing": "not there yet"}}, {**RECORD, "div": row(1.0, 1.0)}, 0.10)

    assert not verdict["failed"] and verdict["added"] == ["div"]


def test_cases_that_fell_are_listed_worst_first():
    verdict = gate.judge(RECORD, {"add": row(1.0, 1.5), "mul": row(1.0, 2.0)}, 0.10)

    assert [case for case, _, _ in verdict["fell"]] == ["mul", "add"]


def test_the_command_answers_by_its_status(tmp_path, capsys):
    (tmp_path / "tiny.json").write_text(json.dumps({"group": "tiny", "cases": RECORD}))
    same, slower = dict(RECORD), {"add": row(2.0, 2.0), "mul": row(2.0, 8.0)}

    assert gate.run(["tiny", "matmul"], tmp_path, lambda name: same, 0.10) == 0
    assert gate.run(["tiny"], tmp_path, lambda name: slower, 0.10) == 1
    assert gate.run(["matmul"], tmp_path, lambda name: same, 0.10) == 2
    text = capsys.readouterr().out
    assert "-50.0%" in text and "FAILED" in text and "no record" in text


def test_command_line_reaches_the_gate(monkeypatch, tmp_path):
    from bench import __main__ as main

    asked = []
    monkeypatch.setattr(main, "FOLDER", tmp_path)
    monkeypatch.setattr(main.machine, "cpu_name", lambda: "Abacus(R) 7 CPU @ 1Hz")
    monkeypatch.setattr(main.gate, "run", lambda groups, folder, measure, tolerance: asked.append((groups, folder, tolerance)) or 7)

    assert main.main(["gate", "--group", "tiny", "--tolerance", "0.25"]) == 7
    assert main.main(["gate", "--group", "tiny", "--processor", "orrery"]) == 7
    assert asked == [(["tiny"], tmp_path / "abacus-7-1hz", 0.25), (["tiny"], tmp_path / "orrery", 0.10)]
