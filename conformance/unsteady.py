"""Our library with planted dependences, one kind each, to prove that the survey of `determinism.py` finds what it should.

`PLANTED` says along which axes each is to be found; tests/conformance/test_determinism.py reads it.
"""
import itertools
import os
import types

# entry -> (what it depends on, axes that must name it)
PLANTED = {
    "exp": ("the number of threads", {"threads"}),
    "neg": ("the CPU level", {"levels"}),
    "sin": ("how often it was called", {"threads", "repeats", "layouts", "fork"}),
    "cos": ("the process", {"levels", "fork", "spawn"}),
    "tanh": ("the strides of its argument", {"layouts"}),
    "Tanh": ("the size of the batch", {"batches"}),
}


def library():
    """A module like frankentorch, whose planted functions shadow the right ones."""
    import frankentorch as ft

    made = types.ModuleType("unsteady")
    made.__getattr__ = lambda name: getattr(ft, name)
    calls = itertools.count()

    def bumped(value, wanted):
        """The value, or one part in a million more."""
        return value * (1 + 1e-6 * wanted) if value.is_floating_point() and wanted else value

    class Tanh(ft.nn.Module):
        def forward(self, x):
            return bumped(x.tanh(), len(x) > 1)

    nn = types.ModuleType("unsteady.nn")
    nn.__getattr__ = lambda name: getattr(ft.nn, name)
    nn.Tanh = Tanh
    made.nn = nn
    made.exp = lambda x: bumped(ft.exp(x), ft.get_num_threads() > 3)
    made.neg = lambda x: bumped(ft.neg(x), os.environ.get("FRANKENTORCH_CPU") == "baseline")
    made.sin = lambda x: bumped(ft.sin(x), next(calls) % 251)
    made.cos = lambda x: bumped(ft.cos(x), os.getpid())
    made.tanh = lambda x: bumped(ft.tanh(x), not x.is_contiguous())
    return made
