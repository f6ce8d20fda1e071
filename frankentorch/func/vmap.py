"""`vmap`: a function of one example, run on all of them. The examples are faces of the whole (frankentorch.batching); here are the arguments' sides."""
import functools

from frankentorch import ops
from frankentorch._ext.tensor import Tensor
from frankentorch._pytree import _broadcast_to_and_flatten, tree_flatten, tree_unflatten
from frankentorch.batching import Level


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """A function that applies `func` to every example of its arguments at once.

    Parameters
    ----------
    func : callable
        Of positional arguments in nested tuples, lists and dicts; returns tensors, nested likewise. Keyword arguments are the same for all.
    in_dims : int, None, or nested like the arguments
        The dim that counts examples in each; None for what is the same for all. Negative dims count from the end.
    out_dims : int, None, or nested like the results
        Where the dim of examples goes in each result; None for a result that is the same for all.
    randomness : "error", "same" or "different"
        What random ops do: refuse, draw once for all, draw for each.
    chunk_size : int, optional
        Run at most so many examples at a time.

    Raises
    ------
    ValueError
        in_dims or out_dims do not fit, sizes of the mapped dims differ, a result is no tensor.
    RuntimeError
        An unknown randomness; in `func`, reading a value of an example (``item``, ``if``), results whose shape depends on values, writes of a value
        per example into a tensor that is the same for all.

    Source: documentation of torch.func.vmap.

    >>> vmap(torch.dot)(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([[1., 1.], [1., 1.]]))
    tensor([3., 7.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        size, leaves, dims, spec = examples_of(func, in_dims, args)
        if chunk_size is not None and chunk_size < size:
            return in_chunks(func, size, leaves, dims, spec, out_dims, randomness, chunk_size, kwargs)
        return mapped(func, size, leaves, dims, spec, out_dims, randomness, kwargs)
    return wrapped


def name_of(func):
    return getattr(func, "__name__", None) or repr(func)


def examples_of(func, in_dims, args):
    """(number of examples, leaves, dim of each or None, how they were nested); ValueError says what does not fit."""
    where = f"vmap({name_of(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if isinstance(in_dims, bool) or not isinstance(in_dims, (int, tuple, list)):
        if not (isinstance(in_dims, dict) and in_dims):
            raise ValueError(f"{where}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, got: {type(in_dims)}.")
    if not args:
        raise ValueError(f"vmap({name_of(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a function with no inputs. The latter is unsupported.")
    leaves, spec = tree_flatten(args)
    flat = _broadcast_to_and_flatten(tuple(in_dims) if isinstance(in_dims, list) else in_dims, spec)
    if flat is None:
        raise ValueError(f"{where}: in_dims is not compatible with the structure of `inputs`. in_dims has structure {tree_flatten(in_dims)[1]} but inputs has structure {spec}.")
    dims, sizes = [], []
    for leaf, dim in zip(leaves, flat):
        if dim is None:
            dims.append(None)
            continue
        if not isinstance(dim, int):
            raise ValueError(f"{where}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None.")
        if not isinstance(leaf, Tensor):
            raise ValueError(f"{where}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot vmap over non-Tensor arguments, please use None as the respective in_dim")
        if not -leaf.dim() <= dim < leaf.dim():
            raise ValueError(f"{where}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {leaf.dim()} so expected in_dim to satisfy -{leaf.dim()} <= in_dim < {leaf.dim()}.")
        dims.append(dim % leaf.dim())
        sizes.append(leaf.size(dim))
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over: all in_dims are None")
    if len(set(sizes)) > 1:
        raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped dimension")
    return sizes[0], leaves, dims, spec


def first(value, dim):
    return ops.movedim(value, dim, 0) if dim else value


def mapped(func, size, leaves, dims, spec, out_dims, randomness, kwargs):
    """One pass over all examples."""
    with Level(size, randomness) as level:
        args = tree_unflatten([leaf if dim is None else level.wrap(first(leaf, dim)) for leaf, dim in zip(leaves, dims)], spec)
        return gathered(func, level, func(*args, **kwargs), out_dims)


def gathered(func, level, results, out_dims):
    """Results with the dim of examples where out_dims wants it."""
    outs, spec = tree_flatten(results)
    where = f"vmap({name_of(func)}, ..., out_dims={out_dims})(<inputs>)"
    if not isinstance(out_dims, (int, tuple, list, dict, type(None))):
        raise ValueError(f"vmap({name_of(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of ints representing where in the outputs the vmapped "
                         "dimension should appear.")
    dims = fitted_out_dims(out_dims, results, spec)
    if dims is None:
        raise ValueError(f"{where}: out_dims is not compatible with the structure of `outputs`. out_dims has structure {tree_flatten(out_dims)[1]} but outputs has structure {spec}.")
    found = []
    for out, dim in zip(outs, dims):
        if not isinstance(out, Tensor):
            if dim is None:
                found.append(out)
                continue
            raise ValueError(f"vmap({name_of(func)}, ...): `{name_of(func)}` must only return Tensors, got type {type(out)}. Did you mean to set out_dims= to None for output?")
        if dim is None:
            out = level.shared_value(out)
            if out is None:
                raise ValueError(f"vmap({name_of(func)}, ...): `{name_of(func)}` can not return a BatchedTensor when out_dim is None")
            found.append(out)
            continue
        value = level.value_of(out)
        if value is None:
            value = ops.expand(ops.unsqueeze(out, 0), (level.size, *out.shape))
        rank = value.dim()
        if not -rank <= dim < rank:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})")
        found.append(ops.movedim(value, 0, dim) if dim % rank else value)
    return tree_unflatten(found, spec)


def fitted_out_dims(out_dims, results, spec):
    if isinstance(out_dims, (int, type(None))) or not isinstance(results, Tensor):
        return _broadcast_to_and_flatten(out_dims, spec)
    if isinstance(out_dims, (tuple, list)) and len(out_dims) == 1:
        return [out_dims[0]]
    return None


def in_chunks(func, size, leaves, dims, spec, out_dims, randomness, chunk_size, kwargs):
    """Passes over parts of the examples, joined. "same" draws the same in each part."""
    parts, state = [], None
    if randomness == "same":
        from frankentorch import random
        state = random.get_rng_state()
    for start in range(0, size, chunk_size):
        if state is not None:
            random.set_rng_state(state)
        length = min(chunk_size, size - start)
        some = [leaf if dim is None else ops.narrow(leaf, dim, start, length) for leaf, dim in zip(leaves, dims)]
        parts.append(tree_flatten(mapped(func, length, some, dims, spec, out_dims, randomness, kwargs)))
    spec = parts[0][1]
    flat = _broadcast_to_and_flatten(out_dims, spec)
    if flat is None:
        flat = list(out_dims)
    joined = [column[0] if dim is None else ops.cat(column, dim) for column, dim in zip(zip(*(leaves for leaves, _ in parts)), flat)]
    return tree_unflatten(joined, spec)


def unit_cotangents(outs, numels):
    """For each tensor, the (co)tangents of all walks: the identity on its own elements, zero on others'."""
    total, start, basis = sum(numels), 0, []
    for out, count in zip(outs, numels):
        unit = ops.zeros((total, count), dtype=out.dtype, device=out.device)
        if count:
            unit.diagonal(-start).fill_(1)
        basis.append(ops.reshape(unit, (total, *out.shape)))
        start += count
    return tuple(basis)
