"""The common shape of several shapes."""
from frankentorch._ext import create
from frankentorch._ext.dtype import get_default_dtype


def broadcast_shapes(*shapes):
    """Shape that tensors of these shapes broadcast to; an int stands for a shape of one dim.

    Raises
    ------
    RuntimeError
        Two sizes of a dim differ and neither is 1.
    ValueError
        A size is negative.

    >>> broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    shapes = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    out = [1] * max(map(len, shapes), default=0)
    for shape in shapes:
        for place, size in enumerate(shape, len(out) - len(shape)):
            if size < 0:
                raise ValueError(f"Trying to create tensor with negative dimension ({size}): ({size}) in broadcast_shapes of {shapes}")
            if size == 1 or size == out[place]:
                continue
            if out[place] != 1:
                raise RuntimeError(f"Shape mismatch: objects cannot be broadcast to a single shape: {shapes} differ in dim {place - len(out)}, {out[place]} against {size}")
            out[place] = size
    return create.empty(tuple(out), get_default_dtype(), True, 1).shape
