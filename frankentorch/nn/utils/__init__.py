"""Helpers for training: gradient clipping, parameter vectors, packed sequences."""
from importlib import import_module

_FILE_OF = {
    "clip_grad_norm": "clip_grad", "clip_grad_norm_": "clip_grad", "clip_grad_value_": "clip_grad",
    "clip_grads_with_norm_": "clip_grad", "get_total_norm": "clip_grad",
    "parameters_to_vector": "convert_parameters", "vector_to_parameters": "convert_parameters",
    "skip_init": "init",
}
_SUBMODULES = ("clip_grad", "convert_parameters", "rnn", "stateless")
__all__ = sorted(_FILE_OF)


def __getattr__(name):
    if name in _FILE_OF:
        value = getattr(import_module(f"{__name__}.{_FILE_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__():
    return sorted({*globals(), *__all__, *_SUBMODULES})
