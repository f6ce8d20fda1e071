"""Grids resampled, by values worked out by hand."""
import numpy as np
import pytest

import frankentorch as ft
import frankentorch.nn.functional as F


def image(*rows, dtype=ft.uint8):
    return ft.tensor([[list(rows)]], dtype=dtype)


def test_bytes_are_weighed_in_fixed_point_and_rounded():
    """Two places stretched to four: 1, 3/4, 1/4, 0 of 255 are 255, 191.25, 63.75, 0."""
    out = F.interpolate(image([255, 0]), size=(1, 4), mode="bilinear")

    assert [[[[255, 191, 64, 0]]]] == out.tolist() and out.dtype is ft.uint8


def test_bytes_are_rounded_after_each_dim():
    """1/4 and 3/4 of 1 along the rows round to 0 and 1 before the columns are looked at."""
    out = F.interpolate(image([0, 1], [0, 1]), size=(4, 4), mode="bilinear")

    assert [[0, 0, 1, 1]] * 4 == out[0, 0].tolist()


def test_bytes_stay_in_range_where_a_cubic_overshoots():
    out = F.interpolate(image([255, 255, 0, 0]), size=(1, 8), mode="bicubic")[0, 0, 0].tolist()

    assert 255 == max(out) and 0 == min(out) and sorted(out, reverse=True) == out


def test_bytes_are_interpolated_in_images_only():
    with pytest.raises(NotImplementedError, match="Byte"):
        F.interpolate(ft.tensor([[[0, 255]]], dtype=ft.uint8), size=4, mode="linear")


def test_a_half_is_rounded_once_over_both_dims():
    """Weights 3/4 and 1/4 twice: 2049/2048 is no half, so rounding between the dims would show."""
    x = image([1.0, 1 + 2.0 ** -10], [1.0, 1.0], dtype=ft.float16)
    exact = F.interpolate(x.double(), size=(4, 4), mode="bilinear").half()

    assert exact.tolist() == F.interpolate(x, size=(4, 4), mode="bilinear").tolist()


@pytest.mark.parametrize("mode, expected", [("reflect", [2, 1, 0, 1, 2, 1]), ("replicate", [0, 0, 0, 1, 2, 2])])
def test_edges_are_reflected_or_repeated(mode, expected):
    assert [[expected]] == F.pad(ft.tensor([[[0, 1, 2]]]), [2, 1], mode=mode).tolist()


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64, ft.int64, ft.int16, ft.complex128])
@pytest.mark.parametrize("mode, named", [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
@pytest.mark.parametrize("sizes", [(33, 64), (9, 40), (64, 17), (5, 6)])
def test_edges_of_large_images_are_those_of_numpy(sizes, mode, named, dtype):
    """Long runs of places are copied from all rows at once."""
    x = (ft.arange(2 * sizes[0] * sizes[1]) % 251).reshape(1, 2, *sizes)
    for left, right, above, below in ((1, 1, 1, 1), (2, 0, 0, 3), (0, 1, 0, 0), (0, 0, 1, 0)):
        expected = np.pad(x.numpy(), ((0, 0), (0, 0), (above, below), (left, right)), mode=named)

        assert expected.tolist() == F.pad(x.to(dtype), (left, right, above, below), mode=mode).to(ft.int64).tolist()


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64, ft.bfloat16])
@pytest.mark.parametrize("kernel, stride, padding", [(3, 2, 1), (2, 2, 0), ((3, 5), (1, 2), (1, 2)), (4, 1, 0)])
def test_narrow_averages_have_the_bits_of_wide_ones(dtype, kernel, stride, padding):
    """Rows of few outputs go one by one, others side by side: an image twice as wide has the narrow one's outputs on its left."""
    ft.manual_seed(0)
    wide = ft.randn(2, 3, 9, 40).to(dtype)
    narrow = wide[..., :9]
    for counted in (False, True):
        few, many = (F.avg_pool2d(x, kernel, stride, padding, count_include_pad=counted) for x in (narrow, wide))
        inside = few.shape[-1] - 1                  # the last window meets the narrow one's edge

        assert few.shape[-1] <= 6 < many.shape[-1] and ft.equal(many[..., :inside], few[..., :inside])


@pytest.mark.parametrize("work", [
    lambda x: F.pad(x, (1, 2, 0, 1), mode="reflect"), lambda x: F.interpolate(x, scale_factor=1.6, mode="bilinear"), lambda x: F.max_pool2d(x, 3, 2, 1),
    lambda x: F.avg_pool2d(x, 3, 2, 1), lambda x: F.adaptive_avg_pool2d(x, (3, 2)), lambda x: F.batch_norm(x, None, None, training=True), lambda x: x.roll((1, 2), (1, 3)),
    lambda x: F.channel_shuffle(x, x.size(1) // 2 or 1)])
@pytest.mark.parametrize("channels", [4, 8, 70])
@pytest.mark.parametrize("dtype", [ft.float32, ft.bfloat16])
def test_images_in_channels_last_have_the_same_bits_and_stay_in_it(dtype, channels, work):
    ft.manual_seed(0)
    x = ft.randn(2, channels, 9, 7).to(dtype)
    plain, last = x.clone().requires_grad_(), x.contiguous(memory_format=ft.channels_last).requires_grad_()
    expected, found = work(plain), work(last)
    g = ft.randn(*expected.shape).to(dtype)
    expected.backward(g)
    found.backward(g.contiguous(memory_format=ft.channels_last))

    assert found.is_contiguous(memory_format=ft.channels_last)
    assert ft.equal(expected, found) and ft.equal(plain.grad, last.grad)
