"""Ops beside their slow references: what each of the two finds, as arrays, from the same inputs. One entry of CASES per order of operations and dtype."""
from tests.ops.slow_cases import halves, images, order, points, products, rows, scattered, sequences, steps  # noqa: F401  (they fill CASES)
from tests.ops.slow_cases.registry import CASES, digest

__all__ = ["CASES", "digest"]
