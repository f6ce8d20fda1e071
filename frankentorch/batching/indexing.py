"""Rules of gathers, scatters and index tensors."""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor
from frankentorch.batching import RULES, rule
from frankentorch.batching.reduction import like_examples, with_a_dim, wrapped_dim


@rule("gather", "_scatter", "_scatter_fill", "_scatter_combine", "scatter_add", "scatter_reduce")
def along_dim(call):
    """self, dim, index, …: all tensors have the rank of self."""
    places = [i for i, value in enumerate(call.args) if isinstance(value, Tensor)]
    rank = max(call.rank(i) for i in places)
    args = list(call.args)
    for i in places:
        args[i] = call.full(i)
        if call.rank(i) == 0:
            args[i] = with_a_dim(args[i])
    args[1] = wrapped_dim(args[1], call.rank(0))
    # a scalar index or self among tensors of one dim counts as one element; of more dims it is the row's own error
    return like_examples(call.run(*args), call.rank(2 if call.name == "gather" else 0) == 0) if rank < 2 else call.run(*args)


@rule("index_select")
def index_select(call):
    self, dim, index = call.args
    rank = call.rank(0)
    if call.rank(2) > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if not call.batched[2]:
        return like_examples(call.run(with_a_dim(self), wrapped_dim(dim, rank), index), rank == 0)
    scalar = rank == 0
    self, index = with_a_dim(call.full(0)), with_a_dim(index)
    dim = wrapped_dim(dim, rank)
    shape = [1] * self.dim()
    shape[0], shape[dim] = index.shape
    sizes = list(self.shape)
    sizes[dim] = index.size(1)
    return like_examples(ops.gather(self, dim, ops.expand(ops.view(index, tuple(shape)), tuple(sizes))), scalar)


@rule("_index_write", "index_fill")
def index_write(call):
    """One index for all examples is the row itself, one dim further right; an index per example goes example by example."""
    if call.batched[2] or call.rank(0) == 0 or (call.name == "index_fill" and call.batched[3]):
        return RULES[""](call)
    args = list(call.args)
    args[0] = call.full(0)
    if call.name == "_index_write":
        if call.rank(3) != call.rank(0):
            return RULES[""](call)
        args[3] = call.full(3)
    args[1] = wrapped_dim(args[1], call.rank(0))
    return call.run(*args)


@rule("take")
def take(call):
    self, index = call.args
    flat = ops.reshape(call.full(0), (call.size, -1)) if self.numel() else ops.reshape(call.full(0), (call.size, 0))
    if flat.size(1) == 0:
        return RULES[""](call)
    index = call.full(1)
    return ops.reshape(ops.gather(flat, 1, wrap_negative(ops.reshape(index, (call.size, index[:1].numel())), flat.size(1))), index.shape)


def wrap_negative(index, size):
    return ops.where(ops.lt(index, 0), index + size, index)


@rule("masked_select")
def masked_select(call):
    """One mask for all examples picks the same places of each."""
    if call.batched[1]:
        return RULES["refuse"](call)
    self, mask = call.args
    shape = ops.broadcast_shapes(self.shape[1:], mask.shape)
    self = ops.expand(ops.reshape(self, (call.size, *(1,) * (len(shape) - call.rank(0)), *self.shape[1:])), (call.size, *shape))
    picked = ops.nonzero(ops.reshape(ops.expand(mask, shape), (-1,))).select(1, 0)
    return ops.index_select(ops.flatten(self, 1) if len(shape) else ops.unsqueeze(self, 1), 1, picked)


# ---- index tensors ----
def is_mask(t):
    return t.dtype is ops.bool or t.dtype is ops.uint8


def plain_indices(call, place):
    """(index, is it batched) per dim of self, masks replaced by their coordinates. A mask per example is refused."""
    out = []
    for item, of in zip(call.args[place], call.batched[place]):
        if item is None or not is_mask(item):
            out.append((item, of))
            continue
        if of:
            raise RuntimeError("vmap: We do not support batching operators that can support dynamic shape. Attempting to batch over indexing with a boolean mask.")
        if item.dim() == 0:
            out.append((ops.nonzero(ops.unsqueeze(item, 0)).select(1, 0), False))
        else:
            for d in range(item.dim()):
                if d + len(out) < call.rank(0) and item.size(d) != call.given[0].size(d + len(out)):
                    raise IndexError(f"The shape of the mask {list(item.shape)} at index {d} does not match the shape of the indexed tensor {list(call.given[0].shape)} at index {d + len(out)}")
            out.extend((column, False) for column in ops.nonzero(item).unbind(1))
    if len(out) > call.rank(0):
        raise IndexError(f"too many indices for tensor of dimension {call.rank(0)} (got {len(out)})")
    return out


def layout(call, indices):
    """(shape of the index dims, where they stand in an example's result, whole index): the whole index has the examples' own number first."""
    used = [d for d, (item, _) in enumerate(indices) if item is not None]
    width = max(indices[d][0].dim() - indices[d][1] for d in used)
    adjacent = used[-1] - used[0] + 1 == len(used)
    whole = [ops.view(ops.arange(call.size), (call.size, *(1,) * width))]
    for item, of in indices:
        if of:
            item = ops.view(item, (call.size, *(1,) * (width - item.dim() + 1), *item.shape[1:]))
        whole.append(item)
    shape = ops.broadcast_shapes(*(item.shape[1:] if of else item.shape for item, of in indices if item is not None))
    return shape, used[0] if adjacent else 0, tuple(whole)


@rule("index")
def index(call):
    indices = plain_indices(call, 1)
    if all(item is None for item, _ in indices):
        return ops.clone(call.full(0))
    shape, at, whole = layout(call, indices)
    if not any(of for _, of in indices) and not_split(indices):
        return ops.index(call.args[0], (None, *(item for item, _ in indices)))
    out = ops.index(call.full(0), whole)
    # the index dims stand right behind the examples now; put them where one example has them
    return ops.movedim(out, tuple(range(1, 1 + len(shape))), tuple(range(1 + at, 1 + at + len(shape)))) if at else out


def not_split(indices):
    used = [d for d, (item, _) in enumerate(indices) if item is not None]
    return used[-1] - used[0] + 1 == len(used)


@rule("index_put")
def index_put(call):
    self, _, values, accumulate = call.args
    self = call.full(0)
    indices = plain_indices(call, 1)
    if all(item is None for item, _ in indices):
        values = call.full(2)
        values = ops.expand(ops.view(values, (call.size, *(1,) * (self.dim() - values.dim()), *values.shape[1:])), self.shape)
        return self + values if accumulate else ops._copy_(ops.empty_like(self), values)
    shape, at, whole = layout(call, indices)
    rest = [n for d, n in enumerate(self.shape[1:]) if d >= len(indices) or indices[d][0] is None]
    result = (*rest[:at], *shape, *rest[at:])
    rank = call.rank(2)
    if rank > len(result):
        extra = rank - len(result)
        lead = values.shape[call.batched[2]:][:extra]
        if any(n != 1 for n in lead):
            raise RuntimeError(f"shape mismatch: value tensor of shape {list(call.given[2].shape)} cannot be broadcast to indexing result of shape {list(result)}")
        values = ops.reshape(values, (*values.shape[:call.batched[2]], *values.shape[call.batched[2] + extra:]))
        rank -= extra
    if call.batched[2]:
        values = ops.view(values, (call.size, *(1,) * (len(result) - rank), *values.shape[1:]))
    values = ops.expand(values, (call.size, *result))
    if at:
        values = ops.movedim(values, tuple(range(1 + at, 1 + at + len(shape))), tuple(range(1, 1 + len(shape))))
    return ops.index_put(self, whole, values, accumulate)
