"""The registry behind docs/autograd-safety.md: each row is a test, which runs in both modes and is told of by what it promises.

    @misuse("Walks", "Walking twice", "RuntimeError: second time")
    def test_walking_twice(ft, mode): ...

The page is printed by ``python -m tests.autograd.misuse`` from the registry; test_safety_page.py fails when the two differ.
"""
import importlib
import pathlib
import sys

import pytest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "autograd-safety.md"
MODULES = ("test_safety_walks", "test_safety_writes", "test_safety_hooks", "test_safety_functions", "test_safety_runs")
ROWS = []


class Row:
    """One line of the page."""

    def __init__(self, group, case, strict, hardened, test):
        self.group, self.case, self.strict, self.hardened, self.test = group, case, strict, hardened or strict, test

    @property
    def name(self):
        return f"{self.test.__module__.rpartition('.')[2]}.py::{self.test.__name__}"


def misuse(group, case, strict, hardened=None):
    """Register a test and run it in both modes. `hardened` is what happens there when it is something else."""
    def register(test):
        ROWS.append(Row(group, case, strict, hardened, test))
        return pytest.mark.parametrize("mode", ["strict", "hardened"], indirect=True)(test)
    return register


def rows():
    """All rows: by module in the order above, then as they stand there."""
    for name in MODULES:
        importlib.import_module(f"tests.autograd.{name}")
    return sorted(ROWS, key=lambda row: MODULES.index(row.test.__module__.rpartition(".")[2]))


HEAD = """# Autograd under misuse

<!-- Printed by `python -m tests.autograd.misuse` from the registry beside the tests. Edit that. -->

What happens when a program does something wrong, or something hard, with gradients. Every row is a test in `tests/autograd/` and runs in both modes
(docs/modes.md). In strict mode the types of exceptions are PyTorch's; where PyTorch gives a wrong gradient without a word, strict does as well and says so here, and
hardened refuses. No row may crash, hang or leak.
"""


def page():
    """The text of docs/autograd-safety.md."""
    lines = [HEAD]
    group = None
    for row in rows():
        if row.group != group:
            group = row.group
            lines.append(f"\n## {group}\n\n| Case | strict | hardened | Test |\n|---|---|---|---|\n")
        hardened = "same" if row.hardened == row.strict else row.hardened
        lines.append(f"| {row.case} | {row.strict} | {hardened} | `{row.name}` |\n")
    return "".join(lines)


if __name__ == "__main__":
    # the registry fills when the tests are imported by their package name, so this module must be that one too
    from tests.autograd import misuse as registry

    registry.PAGE.write_text(registry.page())
    print(f"wrote {registry.PAGE}: {len(registry.rows())} rows")
    sys.exit(0)
