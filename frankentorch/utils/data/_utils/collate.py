"""Make one batch out of a list of samples."""

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

from frankentorch import ops
from frankentorch._tensor import Tensor

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]


def _numpy_kind(value):
    """``"array"`` or ``"scalar"`` for NumPy values with numeric dtype, ``"text"`` for others of NumPy, else None.

    Goes by name, so that NumPy is not imported for a program that does not use it.
    """
    if type(value).__module__ != "numpy" or not hasattr(value, "dtype"):
        return None
    if value.dtype.kind in "SUOV":
        return "text"
    return "array" if type(value).__name__ in ("ndarray", "memmap") else "scalar"


class _KnownByName(type):
    def __instancecheck__(cls, value):
        return _numpy_kind(value) in ("array", "scalar")


class _NumericNumpy(metaclass=_KnownByName):
    """Stands for all NumPy arrays and scalars of numeric dtype in `default_collate_fn_map`."""


def _is_named_tuple(value):
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _rebuilt(original, items):
    """`items` in a sequence of the type of `original`, or a list if that type cannot be made from one."""
    try:
        if isinstance(original, MutableSequence):
            clone = copy.copy(original)
            for index, item in enumerate(items):
                clone[index] = item
            return clone
        return type(original)(items)
    except TypeError:
        return list(items)


def _rebuilt_mapping(original, items):
    """`items` in a mapping of the type of `original`, or a dict if that type cannot be made from one."""
    try:
        if isinstance(original, MutableMapping):
            clone = copy.copy(original)
            clone.update(items)
            return clone
        return type(original)(items)
    except TypeError:
        return dict(items)


def default_convert(data):
    """Make tensors of the NumPy arrays and scalars in `data`, through mappings and sequences; leave all else."""
    kind = _numpy_kind(data)
    if isinstance(data, Tensor) or kind == "text":
        return data
    if kind is not None:
        return ops.as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuilt_mapping(data, {key: default_convert(data[key]) for key in data})
    if _is_named_tuple(data):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuilt(data, [default_convert(item) for item in data])
    return data


def _collate_tensors(batch, *, collate_fn_map=None):
    return ops.stack(batch, 0)


def _collate_floats(batch, *, collate_fn_map=None):
    return ops.tensor(batch, dtype=ops.float64)


def _collate_whole(batch, *, collate_fn_map=None):
    return ops.tensor(batch)


def _collate_numpy(batch, *, collate_fn_map=None):
    if _numpy_kind(batch[0]) == "scalar":
        return ops.as_tensor(batch)
    return ops.stack([ops.as_tensor(each) for each in batch], 0)


def _collate_texts(batch, *, collate_fn_map=None):
    return batch


default_collate_fn_map = {
    Tensor: _collate_tensors,
    _NumericNumpy: _collate_numpy,
    float: _collate_floats,
    int: _collate_whole,
    str: _collate_texts,
    bytes: _collate_texts,
}


def collate(batch, *, collate_fn_map=None):
    """Make one batch out of a list of samples, going into mappings and sequences.

    Parameters
    ----------
    batch : list
        Samples of one structure.
    collate_fn_map : dict, optional
        Sample type to ``function(batch, *, collate_fn_map)``. The exact type is looked up first, then base classes
        in the order of the dict.

    Raises
    ------
    TypeError
        No rule for the type of the samples.
    RuntimeError
        Sequences of different lengths.
    """
    sample = batch[0]
    kind = type(sample)
    rules = collate_fn_map or {}
    rule = rules.get(kind) or next((rules[base] for base in rules if isinstance(sample, base)), None)
    if rule is not None:
        return rule(batch, collate_fn_map=collate_fn_map)

    def nested(items):
        return collate(items, collate_fn_map=collate_fn_map)

    if isinstance(sample, Mapping):
        return _rebuilt_mapping(sample, {key: nested([each[key] for each in batch]) for key in sample})
    if isinstance(sample, Sequence):
        if any(len(each) != len(sample) for each in batch):
            raise RuntimeError(f"each element in list of batch should be of equal size, got {[len(each) for each in batch]}")
        columns = [nested(column) for column in zip(*batch, strict=True)]
        if _is_named_tuple(sample):
            return kind(*columns)
        return columns if isinstance(sample, tuple) else _rebuilt(sample, columns)
    raise TypeError(f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {kind}")


def default_collate(batch):
    """Stack samples along a new first axis.

    Tensors and NumPy arrays are stacked, numbers become a tensor (floats as float64), strings stay a list, and
    mappings and sequences are gone into: a list of dicts becomes a dict of batches.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
