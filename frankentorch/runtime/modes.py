"""Strict and hardened: what each gate does in either mode, and the switch between them.

`GATES` is the one registry; docs/modes.md is printed from it (``python -m frankentorch.runtime.modes``). Both modes give the
same results for programs that do nothing wrong. Hardened refuses more, and pays for it.
"""

from importlib import import_module
from typing import NamedTuple

from frankentorch.runtime import config

BIT_HARDENED = 8


class Gate(NamedTuple):
    """One place where the modes differ."""

    name: str
    strict: str
    hardened: str
    where: str


GATES = (
    Gate("saved-content", "A tensor saved for backward is checked by its version counter. A write through an alias that the counter does not see (NumPy, DLPack, "
         "a raw buffer) goes unnoticed and gives the gradient of what is there.",
         "Its content is digested when it is saved and again when it is used; RuntimeError if it differs.", "Node.save, Node.unpack, Function"),
    Gate("surplus-gradients", "More incoming gradients than results: what is too much is ignored.", "RuntimeError with both numbers.", "autograd.backward"),
    Gate("overlapping-views", "`as_strided` makes views that show one element twice.", "RuntimeError; `expand` remains, which says openly that it repeats.", "as_strided"),
    Gate("nonfinite-gradients", "Gradients that are infinite or NaN are accumulated.",
         "With `set_mode(\"hardened\", nonfinite_gradients=\"refuse\")`: RuntimeError before the leaf's .grad changes. Otherwise as strict, for loss scaling relies on them.",
         "accumulation into leaves"),
)


class _State:
    mode = None
    nonfinite = "accept"


def get_mode():
    """``"strict"`` or ``"hardened"``; at the start what FRANKENTORCH_MODE says."""
    if _State.mode is None:
        return config.mode()
    return _State.mode


class set_mode:
    """Switch between strict and hardened, at once; as a context manager, until the block ends.

    Parameters
    ----------
    mode : {"strict", "hardened"}
    nonfinite_gradients : {"accept", "refuse"}
        What hardened does about gradients that are infinite or NaN.

    Raises
    ------
    ValueError
        Another word.
    """

    def __init__(self, mode, *, nonfinite_gradients="accept"):
        if mode not in config.MODES:
            raise ValueError(f"set_mode: {mode!r}, expected one of {', '.join(config.MODES)}")
        if nonfinite_gradients not in ("accept", "refuse"):
            raise ValueError(f"set_mode: nonfinite_gradients={nonfinite_gradients!r}, expected 'accept' or 'refuse'")
        self.before = get_mode(), _State.nonfinite
        _switch(mode, nonfinite_gradients)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        _switch(*self.before)


def _switch(mode, nonfinite):
    _State.mode, _State.nonfinite = mode, nonfinite
    tensor, engine = import_module("frankentorch._ext.tensor"), import_module("frankentorch._ext.engine")
    if mode == "hardened":
        tensor.set_fingerprint(import_module("frankentorch._ext.evidence").digest)
    engine.set_gradient_gate(_refuse_nonfinite if nonfinite == "refuse" else None)
    tensor.set_special_bit(BIT_HARDENED, mode == "hardened")


def _refuse_nonfinite(leaf, gradient):
    if not bool(gradient.detach().isfinite().all()):
        raise RuntimeError(f"a gradient for a leaf of shape {list(leaf.shape)} is not finite. Hardened mode was asked to refuse it; .grad is as it was")


def start():
    """Apply FRANKENTORCH_MODE; called when the package is imported."""
    if config.mode() == "hardened":
        _switch("hardened", "accept")


def page():
    """Text of docs/modes.md."""
    lines = ["# Modes", "", "<!-- Printed by `python -m frankentorch.runtime.modes` from the registry of gates. Edit that. -->", "",
             "`frankentorch.runtime.set_mode(\"strict\" | \"hardened\")` switches at once and is a context manager; the variable `FRANKENTORCH_MODE` sets the mode a",
             "process starts in. Strict is the default and behaves as PyTorch does. Hardened gives the same results for programs that do nothing",
             "wrong, and refuses more.", "", "| Gate | strict | hardened | Where |", "|---|---|---|---|"]
    lines += [f"| {gate.name} | {gate.strict} | {gate.hardened} | {gate.where} |" for gate in GATES]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
