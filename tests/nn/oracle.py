"""Comparing layers of the package with those of the oracle. Where both are one library, conversion is the identity."""
import warnings

import frankentorch as ft


def _is_one_library():
    return ft.Tensor.__module__.startswith("torch")


def to_subject(value, oracle):
    """The same tree of tensors for the package under test; fresh tensors in any case."""
    from tests.oracle import convert

    return convert(value, oracle, oracle if _is_one_library() else ft)


def to_oracle(value, oracle):
    """The same tree of tensors for the oracle."""
    if _is_one_library():
        return value
    from tests.oracle import convert

    return convert(value, ft, oracle)


def copy_state(source, target, oracle):
    """Give the oracle's module `target` the weights and buffers of our module `source`."""
    target.load_state_dict({name: to_oracle(value, oracle) for name, value in source.state_dict().items()})


def leaves(value):
    """Tensors of a tree in order."""
    if hasattr(value, "dtype"):
        return [value]
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in leaves(each)]
    return []


def assert_close(expected, actual, oracle, rtol=1e-10, atol=1e-12):
    """Same shape and dtype, elements within the tolerance; 0 and 0 asks for the same bits."""
    actual = to_oracle(actual, oracle)
    assert tuple(expected.shape) == tuple(actual.shape)
    assert expected.dtype == actual.dtype
    oracle.testing.assert_close(actual.detach(), expected.detach(), rtol=rtol, atol=atol, equal_nan=True)


def outcome(call):
    """What a call does: ("ok", result) or ("raises", exception), and the categories of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = "ok", call()
        except Exception as error:
            result = "raises", error
    return result, [each.category for each in caught]
