"""`backward` and `grad`: argument checks, then the walk in _ext.engine."""
import math
import os

from frankentorch import ops
from frankentorch._ext import engine
from frankentorch._ext.tensor import Tensor, get_special_bits
from frankentorch._overrides import DisableTorchFunctionSubclass

BIT_HARDENED = 8                 # of special_bits, as in dispatch.pxd


def _as_tuple(value):
    if value is None:
        return None
    return (value,) if isinstance(value, (Tensor, str)) or hasattr(value, "node") else tuple(value)


def _is_edge(item):
    """Whether an output is a GradientEdge: it stands for the tensor it was taken of."""
    return not isinstance(item, Tensor) and hasattr(item, "node") and hasattr(item, "output_nr")


def _facts(out):
    """(sizes, dtype, is meta) of an output or of the tensor behind an edge."""
    if not _is_edge(out):
        return tuple(out.shape), out.dtype, out.is_meta
    return out.node.output_meta(out.output_nr)


def _places(items):
    """Tensors as they are, edges as the engine takes them."""
    return [item if isinstance(item, Tensor) or not _is_edge(item) else (item.node, item.output_nr) for item in items]


def _make_grads(outputs, grads):
    """One gradient per output: ones for a scalar, checked shapes for the rest. RuntimeError says which does not fit."""
    made = []
    for i, (out, grad) in enumerate(zip(outputs, grads)):
        if isinstance(grad, Tensor) and isinstance(out, Tensor) and grad.shape == out.shape and grad.dtype is out.dtype:     # nearly always
            made.append(grad)
            continue
        sizes, dtype, is_meta = _facts(out)
        if grad is None:
            if not _is_edge(out) and not out.requires_grad:
                raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
            if math.prod(sizes) != 1:
                raise RuntimeError(f"grad can be implicitly created only for scalar outputs, not for {sizes}; give gradient=")
            if not dtype.is_floating_point:
                raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {dtype}")
            made.append(ops.ones(sizes, dtype=dtype, device="meta" if is_meta else "cpu") if _is_edge(out) else ops.ones_like(out))
            continue
        if not isinstance(grad, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
        if tuple(grad.shape) != sizes:
            raise RuntimeError(f"Mismatch in shape: grad_output[{i}] has a shape of {list(grad.shape)} and output[{i}] has a shape of {list(sizes)}.")
        if grad.is_complex() != dtype.is_complex:
            raise RuntimeError(f"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: {grad.dtype} and {dtype}")
        made.append(grad)
    return made


def _check_outputs(outputs):
    for i, out in enumerate(outputs):
        if not isinstance(out, Tensor):
            if _is_edge(out):
                continue
            raise TypeError(f"expected a Tensor or sequence of Tensors, got {type(out).__name__} at {i}")
        if not out.requires_grad:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None):
    """Sum of gradients of `tensors` with respect to the leaves, accumulated into their ``.grad``.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensors
    grad_tensors : Tensor, sequence of Tensors or None, same shapes as `tensors`; None means ones for scalars
    retain_graph : bool, default `create_graph`
        Keep saved values for another walk.
    create_graph : bool
        Record the walk itself, for higher derivatives.
    inputs : sequence of Tensors, optional
        Accumulate only into these.
    """
    if grad_tensors is None and grad_variables is not None:
        grad_tensors = grad_variables
    if inputs is not None and not isinstance(inputs, Tensor) and len(inputs) == 0:
        raise RuntimeError("`inputs` argument to `backward` cannot be empty.")
    tensors = _as_tuple(tensors)
    grads = _as_tuple(grad_tensors) or (None,) * len(tensors)
    if len(grads) < len(tensors) or (len(grads) > len(tensors) and get_special_bits() & BIT_HARDENED):      # the oracle ignores what is too much
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    _check_outputs(tensors)
    with DisableTorchFunctionSubclass():        # gradients are plain tensors, whatever the class of what was saved
        grads = _make_grads(tensors, grads)
        inputs = None if inputs is None else _places(_as_tuple(inputs))
        engine.run_backward(_places(tensors), grads, create_graph if retain_graph is None else retain_graph, create_graph, inputs, inputs is not None)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True, allow_unused=None, is_grads_batched=False,
         materialize_grads=False):
    """Gradients of `outputs` with respect to `inputs`, returned and not accumulated.

    Returns a tuple as long as `inputs`; None for an input no path leads to (RuntimeError unless `allow_unused`), zeros with
    `materialize_grads`. With `is_grads_batched` the first dim of each of `grad_outputs` counts gradients, and that of each result too.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False.")
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if not only_inputs:
        import warnings
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True).", FutureWarning, stacklevel=2)
    if is_grads_batched:
        return _batched(outputs, inputs, _as_tuple(grad_outputs), retain_graph, create_graph, allow_unused, materialize_grads)
    grads = _as_tuple(grad_outputs) or (None,) * len(outputs)
    _check_outputs(outputs)
    with DisableTorchFunctionSubclass():
        grads = _make_grads(outputs, grads)
        for item in inputs:
            if isinstance(item, Tensor) and not item.requires_grad:
                raise RuntimeError("One of the differentiated Tensors does not require grad")
        found = engine.run_backward(_places(outputs), grads, create_graph if retain_graph is None else retain_graph, create_graph, _places(inputs), False)
    for i, value in enumerate(found):
        if value is None:
            if not allow_unused:
                raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.")
            if materialize_grads:
                found[i] = ops.zeros_like(inputs[i])
    return tuple(found)


def _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads):
    """One walk for all gradients of the batch, inside a vmap; the results along a new first dim."""
    if grad_outputs is None or any(g is None or g.dim() == 0 for g in grad_outputs):
        raise ValueError("grad: is_grads_batched=True needs grad_outputs whose first dim counts gradients; got none or a 0-d tensor")
    for i, (out, g) in enumerate(zip(outputs, grad_outputs)):
        sizes = _facts(out)[0]
        if tuple(g.shape[1:]) != sizes:
            raise RuntimeError("If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. The sizes of the remaining dimensions are "
                               f"expected to match the shape of corresponding output, but a mismatch was detected: grad_output[{i}] has a shape of {list(g.shape)} and output[{i}] "
                               f"has a shape of {list(sizes)}.")
    counts = {g.shape[0] for g in grad_outputs}
    if len(counts) > 1:
        raise ValueError(f"grad: is_grads_batched=True needs as many gradients for every output, but got {sorted(counts)}")
    count = counts.pop()
    from frankentorch.batching import Level
    with Level(count) as level:
        found = grad(outputs, inputs, [level.wrap(g) for g in grad_outputs], retain_graph, create_graph, True, allow_unused, False, materialize_grads)
        return tuple(None if value is None else level.whole(value) for value in found)


os.register_at_fork(after_in_child=engine.after_fork)
