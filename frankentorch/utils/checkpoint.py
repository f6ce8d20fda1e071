"""Activation checkpointing: memory for time. What a part of the model would keep for its backward is thrown away and computed again when needed.

Not reentrant (`use_reentrant=False`): the part runs under saved-tensor hooks. Every value saved is replaced by a `_Slot`; the first slot opened by a walk runs the
part once more, under hooks that put the values saved then, in their order, into the slots that are still alive. The graph is that of the plain run, and so are the bits.

Reentrant: the part is one node; its backward runs the part once more with recording and walks it, inside the outer walk.

Random numbers are drawn again from the state the generator had.
"""
import contextlib
import enum
import threading
import warnings
import weakref

from frankentorch import ops, random
from frankentorch._ext import engine
from frankentorch._ext.tensor import Tensor, is_grad_enabled
from frankentorch._overrides import TorchFunctionMode
from frankentorch.autograd import backward
from frankentorch.autograd.function import Function, _Saved
from frankentorch.autograd.graph import saved_tensors_hooks
from frankentorch.ops.grad_mode import enable_grad, no_grad

__all__ = ["checkpoint", "checkpoint_sequential", "CheckpointError", "CheckpointFunction", "check_backward_validity", "detach_variable", "get_device_states",
           "set_device_states", "noop_context_fn", "set_checkpoint_early_stop", "DefaultDeviceType", "set_checkpoint_debug_enabled", "CheckpointPolicy",
           "SelectiveCheckpointContext", "create_selective_checkpoint_contexts"]

_EXPLICIT = ("the use_reentrant parameter should be passed explicitly: the default, True, is going to change. use_reentrant=False is recommended; "
             "pass use_reentrant=True for what happens now")
_TIP = "\nPass debug=True to checkpoint, or use set_checkpoint_debug_enabled(True), to see which ops ran."


class CheckpointError(RuntimeError):
    """What ran again is not what ran first."""


class _Settings(threading.local):
    debug = None
    early_stop = True


_settings = _Settings()


def noop_context_fn():
    """Two contexts that do nothing: for the forward run and for the second one."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled):
    """Inside, `debug` of every checkpoint is `enabled`; None leaves it to the call."""
    before, _settings.debug = _settings.debug, enabled
    try:
        yield
    finally:
        _settings.debug = before


@contextlib.contextmanager
def set_checkpoint_early_stop(enable):
    """Inside, whether the second run ends as soon as it has made what is needed (the default). Goes before the `early_stop` of a call when False."""
    before, _settings.early_stop = _settings.early_stop, enable
    try:
        yield
    finally:
        _settings.early_stop = before


# ---- what the oracle's module offers besides ------------------------------------------------------


class DefaultDeviceType:
    """The device whose generators would be kept too; here there is only the CPU's."""

    _device = "cuda"

    @staticmethod
    def set_device_type(device="cuda"):
        DefaultDeviceType._device = device

    @staticmethod
    def get_device_type():
        return DefaultDeviceType._device


def get_device_states(*args):
    """Devices other than the CPU among the arguments, and their generators' states: none."""
    return [], []


def set_device_states(devices, states, *, device_type=None):
    """Sets nothing: there are no other devices."""


def detach_variable(inputs):
    """The tensors of a tuple cut off from their history, requiring grad as they did; the rest as it is."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(value.detach().requires_grad_(value.requires_grad) if isinstance(value, Tensor) else value for value in inputs)


def check_backward_validity(inputs):
    """Warn when no tensor among the inputs requires grad."""
    if not any(isinstance(value, Tensor) and value.requires_grad for value in inputs):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


@contextlib.contextmanager
def _generator_as(state):
    """Inside, the default generator goes on from `state`; None changes nothing."""
    if state is None:
        yield
        return
    before = random.get_rng_state()
    random.set_rng_state(state)
    try:
        yield
    finally:
        random.set_rng_state(before)


# ---- reentrant -----------------------------------------------------------------------------------


class CheckpointFunction(Function):
    """The part as one node. Its gradients go straight into the leaves inside, so `autograd.grad` cannot collect them and is refused."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.generator = random.get_rng_state() if preserve_rng_state else None
        ctx.arguments = [None if isinstance(value, Tensor) else value for value in args]
        ctx.places = [i for i, value in enumerate(args) if isinstance(value, Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.places))
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        if engine.walk_takes_inputs():
            raise RuntimeError("When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter to .backward(): "
                               "set use_reentrant=False, or call .backward() without `inputs`.")
        arguments = list(ctx.arguments)
        for place, value in zip(ctx.places, ctx.saved_tensors):
            arguments[place] = value
        arguments = detach_variable(tuple(arguments))
        with enable_grad(), _generator_as(ctx.generator):
            outputs = ctx.run_function(*arguments)
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        wanted = [(out, g) for out, g in zip(outputs, grads) if isinstance(out, Tensor) and out.requires_grad]
        if not wanted:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        with enable_grad():
            backward([out for out, _ in wanted], [g for _, g in wanted])
        return (None, None, *(value.grad if isinstance(value, Tensor) else None for value in arguments))


# ---- not reentrant -------------------------------------------------------------------------------


class _Slot:
    """Stands for the k-th value that a part saves."""

    __slots__ = ("frame", "place", "__weakref__")

    def __init__(self, frame, place):
        self.frame, self.place = frame, place


class _Done(Exception):
    """The second run has made everything that is needed."""


class _Frame:
    """One run of one part, and how to repeat it."""

    def __init__(self, call, values, preserve_rng_state, context, early_stop, check, log):
        self.call, self.context, self.early_stop, self.check, self.log = call, context, early_stop, check, log
        self.values = [_Saved(value, None) if isinstance(value, Tensor) else value for value in values]   # outer hooks and the version check apply
        self.generator = random.get_rng_state() if preserve_rng_state else None
        self.slots = []                  # weak references, in order
        self.facts = []                  # (shape, dtype, device) of what was saved
        self.made = {}                   # {thread: (number of the walk, {place: value})}
        self.closed = False              # the run is over: what is saved through views or hooks later is none of it

    def pack(self, value):
        slot = _Slot(self, len(self.slots))
        self.slots.append(weakref.ref(slot))
        self.facts.append(_facts(value))
        return slot

    def unpack(self, slot):
        thread, walk = threading.get_ident(), engine.current_walk()
        number, made = self.made.get(thread, (None, None))
        if made is None or number != walk or walk is None or slot.place not in made:
            made = self.repeat()
            self.made[thread] = walk, made
        value = made.pop(slot.place)
        if not made or walk is None:
            self.made.pop(thread, None)
        return value

    def repeat(self):
        """Run the part again; {place: value} of the slots that are alive."""
        made = {}
        count = 0
        log = [] if self.log is not None else None

        def keep(value):
            nonlocal count
            place, count = count, count + 1
            if place >= len(self.slots):
                raise self.error("torch.utils.checkpoint: trying to save more tensors during recomputation than during the original forward pass: "
                                 f"{count} and {len(self.slots)}.", log)
            if self.slots[place]() is not None:
                made[place] = value
            if self.early_stop and count == len(self.slots):
                raise _Done
            return value

        with enable_grad():
            values = [value.read(None, "checkpoint") if isinstance(value, _Saved) else value for value in self.values]
            with _generator_as(self.generator), contextlib.suppress(_Done), self.context, _logging(log), saved_tensors_hooks(keep, lambda value: value):
                self.call(*values)
        if count != len(self.slots):
            raise self.error("torch.utils.checkpoint: A different number of tensors was saved during the original forward and recomputation.\n"
                             f"Number of tensors saved during forward: {len(self.slots)}\nNumber of tensors saved during recomputation: {count}.", log)
        if self.check is not None:
            wrong = [(place, self.facts[place], self.check(value)) for place, value in sorted(made.items()) if self.facts[place] != self.check(value)]
            if wrong:
                lines = [f"tensor at position {place}:\nsaved metadata: {before}\nrecomputed metadata: {now}" for place, before, now in wrong]
                raise self.error("torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during the forward pass.\n" + "\n".join(lines), log)
        return made

    def error(self, text, log):
        if log is None:
            return CheckpointError(text + _TIP)
        parts = [f"{title}\n" + "".join(f"  {line}\n" for line in lines) for title, lines in
                 (("Operators that ran in the original forward:", self.log), ("Operators that ran in the recomputation:", log))]
        return CheckpointError(f"An error happened while unpacking tensors (debug=True):\n{parts[0]}{parts[1]}{text}")


def _facts(value):
    return {"shape": value.shape, "dtype": value.dtype, "device": value.device}


class _Log(TorchFunctionMode):
    """Writes down the ops called, with the line that called them."""

    def __init__(self, lines):
        self.lines = lines

    def __torch_function__(self, func, types, args=(), kwargs=None):
        import traceback
        out = func(*args, **(kwargs or {}))
        caller = next((f"{frame.filename}:{frame.lineno}" for frame in reversed(traceback.extract_stack()[:-1]) if "/frankentorch/" not in frame.filename), "?")
        given = ", ".join(f"{value.dtype}{list(value.shape)}" for value in args if isinstance(value, Tensor))
        self.lines.append(f"{getattr(func, '__name__', func)}({given})   {caller}")
        return out


def _logging(lines):
    return contextlib.nullcontext() if lines is None else _Log(lines)


def checkpoint(function, *args, use_reentrant=None, context_fn=noop_context_fn, determinism_check="default", debug=False, early_stop=True, **kwargs):
    """``function(*args)``, whose backward computes again what it needs of the inside.

    Parameters
    ----------
    function : callable
        A part of the model. It must compute the same when run again; dropout and other draws from the default generator do.
    use_reentrant : bool
        How; see the head of this module. False allows keyword arguments, any nesting of the results, `autograd.grad` and inputs that require no grad.
    preserve_rng_state : bool, default True, by keyword
        Draw the same random numbers again. False spares the copy of the generator's state.
    context_fn : callable
        Gives two contexts: one for the first run, one for the second.
    determinism_check : "default" or "none"
        Whether shapes, dtypes and devices of what is saved by both runs are compared.
    debug : bool
        An error lists the ops of both runs.
    early_stop : bool
        The second run ends when it has made what is needed.

    Raises
    ------
    CheckpointError
        By the backward: the second run saved other tensors than the first.
    """
    if use_reentrant is None:
        warnings.warn(f"torch.utils.checkpoint: {_EXPLICIT}", stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], but got {determinism_check}")
    if _settings.debug is not None:
        debug = _settings.debug
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    first, second = context_fn()
    if not is_grad_enabled():
        with first:
            return function(*args, **kwargs)
    names = list(kwargs)
    count = len(args)

    def call(*values):
        return function(*values[:count], **dict(zip(names, values[count:])))

    frame = _Frame(call, [*args, *kwargs.values()], preserve, second, early_stop and _settings.early_stop, _facts if determinism_check == "default" else None, [] if debug else None)
    with first, _logging(frame.log), saved_tensors_hooks(frame.pack, frame_unpack):
        return function(*args, **kwargs)


def frame_unpack(slot):
    """A slot's value, for the saved-tensor hooks. A function of the module, so that slots alone keep their frame."""
    return slot.frame.unpack(slot)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """Run modules one after another in `segments` parts of equal length; all parts but the last are checkpointed.

    Parameters
    ----------
    functions : nn.Sequential or sequence of callables
    segments : int
    input : Tensor
    use_reentrant, preserve_rng_state
        As for `checkpoint`.
    """
    if use_reentrant is None:
        warnings.warn(f"torch.utils.checkpoint.checkpoint_sequential: {_EXPLICIT}", stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(functions) // segments
    if size == 0:
        raise ValueError(f"checkpoint_sequential: {len(functions)} functions cannot be cut into {segments} segments")

    def run(part):
        def chain(value):
            for function in part:
                value = function(value)
            return value
        return chain

    cuts = [k * size for k in range(segments)] + [len(functions)]
    for start, stop in zip(cuts[:-2], cuts[1:-1]):
        input = checkpoint(run(functions[start:stop]), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return run(functions[cuts[-2]:])(input)


# ---- selective -----------------------------------------------------------------------------------


class CheckpointPolicy(enum.Enum):
    """What to do with the results of an op: keep them, or compute them again."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


class SelectiveCheckpointContext:
    """What a policy is told besides the op: whether this is the second run."""

    def __init__(self, *, is_recompute, op_output=None):
        self.is_recompute, self.op_output = is_recompute, op_output


def create_selective_checkpoint_contexts(policy_fn_or_list, allow_cache_entry_mutation=False):
    """Contexts for `context_fn` of `checkpoint` that keep the results of some ops.

    NotImplementedError: the policies of PyTorch speak of overloads of ``torch.ops``, which is not there (see docs/gaps.md).
    """
    raise NotImplementedError("create_selective_checkpoint_contexts: policies are about torch.ops, which is not there [gap torch.ops]")
