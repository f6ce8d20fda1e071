"""Slow reference of the gradient that sampling gives its input: bilinear, zeros outside, corners not aligned."""
import numpy as np


def bilinear_backward(g, grid, sizes):
    """g[N][C][points] added to places of images of `sizes` (height, width): points ascending, in each the corners ascending, the columns' fastest."""
    kind = g.dtype.type
    out = np.zeros((*g.shape[:2], *sizes), g.dtype)
    for image, points in enumerate(grid):
        for i, point in enumerate(points):
            taps = []
            for coordinate, size in zip(point[::-1], sizes):
                x = ((coordinate + kind(1)) * kind(size) - kind(1)) / kind(2)
                low = np.floor(x)
                taps.append(((low, low + kind(1) - x), (low + kind(1), x - low)))
            for row, down in taps[0]:
                for column, across in taps[1]:
                    if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
                        out[image, :, int(row), int(column)] += down * across * g[image, :, i]
    return out
