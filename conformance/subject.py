"""Which library is examined: ours, the oracle itself, or the oracle with faults put in on purpose."""
import importlib

SUBJECTS = ("frankentorch", "torch", "broken")


def load(name):
    """The module that answers for the subject."""
    if name == "broken":
        from conformance import broken

        return broken.library()
    return importlib.import_module(name)
