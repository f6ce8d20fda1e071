"""`__torch_function__`: who may take over a call, in which order, and the modes that see every call.

The door of the ops (`_ext.dispatch`) calls `take_over` only when an argument is neither a plain Tensor nor a Parameter, or a mode is on;
so overrides cost plain calls nothing. The protocol: of the overridden types among the arguments, subclasses before their bases, else left
to right, each ``cls.__torch_function__(func, types, args, kwargs)`` is asked until one does not answer NotImplemented.
"""
from _thread import _local

from frankentorch._ext import dispatch
from frankentorch._ext.tensor import Tensor, hand_over, instance_of, set_special_bit

_MODE_BIT = 1                    # dispatch.BIT_FUNCTION_MODE


class _Switches(_local):
    """Switches of one thread; contexts put back what they found."""

    subclasses_off = 0
    all_off = 0

    def __init__(self):
        self.modes = []


_State = _Switches()
_modes_on = 0                    # of all threads: the door looks at one bit


class _Disabled:
    """As a class's ``__torch_function__``: its instances run as plain tensors do. Recognised by identity."""

    def __get__(self, instance, owner):
        return self

    def __call__(self, func, types, args=(), kwargs=None):
        return _run_plain(func, args, kwargs or {})


_disabled_torch_function_impl = _Disabled()


def _run_plain(func, args, kwargs):
    with DisableTorchFunctionSubclass():
        return func(*args, **kwargs)


class DisableTorchFunctionSubclass:
    """Inside, subclasses run as plain tensors; modes stay on."""

    def __enter__(self):
        _State.subclasses_off += 1

    def __exit__(self, kind, value, traceback):
        _State.subclasses_off -= 1


class DisableTorchFunction:
    """Inside, neither subclasses nor modes take over."""

    def __enter__(self):
        _State.all_off += 1

    def __exit__(self, kind, value, traceback):
        _State.all_off -= 1


def _wrap(value, cls):
    if isinstance(value, Tensor):
        return value if isinstance(value, cls) else hand_over(instance_of(cls, value), value)
    if isinstance(value, (tuple, list)):
        items = [_wrap(item, cls) for item in value]
        return type(value)(items) if type(value) in (tuple, list) or hasattr(value, "n_fields") else value
    return value


def torch_function(cls, func, types, args=(), kwargs=None):
    """The default of Tensor: run the op plainly and give results the subclass."""
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    result = _run_plain(func, args, kwargs or {})
    return result if cls is Tensor or func in nowrap() else _wrap(result, cls)


def nowrap():
    """Functions whose results keep their own type: facts about a tensor, not tensors made from it."""
    return frozenset()


def overridden(value):
    """Whether a value's type takes part in the protocol with an override of its own."""
    kind = type(value)
    if kind is Tensor:
        return False
    method = getattr(kind, "__torch_function__", None)
    return method is not None and method is not _disabled_torch_function_impl


def overloaded_arguments(values):
    """The overriding values, one per type, subclasses before their bases."""
    types, found = [], []
    for value in values:
        if not overridden(value) or type(value) in types:
            continue
        place = len(found)
        for i, other in enumerate(found):
            if issubclass(type(value), type(other)):
                place = i
                break
        found.insert(place, value)
        types.append(type(value))
    return found


def _candidates(args, kwargs):
    for value in (*args, *kwargs.values()):
        yield value
        if type(value) in (list, tuple):
            yield from value


def take_over(func, args, kwargs):
    """Result of the modes or overrides that want the call, NotImplemented when nobody is to be asked."""
    if _State.all_off:
        return NotImplemented
    relevant = [] if _State.subclasses_off else overloaded_arguments(_candidates(args, kwargs))
    if not relevant and not _State.modes:
        return NotImplemented
    return handle(func, relevant, tuple(args), kwargs)


def handle(func, relevant, args, kwargs):
    types = tuple(type(value) for value in relevant)
    if _State.modes:
        mode = _State.modes.pop()
        _note_modes(-1)
        try:
            result = mode.__torch_function__(func, types, args, kwargs)
        finally:
            _State.modes.append(mode)
            _note_modes(1)
        if result is not NotImplemented:
            return result
    for value in relevant:
        result = type(value).__torch_function__(func, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = getattr(func, "__name__", func)
    raise TypeError(f"Multiple dispatch failed for 'torch.{name}'; all __torch_function__ handlers returned NotImplemented:\n"
                    + "\n".join(f"  - {kind.__module__}.{kind.__qualname__}" for kind in types))


def _note_modes(change):
    global _modes_on
    _modes_on += change
    set_special_bit(_MODE_BIT, _modes_on > 0)


class TorchFunctionMode:
    """As a context manager: ``__torch_function__`` of this object sees every op called inside."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        _State.modes.append(self)
        _note_modes(1)
        return self

    def __exit__(self, kind, value, traceback):
        _State.modes.remove(self)
        _note_modes(-1)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


dispatch.set_function_override(take_over)
