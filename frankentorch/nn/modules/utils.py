"""Small helpers of the layers: sizes given as one number or as one per dim."""
from collections.abc import Iterable
from itertools import repeat


def _ntuple(n, name="parse"):
    """A function that makes a tuple of `n` from one number, and leaves a sequence as a tuple."""
    def parse(x):
        return tuple(x) if isinstance(x, Iterable) else tuple(repeat(x, n))

    parse.__name__ = name
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t, n):
    """(1, 2), 2 -> (2, 2, 1, 1): the order of `functional.pad`."""
    return tuple(each for each in reversed(t) for _ in range(n))


def _list_with_default(out_size, defaults):
    """An output size of which each None is taken from the end of `defaults`."""
    if isinstance(out_size, int):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    tail = defaults[-len(out_size):] if len(out_size) else []
    return [default if size is None else size for size, default in zip(out_size, tail)]


def consume_prefix_in_state_dict_if_present(state_dict, prefix):
    """Cut `prefix` off the keys of a state dict and of its `_metadata`, in place."""
    for key in list(state_dict):
        if key.startswith(prefix):
            state_dict[key[len(prefix):]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    if metadata is not None:
        for key in list(metadata):
            # the module at the prefix itself has the prefix without its dot
            if key and (key == prefix.replace(".", "") or key.startswith(prefix)):
                metadata[key[len(prefix):]] = metadata.pop(key)
