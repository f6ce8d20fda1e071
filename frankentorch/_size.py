"""`Size`: the shape of a tensor, a tuple of ints. The core makes its slices sizes too (`set_size_class`)."""


class Size(tuple):
    """Sizes per dim; slices, sums and products stay a Size."""

    __slots__ = ()

    def numel(self):
        """Product of the sizes."""
        n = 1
        for size in self:
            n *= size
        return n

    def __repr__(self):
        return f"torch.Size({list(self)})"

    def __add__(self, other):
        return Size(tuple.__add__(self, tuple(other))) if isinstance(other, (tuple, list)) else NotImplemented

    def __radd__(self, other):
        return Size(tuple(other) + tuple(self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count):
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __reduce__(self):
        return Size, (tuple(self),)
