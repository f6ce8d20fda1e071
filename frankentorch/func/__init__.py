"""Transforms of functions: derivatives that compose."""
from frankentorch.func.forward import jacfwd, jvp, linearize  # noqa: F401
