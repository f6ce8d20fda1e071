"""Rules of the rows behind nn layers: examples become more samples, channels or groups of one call; what does not fit runs example by example."""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor, batch_level, batch_value
from frankentorch.batching import RULES, rule
from frankentorch.batching.reduction import wrapped_dim
from frankentorch.batching.elementwise import aligned


def joined(value, dim=0):
    """Examples (dim 0) merged into `dim` of an example: the first dim when it is 0."""
    if dim:
        value = ops.movedim(value, 0, dim)
    return ops.reshape(value, (*value.shape[:dim], value.size(dim) * value.size(dim + 1), *value.shape[dim + 2:]))


def parted(value, count, dim=0):
    """The merge undone: examples along dim 0."""
    value = ops.reshape(value, (*value.shape[:dim], count, value.size(dim) // max(count, 1), *value.shape[dim + 1:]))
    return ops.movedim(value, dim, 0) if dim else value


# ---- convolution ----
@rule("convolution")
def convolution(call):
    input, weight, bias, stride, padding, dilation, transposed, output_padding, groups = call.args
    spatial = len(stride)
    count = call.size
    if call.rank(1) != spatial + 2 or call.rank(0) not in (spatial + 1, spatial + 2) or (bias is not None and call.rank(2) != 1) or count == 0 or input.numel() == 0:
        return RULES[""](call)
    alone = call.rank(0) == spatial + 1
    if not call.batched[1] and not call.batched[2]:
        if alone:
            return call.run(*call.args)
        return parted(call.run(joined(input), *call.args[1:]), count)
    images, filters = call.full(0), call.full(1)
    if alone:
        images = ops.unsqueeze(images, 1)
    out = ops.convolution(joined(images, 1), joined(filters), None, stride, padding, dilation, transposed, output_padding, groups * count)
    out = parted(out, count, 1)
    if bias is not None:
        out = out + (ops.reshape(bias, (count, 1, -1, *(1,) * spatial)) if call.batched[2] else ops.reshape(bias, (-1, *(1,) * spatial)))
    return ops.squeeze(out, 1) if alone else out


@rule("convolution_backward")
def convolution_backward(call):
    grad, input, weight, bias_sizes, stride, padding, dilation, transposed, output_padding, groups, mask = call.args
    spatial, count = len(stride), call.size
    if call.rank(0) != spatial + 2 or call.rank(1) != spatial + 2 or count == 0 or input.numel() == 0 or grad.numel() == 0:
        return RULES[""](call)
    if not call.batched[2] and not mask[1] and not mask[2]:
        found = call.run(joined(call.full(0)), joined(call.full(1)), *call.args[2:])
        return tuple(None if item is None else parted(item, count) for item in found)
    found = ops.convolution_backward(joined(call.full(0), 1), joined(call.full(1), 1), joined(call.full(2)), None, stride, padding, dilation, transposed,
                                     output_padding, groups * count, (mask[0], mask[1], False))
    bias = ops.sum(call.full(0), (1, *range(3, spatial + 3))) if mask[2] else None
    return (None if found[0] is None else parted(found[0], count, 1), None if found[1] is None else parted(found[1], count), bias)


# ---- pools, edges, patches: samples are independent ----
def rank_of(name):
    return next(int(digit) for digit in reversed(name) if digit.isdigit())


def samples(call, spatial):
    """Images are (C, …) or (N, C, …) with `spatial` further dims: of the first kind, examples are the samples; of the second, they are merged."""
    places = [i for i, value in enumerate(call.args) if isinstance(value, Tensor)]
    args = list(call.args)
    rank = call.rank(places[0])
    for i in places:
        args[i] = call.full(i)
    if rank == spatial + 1:
        return call.run(*args)
    if rank != spatial + 2 or call.size == 0:
        return RULES[""](call)
    for i in places:
        args[i] = joined(args[i])
    out = call.run(*args)
    return tuple(parted(item, call.size) for item in out) if isinstance(out, tuple) else parted(out, call.size)


POOLS = [name.format(n) for n in (1, 2, 3) for name in (
    "max_pool{}d_with_indices", "adaptive_max_pool{}d", "_max_pool{}d_backward", "_adaptive_max_pool{}d_backward", "avg_pool{}d", "_avg_pool{}d_backward",
    "_adaptive_avg_pool{}d", "_adaptive_avg_pool{}d_backward", "reflection_pad{}d", "_reflection_pad{}d_backward", "replication_pad{}d", "_replication_pad{}d_backward")]


@rule(*POOLS)
def pool(call):
    return samples(call, rank_of(call.name[:call.name.index("d_") + 1] if "d_" in call.name[1:] else call.name))


@rule("im2col")
def im2col(call):
    return samples(call, 2)


@rule("col2im")
def col2im(call):
    return samples(call, 1)


@rule("_resample", "_resample_backward")
def resample(call):
    value, passes = call.args
    return call.run(value, tuple((wrapped_dim(dim, call.rank(0)), taps) for dim, taps in passes))


# ---- normalisation ----
def scaled_and_shifted(out, weight, of_weight, bias, of_bias, shape):
    """out * weight + bias, parameters of each example in `shape` (without the examples)."""
    for value, of, multiplies in ((weight, of_weight, True), (bias, of_bias, False)):
        if value is not None:
            value = ops.reshape(value, (out.size(0), *shape) if of else shape)
            out = (out * value if multiplies else out + value).to(out.dtype)
    return out


@rule("_layer_norm")
def layer_norm(call):
    input, sizes, weight, bias, eps = call.args
    k = len(sizes)
    if not call.batched[2] and not call.batched[3]:
        return call.run(*call.args)
    if any(call.args[i] is not None and call.given[i].shape != tuple(sizes) for i in (2, 3)) or call.rank(0) < k:
        return RULES[""](call)
    out, mean, rstd = call.run(call.full(0), sizes, None, None, eps)
    rank = call.rank(0)
    return scaled_and_shifted(out, weight, call.batched[2], bias, call.batched[3], (*(1,) * (rank - k), *sizes)), mean, rstd


@rule("_layer_norm_backward")
def layer_norm_backward(call):
    grad, input, axis, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias = call.args
    grad, input, mean, rstd = (call.full(i) for i in (0, 1, 3, 4))
    rank = call.rank(1)
    to_input = to_weight = to_bias = None
    if want_input:
        g = grad
        if weight is not None:
            g = g * (aligned(weight, rank - call.rank(5)) if call.batched[5] else weight)
        to_input = call.run(g.to(grad.dtype), input, axis + 1, mean, rstd, None, None, eps, True, False, False)[0]
    dims = tuple(range(1, axis + 1))
    if want_weight:
        shape = (*input.shape[:axis + 1], *(1,) * (rank - axis))
        to_weight = grad * ((input - ops.reshape(mean, shape)) * ops.reshape(rstd, shape))
        to_weight = ops.sum(to_weight, dims) if dims else to_weight
        to_weight = to_weight.to((weight if weight is not None else input).dtype)
    if want_bias:
        to_bias = (ops.sum(grad, dims) if dims else grad).to((bias if bias is not None else input).dtype)
    return to_input, to_weight, to_bias


@rule("_group_norm")
def group_norm(call):
    input, groups, weight, bias, eps = call.args
    if call.size == 0:
        return RULES[""](call)
    value = call.full(0)
    plain = not call.batched[2] and not call.batched[3]
    out, mean, rstd = call.run(joined(value), groups, weight if plain else None, bias if plain else None, eps)
    out = parted(out, call.size)
    if not plain:
        out = scaled_and_shifted(out, weight, call.batched[2], bias, call.batched[3], (1, value.size(2), *(1,) * (value.dim() - 3)))
    return out, parted(mean, call.size), parted(rstd, call.size)


@rule("_group_norm_backward")
def group_norm_backward(call):
    grad, input, groups, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias = call.args
    if call.size == 0 or input.numel() == 0 or input.dtype in (ops.float16, ops.bfloat16):
        return RULES[""](call)
    grad, input, mean, rstd = (call.full(i) for i in (0, 1, 3, 4))
    count, batch, channels = input.shape[:3]
    lead = (1, channels, *(1,) * (input.dim() - 3))
    to_input = to_weight = to_bias = None
    if want_input:
        g = grad if weight is None else grad * ops.reshape(weight, (count, *lead) if call.batched[5] else lead)
        to_input = parted(call.run(joined(g), joined(input), groups, joined(mean), joined(rstd), None, None, eps, True, False, False)[0], count)
    dims = (1, *range(3, input.dim()))
    if want_weight:
        by_group = ops.reshape(input, (count, batch, groups, -1))
        unit = (by_group - ops.reshape(mean, (count, batch, groups, 1))) * ops.reshape(rstd, (count, batch, groups, 1))
        to_weight = ops.sum(grad * ops.reshape(unit, tuple(input.shape)), dims)
    if want_bias:
        to_bias = ops.sum(grad, dims)
    return to_input, to_weight, to_bias


@rule("_batch_norm_train")
def batch_norm_train(call):
    """Statistics of an example's own batch; running ones must then be the example's own too."""
    input, weight, bias, running_mean, running_var, momentum, eps = call.args
    for i, name in ((3, "running_mean"), (4, "running_var")):
        if call.args[i] is not None and call.batched[0] and not call.batched[i] and call.size != 1:
            raise RuntimeError(f"Batch norm got a batched tensor as input while the {name} or the other running statistic, which will be updated in place, was not batched: vmap: inplace "
                               "arithmetic(self, *extra_args) is not possible. Use running statistics of each example, track_running_stats=False or eval mode")
    if call.size == 0 or input.numel() == 0 or input.dtype in (ops.float16, ops.bfloat16):
        return RULES[""](call)
    images = call.full(0)
    parameters = [None if value is None else ops.reshape(call.full(i + 1), (-1,)) for i, value in enumerate((weight, bias))]
    moved = [None if value is None else ops.reshape(call.full(i + 3), (-1,)).clone() for i, value in enumerate((running_mean, running_var))]
    out, mean, rstd = call.run(joined(images, 1), *parameters, *moved, momentum, eps)
    with ops.no_grad():
        for value, now, of in zip((running_mean, running_var), moved, call.batched[3:5]):
            if value is not None:
                now = ops.reshape(now, (call.size, -1))
                ops._copy_(value, now if of else ops.select(now, 0, 0))
    return parted(out, call.size, 1), parted(mean, call.size), parted(rstd, call.size)


@rule("_batch_norm_eval")
def batch_norm_eval(call):
    input, weight, bias, running_mean, running_var, eps = call.args
    if call.size == 0 or input.numel() == 0:
        return RULES[""](call)
    if not any(call.batched[1:5]):
        return parted(call.run(joined(input), *call.args[1:]), call.size)
    vectors = [None if value is None else ops.reshape(call.full(i + 1), (-1,)) for i, value in enumerate((weight, bias, running_mean, running_var))]
    return parted(call.run(joined(call.full(0), 1), *vectors, eps), call.size, 1)


@rule("_batch_norm_backward")
def batch_norm_backward(call):
    grad, input, train, mean, rstd, weight, bias, *rest = call.args
    if call.size == 0 or input.numel() == 0:
        return RULES[""](call)
    vectors = [None if value is None else ops.reshape(call.full(i + 3), (-1,)) for i, value in enumerate((mean, rstd, weight, bias))]
    found = call.run(joined(call.full(0), 1), joined(call.full(1), 1), train, *vectors, *rest)
    return (None if found[0] is None else parted(found[0], call.size, 1), *(None if item is None else parted(item, call.size) for item in found[1:]))


# ---- embedding, attention, losses ----
@rule("_embedding")
def embedding(call):
    weight, indices, *rest = call.args
    if not call.batched[0]:
        return call.run(*call.args)
    if call.rank(0) != 2 or call.size == 0:
        return RULES[""](call)
    if not call.batched[1]:
        out = call.run(ops.reshape(ops.permute(weight, (1, 0, 2)), (weight.size(1), -1)), indices, -1, False)
        return ops.movedim(ops.reshape(out, (*indices.shape, call.size, weight.size(2))), -2, 0)
    check_rows(indices, weight.size(1))
    return ops._embedding(joined(weight), indices + offsets_of(indices, weight.size(1)), -1, False)


def offsets_of(indices, rows):
    return ops.view(ops.arange(indices.size(0)) * rows, (indices.size(0), *(1,) * (indices.dim() - 1)))


def check_rows(indices, rows):
    """A row outside its own example's table must not reach into the next one's."""
    while True:                     # examples of outer vmaps: all of theirs
        if not batch_level(indices):
            break
        indices = batch_value(indices)
    if indices.numel() and not indices.is_meta and (ops.amin(indices).item() < 0 or ops.amax(indices).item() >= rows):
        raise IndexError(f"index out of range in self: embedding with {rows} rows")


@rule("embedding_dense_backward")
def embedding_backward(call):
    grad, indices, rows, padding, by_frequency = call.args
    if call.size == 0 or rows == 0:
        return RULES[""](call)
    grad, indices = call.full(0), call.full(1)
    out = call.run(grad, indices + offsets_of(indices, rows), rows * call.size, -1, by_frequency)
    out = parted(out, call.size)
    return out if padding < 0 else ops.index_fill(out, 1, ops.tensor([padding]), 0)


@rule("_attention")
def attention(call):
    query, key, value, mask, scale, causal = call.args
    if mask is not None and call.batched[3]:
        mask = aligned(mask, call.rank(0) - call.rank(3))
    full = [call.full(i) for i in range(3)]
    if call.rank(0) >= 4:            # the kernel knows up to 4 dims with a stride of its own for each
        if mask is not None:
            mask = ops.expand(mask, (*full[0].shape[:-2], full[0].size(-2), full[1].size(-2)))
            mask = joined(mask)
        return parted(call.run(*(joined(item) for item in full), mask, scale, causal), call.size)
    return call.run(*full, mask, scale, causal)


def picks_of(call, i_self, i_target, i_weight, ignore):
    """(minus the picked elements weighted, the weights): for each example and place. self (B, N, C, …), target (B, N, …)."""
    self, target = call.full(i_self), call.full(i_target)
    weight = None if call.args[i_weight] is None else call.args[i_weight].detach()
    if call.rank(i_self) == 1:
        self, target = ops.unsqueeze(self, 1), ops.reshape(target, (call.size, 1))
    keep = ops.ne(target, ignore)
    safe = ops.where(keep, target, ops.zeros_like(target))
    if weight is None:
        weights = keep.to(self.dtype)
    elif call.batched[i_weight]:
        weights = ops.reshape(ops.gather(weight, 1, ops.reshape(safe, (call.size, -1))), tuple(safe.shape)) * keep
    else:
        weights = ops.index(weight, (safe,)) * keep
    return self, safe, weights


def fits_nll(call, i_self, i_target):
    rank = call.rank(i_self)
    target = call.args[i_target]
    return call.size and rank >= 1 and call.rank(i_target) == max(rank - 1, 0) and target.dtype is ops.int64 and call.args[i_self].numel() and call.args[i_self].dtype in (ops.float32, ops.float64)


@rule("nll_loss_forward")
def nll_loss(call):
    reduction, ignore = call.args[3], call.args[4]
    if not fits_nll(call, 0, 1):
        return RULES[""](call)
    self, safe, weights = picks_of(call, 0, 1, 2, ignore)
    losses = -ops.squeeze(ops.gather(self, 2, ops.unsqueeze(safe, 2)), 2) * weights
    dims = tuple(range(1, losses.dim()))
    total = ops.sum(weights, dims)
    if reduction == 0:
        return (ops.squeeze(losses, 1) if call.rank(0) == 1 else losses), ops.zeros_like(total)
    out = ops.sum(losses, dims)
    return (out / total if reduction == 1 else out), total


@rule("nll_loss_backward")
def nll_loss_backward(call):
    grad, _, _, _, reduction, ignore, total = call.args
    if not fits_nll(call, 1, 2):
        return RULES[""](call)
    self, safe, weights = picks_of(call, 1, 2, 3, ignore)
    grad, total = call.full(0), call.full(6)
    lead = (call.size, *(1,) * (weights.dim() - 1))
    if reduction == 1:
        grad = grad / total
    grad = ops.reshape(grad, tuple(weights.shape)) if reduction == 0 else ops.reshape(grad, lead)
    out = ops.scatter(ops.zeros_like(self), 2, ops.unsqueeze(safe, 2), ops.unsqueeze((-grad * weights).to(self.dtype), 2))
    return ops.reshape(out, (call.size, *call.given[1].shape)) if call.rank(1) == 1 else out
