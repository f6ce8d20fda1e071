"""Keeping gradients small: by their common norm, or value by value."""
import math
import types
import warnings

from frankentorch import ops
from frankentorch._ext.optim_ops import norms_of, scale_all
from frankentorch._tensor import Tensor
from frankentorch.autograd import no_grad


def _as_list(parameters, caller):
    """Parameters as a list; a generator that gives nothing deserves a warning."""
    if isinstance(parameters, Tensor):
        return [parameters]
    is_generator = isinstance(parameters, types.GeneratorType)
    parameters = list(parameters)
    if is_generator and not parameters:
        warnings.warn(f"`parameters` is an empty generator, no gradient clipping will occur in {caller}.", stacklevel=4)
    return parameters


def _total_norm(tensors, norm_type, error_if_nonfinite):
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return ops.tensor(0.0)
    together = norms_of(tensors, norm_type)
    if together is not None:
        return _checked(ops.linalg_vector_norm(together, norm_type), norm_type, error_if_nonfinite)
    first_device = tensors[0].device
    norms = [None] * len(tensors)
    for positions in _groups(tensors):
        group = [tensors[position] for position in positions]
        for position, each in zip(positions, group):
            norms[position] = ops.linalg_vector_norm(each, norm_type)
    # Groups come first, not positions: the order in which norms are stacked decides the last bits of their norm.
    ordered = [norms[position].to(first_device) for positions in _groups(tensors) for position in positions]
    return _checked(ops.linalg_vector_norm(ops.stack(ordered), norm_type), norm_type, error_if_nonfinite)


def _checked(total, norm_type, error_if_nonfinite):
    if error_if_nonfinite and ops.logical_or(total.isnan(), total.isinf()):
        raise RuntimeError(f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
                           "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
                           "anyway, set `error_if_nonfinite=False`")
    return total


def _groups(tensors):
    """Positions of tensors of one device and dtype together, in order of first appearance."""
    groups = {}
    for position, tensor in enumerate(tensors):
        groups.setdefault((str(tensor.device), tensor.dtype), []).append(position)
    return list(groups.values())


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Norm of all tensors as if they were one vector.

    Parameters
    ----------
    tensors : Tensor or iterable of Tensor
    norm_type : float
        inf for the largest absolute value.
    error_if_nonfinite : bool
        Raise RuntimeError when the norm is nan or infinite.
    foreach : bool, optional
        Accepted for compatibility: tensors are always taken one by one, with the same result.

    Returns
    -------
    Tensor, 0-d
    """
    with no_grad():
        return _total_norm(tensors, norm_type, error_if_nonfinite)


def _scale(grads, factor):
    if scale_all(grads, factor):
        return
    for positions in _groups(grads):
        group = [grads[position] for position in positions]
        on_device = factor.to(group[0].device)
        for grad in group:
            grad.mul_(on_device)


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Multiply every gradient by min(1, max_norm / (total_norm + 1e-6))."""
    grads = [each.grad for each in _as_list(parameters, "clip_grads_with_norm_") if each.grad is not None]
    if not grads:
        return
    with no_grad():
        _scale(grads, _factor(max_norm, total_norm))


def _factor(max_norm, total_norm):
    return ops.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale all gradients together so that their common norm is at most `max_norm`.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are left out.
    max_norm : float
    norm_type : float
        inf for the largest absolute value.
    error_if_nonfinite : bool
        Raise RuntimeError when the norm is nan or infinite.

    Returns
    -------
    Tensor, 0-d
        The norm before clipping.
    """
    parameters = _as_list(parameters, "clip_grad_norm_")
    grads = [each.grad for each in parameters if each.grad is not None]
    with no_grad():
        total_norm = _total_norm(grads, norm_type, error_if_nonfinite)
        if grads:
            _scale(grads, _factor(max_norm, total_norm))
    return total_norm


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Deprecated name of `clip_grad_norm_`."""
    warnings.warn("torch.nn.utils.clip_grad_norm is now deprecated in favor of torch.nn.utils.clip_grad_norm_.",
                  FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Clamp every value of every gradient to [-clip_value, clip_value]."""
    clip_value = float(clip_value)
    if math.isnan(clip_value):
        raise ValueError("clip_value must not be nan")
    grads = [each.grad for each in _as_list(parameters, "clip_grad_value_") if each.grad is not None]
    with no_grad():
        for grad in grads:
            grad.clamp_(min=-clip_value, max=clip_value)
