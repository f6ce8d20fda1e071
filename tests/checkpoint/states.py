"""States for the tests: every kind of value and tensor."""

import struct
from collections import OrderedDict

from frankentorch import ops
from frankentorch._tensor import Tensor
from frankentorch.checkpoint.values import DTYPES


def small():
    """A few chunks of everything, quick to write."""
    weight = ops.arange(12, dtype=ops.float32).reshape(3, 4)
    return {
        "model": OrderedDict([("weight", weight), ("tied", weight), ("column", weight[:, 1]), ("turned", weight.t())]),
        "wide": ops.ones(3, 1).expand(3, 5), "gaps": ops.arange(10)[::2], "scalar": ops.tensor(3), "empty": ops.zeros(0, 3),
        "flags": ops.tensor([True, False, True]), "half": ops.ones(5, dtype=ops.bfloat16), "leaf": ops.ones(2, requires_grad=True),
        "plain": {3: 1.5, "3": 2j, "x/y~": [None, True, (1, -300)], "name": "é", "raw": b"\0\xff"},
        "kinds": [ops.bfloat16, ops.device("cpu"), weight.shape], "order": OrderedDict(b=1, a=2),
    }


def every_dtype():
    return {name: ops.tensor([[0, 1, 1], [1, 0, 1]], dtype=getattr(ops, name)) for name in DTYPES}


def same(left, right):
    """Equal in type, value and order; tensors by dtype, shape, strides, flags and bits."""
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return (type(left) is type(right) and left.dtype == right.dtype and left.shape == right.shape and left.requires_grad == right.requires_grad
                and bits(left) == bits(right))
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        ordered = list(left) == list(right) if isinstance(left, OrderedDict) else left.keys() == right.keys()
        return ordered and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    return left == right


def bits(tensor):
    from frankentorch._ext.create import tensor_bytes

    return tensor_bytes(tensor.detach())
