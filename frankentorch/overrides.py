"""`torch.overrides`: the protocol by which other types take over calls (see `_overrides`)."""
import functools

from frankentorch._ext.tensor import Tensor
from frankentorch._overrides import (BaseTorchFunctionMode, DisableTorchFunction, DisableTorchFunctionSubclass, TorchFunctionMode, _State,  # noqa: F401
                                     handle, overloaded_arguments, overridden)

__all__ = ["TorchFunctionMode", "BaseTorchFunctionMode", "handle_torch_function", "has_torch_function", "has_torch_function_unary",
           "has_torch_function_variadic", "is_tensor_like", "is_tensor_method_or_property", "wrap_torch_function", "get_default_nowrap_functions",
           "resolve_name", "DisableTorchFunctionSubclass"]


def has_torch_function(relevant_args):
    """Whether a call with these arguments is to be offered to an override or a mode."""
    if _State.all_off:
        return False
    return bool(_State.modes) or not _State.subclasses_off and any(overridden(value) for value in relevant_args)


def has_torch_function_unary(tensor):
    return has_torch_function((tensor,))


def has_torch_function_variadic(*args):
    return has_torch_function(args)


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """Offer a call of `public_api` to the overrides of its relevant arguments; TypeError when all of them decline."""
    relevant = [] if _State.subclasses_off else overloaded_arguments(relevant_args)
    return handle(public_api, relevant, args, kwargs)


def wrap_torch_function(dispatcher):
    """Make a Python function overridable; ``dispatcher(*args, **kwargs)`` names its relevant arguments."""
    def inner(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)
        return wrapped
    return inner


def is_tensor_like(inp):
    """A Tensor, or anything whose type has ``__torch_function__``."""
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func):
    name = getattr(func, "__name__", None)
    return name is not None and (hasattr(Tensor, name) or name in ("__get__", "__set__"))


def get_default_nowrap_functions():
    """Functions whose results the default override leaves as they are."""
    from frankentorch._overrides import nowrap
    return set(nowrap())


def resolve_name(f):
    """A readable name of an overridable function."""
    return f"torch.{getattr(f, '__name__', f)}"
