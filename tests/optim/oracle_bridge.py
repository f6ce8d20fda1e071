"""Carry tensors between the package and the oracle. Where both are one library, conversion is the identity."""

import frankentorch as ft
import pytest


def name_of(dtype):
    return str(dtype).rsplit(".", 1)[-1]


def to_ours(t):
    """The package's tensor with the elements and dtype of the oracle's `t`."""
    if isinstance(t, ft.Tensor):
        return t
    return ft.tensor(t.tolist(), dtype=getattr(ft, name_of(t.dtype))).reshape(tuple(t.shape))


def to_oracle(t):
    """The oracle's tensor with the elements and dtype of the package's `t`."""
    torch = pytest.importorskip("torch")
    if isinstance(t, torch.Tensor):
        return t
    return torch.tensor(t.tolist(), dtype=getattr(torch, name_of(t.dtype))).reshape(tuple(t.shape))


def plain(value):
    """`value` with every tensor, of either library, as (dtype name, shape, elements); fit for ==."""
    if hasattr(value, "tolist"):
        return name_of(value.dtype), tuple(value.shape), value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    return value


def distance(left, right):
    """Largest absolute difference between two structures of the same shape, tensors included; inf if they differ in kind."""
    if hasattr(left, "tolist") and hasattr(right, "tolist"):
        if name_of(left.dtype) != name_of(right.dtype) or tuple(left.shape) != tuple(right.shape):
            return float("inf")
        return distance(left.tolist(), right.tolist())
    if isinstance(left, dict) and isinstance(right, dict):
        if list(left) != list(right):
            return float("inf")
        return max((distance(left[key], right[key]) for key in left), default=0.0)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        if len(left) != len(right):
            return float("inf")
        return max(map(distance, left, right), default=0.0)
    if left == right or (left != left and right != right):
        return 0.0
    if isinstance(left, (float, complex)) and isinstance(right, (float, complex)):
        return abs(left - right)
    return float("inf")


IS_ONE_LIBRARY = ft.Tensor.__module__.startswith("torch")
