"""Helpers around the tensor library: removable hooks and data loading."""

from frankentorch.utils import deterministic  # noqa: F401


def __getattr__(name):
    """`checkpoint` is imported when first asked for."""
    if name == "checkpoint":
        from importlib import import_module
        return import_module("frankentorch.utils.checkpoint")
    raise AttributeError(f"module 'frankentorch.utils' has no attribute '{name}'")
