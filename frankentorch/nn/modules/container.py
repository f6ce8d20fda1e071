"""Modules that hold other modules or parameters: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""
import operator
from collections import OrderedDict, abc
from itertools import chain

from frankentorch._tensor import Tensor
from frankentorch.nn.modules.module import Module, _indent_rest
from frankentorch.nn.parameter import Parameter

__all__ = ["Container", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class Container(Module):
    """Deprecated: modules given by keyword."""

    def __init__(self, **kwargs):
        super().__init__()
        import warnings
        warnings.warn("`nn.Container` is deprecated: subclass `nn.Module` instead.", FutureWarning, stacklevel=2)
        for name, module in kwargs.items():
            self.add_module(name, module)


def _position(index, length):
    """A list index in [0, length), from one that may be negative or an object with ``__index__``."""
    index = operator.index(index)
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of range for length {length}")
    return index % length


class Sequential(Module):
    """Modules called one after the other, each with the output of the one before.

    ``Sequential(*modules)`` numbers them, ``Sequential(OrderedDict)`` takes the names from the dict.
    """

    def __init__(self, *args):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for position, module in enumerate(args):
                self.add_module(str(position), module)

    def forward(self, input):
        for module in self._modules.values():
            input = module(input)
        return input

    def _key(self, index):
        return list(self._modules)[_position(index, len(self))]

    def _renumber(self, modules):
        self._modules = {str(position): module for position, module in enumerate(modules)}

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._key(index)]

    def __setitem__(self, index, module):
        setattr(self, self._key(index), module)

    def __delitem__(self, index):
        if isinstance(index, slice):
            for key in list(self._modules)[index]:
                delattr(self, key)
        else:
            delattr(self, self._key(index))
        self._renumber(list(self._modules.values()))

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __add__(self, other):
        _require_sequential(other, "add")
        joined = Sequential()
        for position, module in enumerate(chain(self, other)):
            joined.add_module(str(position), module)
        return joined

    def __iadd__(self, other):
        _require_sequential(other, "add")
        start = len(self)
        for position, module in enumerate(list(other)):
            self.add_module(str(start + position), module)
        return self

    def __mul__(self, other):
        _check_repeat(other)
        return Sequential(*list(self) * other)

    def __rmul__(self, other):
        return self.__mul__(other)

    def __imul__(self, other):
        _check_repeat(other)
        modules = list(self)
        for position, module in enumerate(modules * (other - 1), start=len(modules)):
            self.add_module(str(position), module)
        return self

    def pop(self, index):
        """Remove and return the module at `index`."""
        module = self[index]
        del self[index]
        return module

    def append(self, module):
        """Add `module` at the end."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index, module):
        """Put `module` before position `index`."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        length = len(self)
        if not -length <= index <= length:
            raise IndexError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def extend(self, sequential):
        """Add all modules of an iterable at the end."""
        for module in list(sequential):
            self.append(module)
        return self


def _require_sequential(other, verb):
    if not isinstance(other, Sequential):
        raise ValueError(f"{verb} operator supports only objects of Sequential class, but {type(other)} is given.")


def _check_repeat(times):
    if not isinstance(times, int):
        raise TypeError(f"unsupported operand type(s) for *: {type(Sequential)} and {type(times)}")
    if times <= 0:
        raise ValueError(f"Non-positive multiplication factor {times} for {type(Sequential)}")


class ModuleList(Module):
    """A list of modules; it has no forward of its own."""

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _key(self, index):
        return str(_position(index, len(self)))

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(list(self._modules.values())[index])
        return self._modules[self._key(index)]

    def __setitem__(self, index, module):
        setattr(self, self._key(index), module)

    def __delitem__(self, index):
        if isinstance(index, slice):
            for position in range(len(self))[index]:
                delattr(self, str(position))
        else:
            delattr(self, self._key(index))
        self._modules = {str(position): module for position, module in enumerate(self._modules.values())}

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __iadd__(self, modules):
        return self.extend(modules)

    def __add__(self, other):
        joined = ModuleList()
        for position, module in enumerate(chain(self, other)):
            joined.add_module(str(position), module)
        return joined

    def __repr__(self):
        """Runs of modules that print alike are folded: ``(0-2): 3 x Linear(...)``."""
        runs = []
        for position, text in enumerate(repr(module) for module in self):
            if runs and runs[-1][2] == text:
                runs[-1][1] = position
            else:
                runs.append([position, position, text])
        if not runs:
            return self._get_name() + "()"
        lines = [f"({first}): {text}" if first == last else f"({first}-{last}): {last - first + 1} x {text}"
                 for first, last, text in runs]
        return self._get_name() + "(\n  " + "\n  ".join(_indent_rest(line) for line in lines) + "\n)"

    def insert(self, index, module):
        """Put `module` before position `index`."""
        modules = list(self)
        modules.insert(index, module)
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._modules = {str(position): each for position, each in enumerate(modules)}

    def append(self, module):
        """Add `module` at the end."""
        self.add_module(str(len(self)), module)
        return self

    def pop(self, key):
        """Remove and return the module at position `key`."""
        module = self[key]
        del self[key]
        return module

    def extend(self, modules):
        """Add all modules of an iterable at the end."""
        if not isinstance(modules, abc.Iterable):
            raise TypeError("ModuleList.extend should be called with an iterable, but got " + type(modules).__name__)
        start = len(self)
        for position, module in enumerate(modules):
            self.add_module(str(start + position), module)
        return self


def _pairs_of(who, given):
    """Pairs from a mapping or an iterable of pairs, with the errors of `ModuleDict.update`."""
    if not isinstance(given, abc.Iterable):
        raise TypeError(f"{who}.update should be called with an iterable of key/value pairs, but got "
                        + type(given).__name__)
    if hasattr(given, "keys"):
        return [(key, given[key]) for key in given.keys()]
    pairs = []
    for position, pair in enumerate(given):
        if not isinstance(pair, abc.Iterable):
            raise TypeError(f"{who} update sequence element #{position} should be Iterable; is {type(pair).__name__}")
        pair = list(pair)
        if len(pair) != 2:
            raise ValueError(f"{who} update sequence element #{position} has length {len(pair)}; 2 is required")
        pairs.append(pair)
    return pairs


class ModuleDict(Module):
    """A dict of modules in order of insertion; it has no forward of its own."""

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key):
        return self._modules[key]

    def __setitem__(self, key, module):
        self.add_module(key, module)

    def __delitem__(self, key):
        del self._modules[key]

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, key):
        return key in self._modules

    def clear(self):
        """Remove everything."""
        self._modules.clear()

    def pop(self, key):
        """Remove and return the module under `key`."""
        module = self[key]
        del self[key]
        return module

    def keys(self):
        """The names."""
        return self._modules.keys()

    def items(self):
        """Pairs of name and module."""
        return self._modules.items()

    def values(self):
        """The modules."""
        return self._modules.values()

    def update(self, modules):
        """Add or replace from a mapping or an iterable of pairs."""
        for name, module in _pairs_of("ModuleDict", modules):
            self[name] = module


class ParameterList(Module):
    """A list whose tensors become Parameters; other values are kept as they are."""

    def __init__(self, values=None):
        super().__init__()
        self._size = 0
        if values is not None:
            self += values

    def _key(self, index):
        return str(_position(index, len(self)))

    def __getitem__(self, index):
        if isinstance(index, slice):
            picked = type(self)()
            for position in range(len(self))[index]:
                picked.append(self[position])
            return picked
        return getattr(self, self._key(index))

    def __setitem__(self, index, value):
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        setattr(self, self._key(index), value)

    def __len__(self):
        return self._size

    def __iter__(self):
        return iter(self[position] for position in range(len(self)))

    def __iadd__(self, values):
        return self.extend(values)

    def append(self, value):
        """Add `value` at the end."""
        position = len(self)
        self._size += 1
        self[position] = value
        return self

    def extend(self, values):
        """Add all values of an iterable at the end."""
        if not isinstance(values, abc.Iterable) or isinstance(values, Tensor):
            raise TypeError("ParameterList.extend should be called with an iterable, but got " + type(values).__name__)
        for value in values:
            self.append(value)
        return self

    def extra_repr(self):
        return "\n".join(_describe_entry(position, value, lambda each: str(each.dtype))
                         for position, value in enumerate(self))

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterList should not be called.")


def _describe_entry(key, value, dtype_name):
    if isinstance(value, Tensor):
        size = "x".join(str(size) for size in value.size())
        place = "" if value.device.type == "cpu" else f" ({value.device})"
        kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
        return f"  ({key}): {kind} containing: [{dtype_name(value)} of size {size}{place}]"
    return f"  ({key}): Object of type: {type(value).__name__}"


class ParameterDict(Module):
    """A dict whose tensors become Parameters; other values are kept as they are."""

    def __init__(self, parameters=None):
        super().__init__()
        self._keys = {}
        if parameters is not None:
            self.update(parameters)

    def _attribute(self, key):
        if not isinstance(key, str):
            raise TypeError("Index given to ParameterDict cannot be used as a key as it is not a string (type is "
                            f"'{type(key).__name__}'). Open an issue on github if you need non-string keys.")
        return key

    def __getitem__(self, key):
        return getattr(self, self._attribute(key))

    def __setitem__(self, key, value):
        attribute = self._attribute(key)
        self._keys[key] = None
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        setattr(self, attribute, value)

    def __delitem__(self, key):
        del self._keys[key]
        delattr(self, self._attribute(key))

    def __len__(self):
        return len(self._keys)

    def __iter__(self):
        return iter(self._keys)

    def __reversed__(self):
        return reversed(list(self._keys))

    def __contains__(self, key):
        return key in self._keys

    def copy(self):
        """A new ParameterDict with the same values."""
        return ParameterDict(OrderedDict((key, self[key]) for key in self._keys))

    def setdefault(self, key, default=None):
        """The value under `key`, which becomes `default` when there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self):
        """Remove everything."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key):
        """Remove and return the value under `key`."""
        value = self[key]
        del self[key]
        return value

    def popitem(self):
        """Remove and return the newest pair."""
        key, _ = self._keys.popitem()
        value = self[key]
        delattr(self, self._attribute(key))
        return key, value

    def get(self, key, default=None):
        """The value under `key`, or `default`."""
        return self[key] if key in self else default

    def fromkeys(self, keys, default=None):
        """A new ParameterDict with `default` under every key."""
        return ParameterDict((key, default) for key in keys)

    def keys(self):
        """The names."""
        return self._keys.keys()

    def items(self):
        """Pairs of name and value."""
        return ((key, self[key]) for key in self._keys)

    def values(self):
        """The values."""
        return (self[key] for key in self._keys)

    def update(self, parameters):
        """Add or replace from a mapping or an iterable of pairs; a mapping without an order of its own goes sorted."""
        pairs = _pairs_of("ParameterDict", parameters)
        if isinstance(parameters, abc.Mapping) and not isinstance(parameters, OrderedDict):
            pairs.sort()
        for key, value in pairs:
            self[key] = value

    def extra_repr(self):
        return "\n".join(_describe_entry(key, value, lambda each: each.type()) for key, value in self.items())

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterDict should not be called.")

    def __or__(self, other):
        joined = self.copy()
        joined.update(other)
        return joined

    def __ror__(self, other):
        joined = ParameterDict(dict(other.items()))
        joined.update(self)
        return joined

    def __ior__(self, other):
        self.update(other)
        return self
