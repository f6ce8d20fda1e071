"""`backward` and `grad`: argument checks, then the walk in _ext.engine."""
from frankentorch import ops
from frankentorch._ext import engine
from frankentorch._ext.tensor import Tensor
from frankentorch._overrides import DisableTorchFunctionSubclass


def _as_tuple(value):
    if value is None:
        return None
    return (value,) if isinstance(value, Tensor) or hasattr(value, "node") else tuple(value)


def _make_grads(outputs, grads):
    """One gradient per output: ones for a scalar, checked shapes for the rest. RuntimeError says which does not fit."""
    made = []
    for out, grad in zip(outputs, grads):
        if grad is None:
            if not out.requires_grad:
                raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
            if out.numel() != 1:
                raise RuntimeError(f"grad can be implicitly created only for scalar outputs, not for {tuple(out.shape)}; give gradient=")
            if not out.is_floating_point() and not out.is_complex():
                raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {out.dtype}")
            if out.is_complex():
                raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {out.dtype}")
            made.append(ops.ones_like(out))
            continue
        if not isinstance(grad, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
        if grad.shape != out.shape:
            raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of {list(grad.shape)} and output[0] has a shape of {list(out.shape)}.")
        if grad.is_complex() != out.is_complex():
            raise RuntimeError(f"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: {grad.dtype} and {out.dtype}")
        made.append(grad)
    return made


def _check_outputs(outputs):
    for i, out in enumerate(outputs):
        if not isinstance(out, Tensor):
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
    if len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    _check_outputs(tensors)
    with DisableTorchFunctionSubclass():
        grads = _make_grads(tensors, grads)
    inputs = None if inputs is None else [item if isinstance(item, Tensor) else (item.node, item.output_nr) for item in _as_tuple(inputs)]
    with DisableTorchFunctionSubclass():        # gradients are plain tensors, whatever the class of what was saved
        engine.run_backward(list(tensors), grads, create_graph if retain_graph is None else retain_graph, create_graph, inputs, inputs is not None)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True, allow_unused=None, is_grads_batched=False,
         materialize_grads=False):
    """Gradients of `outputs` with respect to `inputs`, returned and not accumulated.

    Returns a tuple as long as `inputs`; None for an input no path leads to (RuntimeError unless `allow_unused`), zeros with
    `materialize_grads`.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False.")
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if not only_inputs:
        import warnings
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True).", FutureWarning, stacklevel=2)
    if is_grads_batched:
        raise NotImplementedError("grad: is_grads_batched=True needs vmap, which is not available; call grad once per gradient")
    grads = _as_tuple(grad_outputs) or (None,) * len(outputs)
    _check_outputs(outputs)
    with DisableTorchFunctionSubclass():
        grads = _make_grads(outputs, grads)
    for i, item in enumerate(inputs):
        if isinstance(item, Tensor) and not item.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    places = [item if isinstance(item, Tensor) else (item.node, item.output_nr) for item in inputs]
    with DisableTorchFunctionSubclass():
        found = engine.run_backward(list(outputs), grads, create_graph if retain_graph is None else retain_graph, create_graph, places, False)
    for i, value in enumerate(found):
        if value is None:
            if not allow_unused:
                raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.")
            if materialize_grads:
                found[i] = ops.zeros_like(inputs[i])
    return tuple(found)
