"""Rules of rows that reduce, scan, sort or transform along dims: the dims of an example stand one further right among those of all."""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor
from frankentorch.batching import kind, rule


def wrapped_dim(dim, rank):
    """A dim of an example, counted among those of all. IndexError outside."""
    n = max(rank, 1)
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n + 1


def wrapped_dims(dims, rank):
    found = tuple(wrapped_dim(d, rank) for d in dims)
    if len(set(found)) != len(found):
        raise RuntimeError(f"dim {found[0] - 1} appears multiple times in the list of dims")
    return found


def with_a_dim(value):
    """Examples of 0 dims count as examples of one dim of size 1."""
    return ops.unsqueeze(value, 1) if value.dim() == 1 else value


def like_examples(result, scalar):
    """Examples that had no dim get none: a dim of size 1 that was added is taken away."""
    if not scalar:
        return result
    if isinstance(result, (tuple, list)):
        return tuple(like_examples(item, scalar) for item in result)
    return ops.squeeze(result, 1) if result.dim() == 2 else result


@kind("reduce")
def reduce(call):
    """Rows with an argument `dim` that may be missing, None or empty for all dims."""
    rank = call.rank(0)
    args = list(call.args)
    args[0] = with_a_dim(args[0])
    place = call.position("dim")
    dim = args[place]
    if isinstance(dim, int):
        args[place] = wrapped_dim(dim, rank)
    else:
        args[place] = wrapped_dims(dim, rank) if dim else tuple(range(1, max(rank, 1) + 1))
    return like_examples(call.run(*args), rank == 0)


@kind("dims")
def dims(call):
    """Rows with a dim, or several: tensors are spread to all examples and have as many dims each."""
    places = [i for i, value in enumerate(call.args) if isinstance(value, Tensor)]
    rank = max(call.rank(i) for i in places)
    args = list(call.args)
    for i in places:
        args[i] = with_a_dim(call.full(i))
    for name in ("dim", "dims"):
        if name in call.overload.arg_names:
            place = call.position(name)
            args[place] = wrapped_dim(args[place], rank) if isinstance(args[place], int) else wrapped_dims(args[place], rank)
    return like_examples(call.run(*args), rank == 0)


# full reductions, by the row that takes dims
FLAT = {"sum": ("sum", (1,)), "mean": ("mean", (1,)), "prod": ("prod", 1), "max": ("amax", (1,)), "min": ("amin", (1,)), "any": ("any", 1), "all": ("all", 1),
        "median": ("median", 1), "nanmedian": ("nanmedian", 1)}


@rule(*FLAT)
def flat(call):
    name, dim = FLAT[call.name]
    value = ops.reshape(call.args[0], (call.size, -1)) if call.args[0].numel() else call.args[0].reshape(call.size, call.args[0][:1].numel() if call.size else 1)
    if name == "amax" and value.size(1) == 0:
        raise RuntimeError(f"{call.name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.")
    dtypes = {"dtype": call.arg("dtype")} if "dtype" in call.overload.arg_names else {}
    if call.name in ("max", "min") and value.dtype is ops.bool:
        name = "any" if call.name == "max" else "all"
        dim = 1
    out = getattr(ops, name)(value, dim, **dtypes)
    return out[0] if "median" in name else out


@rule("argmax", "argmin")
def arg_extreme(call):
    value, dim, keepdim = call.args
    rank = call.rank(0)
    if dim is not None:
        return like_examples(call.run(with_a_dim(value), wrapped_dim(dim, rank), keepdim), rank == 0)
    out = call.run(ops.reshape(value, (call.size, -1)), 1, False)
    return ops.view(out, (call.size, *(1,) * rank)) if keepdim else out

