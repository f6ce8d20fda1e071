"""`rearrange`: transpose, split and merge dims by a pattern of names (Rogozhnikov, Einops, ICLR 2022; the subset that moves and does not reduce)."""
import re

from frankentorch import ops

TOKEN = re.compile(r"\s*(\.\.\.|[A-Za-z_]\w*|1|\(|\))")


class DimensionBindError(Exception):
    """Sizes of a pattern's names cannot be worked out from the tensor."""


def side_of(text, pattern, left):
    """One side as groups of names; "..." stands alone on the left."""
    groups, group, place = [], None, 0
    text = text.strip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if not found:
            raise ValueError(f"Unexpected character {text[place]!r} in {pattern}")
        place = found.end()
        token = found[1]
        if token == "(":
            if group is not None:
                raise ValueError(f"Brackets are nested in {pattern}")
            group = []
        elif token == ")":
            if group is None:
                raise ValueError(f"Brackets are not balanced in {pattern}")
            groups.append(group)
            group = None
        elif token == "..." and left and group is not None:
            raise ValueError(f"Ellipsis is parenthesis in the left side is not allowed: {pattern}")
        elif group is not None:
            group += [] if token == "1" else [token]
        else:
            groups.append([] if token == "1" else [token])
    if group is not None:
        raise ValueError(f"Brackets are not balanced in {pattern}")
    names = [name for group in groups for name in group]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"Identifiers appear more than once on one side of {pattern}: {sorted(repeated)}")
    return groups, names


def rearrange(tensor, pattern, **axes_lengths):
    """Dims of `tensor` in another order, split and merged as `pattern` says.

    Parameters
    ----------
    tensor : Tensor, or sequence of Tensors of one shape (stacked along a new first dim)
    pattern : str, ``"b (h d) ... -> b h ... d"``
        Names of dims before and after the arrow; brackets hold dims that are one; ``...`` is any number of dims; 1 and () are a dim of size 1.
    axes_lengths : int
        Sizes of names that the tensor does not tell.

    Raises
    ------
    ValueError
        The pattern is malformed or has another number of dims.
    DimensionBindError
        Sizes cannot be worked out.

    >>> rearrange(torch.arange(6).reshape(2, 3), "a b -> b a").shape
    torch.Size([3, 2])
    """
    if not isinstance(tensor, ops.Tensor):
        tensor = ops.stack(tuple(tensor))
    if pattern.count("->") != 1:
        raise ValueError("Pattern must contain a single '->' separator")
    left, right = pattern.split("->")
    groups, names = side_of(left, pattern, True)
    targets, wanted = side_of(right, pattern, False)
    if set(names) != set(wanted):
        raise ValueError(f"Identifiers only on one side of rearrange expression (should be on both): {set(names) ^ set(wanted)}")
    unknown = set(axes_lengths) - set(names)
    if unknown:
        raise ValueError(f"Identifiers with a length that the pattern does not name: {sorted(unknown)}")
    extra = []
    if ["..."] in groups:
        at = groups.index(["..."])
        count = tensor.dim() - (len(groups) - 1)
        if count < 0:
            raise ValueError(f"Number of dimensions in pattern ({len(groups) - 1}) must be less than or equal to the number of dimensions in the tensor ({tensor.dim()})")
        extra = [f"...{i}" for i in range(count)]
        groups = [*groups[:at], *([name] for name in extra), *groups[at + 1:]]
    elif len(groups) != tensor.dim():
        raise ValueError(f"Number of dimensions in pattern ({len(groups)}) must be equal to the number of dimensions in the tensor ({tensor.dim()})")
    sizes = dict(axes_lengths)
    for group, size in zip(groups, tensor.shape):
        bind(group, size, sizes)
    order = [name for group in groups for name in group]
    flat = [expanded for group in targets for name in group for expanded in (extra if name == "..." else [name])]
    out = ops.reshape(tensor, tuple(sizes[name] for name in order))
    out = ops.permute(out, tuple(order.index(name) for name in flat))
    shape = []
    for group in targets:
        if group == ["..."]:
            shape += [sizes[name] for name in extra]
            continue
        product = 1
        for name in group:
            for part in extra if name == "..." else [name]:
                product *= sizes[part]
        shape.append(product)
    return ops.reshape(out, tuple(shape))


def bind(group, size, sizes):
    """Sizes of the names of one dim; at most one may be left to work out."""
    known, missing = 1, None
    for name in group:
        if name in sizes:
            known *= sizes[name]
        elif missing is None:
            missing = name
        else:
            raise DimensionBindError(f"cannot infer the sizes of two dimensions at once {missing} and {name}")
    if missing is not None:
        if known == 0 or size % known:
            raise DimensionBindError(f"inferred dimension does not evenly fit into larger dimension: {size} vs {group}")
        sizes[missing] = size // known
    elif known != size:
        raise DimensionBindError(f"Dimension sizes to match: {size} vs {known} for {group}")
