"""Adding an elementwise op with a gradient is one row: everything else follows from it."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frankentorch.optable import emit
from frankentorch.optable.expand import SHARD_ROOM, elementwise, loop_numbers, runtime_row
from frankentorch.optable.schema import Op

ROOT = Path(__file__).resolve().parents[2]
ROW = '''
op("blend(Tensor self, Tensor end, Tensor weight, *, Scalar gain=1) -> Tensor", forms="function method inplace out",
   loop={FLOAT: "x + gain * z * (y - x)"},
   grad={"self": "g * (1 - gain * weight)", "end": "g * gain * weight", "weight": "g * gain * (end - self)"}, doc="Weighted step towards end.")
'''
PROGRAM = '''
import frankentorch as ft

x = ft.tensor([1.0, 2.0], requires_grad=True)
y, z = ft.tensor([5.0, 6.0], requires_grad=True), ft.tensor([0.5, 0.25], requires_grad=True)
out = ft.blend(x, y, z, gain=2)
assert out.tolist() == [5.0, 4.0], out
assert x.blend(y, z).tolist() == [3.0, 3.0]
out.sum().backward()
assert x.grad.tolist() == [0.0, 0.5] and y.grad.tolist() == [1.0, 0.5] and z.grad.tolist() == [8.0, 8.0]
w = ft.tensor([1.0, 2.0])
assert w.blend_(y.detach(), z.detach()) is w and w.tolist() == [3.0, 3.0]
assert ft.blend(x.detach(), y.detach(), z.detach(), out=w) is w
assert out.grad_fn.name() == "BlendBackward0"
assert ft.blend(x.detach().half(), y.detach().half(), z.detach().half()).dtype is ft.half
assert ft.blend(*(ft.empty(2, 3, device="meta") for _ in range(3))).shape == (2, 3)
assert "Weighted step" in ft.blend.__doc__
print("one row was enough")
'''


def the_row():
    from frankentorch.optable.family import FLOAT, table
    rows, op = table()
    exec(ROW, {"op": op, "FLOAT": FLOAT})
    return rows[0]


def test_the_texts_that_follow_from_the_row():
    row = the_row()

    assert isinstance(row, Op)
    assert [flat.code for flat in elementwise(row, 0, False)] == ["f32", "f64"]
    assert "rules" not in emit.backward_function(0, row)
    assert runtime_row(row, 0, 0)[:2] == ("blend", "")
    assert emit.signature(row, "method") == "(self, end: Tensor, weight: Tensor, *, gain: complex = 1) -> Tensor: ..."
    assert "Weighted step towards end." in emit.reference_page(row)


def test_a_new_row_moves_the_loops_of_one_shard_only():
    from frankentorch.optable import rows
    before, after = loop_numbers(rows()), loop_numbers([the_row(), *rows()])
    moved = {name for name in before if before[name] != after[name]}

    assert set(after) == {*before, "blend"}
    assert len({before[name] // SHARD_ROOM for name in moved} | {after["blend"] // SHARD_ROOM}) == 1


def test_a_tree_with_one_more_row_builds_and_runs(tmp_path):
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on PATH")
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "*.so", ".venv", "build", "artifacts", ".hypothesis", "__pycache__", "tests", "dist"))
    last = tree / "frankentorch" / "optable" / "composite.py"
    last.write_text(last.read_text() + "\n\nfrom .family import FLOAT  # noqa: E402\n" + ROW)
    environment = {**__import__("os").environ, "PYTHONPATH": str(tree)}
    environment.setdefault("FT_BUILD_CACHE", str(ROOT / "build" / "cache"))
    if not any(Path(environment["FT_BUILD_CACHE"]).glob("loops_real_*.o")):
        pytest.skip("no build cache beside the tree: building everything again would take minutes")
    subprocess.run([sys.executable, "setup.py", "build_ext", "--inplace"], cwd=tree, env=environment, check=True, capture_output=True)
    found = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert found.stdout == "one row was enough\n", found.stderr
