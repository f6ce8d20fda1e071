"""torch.nn: modules, parameters, functions and initial weights.

Nothing is imported until it is asked for: `nn.Linear` loads `modules/linear.py`, `nn.functional` its folder.
"""
from importlib import import_module

from frankentorch.nn.modules import FILE_OF

_SUBMODULES = ("functional", "init", "modules", "parameter", "utils")
_PARAMETERS = ("Buffer", "Parameter")
__all__ = sorted({*FILE_OF, *_PARAMETERS})


def __getattr__(name):
    if name in FILE_OF:
        value = getattr(import_module(f"frankentorch.nn.modules.{FILE_OF[name]}"), name)
    elif name in _PARAMETERS:
        value = getattr(import_module("frankentorch.nn.parameter"), name)
    elif name in _SUBMODULES:
        return import_module(f"frankentorch.nn.{name}")
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__, *_SUBMODULES})


def factory_kwargs(kwargs):
    """The `device`, `dtype` and `memory_format` among `kwargs`, checked; for layers of one's own."""
    if kwargs is None:
        return {}
    simple = {"device", "dtype", "memory_format"}
    expected = simple | {"factory_kwargs"}
    if not kwargs.keys() <= expected:
        raise TypeError(f"unexpected kwargs {kwargs.keys() - expected}")
    merged = dict(kwargs.get("factory_kwargs", {}))
    for name in sorted(simple & kwargs.keys()):
        if name in merged:
            raise TypeError(f"{name} specified twice, in **kwargs and in factory_kwargs")
        merged[name] = kwargs[name]
    return merged
