"""README's speed figures are those of the records."""
import json
import pathlib

from bench import figures

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def record(folder, group, **cases):
    rows = {case: {"ours": {"median": ours, "min": ours}, "oracle": {"median": oracle, "min": oracle}} for case, (ours, oracle) in cases.items()}
    (folder / f"{group}.json").write_text(json.dumps({"group": group, "host": {"cpu": "a machine"}, "cases": rows}))


def test_readme_shows_the_records():
    page = (ROOT / "README.md").read_text()

    assert figures.rewritten(page, ROOT / "artifacts" / "bench") == page, "run `python -m bench figures`"


def test_a_line_is_the_geometric_mean_and_the_least_ratio(tmp_path):
    record(tmp_path, "sort", first=(1.0, 2.0), second=(2.0, 1.0), third=(1.0, 8.0))          # 2, 1/2 and 8

    assert "| sort, unique, search | 2.00 | 0.50 (second) |" in figures.block(tmp_path).splitlines()


def test_only_the_block_changes(tmp_path):
    record(tmp_path, "tiny", add=(1.0, 4.0))
    page = f"before\n{figures.BEGIN}stale{figures.END}\nafter"

    assert figures.rewritten(page, tmp_path) == f"before\n{figures.block(tmp_path)}\nafter"
