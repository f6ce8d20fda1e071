"""Convolution, pooling, padding and resampling: values worked out by hand, shapes, errors and adjoints."""
import pytest

import frankentorch as ft
from frankentorch import ops


def leaf(data):
    return ft.tensor(data, dtype=ft.float64, requires_grad=True)


def test_conv1d_correlates():
    out = ops.conv1d(ft.tensor([[[1.0, 2.0, 3.0, 4.0]]]), ft.tensor([[[1.0, 10.0]]]), ft.tensor([100.0]))

    assert [[[121.0, 132.0, 143.0]]] == out.tolist()


def test_same_padding_puts_the_odd_column_at_the_back():
    out = ops.conv1d(ft.tensor([[[1.0, 2.0, 3.0]]]), ft.tensor([[[1.0, 10.0]]]), padding="same")

    assert [[[21.0, 32.0, 3.0]]] == out.tolist()


def test_transposed_convolution_spreads():
    out = ops.conv_transpose1d(ft.tensor([[[1.0, 2.0]]]), ft.tensor([[[1.0, 10.0, 100.0]]]), stride=2)

    assert [[[1.0, 10.0, 102.0, 20.0, 200.0]]] == out.tolist()


def test_gradients_of_conv1d():
    x, w, b = leaf([[[1.0, 2.0, 3.0]]]), leaf([[[4.0, 5.0]]]), leaf([0.0])
    ops.conv1d(x, w, b).backward(ft.tensor([[[1.0, 10.0]]], dtype=ft.float64))

    assert [[[4.0, 45.0, 50.0]]] == x.grad.tolist()
    assert [[[21.0, 32.0]]] == w.grad.tolist()
    assert [11.0] == b.grad.tolist()


def test_second_derivative_of_convolution():
    x, w = leaf([[[3.0]]]), leaf([[[5.0]]])
    out = ops.conv1d(x, w)
    (first,) = ft.autograd.grad(out * out, x, create_graph=True)        # 2 x w^2
    gx, gw = ft.autograd.grad(first, (x, w))

    assert 150.0 == first.item()
    assert (50.0, 60.0) == (gx.item(), gw.item())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_batch_and_meta_forms_agree_in_shape(n):
    sizes, kernel = (8, 7, 6)[:n], (3, 2, 3)[:n]
    whole = ops.convolution(ft.ones(2, 4, *sizes), ft.ones(6, 2, *kernel), None, (2,) * n, (1,) * n, (1,) * n, False, (0,) * n, 2)
    single = ops.convolution(ft.ones(4, *sizes), ft.ones(6, 2, *kernel), None, (2,) * n, (1,) * n, (1,) * n, False, (0,) * n, 2)
    shape = ops.convolution(ft.ones(2, 4, *sizes, device="meta"), ft.ones(6, 2, *kernel, device="meta"), None, (2,) * n, (1,) * n, (1,) * n, False, (0,) * n, 2)

    assert whole.shape[1:] == single.shape
    assert whole[1].tolist() == single.tolist()
    assert whole.shape == shape.shape


def test_channels_last_in_channels_last_out():
    x = ft.ones(2, 4, 5, 5).contiguous(memory_format=ft.channels_last)

    assert ops.conv2d(x, ft.ones(3, 4, 2, 2)).is_contiguous(memory_format=ft.channels_last)
    assert ops.max_pool2d(x, 2).is_contiguous(memory_format=ft.channels_last)


@pytest.mark.parametrize("call, phrase", [
    (lambda: ops.conv2d(ft.ones(2, 4, 8, 8), ft.ones(6, 3, 3, 3)), "to have 3 channels, but got 4 channels"),
    (lambda: ops.conv2d(ft.ones(2, 4, 2, 2), ft.ones(6, 4, 3, 3)), "Kernel size can't be greater than actual input size"),
    (lambda: ops.conv2d(ft.ones(2, 4, 8, 8), ft.ones(6, 4, 3, 3), ft.ones(5)), "bias to be 1-dimensional with 6 elements"),
    (lambda: ops.conv2d(ft.ones(2, 4, 8, 8), ft.ones(6, 4, 3, 3), stride=0), "non-positive stride"),
    (lambda: ops.max_pool2d(ft.ones(1, 1, 4, 4), 2, padding=2), "at most half"),
    (lambda: ops.max_pool2d(ft.ones(1, 1, 4, 4), 5), "Output size is too small"),
    (lambda: ops.avg_pool2d(ft.ones(1, 1, 4, 4), 2, divisor_override=0), "divisor must be not zero"),
    (lambda: ops.pad(ft.ones(1, 3), (3, 0), "reflect"), "less than the corresponding input dimension")])
def test_errors_name_what_does_not_fit(call, phrase):
    with pytest.raises(RuntimeError, match=phrase):
        call()


def test_max_pool_reports_the_first_of_equal_values():
    values, places = ops.max_pool1d_with_indices(ft.tensor([[[1.0, 3.0, 3.0, 2.0]]]), 2)

    assert ([[[3.0, 3.0]]], [[[1, 2]]]) == (values.tolist(), places.tolist())


def test_ceil_mode_keeps_windows_that_begin_inside():
    assert [[[2.0, 3.0]]] == ops.max_pool1d(ft.tensor([[[1.0, 2.0, 3.0]]]), 2, ceil_mode=True).tolist()
    assert [[[2.0]]] == ops.max_pool1d(ft.tensor([[[1.0, 2.0, 3.0]]]), 2).tolist()


def test_averages_count_padding_or_not():
    x = ft.tensor([[[2.0, 4.0, 6.0]]])

    assert [[[1.0, 5.0]]] == ops.avg_pool1d(x, 2, 2, 1).tolist()
    assert [[[2.0, 5.0]]] == ops.avg_pool1d(x, 2, 2, 1, count_include_pad=False).tolist()


def test_adaptive_windows_cover_the_input():
    assert [[[1.5, 2.5]]] == ops.adaptive_avg_pool1d(ft.tensor([[[1.0, 2.0, 3.0]]]), 2).tolist()


def test_pool_gradients_go_where_the_values_came_from():
    x = leaf([[[1.0, 5.0, 2.0, 3.0]]])
    ops.max_pool1d(x, 2).backward(ft.tensor([[[10.0, 20.0]]], dtype=ft.float64))

    assert [[[0.0, 10.0, 0.0, 20.0]]] == x.grad.tolist()

    y = leaf([[[1.0, 5.0, 2.0, 3.0]]])
    ops.avg_pool1d(y, 2).backward(ft.tensor([[[10.0, 20.0]]], dtype=ft.float64))

    assert [[[5.0, 5.0, 10.0, 10.0]]] == y.grad.tolist()


@pytest.mark.parametrize("mode, expected", [("constant", [0.0, 0.0, 1.0, 2.0, 3.0, 0.0]), ("reflect", [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]),
                                            ("replicate", [1.0, 1.0, 1.0, 2.0, 3.0, 3.0]), ("circular", [2.0, 3.0, 1.0, 2.0, 3.0, 1.0])])
def test_padding_modes(mode, expected):
    assert [expected] == ops.pad(ft.tensor([[1.0, 2.0, 3.0]]), (2, 1), mode).tolist()


def test_negative_padding_cuts():
    assert [[2.0, 3.0, 0.0]] == ops.pad(ft.tensor([[1.0, 2.0, 3.0]]), (-1, 1)).tolist()


def test_interpolation_by_hand():
    x = ft.tensor([[[0.0, 4.0]]])

    assert [[[0.0, 0.0, 4.0, 4.0]]] == ops.upsample_nearest1d(x, (4,)).tolist()
    assert [[[0.0, 1.0, 3.0, 4.0]]] == ops.upsample_linear1d(x, (4,), False).tolist()
    assert [[[0.0, 2.0, 4.0]]] == ops.upsample_linear1d(x, (3,), True).tolist()


@pytest.mark.parametrize("forward, shape", [
    (lambda x: ops.upsample_bicubic2d(x, (7, 3), False), (1, 2, 4, 5)), (lambda x: ops._upsample_bilinear2d_aa(x, (2, 3), False), (1, 2, 4, 5)),
    (lambda x: ops.im2col(x, (2, 2), (1, 2), (1, 0), (2, 1)), (1, 2, 4, 5)), (lambda x: ops.pad(x, (1, 2, 2, 1), "reflect"), (1, 2, 4, 5)),
    (lambda x: ops.conv_transpose2d(x, ft.sin(ft.arange(24, dtype=ft.float64)).reshape(2, 3, 2, 2), stride=2, padding=1, output_padding=1), (1, 2, 4, 5))])
def test_backward_is_the_adjoint_of_a_linear_map(forward, shape):
    """<A x, y> = <x, A^T y>."""
    x = ft.cos(ft.arange(40, dtype=ft.float64)).reshape(shape).requires_grad_()
    out = forward(x)
    y = ft.sin(ft.arange(out.numel(), dtype=ft.float64) + 1).reshape(out.shape)
    out.backward(y)

    assert ops.sum(out.detach() * y).item() == pytest.approx(ops.sum(x.detach() * x.grad).item(), rel=1e-12)


def test_patches_and_back():
    x = ft.arange(6, dtype=ft.float32).reshape(1, 1, 2, 3)

    assert [[[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]] == ops.im2col(x, (2, 2), (1, 1), (0, 0), (1, 1)).tolist()
    assert [[[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]] == ops.col2im(ft.ones(1, 4, 2), (2, 3), (2, 2), (1, 1), (0, 0), (1, 1)).tolist()


def test_pixel_shuffle_and_back():
    x = ft.arange(8, dtype=ft.float32).reshape(1, 4, 1, 2)
    out = ops.pixel_shuffle(x, 2)

    assert [[[[0.0, 2.0, 1.0, 3.0], [4.0, 6.0, 5.0, 7.0]]]] == out.tolist()
    assert x.tolist() == ops.pixel_unshuffle(out, 2).tolist()
