"""Transposed copies of every size of word: whole squares, what is left of them, and a few rows that lie interleaved."""
import numpy as np
import pytest

import frankentorch as ft

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 80, 129)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, np.complex128], ids=lambda dtype: np.dtype(dtype).name)
def test_transposed_copies_hold_every_item(dtype):
    items = np.arange(129 * 300).reshape(129, 300) % 251
    for rows in SIZES:
        for columns in (*SIZES, 300):
            a = items[:rows, :columns].astype(dtype)
            apart = ft.tensor(items[:rows].astype(dtype))[:, :columns]
            into = ft.zeros(columns, rows + 5, dtype=apart.dtype)
            into[:, 2:rows + 2].copy_(apart.t())
            whole = into.numpy()

            assert np.array_equal(a.T, ft.tensor(a).t().contiguous().numpy())
            assert np.array_equal(a.T, apart.t().contiguous().numpy())
            assert np.array_equal(a.T, whole[:, 2:-3]) and not whole[:, :2].any() and not whole[:, -3:].any()


@pytest.mark.parametrize("channels", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64], ids=lambda dtype: np.dtype(dtype).name)
def test_interleaved_channels_become_planes_and_lie_interleaved_again(dtype, channels):
    image = (np.arange(37 * 23 * channels) % 253).reshape(37, 23, channels).astype(dtype)
    planes = ft.tensor(image).permute(2, 0, 1).contiguous()

    assert np.array_equal(image.transpose(2, 0, 1), planes.numpy())
    assert np.array_equal(image, planes.permute(1, 2, 0).contiguous().numpy())
