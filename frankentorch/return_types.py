"""Named tuples of ops with several results: ``torch.return_types.max(values=…, indices=…)``.

Classes are made when an op first returns, or is first asked for here.
"""
from operator import itemgetter as _itemgetter

from frankentorch._ext import dispatch as _dispatch

_made = {}


class _Fields(tuple):
    """A tuple whose members have names too; the shared base of every class here."""

    __slots__ = ()
    _names = ()

    def __new__(cls, values):
        values = tuple(values)
        if len(values) != len(cls._names):
            raise TypeError(f"{cls.__module__}.{cls.__name__}() takes a {len(cls._names)}-sequence ({len(values)}-sequence given)")
        return tuple.__new__(cls, values)

    def __repr__(self):
        return f"torch.return_types.{type(self).__name__}(\n" + ",\n".join(f"{name}={value!r}" for name, value in zip(self._names, self)) + ")"

    def __reduce__(self):
        return _rebuild, (type(self).__name__, self._names, tuple(self))


def _rebuild(name, names, values):
    return _make(name, names)(values)


def _make(name, names):
    """The class of an op's results; one per op name and fields."""
    names = tuple(names)
    found = _made.get((name, names))
    if found is None:
        body = {field: property(_itemgetter(i)) for i, field in enumerate(names)}
        body.update(__slots__=(), _names=names, n_fields=len(names), n_sequence_fields=len(names), n_unnamed_fields=0, __match_args__=names,
                    __module__="torch.return_types")
        found = _made[name, names] = type(name, (_Fields,), body)
        globals().setdefault(name, found)
    return found


def __getattr__(name):
    if not name.startswith("_"):
        from frankentorch.ops import registry
        for overload in registry.overloads.values():
            if overload.name == name and len(overload.output_names) > 1:
                return _make(name, overload.output_names)
    raise AttributeError(f"module 'torch.return_types' has no attribute '{name}'")


_dispatch.set_return_types(_make)
