"""All parameters as one vector, and back."""
from frankentorch import ops
from frankentorch._tensor import Tensor


def parameters_to_vector(parameters):
    """One 1-d tensor of all values, parameter after parameter."""
    device = None
    flat = []
    for parameter in parameters:
        device = _check_param_device(parameter, device)
        flat.append(parameter.view(-1))
    return ops.cat(flat)


def vector_to_parameters(vec, parameters):
    """Make each parameter a view of its part of `vec`."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    device = None
    start = 0
    for parameter in parameters:
        device = _check_param_device(parameter, device)
        count = parameter.numel()
        parameter.data = vec[start:start + count].view_as(parameter).data
        start += count


def _check_param_device(param, old_param_device):
    """The device of `param`; all parameters must be on one."""
    device = param.device
    if old_param_device is not None and device != old_param_device:
        raise TypeError("Found two parameters on different devices, this is currently not supported.")
    return device
