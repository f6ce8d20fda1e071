"""The definition of convolution and its gradients, slowly, over three axes (see frankentorch/_ext/conv.pxd)."""
import itertools

import numpy as np

from .gemm import matmul


def offsets(kernel):
    """Kernel offsets in row-major order."""
    return list(itertools.product(*map(range, kernel)))


def unfold(image, kernel, stride, padding, dilation, out):
    """Columns (channels * taps, positions) of one image (channels, D, H, W); outside is zero."""
    channels, rows = image.shape[0], []
    for c in range(channels):
        for tap in offsets(kernel):
            row = np.zeros(out, image.dtype)
            for position in np.ndindex(*out):
                at = tuple(o * s - p + t * d for o, s, p, t, d in zip(position, stride, padding, tap, dilation, strict=True))
                if all(0 <= i < n for i, n in zip(at, image.shape[1:], strict=True)):
                    row[position] = image[(c, *at)]
            rows.append(row.ravel())
    return np.array(rows, image.dtype).reshape(len(rows), -1)


def fold(columns, channels, size, kernel, stride, padding, dilation, out):
    """Columns added back into an image (channels, *size) of zeros, kernel offsets ascending, in each positions ascending."""
    image, columns = np.zeros((channels, *size), columns.dtype), columns.reshape(channels, -1, *out)
    for c, (t, tap) in itertools.product(range(channels), enumerate(offsets(kernel))):
        for position in np.ndindex(*out):
            at = tuple(o * s - p + q * d for o, s, p, q, d in zip(position, stride, padding, tap, dilation, strict=True))
            if all(0 <= i < m for i, m in zip(at, size, strict=True)):
                with np.errstate(over="ignore"):               # integers wrap
                    image[(c, *at)] += columns[(c, t, *position)]
    return image


def forward(x, weight, stride, padding, dilation, groups, out):
    """Output (images, out_channels, *out)."""
    outs, in_group, kernel = weight.shape[0], weight.shape[1], weight.shape[2:]
    step = outs // groups
    result = np.empty((x.shape[0], outs, *out), x.dtype)
    for n, g in np.ndindex(x.shape[0], groups):
        columns = unfold(x[n, g * in_group:(g + 1) * in_group], kernel, stride, padding, dilation, out)
        w = weight[g * step:(g + 1) * step].reshape(step, -1)
        result[n, g * step:(g + 1) * step] = matmul(w, columns).reshape(step, *out)
    return result


def input_gradient(grad, weight, stride, padding, dilation, groups, size):
    """Gradient (images, in_channels, *size). Real floats at stride 1: forward of the gradient with the weight turned. Else
    column values by a product, then added per kernel offset ascending."""
    outs, in_group, kernel = weight.shape[0], weight.shape[1], weight.shape[2:]
    step = outs // groups
    around = tuple(d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding, strict=True))
    if grad.dtype.kind == "f" and set(stride) == {1} and min(around) >= 0:
        turned = np.flip(weight.reshape(groups, step, in_group, *kernel), (3, 4, 5)).swapaxes(1, 2)
        return forward(grad, np.ascontiguousarray(turned).reshape(groups * in_group, step, *kernel), stride, around, dilation, groups, size)
    out = grad.shape[2:]
    result = np.zeros((grad.shape[0], in_group * groups, *size), grad.dtype)
    for n, g in np.ndindex(grad.shape[0], groups):
        w = weight[g * step:(g + 1) * step].reshape(step, -1)
        columns = matmul(np.ascontiguousarray(w.T), grad[n, g * step:(g + 1) * step].reshape(step, -1))
        result[n, g * in_group:(g + 1) * in_group] = fold(columns, in_group, size, kernel, stride, padding, dilation, out)
    return result


def weight_gradient(grad, x, kernel, stride, padding, dilation, groups):
    """Gradient (out_channels, in_channels / groups, *kernel): one chain over (image, position)."""
    outs, in_group = grad.shape[1], x.shape[1] // groups
    step = outs // groups
    result = np.empty((outs, in_group, *kernel), x.dtype)
    for g in range(groups):
        columns = [unfold(image[g * in_group:(g + 1) * in_group], kernel, stride, padding, dilation, grad.shape[2:]) for image in x]
        left = np.concatenate([y[g * step:(g + 1) * step].reshape(step, -1) for y in grad], axis=1)
        right = np.ascontiguousarray(np.concatenate(columns, axis=1).T)
        result[g * step:(g + 1) * step] = matmul(left, right).reshape(step, in_group, *kernel)
    return result
