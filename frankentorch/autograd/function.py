"""`Function`: an op whose forward and backward are written in Python.

`apply` runs forward without recording and hangs one node over the outputs. The node calls a `_Backward`, which holds the context; outputs
saved for backward are held without their history (else node and output would keep each other alive) and get it back when read.
"""
import copy
import functools
import weakref
from collections import namedtuple

from frankentorch import ops
from frankentorch._ext import create, engine
from frankentorch._ext.tensor import Tensor, batch_level, batch_value, carry_tangents, fingerprint_of, get_special_bits, is_grad_enabled, pack_saved, saved_hooks_on, unpack_saved
from frankentorch.autograd import function_jvp
from frankentorch.ops.grad_mode import no_grad

__all__ = ["Function", "FunctionCtx", "FunctionMeta", "BackwardCFunction", "once_differentiable", "InplaceFunction"]

_DUAL = 64                 # of the special bits: a level of forward mode is open (dispatch.pxd)
_FREED = ("Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed) at {}. "
          "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(); give retain_graph=True to keep them")


class _Saved:
    """One saved tensor: what to hand out, and the version it must still have."""

    __slots__ = ("tensor", "version", "output", "packed", "content")

    def __init__(self, tensor, output):
        self.output = output
        self.packed = pack_saved(tensor, -1 if output is None else output) if saved_hooks_on() else None
        if self.packed is not None:
            return
        self.tensor = tensor if output is None else tensor.detach()
        self.version = engine.version_of(self.tensor)
        self.content = fingerprint_of(self.tensor)

    def read(self, node, name):
        if self.packed is not None:
            return unpack_saved(node, self.packed)
        now = engine.version_of(self.tensor)
        if now != self.version:
            raise RuntimeError("one of the variables needed for gradient computation has been modified by an inplace operation: "
                               f"{self.tensor.dtype}{list(self.tensor.shape)}, saved by {name}, is at version {now}; expected version {self.version} instead. "
                               "Hint: clone it before the in-place write, or write out of place")
        if self.content is not None and fingerprint_of(self.tensor) not in (None, self.content):
            raise RuntimeError(f"one of the variables needed for gradient computation has been modified: {self.tensor.dtype}{list(self.tensor.shape)}, saved by {name}, has other "
                               "elements at the same version: it was written through an alias (.data, NumPy, DLPack). Hardened mode refuses it")
        if self.output is None or node is None:
            return self.tensor
        again = self.tensor.detach()
        carry_tangents(self.tensor, again)
        engine.attach_output(node, self.output, again)
        return again


class FunctionCtx:
    """What forward leaves for backward; attributes may be added freely."""

    def __init__(self):
        self.needs_input_grad = ()
        self.materialize_grads = True
        self.to_save = self.dirty_tensors = self.non_differentiable = ()
        self.saved_for_forward = None
        self.in_jvp = False                  # saved_tensors are then those for forward mode
        self.constant_places = ()
        self._saved = ()
        self._node = self._handed = self._notes = None

    def save_for_backward(self, *tensors):
        """Keep inputs or outputs (or None) for ``saved_tensors``; in-place writes to them are then noticed."""
        self.to_save = tensors

    def save_for_forward(self, *tensors):
        """Keep tensors for ``jvp``."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *args):
        """Say which inputs forward wrote in place; they must be among the outputs."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args):
        """Say which outputs have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value):
        """Whether outputs that got no gradient show zeros (the default) or None to backward."""
        self.materialize_grads = value

    @property
    def saved_tensors(self):
        """The tensors given to `save_for_backward`; inside jvp those given to `save_for_forward`, if any."""
        if self.in_jvp and self.saved_for_forward is not None:
            return self.saved_for_forward
        if self._handed is not None:
            return self._handed
        if self._saved is None:
            raise RuntimeError(_FREED.format(self.name()))
        node = self._node() if self._node is not None else None
        return tuple(None if item is None else item.read(node, self.name()) for item in self._saved)

    saved_variables = saved_tensors

    def mark_shared_storage(self, *pairs):
        """Does nothing: tensors that share memory are known."""
        import warnings
        warnings.warn("mark_shared_storage is deprecated. Tensors with shared storages are automatically tracked.", FutureWarning, stacklevel=2)

    def name(self):
        return f"{self._function.__name__}Backward"

    def _graph_node(self):
        node = self._node() if self._node is not None else None
        if node is None:
            raise RuntimeError(f"{self.name()}: there is no node yet; it is made when forward has returned")
        return node

    @property
    def next_functions(self):
        """Where the gradients go: ((node, output number), …); empty in forward."""
        return self._graph_node().next_functions if self._node is not None else ()

    @property
    def metadata(self):
        """A dict that belongs to the node."""
        if self._node is None:
            if self._notes is None:
                self._notes = {}
            return self._notes
        return self._graph_node().metadata

    def register_hook(self, hook):
        """As of the node: ``hook(grad_inputs, grad_outputs)`` after backward."""
        return self._graph_node().register_hook(hook)

    def register_prehook(self, hook):
        """As of the node: ``hook(grad_outputs)`` before backward."""
        return self._graph_node().register_prehook(hook)

    def _sequence_nr(self):
        return self._graph_node()._sequence_nr()

    def _keep(self, outputs):
        kept = []
        for value in self.to_save:
            if value is None:
                kept.append(None)
                continue
            if not isinstance(value, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument {len(kept)} is of type {type(value).__name__}")
            place = next((i for i, out in enumerate(outputs) if out is value), None)
            kept.append(_Saved(value, place))
        self._saved = tuple(kept)
        self.to_save = ()


BackwardCFunction = FunctionCtx


class _Backward:
    """The node's callback."""

    __slots__ = ("function", "context", "outputs", "input_kinds")

    def __init__(self, function, context, outputs, input_kinds):
        self.function, self.context, self.input_kinds = function, context, input_kinds
        self.outputs = [(tuple(out.shape), out.dtype, out.device) if isinstance(out, Tensor) else None for out in outputs]

    def __call__(self, node, grads):
        grads = grads if isinstance(grads, tuple) else (grads,)
        context = self.context
        if context.materialize_grads:
            grads = tuple(ops.zeros(fact[0], dtype=fact[1], device=fact[2]) if grad is None and fact is not None else grad
                          for grad, fact in zip(grads, self.outputs))
        if len(self.outputs) == 0:
            grads = ()
        results = self.function._backward_function()(context, *grads)
        results = results if isinstance(results, tuple) else (results,)
        expected = len(self.input_kinds)
        if len(results) > expected and all(extra is None for extra in results[expected:]):
            results = results[:expected]
        name = context.name()
        if len(results) != expected:
            raise RuntimeError(f"function {name} returned an incorrect number of gradients (expected {expected}, got {len(results)})")
        for i, (grad, is_tensor) in enumerate(zip(results, self.input_kinds)):
            if grad is not None and not is_tensor:
                raise RuntimeError(f"function {name} returned a gradient different than None at position {i + 1}, but the corresponding forward input was not a Variable")
            if grad is not None and not isinstance(grad, Tensor):
                raise RuntimeError(f"{name}: expected Variable or None (got {type(grad).__name__})")
        return tuple(grad for grad, is_tensor in zip(results, self.input_kinds) if is_tensor)

    def release(self, node):
        self.context._saved = None


class FunctionMeta(type):
    """The class of `Function`'s classes."""


class Function(metaclass=FunctionMeta):
    """Derive from this and write static methods ``forward`` and ``backward``; call ``apply``.

    ``forward(ctx, *args)`` gets the context, or ``forward(*args)`` does not and ``setup_context(ctx, inputs, output)`` fills it afterwards.
    ``backward(ctx, *grads)`` gets one gradient per output and returns one, or None, per argument of forward.

    Raises
    ------
    RuntimeError
        By `apply`, when the class is called as an object or forward is missing; by the walk, when backward's results do not fit.
    """

    def __init__(self, *args, **kwargs):
        import warnings
        warnings.warn(f"{type(self).__name__} should not be instantiated. Methods on autograd functions are all static, so you should invoke them on the class itself.",
                      DeprecationWarning, stacklevel=2)

    def __call__(self, *args, **kwargs):
        raise RuntimeError("Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function with static forward method.")

    generate_vmap_rule = False

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD.")

    vjp = backward

    @staticmethod
    def jvp(ctx, *grad_inputs):
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with forward mode AD.")

    @staticmethod
    def vmap(info, in_dims, *args):
        raise NotImplementedError("To use autograd.Function with vmap, you must either override the vmap staticmethod or set generate_vmap_rule=True.")

    @classmethod
    def _backward_function(cls):
        if cls.backward is not Function.backward:
            if cls.vjp is not Function.vjp:
                raise RuntimeError("Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of them.")
            return cls.backward
        return cls.vjp

    @classmethod
    def _context_class(cls):
        found = cls.__dict__.get("_made_context_class")
        if found is None:
            found = type(f"{cls.__name__}Backward", (FunctionCtx,), {"_function": cls, "_forward_cls": cls})
            cls._made_context_class = found
        return found

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run forward; when a tensor argument wants a gradient, record backward."""
        separate = cls.setup_context is not Function.setup_context
        if kwargs:
            import inspect
            before = () if separate else (None,)                # the context
            bound = inspect.signature(cls.forward).bind(*before, *args, **kwargs)
            bound.apply_defaults()
            args = bound.args[len(before):]
        level = function_jvp.level_of(args) if get_special_bits() & _DUAL else 0
        if level and max(map(batch_level, args), default=0) > level:         # of a vmap further in, the examples come first
            level = 0
        return (function_jvp.run(cls, args, level) if level else cls._run(args))[0]

    @classmethod
    def _run(cls, args):
        """(what forward returned, as users get it; the context)"""
        separate = cls.setup_context is not Function.setup_context
        context = cls._context_class()()
        wants = tuple(isinstance(value, Tensor) and value.requires_grad for value in args)
        context.needs_input_grad = wants
        records = is_grad_enabled() and any(wants)
        level = max(map(batch_level, args), default=0)
        if level:
            returned = _of_examples(cls, context, args, level, separate)
        with no_grad():
            if level:
                pass
            elif separate:
                returned = cls.forward(*args)
                cls.setup_context(context, args, returned)
            else:
                returned = cls.forward(context, *args)
        several = isinstance(returned, tuple)
        outputs = list(returned) if several else [returned]
        if not several and not isinstance(returned, Tensor):
            return returned, context                            # as it is, without history
        _wrap_outputs(cls, context, args, outputs, records)
        return tuple(outputs) if several else outputs[0], context


# ---- inside vmap ----
VmapInfo = namedtuple("VmapInfo", "batch_size randomness")


def _of_examples(cls, context, args, level, separate):
    """forward's value for arguments that are examples of a batch, by the class's own rule or by running forward and backward on examples."""
    own = cls.vmap is not Function.vmap
    if not separate:
        raise RuntimeError("In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override the setup_context staticmethod: "
                           f"{cls.__name__} does not")
    if own and cls.generate_vmap_rule:
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an overriden vmap staticmethod. Please set generate_vmap_rule=False or "
                           "delete the overriden vmap staticmethod to avoid ambiguity.")
    if not own and not cls.generate_vmap_rule:
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and implement the vmap staticmethod or set generate_vmap_rule=True.")
    from frankentorch import batching
    size = batching.size_of(args, level)
    flags = [batch_level(value) == level and not batching.is_shared(batch_value(value), size) for value in args]
    values = [batch_value(value) if flag else ops.select(batch_value(value), 0, 0) if batch_level(value) == level else value for value, flag in zip(args, flags)]
    place, opened = next(((i, item) for i, item in enumerate(batching.stack()) if item.number == level), (len(batching.stack()), None))
    randomness = opened.randomness if opened is not None else "error"
    if not own:
        return _generated(cls, context, args, values, flags, batching.Level(size, randomness, level))
    with batching.Outside(place), batching.beneath():
        found = cls.vmap(VmapInfo(size, randomness), tuple(0 if flag else None for flag in flags), *values)
    if not (isinstance(found, tuple) and len(found) == 2):
        raise RuntimeError(f"{cls.__name__}.vmap: Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible with the output.")
    outs, dims = found
    several = isinstance(outs, tuple)
    dims = dims if isinstance(dims, (tuple, list)) else (dims,) * (len(outs) if several else 1)
    wrapped = tuple(out if dim is None or not isinstance(out, Tensor) else batching.make_batched(ops.movedim(out, dim, 0), level) for out, dim in zip(outs if several else (outs,), dims))
    returned = wrapped if several else wrapped[0]
    cls.setup_context(context, args, returned)
    return returned


def _generated(cls, context, args, values, flags, level):
    """One Function over whole batches: its forward and backward are those of `cls`, run on examples. It records beneath."""
    several = False

    def whole(value, flag=True):
        found = level.value_of(value)
        if flag:
            return ops.expand(ops.unsqueeze(value, 0), (level.size, *value.shape)) if found is None else found
        return value if found is None else ops.sum(found, (0,))

    class Batched(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*values):
            nonlocal returned, several
            returned = cls.forward(*args)
            several = isinstance(returned, tuple)
            return tuple(whole(out) if isinstance(out, Tensor) else out for out in (returned if several else (returned,)))

        @staticmethod
        def setup_context(ctx, inputs, output):
            cls.setup_context(context, args, returned)
            pairs = dict(zip(map(id, returned if several else (returned,)), output))
            known = {id(arg): value for arg, value in zip(args, inputs)} | pairs
            ctx.kinds = [value is not None and (id(value) in pairs or level.value_of(value) is not None) for value in context.to_save]
            ctx.save_for_backward(*(None if value is None else known.get(id(value), value if not kind else whole(value)) for value, kind in zip(context.to_save, ctx.kinds)))
            ctx.mark_non_differentiable(*(pairs[id(value)] for value in context.non_differentiable if id(value) in pairs))
            ctx.mark_dirty(*(known[id(value)] for value in context.dirty_tensors if id(value) in known))
            ctx.set_materialize_grads(context.materialize_grads)

        @staticmethod
        def backward(ctx, *grads):
            inner = copy.copy(context)
            inner.needs_input_grad = ctx.needs_input_grad
            with level:
                inner._handed = tuple(level.wrap(value) if kind else value for value, kind in zip(ctx.saved_tensors, ctx.kinds))
                found = cls._backward_function()(inner, *(None if g is None else level.wrap(g) for g in grads))
                found = found if isinstance(found, tuple) else (found,)
                return tuple(whole(g, flag) if isinstance(g, Tensor) else g for g, flag in zip(found, flags))

    returned = None
    from frankentorch import batching
    with batching.beneath():
        outs = Batched.apply(*values)
    wrapped = tuple(level.wrap(out) if isinstance(out, Tensor) else out for out in outs)
    pairs = dict(zip(map(id, returned if several else (returned,)), wrapped))
    context.to_save = tuple(pairs.get(id(value), value) for value in context.to_save)
    context.non_differentiable = tuple(pairs.get(id(value), value) for value in context.non_differentiable)
    return wrapped if several else wrapped[0]


def _is_among(value, tensors):
    return any(value is item for item in tensors)


def _wrap_outputs(cls, context, args, outputs, records):
    """Replace outputs by what users get: aliases for inputs returned untouched, histories when recorded."""
    inputs = [value for value in args if isinstance(value, Tensor)]
    dirty, constant = context.dirty_tensors, context.non_differentiable
    for value in dirty:
        if not _is_among(value, outputs):
            raise RuntimeError("Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified inplace must all be outputs of the Function.")
        if records and value.requires_grad and value.is_leaf:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    given = list(outputs)
    context.constant_places = tuple(i for i, out in enumerate(given) if _is_among(out, constant))
    sources = [None] * len(outputs)
    for i, out in enumerate(outputs):
        if not isinstance(out, Tensor) or _is_among(out, dirty):
            continue
        if _is_among(out, inputs) or out.requires_grad:
            outputs[i] = out.detach()
            if _is_among(out, inputs):
                sources[i] = out
            elif out._base is not None:
                sources[i] = next((value for value in inputs if create.same_storage(value, out)), None)
        elif out._base is not None:
            sources[i] = next((value for value in inputs if create.same_storage(value, out)), None)
    if context.saved_for_forward is not None:
        context.saved_for_forward = tuple(next((out for before, out in zip(given, outputs) if before is value), value) for value in context.saved_for_forward)
    if not records:
        context._keep(outputs)
        for value in dirty:
            engine.bump_version(value)
        return
    fresh = [out if isinstance(out, Tensor) and not _is_among(out, dirty) and not _is_among(given[i], constant) and _has_gradient(out) else None
             for i, out in enumerate(outputs)]
    kinds = [isinstance(value, Tensor) for value in args]
    callback = _Backward(cls, context, outputs, kinds)
    # a dirty input's edge must lead to what it was before the write, so edges are taken first
    node = engine.make_python_node(callback, inputs, fresh, f"{cls.__name__}Backward")
    context._node = weakref.ref(node)
    if context._notes:
        node.metadata.update(context._notes)
    for i, out in enumerate(outputs):
        if isinstance(out, Tensor) and _is_among(out, dirty):
            engine.rebase_output(out, node, i)
        elif fresh[i] is not None and sources[i] is not None:
            engine.mark_view(out, sources[i])
    context.to_save = tuple(_shown(value, given, outputs) for value in context.to_save)
    context._keep(outputs)


def _shown(value, given, outputs):
    """A saved value names what forward returned; what users got in its place is what backward must see."""
    for before, out in zip(given, outputs):
        if before is value and out is not None and out.grad_fn is not None and out is not value:
            return out
    return value


def _has_gradient(t):
    return t.is_floating_point() or t.is_complex()


def once_differentiable(function):
    """Decorates a backward that cannot be differentiated itself: a second derivative through it raises RuntimeError."""
    @functools.wraps(function)
    def wrapper(ctx, *args):
        with no_grad():
            results = function(ctx, *args)
        if not is_grad_enabled() or not any(isinstance(value, Tensor) and value.requires_grad for value in args):
            return results
        several = isinstance(results, tuple)
        results = list(results) if several else [results]
        places = [value.detach() if isinstance(value, Tensor) else None for value in results]
        engine.make_python_node(_Refuse(), [value for value in args if isinstance(value, Tensor)], places, "Error")
        return tuple(places) if several else places[0]
    return wrapper


class _Refuse:
    context = None

    def __call__(self, node, grads):
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    def release(self, node):
        pass


class InplaceFunction(Function):
    """Kept for old code: a Function with an `inplace` flag."""

    def __init__(self, inplace=False):
        self.inplace = inplace

