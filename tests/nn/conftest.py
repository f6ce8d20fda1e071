"""Ops of nn that the table does not have yet, by the tests that show it. Each is expected to fail: one that passes must go from here."""
import pytest

MISSING = {"fractional_max_pool2d": ("FractionalMaxPool2d", "FractionalMaxPool3d", "fractional_max_pool2d size"),
           "grid_sampler": ("[grid_sample]", "[grid_sample nearest]", "[grid_sample bicubic]"),
           "affine_grid_generator": ("[affine_grid]", "[affine_grid 3-d]")}
SHOWN_BY = ("test_output_and_gradients_agree", "test_call_agrees")


def pytest_collection_modifyitems(items):
    from frankentorch import ops

    for item in items:
        if item.originalname not in SHOWN_BY:
            continue
        for op, marks in MISSING.items():
            if not hasattr(ops, op) and any(mark in item.name for mark in marks):
                item.add_marker(pytest.mark.xfail(strict=True, reason=f"{op} is not in the op table: docs/gaps.md"))
