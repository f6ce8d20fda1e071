"""Bodies of the normalisation rows: checks and shapes around the row kernels."""
from frankentorch import ops


def _softmax(self, dim, half_to_float):
    return ops.softmax(self, dim, ops.float32 if half_to_float else None)


def _log_softmax(self, dim, half_to_float):
    return ops.log_softmax(self, dim, ops.float32 if half_to_float else None)


def softmin(self, dim, dtype):
    return ops.softmax(-self, dim, dtype)


def layer_norm(input, normalized_shape, weight, bias, eps, cudnn_enable):
    return ops._layer_norm(input, normalized_shape, weight, bias, eps)[0]


def native_layer_norm(input, normalized_shape, weight, bias, eps):
    out, mean, rstd = ops._layer_norm(input, normalized_shape, weight, bias, eps)
    return out, mean.detach(), rstd.detach()


def check_channels(name, value, channels, op):
    if value is not None and (value.dim() != 1 or value.numel() != channels):
        raise RuntimeError(f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of shape {list(value.shape)} and {channels} channels in {op}")


def group_norm(input, num_groups, weight, bias, eps, cudnn_enabled):
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    return check_groups(input, num_groups, weight, bias, eps)[0]


def check_groups(input, groups, weight, bias, eps):
    channels = input.size(1)
    if groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {groups}")
    if channels % groups:
        raise RuntimeError(f"Expected number of channels in input to be divisible by num_groups, but got input of shape {list(input.shape)} and num_groups={groups}")
    check_channels("weight", weight, channels, "group_norm")
    check_channels("bias", bias, channels, "group_norm")
    return ops._group_norm(input, groups, weight, bias, eps)


def native_group_norm(input, weight, bias, N, C, HxW, group, eps):
    if input.numel() != N * C * HxW:
        raise RuntimeError(f"native_group_norm: input of {input.numel()} elements for N={N}, C={C}, HxW={HxW}")
    check_channels("weight", weight, C, "group_norm")
    check_channels("bias", bias, C, "group_norm")
    out, mean, rstd = ops._group_norm(input if tuple(input.shape[:2]) == (N, C) else ops.reshape(input, (N, C, HxW)), group, weight, bias, eps)
    return (out if out.shape == input.shape else ops.reshape(out, tuple(input.shape))), mean, rstd


def rms_norm(input, normalized_shape, weight, eps):
    k = len(normalized_shape)
    if k < 1:
        raise RuntimeError(f"Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = {list(normalized_shape)}")
    if weight is not None and tuple(weight.shape) != normalized_shape:
        raise RuntimeError(f"Expected weight to be of same shape as normalized_shape, but got weight of shape {list(weight.shape)} and normalized_shape = {list(normalized_shape)}")
    if input.dim() < k or tuple(input.shape[input.dim() - k:]) != normalized_shape:
        raise RuntimeError(f"Given normalized_shape={list(normalized_shape)}, expected input with shape [*, {', '.join(map(str, normalized_shape))}], but got input of size {list(input.shape)}")
    wide = input.to(ops.float32) if input.dtype in (ops.float16, ops.bfloat16) else input
    if eps is None:
        eps = 2.0 ** -52 if wide.dtype in (ops.float64, ops.complex128) else 2.0 ** -23
    dims = tuple(range(-k, 0))
    out = wide * ops.rsqrt(ops.mean(wide * wide, dims, True) + eps)
    out = out if weight is None else out * weight
    return out.to(input.dtype) if out.dtype is not input.dtype and wide is not input else out


def check_batch(input, weight, bias, running_mean, running_var):
    if input.dim() < 2:
        raise RuntimeError(f"batch_norm: expected at least 2D input (got {input.dim()}D input)")
    channels = input.size(1)
    for name, value in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if value is not None and value.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {value.numel()}")


def native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps):
    check_batch(input, weight, bias, running_mean, running_var)
    if training:
        out, mean, rstd = ops._batch_norm_train(input, weight, bias, running_mean, running_var, momentum, eps)
        if weight is None or weight.dtype is input.dtype:
            mean, rstd = mean.to(input.dtype), rstd.to(input.dtype)
        return out, mean.detach(), rstd.detach()
    if running_mean is None or running_var is None:
        raise RuntimeError("running_mean and running_var must be defined in evaluation mode")
    out = ops._batch_norm_eval(input, weight, bias, running_mean, running_var, eps)
    return out, ops.empty((0,), dtype=out.dtype, device=out.device), ops.empty((0,), dtype=out.dtype, device=out.device)


def batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled):
    if input.numel() == 0 and input.dim() < 2:           # nothing to normalise; the parameters still take part
        out = input.clone()
        out = out if weight is None else out * weight[0]
        return out if bias is None else out + bias[0]
    check_batch(input, weight, bias, running_mean, running_var)
    if training:
        return ops._batch_norm_train(input, weight, bias, running_mean, running_var, momentum, eps)[0]
    if running_mean is None or running_var is None:
        raise RuntimeError("running_mean and running_var must be defined in evaluation mode")
    return ops._batch_norm_eval(input, weight, bias, running_mean, running_var, eps)


def instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled):
    """batch_norm of (1, N C, ...): each channel of each sample has statistics of its own; running ones take their mean over N."""
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    if input.dim() < 2:
        raise RuntimeError(f"instance_norm: expected at least 2D input (got {input.dim()}D input)")
    batch, channels = input.shape[:2]
    repeated = [None if t is None else t.repeat(batch) for t in (weight, bias, running_mean, running_var)]
    flat = ops.reshape(ops.contiguous(input), (1, batch * channels, *input.shape[2:]))
    out = batch_norm(flat, *repeated, use_input_stats, momentum, eps, cudnn_enabled)
    if use_input_stats:
        for kept, moved in ((running_mean, repeated[2]), (running_var, repeated[3])):
            if kept is not None:
                with ops.no_grad():
                    kept.copy_(ops.mean(ops.reshape(moved, (batch, channels)), (0,)))
    return ops.reshape(out, tuple(input.shape))
