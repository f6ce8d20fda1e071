"""Rules of views, copies and joins."""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor
from frankentorch.batching import kind, rule
from frankentorch.batching.reduction import like_examples, with_a_dim, wrapped_dim, wrapped_dims


@kind("direct")
def direct(call):
    """The row means the same with a dim more at the left: unary copies, transforms of the last dims."""
    args = [call.full(i) if isinstance(value, Tensor) else value for i, value in enumerate(call.args)]
    return call.run(*args)


@rule("view")
def view(call):
    value, size = call.args
    if -1 in size:
        known = 1
        for n in size:
            known *= n if n != -1 else 1
        count = 1
        for n in value.shape[1:]:
            count *= n
        if known <= 0 or count % known or size.count(-1) > 1:
            return call.run(ops.select(value, 0, 0), size)           # its error
        size = tuple(count // known if n == -1 else n for n in size)
    return call.run(value, (call.size, *size))


@rule("as_strided")
def as_strided(call):
    value, size, stride, offset = call.args
    return call.run(value, (call.size, *size), (value.stride(0), *stride), value.storage_offset() if offset is None else offset)


@rule("expand")
def expand(call):
    value, size, implicit = call.args
    extra = len(size) - call.rank(0)
    if extra < 0:
        raise RuntimeError(f"expand: the number of sizes provided ({len(size)}) must be greater or equal to the number of dimensions in the tensor ({call.rank(0)})")
    if extra:
        if -1 in size[:extra]:
            raise RuntimeError(f"expand: The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {size.index(-1)}")
        value = ops.view(value, (call.size, *(1,) * extra, *value.shape[1:])) if can_pad(value) else value[(slice(None), *(None,) * extra)]
    return call.run(value, (call.size, *size), implicit)


def can_pad(value):
    return value.numel() > 0


@rule("permute")
def permute(call):
    value, dims = call.args
    if len(dims) != call.rank(0):
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = "
                           f"{call.rank(0)} is not equal to len(dims) = {len(dims)}")
    return call.run(value, (0, *wrapped_dims(dims, call.rank(0))))


@rule("transpose")
def transpose(call):
    value, first, second = call.args
    if call.rank(0) == 0:
        wrapped_dim(first, 0), wrapped_dim(second, 0)
        return ops.alias(value)
    return call.run(value, wrapped_dim(first, call.rank(0)), wrapped_dim(second, call.rank(0)))


@rule("t")
def t(call):
    if call.rank(0) > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {call.rank(0)}D")
    return ops.transpose(call.args[0], 1, 2) if call.rank(0) == 2 else ops.alias(call.args[0])


@rule("select")
def select(call):
    value, dim, index = call.args
    if call.rank(0) == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    return call.run(value, wrapped_dim(dim, call.rank(0)), index)


@rule("slice")
def slice_(call):
    value, dim, *bounds = call.args
    if call.rank(0) == 0:
        raise RuntimeError("slice() cannot be applied to a 0-dim tensor.")
    return call.run(value, wrapped_dim(dim, call.rank(0)), *bounds)


@rule("squeeze", "squeeze.dim", "squeeze.dims")
def squeeze(call):
    value, rank = call.args[0], call.rank(0)
    if call.overload.full_name == "squeeze":
        dims = tuple(d for d in range(1, rank + 1) if value.size(d) == 1)
    else:
        given = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
        dims = wrapped_dims(given, rank) if rank else (tuple(wrapped_dim(d, 0) for d in given), ())[1]
    return ops.squeeze(value, dims) if dims else ops.alias(value)


@rule("unsqueeze")
def unsqueeze(call):
    return call.run(call.args[0], wrapped_dim(call.args[1], call.rank(0) + 1))


@rule("diagonal")
def diagonal(call):
    value, offset, first, second = call.args
    return call.run(value, offset, wrapped_dim(first, call.rank(0)), wrapped_dim(second, call.rank(0)))


@rule("unfold")
def unfold(call):
    value, dim, size, step = call.args
    if call.rank(0) == 0:
        return call.run(with_a_dim(value), 1, size, step).squeeze(1)
    return call.run(value, wrapped_dim(dim, call.rank(0)), size, step)


@rule("split", "split.sizes", "unsafe_split", "unsafe_split_with_sizes")
def split(call):
    value, size, dim = call.args
    if call.rank(0) == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    return tuple(call.run(value, size, wrapped_dim(dim, call.rank(0))))


@rule("unbind")
def unbind(call):
    value, dim = call.args
    if call.rank(0) == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return tuple(call.run(value, wrapped_dim(dim, call.rank(0))))


@rule("flip")
def flip(call):
    value, dims = call.args
    return like_examples(call.run(with_a_dim(value), wrapped_dims(dims, call.rank(0))), call.rank(0) == 0)


@rule("tril", "triu")
def triangle(call):
    if call.rank(0) < 2:
        raise RuntimeError(f"{call.name}: input tensor must have at least 2 dimensions")
    return call.run(*call.args)


@rule("clone", "_to_copy")
def copy(call):
    """A format names the order of an example's dims: copied as its own, one dim more."""
    value = call.args[0]
    place = call.position("memory_format")
    wanted = call.args[place]
    args = list(call.args)
    if wanted in (ops.channels_last, ops.channels_last_3d):
        args[place] = ops.contiguous_format
        last = (0, 1, *range(3, value.dim()), 2)
        args[0] = ops.permute(value, last)
        return ops.permute(call.run(*args), (0, 1, value.dim() - 1, *range(2, value.dim() - 1)))
    return call.run(*args)


@rule("cat")
def cat(call):
    tensors, dim = call.args
    flags = call.batched[0]
    ranks = [item.dim() - of for item, of in zip(tensors, flags)]
    rank = max(ranks)
    for i, n in enumerate(ranks):
        if n == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    # an empty list of one dim takes part in the dtype only
    kept = []
    for item, of, n in zip(tensors, flags, ranks):
        if n == 1 and item.size(-1) == 0 and rank > 1:
            continue
        kept.append(item if of else call.spread(item))
    if len(kept) < len(tensors):
        dtype = tensors[0].dtype
        for item in tensors[1:]:
            dtype = ops.promote_types(dtype, item.dtype)
        kept = [item.to(dtype) for item in kept]
    return call.run(tuple(kept), wrapped_dim(dim, rank))


@rule("stack")
def stack(call):
    tensors, dim = call.args
    flags = call.batched[0]
    full = tuple(item if of else call.spread(item) for item, of in zip(tensors, flags))
    return call.run(full, wrapped_dim(dim, full[0].dim()))


@rule("diag_embed")
def diag_embed(call):
    value, offset, first, second = call.args
    rank = call.rank(0) + 1
    return call.run(value, offset, wrapped_dim(first, rank), wrapped_dim(second, rank))


@rule("select_scatter", "slice_scatter")
def scatter_part(call):
    args = list(call.args)
    args[0], args[1] = call.full(0), call.full(1)
    args[2] = wrapped_dim(args[2], call.rank(0))
    return call.run(*args)


@rule("diagonal_scatter")
def diagonal_scatter(call):
    self, src, offset, first, second = call.args
    return call.run(call.full(0), call.full(1), offset, wrapped_dim(first, call.rank(0)), wrapped_dim(second, call.rank(0)))


@rule("constant_pad_nd")
def constant_pad(call):
    value, pad, fill = call.args
    if len(pad) > 2 * call.rank(0):
        raise RuntimeError(f"Length of pad should be no more than twice the number of dimensions of the input. Pad length is {len(pad)} while the input has {call.rank(0)} dimensions.")
    return call.run(value, pad, fill)


# ---- factories ----
@rule("empty_like", "zeros_like", "ones_like", "full_like")
def like(call):
    args = list(call.args)
    place = call.position("memory_format")
    if args[place] in (ops.channels_last, ops.channels_last_3d):
        args[place] = ops.contiguous_format
    if call.name == "full_like" and call.batched[1]:
        args[1] = 0
        out = call.run(call.full(0), *args[1:])
        return ops._copy_(out, ops.view(call.args[1], (call.size, *(1,) * (out.dim() - 1))))
    return call.run(call.full(0), *args[1:])


@rule("new_empty", "new_zeros", "new_ones", "new_full")
def new(call):
    args = list(call.args)
    args[1] = (call.size, *args[1])
    if call.name == "new_full" and call.batched[2]:
        args[2] = 0
        out = call.run(*args)
        return ops._copy_(out, ops.view(call.args[2], (call.size, *(1,) * (out.dim() - 1))))
    return call.run(*args)


@rule("full")
def full(call):
    size, value, *rest = call.args
    return ops.clone(ops.expand(ops.view(value, (call.size, *(1,) * len(size))), (call.size, *size))).to(rest[0] or value.dtype)


@rule("new_empty_strided")
def new_empty_strided(call):
    self, size, stride, *rest = call.args
    extent = 1 + sum((n - 1) * s for n, s in zip(size, stride)) if all(size) else 0
    return call.run(self, (call.size, *size), (extent, *stride), *rest)


@rule("alias", "detach")
def alias(call):
    return call.run(*call.args)
