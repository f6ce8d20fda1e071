"""One op on all examples of a vmap at once.

A tensor inside a vmap is the face of one example: its sizes are those of one, and it holds the value of all (dim 0 counts examples) and the
level of the vmap that made it. The door hands every op with such arguments to `run_batched`, which takes the highest level among them, puts
the values in their place and runs the row's rule; what the rule calls are ordinary ops, so lower levels, the tape and recorders see them as
any others. A rule is ``rule(call) -> value or tuple of values``, with the examples along dim 0 of each. Rows without one run example by example.

Randomness: `push` tells which vmaps are open in this thread; an op that draws asks the innermost one, examples among its arguments or not.
"""
import contextlib
import threading
from importlib import import_module

from frankentorch import ops
from frankentorch._ext import dispatch
from frankentorch._ext.tensor import Tensor, adopt_value, batch_level, batch_value, grad_beneath_now, make_batched, next_level, set_special_bit

BIT_BATCH = 32              # dispatch.BIT_BATCH
INPLACE = 1                 # dispatch.Mode
FAMILIES = ("elementwise", "reduction", "shapes", "indexing", "products", "layers", "draws")

_state = threading.local()
_lock = threading.Lock()
_open_levels = 0


class Level:
    """One vmap under way: its number, how many examples it has, what random ops do in it.

    A value with a single example stands for all: what is the same for all, but is differentiated by as if each example had its own.
    """

    __slots__ = ("number", "size", "randomness")

    def __init__(self, size, randomness="error", number=None):
        self.number = next_level() if number is None else number
        self.size, self.randomness = size, randomness

    def __enter__(self):
        global _open_levels
        with _lock:
            _open_levels += 1
            set_special_bit(BIT_BATCH, True)
        stack().append(self)
        return self

    def __exit__(self, *reason):
        global _open_levels
        stack().remove(self)
        with _lock:
            _open_levels -= 1
            set_special_bit(BIT_BATCH, _open_levels > 0)

    def wrap(self, value):
        """The example-wise face of `value`, whose dim 0 counts examples; of size 1, the one stands for all."""
        return make_batched(value, self.number)

    def value_of(self, t):
        """All examples of `t`, or None when it is the same for all of this level."""
        if batch_level(t) != self.number:
            return None
        value = batch_value(t)
        return ops.expand(value, (self.size, *value.shape[1:])) if is_shared(value, self.size) else value

    def shared_value(self, t):
        """`t` beneath this level when it is the same for all, else None."""
        if batch_level(t) != self.number:
            return t
        value = batch_value(t)
        return ops.select(value, 0, 0) if is_shared(value, self.size) else None


    def whole(self, t):
        """All examples of `t`; spread when it is the same for all."""
        value = self.value_of(t)
        return ops.expand(ops.unsqueeze(t, 0), (self.size, *t.shape)) if value is None else value


def is_shared(value, size):
    """Whether one example stands for all `size`."""
    return value.size(0) == 1 != size


class Outside:
    """The vmaps from `position` on are out of sight for random ops (a rule runs its own draws beneath them)."""

    def __init__(self, position):
        self.position = position

    def __enter__(self):
        self.hidden = stack()[self.position:]
        del stack()[self.position:]

    def __exit__(self, *reason):
        stack().extend(self.hidden)


@contextlib.contextmanager
def beneath():
    """Record as what examples are examples of does: on, when a walk that does not record itself says so."""
    if ops.is_grad_enabled() or not grad_beneath_now():
        yield
        return
    with ops.enable_grad():
        yield


def stack():
    """Open vmaps of this thread, outermost first."""
    try:
        return _state.levels
    except AttributeError:
        _state.levels = []
        return _state.levels


def size_of(args, level):
    """How many examples the arguments have: 1 when one stands for all in each of them."""
    for value in args:
        for item in value if isinstance(value, tuple) else (value,):
            if batch_level(item) == level and batch_value(item).size(0) != 1:
                return batch_value(item).size(0)
    return 1


class Call:
    """An op at one level: `args` in schema order with values of all examples in the place of examples, `batched` saying where."""

    __slots__ = ("overload", "given", "args", "batched", "level", "size", "inplace")

    def __init__(self, overload, given, level, inplace, size=None):
        self.overload, self.given, self.level, self.inplace = overload, given, level, inplace
        self.size = size_of(given, level) if size is None else size
        self.args, self.batched = [], []
        for value in given:
            if isinstance(value, tuple):
                pairs = [self.split(item) for item in value]
                self.args.append(tuple(item for item, _ in pairs))
                self.batched.append(tuple(flag for _, flag in pairs))
            else:
                value, flag = self.split(value)
                self.args.append(value)
                self.batched.append(flag)
        self.check_places()

    def split(self, value):
        if batch_level(value) != self.level:
            return value, False
        value = batch_value(value)
        return (ops.select(value, 0, 0), False) if is_shared(value, self.size) else (value, True)

    def check_places(self):
        """A meta tensor beside examples that hold data was made by a kernel that an example was handed to: nothing may be computed from it."""
        tensors = [item for value in self.args for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, Tensor)]
        if len(tensors) > 1 and any(item.is_meta for item in tensors) and not all(item.is_meta for item in tensors):
            raise RuntimeError(f"vmap: {self.name} got a tensor without data beside examples that hold some: an op before it worked on storage and has no batching rule, or one of "
                               "the tensors is on the meta device")

    @property
    def name(self):
        return self.overload.name

    def arg(self, name):
        return self.args[self.overload.arg_names.index(name)]

    def position(self, name):
        return self.overload.arg_names.index(name)

    def rank(self, i):
        """Dims of one example of argument i."""
        return self.args[i].dim() - self.batched[i]

    def full(self, i):
        """Argument i with a dim of examples, spread when it has none."""
        return self.args[i] if self.batched[i] else self.spread(self.args[i])

    def spread(self, value):
        return ops.expand(ops.unsqueeze(value, 0), (self.size, *value.shape))

    def run(self, *args):
        """The row itself, out of place."""
        return dispatch.run_overload(self.overload, tuple(args), 0, None)

    def write(self, *args):
        """The row itself, in place."""
        return dispatch.run_overload(self.overload, tuple(args), INPLACE, None)


RULES, NAMED = {}, {}        # by kind of row (optable.schema.BATCHES); by full name, for rows that have a rule of their own


def rule(*names):
    """Decorator: the rule of the rows with these full names."""
    def register(function):
        for name in names:
            NAMED[name] = function
        return function
    return register


def kind(name):
    """Decorator: the rule of all rows that say ``batch=name``."""
    def register(function):
        RULES[name] = function
        return function
    return register


def highest_level(args):
    level = 0
    for value in args:
        if isinstance(value, tuple):
            for item in value:
                level = max(level, batch_level(item))
        else:
            level = max(level, batch_level(value))
    return level


def run_batched(overload, args, mode):
    """What the door calls for an op with examples among its arguments, or that draws inside a vmap."""
    if overload.batch == "random":
        return RULES["random"](overload, args, mode)
    level = highest_level(args)
    if not level:
        return NotImplemented
    call = Call(overload, args, level, mode == INPLACE)
    if call.inplace:
        return run_inplace(call)
    return wrapped(rule_of(overload)(call), level)


def rule_of(overload):
    return NAMED[overload.full_name] if overload.batch == "own" else RULES[overload.batch]


def wrapped(value, level):
    if isinstance(value, (tuple, list)):
        return tuple(make_batched(item, level) if isinstance(item, Tensor) else item for item in value)
    return make_batched(value, level)


def refuse_write(call):
    return RuntimeError(f"vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that has more elements than `self`: "
                        f"{call.name}_ would write a value per example into {list(call.args[0].shape)}, which is the same for all examples. Use {call.name} out of place, "
                        "or make self from an argument of the function (zeros_like, new_zeros)")


def run_inplace(call):
    """Write all examples: by the row itself when it is elementwise, else by a copy of its result."""
    if not call.batched[0]:
        raise refuse_write(call)
    target = call.given[0]
    if call.overload.batch == "elementwise":
        RULES["elementwise"](call)
    else:
        result = rule_of(call.overload)(call)
        result = result[0] if isinstance(result, tuple) else result
        if result is not call.args[0]:
            if result.shape != call.args[0].shape:
                raise RuntimeError(f"{call.name}_: output with shape {list(call.args[0].shape[1:])} doesn't match the broadcast shape {list(result.shape[1:])}")
            ops._copy_(call.args[0], result)
    adopt_value(target, call.args[0])
    return target


@kind("each")
@kind("")
def each_example(call):
    """Right for every row: the op on one example after the other, the results stacked."""
    if call.size == 0:
        raise RuntimeError(f"vmap: {call.name} has no rule for a batch of no examples")
    columns = None
    for k in range(call.size):
        args = []
        for value, flag in zip(call.args, call.batched):
            if isinstance(value, tuple):
                args.append(tuple(ops.select(item, 0, k) if of else item for item, of in zip(value, flag)))
            else:
                args.append(ops.select(value, 0, k) if flag else value)
        out = call.run(*args)
        several = isinstance(out, (tuple, list))
        columns = [[] for _ in (out if several else (out,))] if columns is None else columns
        for column, part in zip(columns, out if several else (out,)):
            if not isinstance(part, Tensor) and part is not None:
                raise RuntimeError(f"vmap: Batching rule not implemented for aten::{call.name}. We could not generate a fallback: it gives {type(part).__name__}")
            column.append(part)
    results = tuple(None if column[0] is None else ops.stack(tuple(column)) for column in columns)
    return results if several else results[0]


@kind("refuse")
def refuse(call):
    """The result's shape, or what the program does next, would depend on the example."""
    if call.name in ("equal", "allclose"):
        raise RuntimeError(f"vmap: Batching rule not implemented for aten::{call.name}. We could not generate a fallback: it gives a bool per example")
    raise RuntimeError(f"vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over aten::{call.name}, whose result's shape depends on the example")


for _family in FAMILIES:
    import_module(f"frankentorch.batching.{_family}")
dispatch.set_batching(run_batched)
