"""Rules of matrix products and decompositions: examples are one more batch dim of a broadcasting product."""
from frankentorch import ops
from frankentorch.batching import RULES, rule
from frankentorch.batching.elementwise import aligned


def product(call, i, k):
    """Arguments i and k multiplied as `matmul` does, of each example."""
    return multiplied(call.args[i], call.batched[i], call.args[k], call.batched[k])


def multiplied(a, of_a, b, of_b):
    rank_a, rank_b = a.dim() - of_a, b.dim() - of_b
    if rank_a == 0 or rank_b == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {rank_a}D and {rank_b}D")
    if rank_a == 1:
        a = ops.unsqueeze(a, -2)
    if rank_b == 1:
        b = ops.unsqueeze(b, -1)
    rank = max(rank_a, rank_b, 2)
    if of_a:
        a = aligned(a, rank - max(rank_a, 2)) if a.numel() else padded(a, rank - max(rank_a, 2))
    if of_b:
        b = aligned(b, rank - max(rank_b, 2)) if b.numel() else padded(b, rank - max(rank_b, 2))
    out = ops.matmul(a, b)
    if rank_a == 1:
        out = ops.squeeze(out, -2)
    if rank_b == 1:
        out = ops.squeeze(out, -1)
    return out


def padded(value, missing):
    for _ in range(missing):
        value = ops.unsqueeze(value, 1)
    return value


def same_kind(call, *places):
    first = call.args[places[0]].dtype
    for i in places[1:]:
        if call.args[i].dtype is not first:
            raise RuntimeError(f"{call.name}: expected m1 and m2 to have the same dtype, but got: {first} != {call.args[i].dtype}")


def check_ranks(call, wanted):
    for i, rank in wanted.items():
        if call.rank(i) != rank:
            raise RuntimeError(f"{call.name}: expected {call.overload.arg_names[i]} to be a {rank}-D tensor, got {call.rank(i)}-D: {list(call.given[i].shape)}")


@rule("_matmul")
def matmul(call):
    return product(call, 0, 1)


@rule("mm", "mv", "bmm")
def matrix(call):
    check_ranks(call, {"mm": {0: 2, 1: 2}, "mv": {0: 2, 1: 1}, "bmm": {0: 3, 1: 3}}[call.name])
    same_kind(call, 0, 1)
    if call.name == "bmm" and call.given[0].size(0) != call.given[1].size(0):
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{call.given[0].size(0)}, {call.given[0].size(2)}] but got: [{call.given[1].size(0)}, {call.given[1].size(1)}].")
    return product(call, 0, 1)


@rule("dot", "vdot")
def dot(call):
    check_ranks(call, {0: 1, 1: 1})
    same_kind(call, 0, 1)
    if call.given[0].size(0) != call.given[1].size(0):
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{call.given[0].size(0)}] and src [{call.given[1].size(0)}] to have the same number of elements")
    first = ops.conj(call.args[0]) if call.name == "vdot" else call.args[0]
    return multiplied(first, call.batched[0], call.args[1], call.batched[1])


@rule("addmm", "addmv", "baddbmm")
def added(call):
    self, _, _, beta, alpha = call.args
    check_ranks(call, {"addmm": {1: 2, 2: 2}, "addmv": {1: 2, 2: 1}, "baddbmm": {1: 3, 2: 3}}[call.name])
    if call.name == "baddbmm" and call.given[1].size(0) != call.given[2].size(0):
        raise RuntimeError("batch1 and batch2 must have same number of batches")
    same_kind(call, 1, 2)
    out = product(call, 1, 2)
    if not call.batched[1] and not call.batched[2]:
        out = call.spread(out)
    out = out if alpha == 1 else out * alpha
    if beta == 0:
        return out
    if call.rank(0) > out.dim() - 1:
        raise RuntimeError(f"{call.name}: self of shape {list(call.given[0].shape)} does not broadcast to {list(out.shape[1:])}")
    self = aligned(self, out.dim() - 1 - call.rank(0)) if call.batched[0] and self.numel() else self
    return out + (self if beta == 1 else self * beta)


@rule("linear")
def linear(call):
    input, weight, bias = call.args
    if not call.batched[1] and not call.batched[2]:
        return call.run(input, weight, bias)
    if call.rank(1) != 2 or call.rank(0) == 0:
        return RULES[""](call)
    out = multiplied(input, call.batched[0], ops.transpose(weight, -2, -1), call.batched[1])
    if bias is None:
        return out
    if not call.batched[0] and not call.batched[1]:
        out = call.spread(out)
    return out + (aligned(bias, out.dim() - 1 - call.rank(2)) if call.batched[2] else bias)


@rule("_linalg_solve")
def solve(call):
    return call.run(call.full(0), call.full(1)) if call.rank(0) == call.rank(1) else RULES[""](call)
