"""Forward-mode differentiation: dual tensors carry a tangent beside their value, and every op gives the tangent of its result.

The mechanics are in _ext (levels and tangents in tensor_duals.pxi, ops in dispatch_dual.pxi) and the mathematics in `rules_forward`.
Here are the public entrances: one level at a time, as in PyTorch. `frankentorch.func.jvp` opens levels of its own, which nest.
"""
from typing import NamedTuple, Optional

from frankentorch import ops
from frankentorch._ext import dispatch
from frankentorch._ext import tensor as _core
from frankentorch._ext.tensor import Tensor

__all__ = ["UnpackedDualTensor", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual", "dual_level"]

_current_level = -1          # of the public entrances: 0 inside, -1 outside
_number = 0                  # what the core calls that level


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` gives: the primal as a view of the dual tensor, and its tangent or None."""

    primal: Tensor
    tangent: Optional[Tensor]


def enter_dual_level():
    """Open the level at which `make_dual` works; gives its number, 0.

    Raises
    ------
    RuntimeError
        One is open already.
    """
    global _current_level, _number
    if _current_level >= 0:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _number = _core.open_dual_level()
    _current_level = 0
    return _current_level


def exit_dual_level(*, level=None):
    """Close the level: all dual tensors lose their tangents.

    Raises
    ------
    RuntimeError
        No level is open, or `level` is not the open one.
    """
    global _current_level
    level = _current_level if level is None else level
    if level < 0:
        raise RuntimeError("Dual level must be a positive number.")
    if level != _current_level:
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created. This is not supported.")
    _current_level = -1
    _core.close_dual_level(_number)


def _number_of(level):
    if level != _current_level:
        raise RuntimeError("Trying to access a forward AD level with an invalid index. This index was either not created or is already deleted.")
    return _number


def make_dual(tensor, tangent, *, level=None):
    """A view of `tensor` with a tangent, which the ops on it carry on.

    Parameters
    ----------
    tensor, tangent : Tensor, same shape, floating point or complex
        The tangent is kept as it is; a copy is made when it is laid out otherwise than the tensor.

    Raises
    ------
    RuntimeError
        No level is open, the shapes differ, or one of the two has a tangent already.
    ValueError
        A tensor of integers or bools.
    """
    level = _current_level if level is None else level
    if level < 0:
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first.")
    for word, value in (("primal", tensor), ("tangent", tangent)):
        if not (value.is_floating_point() or value.is_complex()):
            raise ValueError(f"Expected {word} to be floating point or complex, but got: {value.dtype}")
    return _make_dual(tensor, tangent, _number_of(level))


def _make_dual(tensor, tangent, number):
    """`make_dual` at the level that the core calls `number`."""
    if _has_tangent(tensor, number):
        raise RuntimeError("Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not supported.")
    if _has_tangent(tangent, number):
        raise RuntimeError("Setting a forward grad that itself has a forward gradient at the same level 0 is not supported.")
    if tangent.shape != tensor.shape:
        raise RuntimeError("Trying to set a forward gradient that has a different size than that of the original Tensor, this is not supported. "
                           f"Tensor is of size {list(tensor.shape)} while the given forward gradient is of size {list(tangent.shape)}.")
    dual = ops.alias(tensor)
    if not _core.is_forward_enabled():
        return dual
    before = _core._set_dual_limit(number - 1)
    try:
        dispatch.set_tangent(dual, number, _laid_out(tangent, dual))
    finally:
        _core._set_dual_limit(before)
    return dual


def _laid_out(tangent, dual):
    """The tangent itself when it lies in memory as the primal does, else a copy that does."""
    places = [(a, b) for n, a, b in zip(dual.shape, dual.stride(), tangent.stride()) if n != 1]
    if all(a == b for a, b in places) or not dual.is_non_overlapping_and_dense():
        return tangent
    return ops.new_empty_strided(tangent, dual.shape, dual.stride(), dtype=tangent.dtype, device=tangent.device).copy_(tangent)


def _has_tangent(tensor, number):
    return _core.is_forward_enabled() and dispatch.tangent_of(tensor, number) is not None


def unpack_dual(tensor, *, level=None):
    """The primal and the tangent of a dual tensor. A tensor that is none, or outside of any level, gives itself and None."""
    level = _current_level if level is None else level
    if level < 0 or not _core.is_forward_enabled():
        return UnpackedDualTensor(tensor, None)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"_unpack_dual(): argument 'dual' (position 1) must be Tensor, not {type(tensor).__name__}")
    if level != _current_level:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(*_unpack(tensor, _number))


def _unpack(tensor, number):
    """(primal, tangent or None) at the level that the core calls `number`."""
    tangent = dispatch.tangent_of(tensor, number)
    before = _core._set_dual_limit(number - 1)
    try:
        primal = ops.alias(tensor)
    finally:
        _core._set_dual_limit(before)
    if tangent is not None:
        dispatch.set_tangent(primal, number, None)
    return primal, tangent


def _untaped(tensor):
    """Without the tape's history, but with its tangents at the levels of forward mode that are visible."""
    out = tensor.detach()
    for number in _core.dual_levels():
        tangent = dispatch.tangent_of(tensor, number)
        if tangent is not None:
            dispatch.set_tangent(out, number, _untaped(tangent))
    return out


class _Level:
    """A level of forward mode that nests in others: ``with _Level() as number``."""

    def __enter__(self):
        self.mode = _core._set_forward_enabled(True)
        self.number = _core.open_dual_level()
        return self.number

    def __exit__(self, kind, value, traceback):
        _core._set_forward_enabled(self.mode)
        _core.close_dual_level(self.number)


class dual_level:
    """Context manager and decorator: a level that is open inside."""

    def __enter__(self):
        return enter_dual_level()

    def __exit__(self, kind, value, traceback):
        exit_dual_level()

    def __call__(self, function):
        import functools

        @functools.wraps(function)
        def inside(*args, **kwargs):
            with type(self)():
                return function(*args, **kwargs)
        return inside


def _is_fwd_grad_enabled():
    """Whether ops carry tangents on in this thread."""
    return _core.is_forward_enabled()


class _set_fwd_grad_enabled(dual_level):
    """Whether ops carry tangents on, from the call on; as a context manager only inside."""

    def __init__(self, mode):
        self.mode = bool(mode)
        self.before = _core._set_forward_enabled(self.mode)

    def __enter__(self):
        _core._set_forward_enabled(self.mode)

    def __exit__(self, kind, value, traceback):
        _core._set_forward_enabled(self.before)

    def __call__(self, function):
        raise TypeError("_set_fwd_grad_enabled is a context manager and no decorator")
