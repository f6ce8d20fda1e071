"""Equal values: which of them an index names is the oracle's free choice, so any valid answer is accepted.

The public documentation leaves the order of equal elements open for `sort` and `argsort` without `stable=True`, for `topk`, and
for the place that `kthvalue`, `median`, `nanmedian` and `mode` name. An index tensor is a valid answer when, along the dim,
its entries lie in range and are distinct, and they pick the same values, in the same order, as the oracle's indices do.
`align` then reads ours as the oracle's, and the gradient is judged at the places that ours names.
"""
from dataclasses import replace

from conformance.carrier import Builder, Sequence, TensorSpec
from conformance.compare import Seen, decode, observe

NAME = "order-of-equals"
# op -> (position of `dim` among the arguments after the input, its default)
FREE = {"sort": (1, -1), "argsort": (1, -1), "topk": (2, -1), "kthvalue": (2, -1), "median": (1, None), "nanmedian": (1, None),
        "mode": (1, -1)}
ONLY_VALUES = {"msort": 0}           # op -> dim: no indices come out, but the gradient shows which were used


class Ties:
    """What the samples of one entry leave open; the last pair of index tensors that was accepted."""

    def __init__(self, name, oracle):
        self.name = name
        self.oracle = oracle
        self.accepted = 0
        self.chosen = None               # (dim, expected, actual) index arrays of the last alignment, one slot per element

    def align(self, expected, actual, args, kwargs):
        """The actual tree, with the oracle's indices where ours are as good."""
        self.chosen = None
        question = self.question(args, kwargs)
        places = index_pair(expected, actual) if question else None
        if places is None or places[0].raw == places[1].raw:
            return actual
        source, dim = question
        pair = [self.along(seen, source, dim) for seen in places]
        if not valid(source, dim, *pair):
            return actual
        self.accepted += 1
        self.chosen = (dim, *pair)
        taken = replace(places[1], raw=places[0].raw)
        if isinstance(actual, Seen):
            return taken
        return Sequence(actual.kind, [*actual.items[:-1], taken])

    def question(self, args, kwargs):
        """(input values, dim), or None where the order is specified."""
        if self.name not in FREE or kwargs.get("stable") or not isinstance(args.items[0], TensorSpec):
            return None
        position, dim = FREE[self.name]
        dim = kwargs.get("dim", args.items[position] if len(args.items) > position else dim)
        if not isinstance(dim, int) or isinstance(dim, bool):
            return None
        seen = observe(self.oracle, Builder(self.oracle).build(args.items[0]).detach())
        source = decode(seen.raw, seen.dtype).reshape(seen.sizes or (1,))
        return source, dim % source.ndim

    @staticmethod
    def along(seen, source, dim):
        """An index tensor in the input's rank: a dim that was reduced away comes back with size 1."""
        places = decode(seen.raw, seen.dtype).reshape(seen.sizes)
        sizes = list(source.shape)
        sizes[dim] = -1
        return places.reshape(sizes)

    def arranged(self, grad, args):
        """For an op that gives no indices: its gradient with the entries of equal inputs put in ascending order."""
        import numpy

        if self.name not in ONLY_VALUES or not isinstance(grad, Seen) or not grad.sizes:
            return grad
        seen = observe(self.oracle, Builder(self.oracle).build(args.items[0]).detach())
        source, values = (decode(item.raw, item.dtype).reshape(item.sizes) for item in (seen, grad))
        order = numpy.lexsort((values, source), axis=ONLY_VALUES[self.name])
        return replace(grad, raw=encode(numpy.take_along_axis(values, order, ONLY_VALUES[self.name]), grad.dtype))

    def expected_gradient(self, grad):
        """The oracle's gradient (a Seen) with each element moved to the place that ours names."""
        import numpy

        if self.chosen is None or not isinstance(grad, Seen):
            return grad
        dim, theirs, ours = self.chosen
        values = decode(grad.raw, grad.dtype).reshape(grad.sizes or (1,))
        moved = numpy.zeros_like(values)
        numpy.put_along_axis(moved, ours, numpy.take_along_axis(values, theirs, dim), dim)
        return replace(grad, raw=encode(moved, grad.dtype))


def index_pair(expected, actual):
    """The two index tensors: the last of several results, or the only one."""
    if isinstance(expected, Sequence) and isinstance(actual, Sequence) and len(expected.items) == len(actual.items) and expected.items:
        expected, actual = expected.items[-1], actual.items[-1]
    if not (isinstance(expected, Seen) and isinstance(actual, Seen)) or expected.raw is None:
        return None
    if expected.dtype != "int64" or actual.dtype != "int64" or expected.sizes != actual.sizes or not expected.raw:
        return None
    return expected, actual


def valid(source, dim, expected, actual):
    """In range, distinct along the dim, and the same values in the same order."""
    import numpy

    if actual.min() < 0 or actual.max() >= source.shape[dim]:
        return False
    ordered = numpy.sort(actual, axis=dim)
    if (numpy.diff(ordered, axis=dim) == 0).any():
        return False
    theirs, ours = (numpy.take_along_axis(source, places, dim) for places in (expected, actual))
    return bool(((theirs == ours) | ((theirs != theirs) & (ours != ours))).all())


def encode(values, name):
    """The inverse of `decode`."""
    import numpy

    if name == "bfloat16":
        return (values.view(numpy.uint32) >> 16).astype(numpy.uint16).tobytes()
    return values.tobytes()
