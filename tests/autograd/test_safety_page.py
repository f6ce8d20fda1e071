"""docs/autograd-safety.md says what the registry says, and every row is a test that exists."""
import importlib

from tests.autograd import misuse


def test_the_page_is_the_registry_s():
    assert misuse.page() == misuse.PAGE.read_text(), "run python -m tests.autograd.misuse"


def test_every_row_names_a_test():
    for row in misuse.rows():
        module = importlib.import_module(row.test.__module__)
        assert getattr(module, row.test.__name__) is not None
        assert row.case and row.strict and row.hardened
    names = [row.name for row in misuse.rows()]

    assert len(names) == len(set(names)) >= 50


def test_every_test_of_these_modules_is_a_row():
    rows = {row.name for row in misuse.rows()}
    for name in misuse.MODULES:
        module = importlib.import_module(f"tests.autograd.{name}")
        assert {f"{name}.py::{test}" for test in vars(module) if test.startswith("test_")} <= rows
