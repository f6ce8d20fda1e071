"""Pooling by its public names where that is more than one kernel call."""
from frankentorch import ops
from frankentorch._ext import pool_ops
from frankentorch._ext.tensor import batch_level
from frankentorch.ops.image import kept_format


def _adaptive_avg_pool(n):
    def pooled(self, output_size):
        if len(output_size) == n and all(size == 1 for size in output_size) and self.dim() in (n + 1, n + 2) and self.is_floating_point():
            if 0 not in self.shape[-n - 1:]:        # one window is a plain mean
                return kept_format(self, ops.mean(self, tuple(range(-n, 0)), True))
        return getattr(ops, f"_adaptive_avg_pool{n}d")(self, output_size)
    return pooled


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (_adaptive_avg_pool(n) for n in (1, 2, 3))


def _max_pool(n, self, kernel_size, stride, padding, dilation, ceil_mode):
    if ops.differentiated(self):
        return getattr(ops, f"max_pool{n}d_with_indices")(self, kernel_size, stride, padding, dilation, ceil_mode)[0]
    return pool_ops.max_pool_values(self, n, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d(*arguments):
    return _max_pool(1, *arguments)


def max_pool2d(*arguments):
    return _max_pool(2, *arguments)


def max_pool3d(*arguments):
    return _max_pool(3, *arguments)


def _max_unpool(n, self, indices, output_size):
    if indices.dtype is not ops.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype}")
    if self.shape != indices.shape:
        raise RuntimeError(f"Expected shape of indices to be same as that of the input tensor ({list(self.shape)}) but got indices tensor with shape: {list(indices.shape)}")
    if len(output_size) != n:
        raise RuntimeError(f"There should be exactly {n} elements in output_size, but got {len(output_size)} elements.")
    if self.dim() not in (n + 1, n + 2):
        raise RuntimeError(f"Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor, but got a tensor with {self.dim()} dim(s).")
    if any(size == 0 for size in self.shape[1:]):
        raise RuntimeError(f"max_unpooling{n}d(): Expected input to have non-zero size for non-batch dimensions, but got {list(self.shape)}")
    lead = tuple(self.shape[:-n])
    places = 1
    for size in output_size:
        places *= size
    if not self.is_meta and self.numel() and not batch_level(indices) and (ops.amin(indices).item() < 0 or ops.amax(indices).item() >= places):
        raise RuntimeError(f"Found an invalid max index: indices must lie in [0, {places}) (output volumes are of size {'x'.join(map(str, output_size))})")
    flat = ops.zeros((*lead, places), dtype=self.dtype, device=self.device)
    flat = ops.scatter(flat, -1, ops.flatten(indices, -n, -1), ops.flatten(self, -n, -1))
    return kept_format(self, ops.reshape(flat, (*lead, *output_size)))


def max_unpool2d(self, indices, output_size):
    return _max_unpool(2, self, indices, output_size)


def max_unpool3d(self, indices, output_size, stride, padding):
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"strides should be greater than zero, but got stride: {list(stride)}")
    return _max_unpool(3, self, indices, output_size)
