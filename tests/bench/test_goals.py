"""Goals against made-up records."""
import json

import pytest

from bench import goals


def row(median, least=None):
    """A case whose ratios are these."""
    return {"ours": {"median": 1.0, "min": 1.0}, "oracle": {"median": median, "min": median if least is None else least}}


def short(records):
    return [(group, case) for group, _, _, _, _, _, _, case, holds in goals.judged(records) if not holds]


@pytest.mark.parametrize(("add", "view", "found"), [(5.0, 5.0, []), (10.0, 2.6, []), (10.0, 2.4, [("tiny", "view")])])
def test_a_group_is_judged_by_its_geometric_mean(add, view, found):
    assert short({"tiny": {"add": row(add), "view": row(view)}}) == found


@pytest.mark.parametrize(("case", "ratio", "holds"), [
    ("512x512", 0.96, True), ("512x512", 0.94, False), ("gemv 1024", 0.91, True), ("row x [N, K] weights", 0.89, False),
])
def test_no_product_is_below_the_floor(case, ratio, holds):
    found = short({"matmul": {"256x256": row(9.0), case: row(ratio)}})

    assert found == ([] if holds else [("matmul", case)])


def test_the_least_may_be_the_better_of_median_and_minimum():
    assert short({"matmul": {"256x256": row(9.0), "512x512": row(0.9, 0.97)}}) == []


def test_all_cases_together_have_a_goal():
    assert ("all", "") in short({"random": {"rand": row(1.3)}, "import": {"import": row(40.0)}})


def test_the_command_prints_what_is_short(tmp_path, capsys):
    assert goals.run(tmp_path) == 2
    (tmp_path / "tiny.json").write_text(json.dumps({"cases": {"add": row(6.0)}}))
    assert goals.run(tmp_path) == 0
    (tmp_path / "matmul.json").write_text(json.dumps({"cases": {"256x256": row(2.0), "512x512": row(0.9)}}))
    assert goals.run(tmp_path) == 1
    assert "SHORT (512x512)" in capsys.readouterr().out
