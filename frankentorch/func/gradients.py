"""`grad`, `grad_and_value`, `vjp`, `jacrev` and `hessian`: reverse mode as functions of functions.

Arguments become fresh leaves (or fresh views of what is recorded already), the function runs, the tape is walked. When the walk can reach
nothing but those leaves, nobody outside could ask for more, and it runs without recording itself; else its results keep their history.
Inside a vmap the leaves are examples; what they are examples of records on its own beneath.
"""
import functools

from frankentorch import ops
from frankentorch._ext import dispatch, engine
from frankentorch._ext import tensor as _core
from frankentorch._ext.tensor import Tensor, batch_level, innermost_dual_level, set_grad_beneath, without_history
from frankentorch._pytree import tree_flatten, tree_map, tree_unflatten
from frankentorch.autograd import forward_ad
from frankentorch.autograd.backward import grad as gradients
from frankentorch.batching import stack
from frankentorch.func.forward import jacfwd
from frankentorch.func.vmap import unit_cotangents, vmap


def leaf_of(value):
    """A tensor to differentiate by: the same values, recorded on its own."""
    if not isinstance(value, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(value)}")
    if not (value.is_floating_point() or value.is_complex()):
        raise RuntimeError(f"only Tensors of floating point dtype can require gradients, not {value.dtype}")
    levels = stack()
    if levels and batch_level(value) < levels[-1].number:
        value = shared(levels[-1], value)
    if value.requires_grad:
        return ops.alias(value)
    return (ops.alias(value) if innermost_dual_level(value) else without_history(value)).requires_grad_()


def shared(level, value):
    """What is the same for all examples, as one of them: its tangents of levels further in are the example's, those further out stay beneath."""
    inner = [number for number in _core.dual_levels() if number > level.number]
    tangents = [dispatch.tangent_of(value, number) for number in inner]
    before = _core._set_dual_limit(level.number)
    try:
        beneath = ops.unsqueeze(value, 0)
    finally:
        _core._set_dual_limit(before)
    for number in inner:
        dispatch.set_tangent(beneath, number, None)          # not through its base either
    face = level.wrap(beneath)
    for number, tangent in zip(inner, tangents):
        if tangent is not None:
            dispatch.set_tangent(face, number, tangent)
    return face


def leaves_of(tree):
    return tree_map(leaf_of, tree)


class Tape:
    """What ran between taking leaves and walking back; says whether anyone outside may want more than the gradients."""

    def __init__(self):
        self.records_outside = ops.is_grad_enabled()

    def settle(self, outs, leaves):
        """Decide, once the function ran: whether results are to keep their history."""
        tensors = [out for out in outs if out.requires_grad]
        self.keeps = self.records_outside and engine.leaves_besides(tensors, leaves)
        return self

    def walk(self, outs, leaves, cotangents, keep_graph=False):
        """Gradients by the leaves, zeros where no path leads."""
        pairs = [(out, g) for out, g in zip(outs, cotangents) if out.requires_grad]
        if not pairs:
            return [ops.zeros_like(leaf) for leaf in leaves]
        before = set_grad_beneath(len(stack()) > 0 and self.records_outside and not self.keeps)
        try:
            found = gradients([out for out, _ in pairs], leaves, [g for _, g in pairs], retain_graph=keep_graph or self.keeps, create_graph=self.keeps, allow_unused=True)
        finally:
            set_grad_beneath(before)
        return [ops.zeros_like(leaf) if g is None else self.result(g) for g, leaf in zip(found, leaves)]

    def result(self, value):
        """A result as seen outside: its history too if it is kept."""
        if self.keeps or not isinstance(value, Tensor):
            return value
        return forward_ad._untaped(value) if innermost_dual_level(value) else without_history(value)


def chosen(argnums, args):
    """(positions, is it one): which arguments to differentiate by. RuntimeError for numbers that are none."""
    one = isinstance(argnums, int) and not isinstance(argnums, bool)
    if not one and not (isinstance(argnums, tuple) and all(isinstance(n, int) for n in argnums)):
        raise RuntimeError(f"argnum must be int or tuple of ints, got {argnums!r}")
    numbers = (argnums,) if one else argnums
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
    places = tuple(n % len(args) for n in numbers)
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got argnums={argnums}")
    return places, one


def with_aux(value, has_aux, where):
    if not has_aux:
        return value, None
    if not (isinstance(value, tuple) and len(value) == 2):
        raise RuntimeError(f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return value


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that gives (gradient, value) of `func`, or (gradient, (value, aux)). See `grad`."""
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        where = "grad_and_value(f)(*args)"
        places, one = chosen(argnums, args)
        tape = Tape()
        with ops.enable_grad():
            inner = list(args)
            for n in places:
                inner[n] = leaves_of(args[n])
            leaves, spec = tree_flatten(inner[places[0]] if one else tuple(inner[n] for n in places))
            out, aux = with_aux(func(*inner, **kwargs), has_aux, where)
            if not isinstance(out, Tensor):
                raise RuntimeError(f"{where}: Expected f(*args) to return a Tensor, got {type(out)}")
            if out.dim():
                raise RuntimeError(f"{where}: Expected f(*args) to return a scalar Tensor, got tensor with {out.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?")
        tape.settle([out, *aux_tensors(aux)], leaves)
        found = tape.walk([out], leaves, [ops.ones_like(out)])
        value, aux = tape.result(out), tree_map(tape.result, aux)
        return tree_unflatten(found, spec), (value, aux) if has_aux else value
    return wrapper


def aux_tensors(aux):
    return [leaf for leaf in tree_flatten(aux)[0] if isinstance(leaf, Tensor)]


def grad(func, argnums=0, has_aux=False):
    """A function that gives the gradient of `func`, which returns one number as a 0-d tensor.

    Parameters
    ----------
    func : callable
        With `has_aux` it returns (value, aux), and what is made returns (gradient, aux).
    argnums : int or tuple of ints
        The arguments to differentiate by; each may be nested tuples, lists and dicts of tensors.

    Raises
    ------
    RuntimeError
        The value is no 0-d tensor; argnums name no argument.

    Source: documentation of torch.func.grad.
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found
    return wrapper


def outputs_of(where, value):
    """Leaves and nesting of a function's value, all tensors."""
    outs, spec = tree_flatten(value)
    if not outs:
        raise RuntimeError(f"{where}: Expected f to be a function that has non-empty output (got output = {value!r})")
    for out in outs:
        if not isinstance(out, Tensor):
            raise RuntimeError(f"{where}: expected f(*primals) to return only tensors, got unsupported type {type(out)}")
    return outs, spec


def vjp(func, *primals, has_aux=False):
    """(value of `func`, function of cotangents that gives the gradients by `primals`), and aux third with `has_aux`.

    Cotangents are nested like the value, of the same shapes. Gradients come as a tuple, or bare for one primal.
    """
    where = "vjp(f, *primals)"
    tape = Tape()
    with ops.enable_grad():
        inner = leaves_of(primals)
        leaves, spec = tree_flatten(inner)
        value, aux = with_aux(func(*inner), has_aux, where)
        outs, out_spec = outputs_of(where, value)
    tape.settle([*outs, *aux_tensors(aux)], leaves)

    def vjp_fn(cotangents, retain_graph=True, create_graph=None):
        given, given_spec = tree_flatten(cotangents)
        if given_spec != out_spec:
            raise RuntimeError(f"Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. cotangents: {given_spec}, primal output: {out_spec}")
        for i, (g, out) in enumerate(zip(given, outs)):
            if g.shape != out.shape:
                raise RuntimeError(f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape} and output[{i}] has a shape of {out.shape}.")
        asked = Tape()
        asked.keeps = asked.records_outside and (tape.keeps or any(g.requires_grad for g in given))
        found = tree_unflatten(asked.walk(outs, leaves, given, True), spec)
        return found[0] if len(primals) == 1 else tuple(found)

    results = tree_unflatten([tape.result(out) for out in outs], out_spec)
    return (results, vjp_fn, tree_map(tape.result, aux)) if has_aux else (results, vjp_fn)


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None, _preallocate_and_copy=False):
    """A function that gives the Jacobian of `func`, by one walk back per element of its value, all at once.

    For a value of shape S and an argument of shape A the Jacobian has shape (*S, *A), nested as the value and, in that, as the arguments.
    `chunk_size` walks at a time; 1 walks one by one, without vmap.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        places, one = chosen(argnums, args)

        def part(*by):
            inner = list(args)
            for n, value in zip(places, by):
                inner[n] = value
            return func(*inner, **kwargs)
        by = tuple(args[n] for n in places)
        value, vjp_fn, *aux = vjp(part, *by, has_aux=has_aux)
        outs, out_spec = outputs_of("vjp(f, *primals)", value)
        by_leaves, by_spec = tree_flatten(by if not one else by[0])
        numels = [out.numel() for out in outs]
        basis = unit_cotangents(outs, numels)

        def pull(cotangents):
            found = vjp_fn(tree_unflatten(list(cotangents), out_spec))
            return tuple(tree_flatten(found)[0])
        if chunk_size == 1:
            rows = [pull([b[k] for b in basis]) for k in range(sum(numels))]
            columns = [ops.stack(column) for column in zip(*rows)] if rows else [ops.empty((0, *leaf.shape), dtype=leaf.dtype) for leaf in by_leaves]
        else:
            columns = vmap(pull, chunk_size=chunk_size)(basis) if sum(numels) else [ops.empty((0, *leaf.shape), dtype=leaf.dtype) for leaf in by_leaves]
        jacobians, start = [], 0
        for out, count in zip(outs, numels):
            rows = [ops.reshape(ops.narrow(column, 0, start, count), (*out.shape, *leaf.shape)) for column, leaf in zip(columns, by_leaves)]
            jacobians.append(tree_unflatten(rows, by_spec))
            start += count
        result = tree_unflatten(jacobians, out_spec)
        return (result, aux[0]) if has_aux else result
    return wrapper


def hessian(func, argnums=0):
    """A function that gives the Hessian of `func`: forward over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)

