"""Rules of elementwise rows: dims of examples are aligned at the right, behind the dim that counts them."""
from frankentorch import ops
from frankentorch._ext.elementwise import result_type_of
from frankentorch._ext.tensor import Tensor
from frankentorch.batching import kind, rule


def aligned(value, missing):
    """Dims of size 1 put between the examples and the rest."""
    return ops.view(value, (value.shape[0], *(1,) * missing, *value.shape[1:])) if missing > 0 else value


def common_dtype(call, places):
    """The dtype that examples promote to, when numbers of dims decide it: values have one dim more. None when it makes no difference."""
    if call.name == "_where":
        places = [i for i in places if i]
    if len({call.args[i].dtype for i in places}) < 2 or all(call.rank(i) for i in places):
        return None
    return result_type_of(tuple(call.given[i] for i in places))


@kind("elementwise")
def elementwise(call):
    if call.name == "_copy" and not call.batched[0]:         # it writes its first argument in this form too
        call.args[0], call.batched[0] = ops.clone(call.full(0)), True
    places = [i for i, value in enumerate(call.args) if isinstance(value, Tensor)]
    rank = max(call.rank(i) for i in places)
    dtype = None if call.name == "_copy" or len(places) < 2 else common_dtype(call, places)
    args = list(call.args)
    if call.inplace and call.rank(0) < rank:
        shape = list(ops.broadcast_shapes(*(call.given[i].shape for i in places)))
        raise RuntimeError(f"{call.name}_: output with shape {list(call.given[0].shape)} doesn't match the broadcast shape {shape}")
    for i in places:
        if dtype is not None and args[i].dtype is not dtype and not (call.inplace and i == 0) and not (call.name == "_where" and i == 0):
            args[i] = args[i].to(dtype)
        if call.batched[i]:
            args[i] = aligned(args[i], rank - call.rank(i))
    if call.inplace:
        return call.write(*args)
    return call.run(*args)


@rule("_masked_fill")
def masked_fill(call):
    self, mask, value = call.args
    rank = max(call.rank(0), call.rank(1))
    self = aligned(call.full(0), rank - call.rank(0))
    mask = aligned(mask, rank - call.rank(1)) if call.batched[1] else mask
    if isinstance(value, Tensor):
        value = aligned(value, rank) if call.batched[2] else value
        value = value.to(self.dtype)
        return ops._where(mask, value, self)
    return call.run(ops.expand(self, (call.size, *ops.broadcast_shapes(self.shape[1:], mask.shape[1:] if call.batched[1] else mask.shape))), mask, value)


@rule("fill")
def fill(call):
    self, value = call.args
    if not isinstance(value, Tensor):
        return call.run(self, value)
    if call.rank(1):
        raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {call.rank(1)} dimensions.")
    self = call.full(0)
    out = ops.empty_like(self)
    ops._copy_(out, aligned(value, self.dim() - 1) if call.batched[1] else value)
    return out
