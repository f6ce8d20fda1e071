"""Derivatives of functions of tensors: `jacobian`, `hessian` and their products with vectors.

Everything is made of walks. Products with a vector on the right come from the walk of a walk: the gradient is linear in the incoming gradient u, and its
derivative by u along v is J v. With `create_graph` the results depend on the inputs given; without, they are cut off from everything.
"""
import importlib

from frankentorch import ops
from frankentorch._ext.tensor import Tensor, is_grad_enabled
from frankentorch.autograd.backward import grad
from frankentorch.ops.grad_mode import enable_grad

__all__ = ["vjp", "jvp", "jacobian", "hessian", "hvp", "vhp"]

_STRATEGIES = ("forward-mode", "reverse-mode")


# ---- what is given -------------------------------------------------------------------------------


def _tensors(value, what, name):
    """(whether it was a tuple, tuple of tensors). TypeError else."""
    if isinstance(value, Tensor):
        return False, (value,)
    wanted = f"The {what} given to {name} must be either a Tensor or a tuple of Tensors"
    if not isinstance(value, tuple):
        raise TypeError(f"{wanted} but the given {what} has type {type(value)}.")
    for i, item in enumerate(value):
        if not isinstance(item, Tensor):
            raise TypeError(f"{wanted} but the value at index {i} has type {type(item)}.")
    return True, value


def _prepared(inputs, create_graph):
    """Inputs to differentiate by: views of those given when the result is to depend on them, else leaves of our own."""
    return tuple(value.view_as(value) if create_graph and value.requires_grad else value.detach().requires_grad_() for value in inputs)


def _called(func, inputs, name):
    return _tensors(func(*inputs), "outputs of the user-provided function", name)


def _vector(v, like, name):
    """The vector of a product, one tensor of the right sizes for each of `like`."""
    _, v = _tensors(v, "v", name)
    v = tuple(value.view_as(value) if value.requires_grad else value.detach() for value in v)
    if len(v) != len(like):
        if len(like) == 1:
            raise RuntimeError("The given v should contain a single Tensor.")
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
    for i, (given, value) in enumerate(zip(v, like)):
        if given.shape != value.shape:
            place = f"Entry {i} in " if len(like) > 1 else ""
            raise RuntimeError(f"{place}v has invalid size: should be {value.shape} but got {given.shape}.")
    return v


def _scalar(is_tuple, outputs, name):
    """Functions whose second derivative is asked for give one number."""
    if is_tuple or len(outputs) != 1:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")


# ---- strictness ----------------------------------------------------------------------------------


def _must_require_grad(values, strict, what="Output {} of the user-provided function does not require gradients. The outputs must be computed in a differentiable "
                                            "manner from the input when running in strict mode."):
    if strict:
        for i, value in enumerate(values):
            if not value.requires_grad:
                raise RuntimeError(what.format(i))


_NO_JACOBIAN = "The jacobian of the user-provided function is independent of input {}. This is not allowed in strict mode when create_graph=True."
_NO_SECOND = ("While computing the hessian, found that the jacobian of the user-provided function with respect to input {} is independent of the input. This is not allowed in "
              "strict mode. Make sure that the function is twice differentiable and that its jacobian depends on the inputs (that of a linear function does not).")


def _filled(found, like, strict, independent, create_graph, constant):
    """Gradients, with zeros where no path led; in strict mode RuntimeError then, and when the result should be differentiable and is not."""
    made = []
    for i, (value, reference) in enumerate(zip(found, like)):
        if value is None:
            if strict:
                raise RuntimeError(independent.format(i))
            value = ops.zeros_like(reference)
        if strict and create_graph and not value.requires_grad:
            raise RuntimeError(constant.format(i))
        made.append(value)
    return tuple(made)


def _walk(outputs, inputs, grads, create_graph, batched=False):
    """`grad` by the outputs that want one; None for every input when none does."""
    chosen = [i for i, out in enumerate(outputs) if out.requires_grad]
    if not chosen:
        return (None,) * len(inputs)
    grads = [None if grads is None or grads[i] is None else grads[i] for i in chosen]
    return grad([outputs[i] for i in chosen], inputs, grads, create_graph=create_graph, retain_graph=True, allow_unused=True, is_grads_batched=batched)


def _finished(values, create_graph, is_tuple):
    """As the caller gets it: a tuple only where one was given, without history unless it was asked for."""
    values = tuple(value if create_graph or not isinstance(value, Tensor) else value.detach() for value in values)
    return values if is_tuple else values[0]


# ---- products with vectors -----------------------------------------------------------------------


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """``v^T J``: the gradient of `func` for the incoming gradient `v`.

    Parameters
    ----------
    func : callable
        Takes the inputs, gives a tensor or a tuple of tensors.
    inputs : Tensor or tuple of Tensors
    v : Tensor or tuple of Tensors, sizes of the outputs; may be left out for a single output of one element
    create_graph : bool
        The results can be differentiated by the inputs given.
    strict : bool
        RuntimeError where the result would be zeros because nothing depends on an input.

    Returns
    -------
    (outputs, products)
        In the forms of what `func` gave and of `inputs`.
    """
    with enable_grad():
        is_tuple, inputs = _tensors(inputs, "inputs", "vjp")
        inputs = _prepared(inputs, create_graph)
        outs_tuple, outputs = _called(func, inputs, "vjp")
        _must_require_grad(outputs, strict)
        if v is not None:
            v = _vector(v, outputs, "vjp")
        elif len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError("The vector v can only be None if the user-provided function returns a single Tensor with a single element.")
        found = _walk(outputs, inputs, v, create_graph)
        found = _filled(found, inputs, strict, "The output of the user-provided function is independent of input {}. This is not allowed in strict mode.", create_graph, _NO_JACOBIAN)
    return _finished(outputs, create_graph, outs_tuple), _finished(found, create_graph, is_tuple)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """``J v``: the slopes of the outputs along `v`, by a walk of a walk.

    `v` has the sizes of the inputs; it may be left out for a single input of one element. The rest is as for `vjp`.
    """
    with enable_grad():
        is_tuple, inputs = _tensors(inputs, "inputs", "jvp")
        inputs = _prepared(inputs, create_graph)
        if v is not None:
            v = _vector(v, inputs, "jvp")
        elif len(inputs) != 1 or inputs[0].numel() != 1:
            raise RuntimeError("The vector v can only be None if the input to the user-provided function is a single Tensor with a single element.")
        outs_tuple, outputs = _called(func, inputs, "jvp")
        _must_require_grad(outputs, strict)
        incoming = tuple(ops.zeros_like(out, requires_grad=True) for out in outputs)
        first = _walk(outputs, inputs, incoming, True)
        first = _filled(first, inputs, strict, "The output of the user-provided function is independent of input {}. This is not allowed in strict mode.", False, "")
        _must_require_grad(first, strict, _NO_JACOBIAN)
        found = _along(first, incoming, v, create_graph)
        found = _filled(found, outputs, strict, "The jacobian of the user-provided function is independent of output {}. This is not allowed in strict mode.", create_graph, _NO_JACOBIAN)
    return _finished(outputs, create_graph, outs_tuple), _finished(found, create_graph, outs_tuple)


def _along(first, incoming, v, create_graph):
    """Derivative by `incoming` of ``<first, v>``."""
    v = (None,) * len(first) if v is None else v
    return _walk(first, incoming, [ops.ones_like(value) if along is None else along for value, along in zip(first, v)], create_graph)


def _gradient(func, inputs, strict, name):
    """(outputs, first gradient with a graph) of a scalar function."""
    outs_tuple, outputs = _called(func, inputs, name)
    _must_require_grad(outputs, strict)
    _scalar(outs_tuple, outputs, name)
    found = _walk(outputs, inputs, None, True)
    found = _filled(found, inputs, strict, "The output of the user-provided function is independent of input {}. This is not allowed in strict mode.", False, "")
    _must_require_grad(found, strict, _NO_SECOND)
    return outputs, found


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """``v^T H`` of a function that gives one number: the gradient of ``<gradient, v>``. Parameters as for `vjp`, `v` of the sizes of the inputs."""
    with enable_grad():
        is_tuple, inputs = _tensors(inputs, "inputs", "vhp")
        inputs = _prepared(inputs, create_graph)
        if v is not None:
            v = _vector(v, inputs, "vhp")
        elif len(inputs) != 1 or inputs[0].numel() != 1:
            raise RuntimeError("The vector v can only be None if the input to the user-provided function is a single Tensor with a single element.")
        outputs, first = _gradient(func, inputs, strict, "vhp")
        found = _along(first, inputs, v, create_graph)
        found = _filled(found, inputs, strict, _NO_SECOND, create_graph, "The hessian of the user-provided function is independent of input {}. This is not allowed in strict mode "
                                                                          "when create_graph=True.")
    return _finished(outputs, create_graph, False), _finished(found, create_graph, is_tuple)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """``H v`` of a function that gives one number, by a third walk; `vhp` costs less and is the same where H is symmetric. Parameters as for `vhp`."""
    with enable_grad():
        is_tuple, inputs = _tensors(inputs, "inputs", "hvp")
        inputs = _prepared(inputs, create_graph)
        if v is not None:
            v = _vector(v, inputs, "hvp")
        elif len(inputs) != 1 or inputs[0].numel() != 1:
            raise RuntimeError("The vector v can only be None if the input to the user-provided function is a single Tensor with a single element.")
        outputs, first = _gradient(func, inputs, strict, "hvp")
        incoming = tuple(ops.zeros_like(value, requires_grad=True) for value in inputs)
        second = _walk(first, inputs, incoming, True)
        second = _filled(second, inputs, strict, _NO_SECOND, False, "")
        _must_require_grad(second, strict, _NO_SECOND)
        found = _along(second, incoming, v, create_graph)
        found = _filled(found, inputs, strict, _NO_SECOND, create_graph, _NO_SECOND)
    return _finished(outputs, create_graph, False), _finished(found, create_graph, is_tuple)


# ---- whole matrices ------------------------------------------------------------------------------


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """Every slope of every output.

    Parameters
    ----------
    vectorize : bool
        One batched walk (or tangent) instead of one for each element.
    strategy : "reverse-mode" or "forward-mode"
        Row by row by walks, or column by column by tangents (only with `vectorize`).

    Returns
    -------
    Tensor of sizes (*output, *input); a tuple of them for several inputs; a tuple of that for several outputs
    """
    if strategy not in _STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode": the first is cheaper when the function has more outputs than inputs')
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError('jacobian: `create_graph=True` and `strategy="forward-mode"` are not supported together')
        if strict:
            raise RuntimeError('jacobian: `strict=True` and `strategy="forward-mode"` are not supported together')
        if not vectorize:
            raise NotImplementedError("Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for `vectorize=True`.")
        return _jacobian_forward(func, inputs)
    if strict and vectorize:
        raise RuntimeError("jacobian: `strict=True` and `vectorize=True` are not supported together")
    with enable_grad():
        is_tuple, inputs = _tensors(inputs, "inputs", "jacobian")
        inputs = _prepared(inputs, create_graph)
        outs_tuple, outputs = _called(func, inputs, "jacobian")
        _must_require_grad(outputs, strict)
        rows = tuple((_rows_batched if vectorize else _rows)(i, out, inputs, strict, create_graph) for i, out in enumerate(outputs))
    rows = tuple(_finished(row, create_graph, is_tuple) for row in rows)
    return rows if outs_tuple else rows[0]


def _rows(i, out, inputs, strict, create_graph):
    """Slopes of one output by every input, element after element."""
    columns = [[] for _ in inputs]
    for element in out.reshape(-1):
        found = _walk((element,), inputs, None, create_graph)
        found = _filled(found, inputs, strict, f"Output {i} of the user-provided function is independent of input {{}}. This is not allowed in strict mode.", create_graph, _NO_JACOBIAN)
        for column, value in zip(columns, found):
            column.append(value)
    return tuple(ops.stack(column).view(out.shape + value.shape) for column, value in zip(columns, inputs))


def _rows_batched(i, out, inputs, strict, create_graph):
    count = out.numel()
    units = ops.eye(count, dtype=out.dtype).view((count, *out.shape))
    found = _walk((out,), inputs, (units,), create_graph, batched=True)
    return tuple(ops.zeros((*out.shape, *value.shape), dtype=value.dtype) if slopes is None else slopes.reshape(out.shape + value.shape) for slopes, value in zip(found, inputs))


def _module(name, wanted):
    """A module that only some options need."""
    try:
        return importlib.import_module("frankentorch." + name)
    except ModuleNotFoundError as error:
        raise NotImplementedError(f"{wanted} needs {name}, which is not there [gap torch.{name}]") from error


def _jacobian_forward(func, inputs):
    """Column by column: one tangent for each element of each input, all those of one input in a batch where `func.vmap` is there."""
    forward_ad = _module("autograd.forward_ad", 'jacobian with strategy="forward-mode"')
    is_tuple, inputs = _tensors(inputs, "inputs", "jacobian")
    form = []

    def slopes(place, tangent):
        with forward_ad.dual_level():
            given = [forward_ad.make_dual(value.detach(), tangent) if i == place else value.detach() for i, value in enumerate(inputs)]
            outs_tuple, outputs = _called(func, given, "jacobian")
            form[:] = [outs_tuple]
            pairs = [forward_ad.unpack_dual(out) for out in outputs]
            return tuple(ops.zeros_like(primal) if along is None else along for primal, along in pairs)

    columns = []                                     # [input][output]: (*output, *input)
    for place, value in enumerate(inputs):
        units = ops.eye(value.numel(), dtype=value.dtype).view((value.numel(), *value.shape))
        found = _mapped(lambda tangent, place=place: slopes(place, tangent), units)
        columns.append([along.movedim(0, -1).reshape(along.shape[1:] + value.shape).detach() for along in found])
    rows = tuple(tuple(column[i] for column in columns) for i in range(len(columns[0])))
    rows = rows if is_tuple else tuple(row[0] for row in rows)
    return rows if form[0] else rows[0]


def _mapped(function, units):
    """Results of `function` for each of `units`, stacked."""
    try:
        vmap = importlib.import_module("frankentorch.func").vmap
    except (ModuleNotFoundError, AttributeError):
        results = [function(unit) for unit in units]
        return [ops.stack(column) for column in zip(*results)]
    return vmap(function)(units)


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """Second slopes of a function that gives one number: the jacobian of its gradient.

    Returns
    -------
    Tensor of sizes (*input, *input); for a tuple of inputs a tuple of tuples of (*input i, *input j)

    The rest is as for `jacobian`.
    """
    if outer_jacobian_strategy not in _STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    is_tuple, inputs = _tensors(inputs, "inputs", "hessian")

    def single(*values):
        outs_tuple, outputs = _called(func, values, "hessian")
        _must_require_grad(outputs, strict)
        _scalar(outs_tuple, outputs, "hessian")
        return outputs[0].squeeze() if outputs[0].dim() else outputs[0]

    def gradient(*values):
        if outer_jacobian_strategy == "forward-mode":
            values = tuple(value if value.requires_grad else value.requires_grad_() for value in values)
        found = jacobian(single, values, create_graph=True)
        _must_require_grad(found, strict, _NO_SECOND)
        return found

    found = jacobian(gradient, inputs, create_graph=create_graph, strict=strict, vectorize=vectorize, strategy=outer_jacobian_strategy)
    return found if is_tuple else found[0][0]
