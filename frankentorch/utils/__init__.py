"""Helpers around the tensor library: removable hooks and data loading."""

from frankentorch.utils import deterministic  # noqa: F401
