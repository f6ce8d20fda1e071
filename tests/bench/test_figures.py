"""README's speed figures are those of the records."""
import json
import pathlib

from bench import figures

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def record(folder, group, machine="abacus", **cases):
    rows = {case: {"ours": {"median": ours, "min": ours}, "oracle": {"median": oracle, "min": oracle}} for case, (ours, oracle) in cases.items()}
    (folder / machine).mkdir(exist_ok=True)
    (folder / machine / f"{group}.json").write_text(json.dumps({"group": group, "host": {"cpu": f"an {machine}"}, "cases": rows}))


def test_readme_shows_the_records():
    page = (ROOT / "README.md").read_text()

    assert figures.rewritten(page, ROOT / "artifacts" / "bench") == page, "run `python -m bench figures`"


def test_a_line_is_the_geometric_mean_and_the_least_ratio(tmp_path):
    record(tmp_path, "sort", first=(1.0, 2.0), second=(2.0, 1.0), third=(1.0, 8.0))          # 2, 1/2 and 8

    assert "| sort, unique, search | 2.00 | 0.50 (second) |" in figures.block(tmp_path).splitlines()


def test_each_processor_has_its_columns(tmp_path):
    record(tmp_path, "sort", first=(1.0, 2.0))
    record(tmp_path, "tiny", machine="orrery", add=(1.0, 4.0))
    (tmp_path / "ledger.json").write_text("{}")

    lines = figures.block(tmp_path).splitlines()

    assert "| group | an abacus | slowest | an orrery | slowest |" in lines
    assert "| sort, unique, search | 2.00 | 2.00 (first) |  |  |" in lines
    assert "| one op on 10 floats |  |  | 4.00 | 4.00 (add) |" in lines


def test_only_the_block_changes(tmp_path):
    record(tmp_path, "tiny", add=(1.0, 4.0))
    page = f"before\n{figures.BEGIN}stale{figures.END}\nafter"

    assert figures.rewritten(page, tmp_path) == f"before\n{figures.block(tmp_path)}\nafter"
