"""Forward mode through a `Function`: its ``jvp`` gives the tangents of what its forward returned.

As with the ops of the table, the level of the tangents is hidden while forward and jvp run, so that what is below it (another level, the
tape) sees an ordinary call.
"""
from frankentorch import ops
from frankentorch._ext import create, dispatch
from frankentorch._ext import tensor as _core
from frankentorch._ext.tensor import Tensor


def level_of(args):
    """The innermost level at which an argument has a tangent, or 0."""
    return max((_core.innermost_dual_level(value) for value in args if isinstance(value, Tensor)), default=0)


def run(cls, args, level):
    """(what `apply` returns, the context), with tangents."""
    tangents = [dispatch.tangent_of(value, level) if isinstance(value, Tensor) else None for value in args]
    before = _core._set_dual_limit(level - 1)
    try:
        below = level_of(args)
        if below:
            returned, context = run(cls, args, below)
        else:
            mode = _core._set_forward_enabled(False)
            try:
                returned, context = cls._run(args)
            finally:
                _core._set_forward_enabled(mode)
        outputs = returned if isinstance(returned, tuple) else (returned,)
        if not any(isinstance(out, Tensor) for out in outputs):
            return returned, context
        given = tangents
        if context.materialize_grads:
            given = [ops.zeros_like(value) if t is None and _is_continuous(value) else t for value, t in zip(args, tangents)]
        context.in_jvp = True
        try:
            found = cls.jvp(context, *given)
        finally:
            context.in_jvp = False
        _give(cls, context, args, given, outputs, found if isinstance(found, tuple) else (found,), level)
        for saved in context._saved or ():
            if saved is not None and saved.output is not None and saved.packed is None:
                dispatch.set_tangent(saved.tensor, level, dispatch.tangent_of(outputs[saved.output], level))
        return returned, context
    finally:
        _core._set_dual_limit(before)


def _is_continuous(value):
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())


def _give(cls, context, args, tangents, outputs, found, level):
    """Set the tangents that jvp returned, once they are what they must be."""
    if len(found) != len(outputs):
        raise RuntimeError(f"{cls.__name__}: Function's jvp returned an invalid number of forward gradients (expected {len(outputs)} but got {len(found)})")
    for place, (out, tangent) in enumerate(zip(outputs, found)):
        if tangent is None:
            continue
        if not isinstance(tangent, Tensor):
            raise RuntimeError(f"{cls.__name__}.jvp: expected Variable or None (got {type(tangent).__name__}) for grad output {place}.")
        if not _is_continuous(out) or place in context.constant_places:
            raise RuntimeError(f"{cls.__name__}: Function's jvp returned a gradient at position {place}, but the corresponding forward output is not a differentiable Tensor. "
                               "You should return None at that position instead.")
        if tangent.shape != out.shape:
            raise RuntimeError(f"{cls.__name__}.jvp: Trying to set a forward gradient that has a different size than that of the original Tensor, this is not supported. "
                               f"Tensor is of size {list(out.shape)} while the given forward gradient is of size {list(tangent.shape)}.")
        source = next((k for k, value in enumerate(args) if isinstance(value, Tensor) and shares_bytes(value, out)), None)
        if source is not None and tangents[source] is not None:
            _check_alias(cls, args[source], tangents[source], out, tangent)
            dispatch.set_tangent(out, level, tangent)
        else:
            dispatch.set_tangent(out, level, tangent.clone() if any(tangent is t for t in tangents) else tangent)


def shares_bytes(a, b):
    return create.same_storage(a, b)


def _check_alias(cls, value, given, out, tangent):
    """What forward wrote in place or returned as a view, jvp must have treated alike."""
    if out is value:
        if tangent is not given:
            raise RuntimeError(f"{cls.__name__}: An inplace custom Function is not modifying the forward mode gradients inplace. If the forward is modifying an input inplace, "
                               "then the jvp function must modify the corresponding gradient inplace.")
    elif tangent is given or not shares_bytes(tangent, given):
        raise RuntimeError(f"{cls.__name__}: A custom Function's forward is returning a view (or an input as-is) but the jvp is not returning a view.")
