"""Random rows inside a vmap, by its `randomness`: refused, the same numbers for every example, or numbers of its own for each.

The innermost vmap that is open answers, whatever the arguments; the draw itself runs beneath it, where the next one answers. What is
different is drawn for all examples at once, in row-major order.
"""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor, adopt_value
from frankentorch.batching import INPLACE, RULES, Call, Outside, refuse_write, stack, wrapped

LIKE = frozenset(("rand_like", "randn_like", "randint_like", "_noise"))       # self gives a shape, not values


def random(overload, args, mode):
    levels = stack()
    if not levels:
        return NotImplemented
    top = levels[-1]
    if top.randomness == "error":
        raise RuntimeError(f"vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness flags on vmap or perform the "
                           f"randomness operation out of vmap: {overload.name}")
    call = Call(overload, args, top.number, mode == INPLACE, top.size)
    with Outside(len(levels) - 1):
        if call.inplace:
            return fill(call, top)
        return same(call) if top.randomness == "same" else different(call, top)


RULES["random"] = random


def any_flag(call):
    return any(any(flag) if isinstance(flag, tuple) else flag for flag in call.batched)


def same(call):
    """One draw, that of a single example."""
    if not any_flag(call):
        return call.run(*call.args)
    if call.name in LIKE and not any(call.batched[1:]):
        return call.run(one_of(call.args[0]), *call.args[1:])
    if call.name == "native_dropout":
        kept = call.run(ops.ones_like(one_of(call.args[0]).detach()), *call.args[1:])
        return wrapped((call.args[0] * kept[0], call.spread(kept[1])), call.level)
    raise RuntimeError(f"Vmap does not currently support same randomness with a batched tensor input: {call.name}")


def one_of(value):
    return ops.select(value, 0, 0) if value.size(0) else ops.empty(value.shape[1:], dtype=value.dtype, device=value.device)


def different(call, top):
    args = list(call.args)
    if call.name == "randperm":
        made = [call.run(*args) for _ in range(call.size)]
        out = ops.stack(tuple(made)) if made else ops.empty((0, args[0]), dtype=call.arg("dtype") or ops.int64)
    elif call.name == "multinomial":
        value = call.full(0)
        out = call.run(ops.reshape(value, (-1, value.size(-1))), *args[1:])
        out = ops.reshape(out, (*value.shape[:-1], args[1]))
    elif "size" in call.overload.arg_names:
        place = call.position("size")
        args[place] = (call.size, *args[place])
        out = call.run(*args)
    else:
        tensors = [i for i, value in enumerate(args) if isinstance(value, Tensor)]
        rank = max(call.rank(i) for i in tensors)
        for i in tensors:
            value = call.full(i)
            args[i] = ops.reshape(value, (call.size, *(1,) * (rank - call.rank(i)), *value.shape[1:])) if call.rank(i) < rank else value
        out = call.run(*args)
    return wrapped(out, top.number)


def fill(call, top):
    """self is written with random numbers."""
    self = call.args[0]
    if not call.batched[0]:
        if any_flag(call):
            raise refuse_write(call)
        if top.randomness == "different":
            raise RuntimeError("vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same randomness: make the tensor from an argument of "
                               f"the function (empty_like, new_empty): {call.name}_")
        return call.write(*call.args)
    if top.randomness == "same":
        if any(call.batched[1:]):
            raise RuntimeError(f"Vmap does not currently support same randomness with a batched tensor input: {call.name}_")
        drawn = call.write(ops.empty_like(one_of(self).detach()), *call.args[1:])
        ops._copy_(self, drawn)
    else:
        args = [call.full(i) if isinstance(value, Tensor) and i and call.rank(i) else value for i, value in enumerate(call.args)]
        call.write(*args)
    adopt_value(call.given[0], self)
    return call.given[0]

