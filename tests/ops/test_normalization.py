"""Softmax, normalisations, embedding and attention: values worked by hand, batches cut apart, gradients by differences."""
import math

import pytest

import frankentorch as ft
from frankentorch import ops


def close(expected, actual, tolerance=1e-6):
    assert pytest.approx(expected, abs=tolerance) == (actual.tolist() if hasattr(actual, "tolist") else actual)


def slope(function, x, i, step=1e-6):
    """Central difference of a scalar function at element i of a flat list."""
    up, down = list(x), list(x)
    up[i] += step
    down[i] -= step
    return (function(ft.tensor(up, dtype=ft.float64)).item() - function(ft.tensor(down, dtype=ft.float64)).item()) / (2 * step)


def test_softmax_of_logarithms_gives_their_shares():
    x = ft.tensor([math.log(1), math.log(2), math.log(5)])

    close([1 / 8, 2 / 8, 5 / 8], ft.softmax(x, 0))
    close([math.log(1 / 8), math.log(2 / 8), math.log(5 / 8)], ft.log_softmax(x, 0))
    close([0.5, 0.5], ft.softmax(ft.tensor([1000.0, 1000.0]), 0))


def test_softmax_takes_a_dtype_and_refuses_integers():
    assert ft.float64 is ft.softmax(ft.ones(2), 0, dtype=ft.float64).dtype
    with pytest.raises(NotImplementedError):
        ft.softmax(ft.ones(2, dtype=ft.int64), 0)
    with pytest.raises(IndexError):
        ft.softmax(ft.ones(2), 3)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_second_gradient_of_softmax_agrees_with_differences(name):
    start, weights = [0.3, -1.2, 0.7, 0.1], ft.tensor([1.0, -2.0, 0.5, 3.0], dtype=ft.float64)

    def penalty(x):
        x = x.detach().requires_grad_()
        first, = ft.autograd.grad((getattr(ft, name)(x, 0) * weights).sum(), [x], create_graph=True)
        return (first * first).sum()

    x = ft.tensor(start, dtype=ft.float64, requires_grad=True)
    first, = ft.autograd.grad((getattr(ft, name)(x, 0) * weights).sum(), [x], create_graph=True)
    second, = ft.autograd.grad((first * first).sum(), [x])

    close([slope(penalty, start, i) for i in range(4)], second, 1e-6)


@pytest.mark.parametrize("run", [lambda x, w, b: ft.layer_norm(x, (4,), w, b), lambda x, w, b: ft.group_norm(x, 2, w, b),
                                 lambda x, w, b: ft.batch_norm(x, w, b, None, None, True, 0.1, 1e-5, False)])
def test_gradients_of_norms_agree_with_differences_twice(run):
    start = [0.3, -1.2, 0.7, 0.1, 2.0, -0.4, 1.1, 0.6, -0.9, 0.2, 0.8, -1.5]
    w, b = ft.tensor([1.0, -2.0, 0.5, 3.0], dtype=ft.float64), ft.tensor([0.1, 0.2, 0.3, 0.4], dtype=ft.float64)
    shares = ft.tensor([[0.5, -1.0, 2.0, 0.3], [1.5, 0.2, -0.7, 1.0], [-0.2, 0.9, 0.4, -1.1]], dtype=ft.float64)

    def loss(x):
        return (run(x.reshape(3, 4), w, b) * shares).sum()

    def penalty(x):
        x = x.detach().requires_grad_()
        first, = ft.autograd.grad(loss(x), [x], create_graph=True)
        return (first * first).sum()

    x = ft.tensor(start, dtype=ft.float64, requires_grad=True)
    first, = ft.autograd.grad(loss(x), [x], create_graph=True)
    second, = ft.autograd.grad((first * first).sum(), [x])

    close([slope(loss, start, i) for i in range(12)], first, 1e-5)
    close([slope(penalty, start, i) for i in range(12)], second, 1e-3)


def test_layer_norm_by_hand():
    """Mean 2, variance 1: (1, 3) becomes (-1, 1)."""
    close([-2.0, 2.5], ft.layer_norm(ft.tensor([[1.0, 3.0]]), (2,), ft.tensor([2.0, 2.0]), ft.tensor([0.0, 0.5]), 0.0).reshape(-1))


def test_batch_norm_moves_running_statistics_by_the_unbiased_variance():
    mean, var = ft.zeros(1), ft.ones(1)
    out = ft.batch_norm(ft.tensor([[1.0], [3.0]]), None, None, mean, var, True, 0.5, 0.0, False)

    assert [[-1.0], [1.0]] == out.tolist()
    assert [1.0] == mean.tolist()           # half of 2
    assert [1.5] == var.tolist()            # half of 1 and half of 2
    assert [[0.0]] == ft.batch_norm(ft.tensor([[1.0]]), None, None, mean, var, False, 0.5, 0.0, False).tolist()


def test_channels_last_stays():
    x = ft.randn(2, 4, 3, 5).contiguous(memory_format=ft.channels_last)
    for out in (ft.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False), ft.group_norm(x, 2)):
        assert x.stride() == out.stride()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_a_row_gives_the_same_bits_in_any_batch(dtype):
    x = ft.randn(7, 33).to(getattr(ft, dtype))
    for run in (lambda t: ft.softmax(t, 1), lambda t: ft.log_softmax(t, -1), lambda t: ft.layer_norm(t, (33,)), lambda t: ft.group_norm(t, 3), lambda t: ft.rms_norm(t, (33,))):
        assert run(x)[2:5].tolist() == run(x[2:5]).tolist()


def test_embedding_reads_rows_and_adds_gradients():
    w = ft.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    out = ops.embedding(w, ft.tensor([2, 0, 2]), padding_idx=0)
    out.sum().backward()

    assert [[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]] == out.tolist()
    assert [[0.0, 0.0], [0.0, 0.0], [2.0, 2.0]] == w.grad.tolist()
    with pytest.raises(IndexError):
        ops.embedding(w, ft.tensor([3]))


def test_embedding_bag_sums_each_bag():
    w = ft.tensor([[1.0], [10.0], [100.0]])

    assert [[11.0], [0.0], [200.0]] == ops.embedding_bag(w, ft.tensor([0, 1, 2, 2]), ft.tensor([0, 2, 2]), mode=0)[0].tolist()
    assert [[5.5], [0.0], [100.0]] == ops.embedding_bag(w, ft.tensor([0, 1, 2, 2]), ft.tensor([0, 2, 2]), mode=1)[0].tolist()


def test_attention_with_equal_scores_is_the_mean_of_values():
    q, k, v = ft.zeros(1, 2, 4), ft.randn(1, 2, 4), ft.tensor([[[1.0], [3.0]]])

    assert [[[2.0], [2.0]]] == ops.scaled_dot_product_attention(q, k, v).tolist()
    assert [[[1.0], [2.0]]] == ops.scaled_dot_product_attention(q, k, v, is_causal=True).tolist()
    assert [[[3.0], [0.0]]] == ops.scaled_dot_product_attention(q, k, v, ft.tensor([[False, True], [False, False]])).tolist()


def test_meta_gives_shapes():
    x = ft.empty(2, 4, 3, device="meta")

    for out in (ft.softmax(x, 1), ft.layer_norm(x, (3,)), ft.group_norm(x, 2), ft.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False)):
        assert (2, 4, 3) == tuple(out.shape)
        assert out.is_meta


@pytest.mark.parametrize("call", [lambda: ft.layer_norm(ft.ones(2, 3), (4,)), lambda: ft.layer_norm(ft.ones(2, 3), (3,), ft.ones(2)), lambda: ft.group_norm(ft.ones(2, 3), 2),
                                  lambda: ft.batch_norm(ft.ones(2, 3), None, None, ft.ones(2), ft.ones(3), True, 0.1, 1e-5, False),
                                  lambda: ft.batch_norm(ft.ones(2, 3), None, None, None, None, False, 0.1, 1e-5, False), lambda: ops.glu(ft.ones(3), 0)])
def test_shapes_that_do_not_fit_are_refused(call):
    with pytest.raises(RuntimeError):
        call()


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64, ft.bfloat16])
@pytest.mark.parametrize("batch, channels, space, groups", [(3, 4, 5, 2), (700, 6, 1, 3), (2, 4, 5000, 2), (2, 2, 40000, 1)])
def test_a_group_is_a_line_of_layer_norm(batch, channels, space, groups, dtype):
    """Statistics of many short groups, of few, and of one that threads share, are those of the lines; then each channel's weight and bias."""
    x = (ft.arange(batch * channels * space).reshape(batch, channels, space) * 7 % 31 - 11).to(dtype)
    weight, bias = ft.arange(channels).to(dtype) - 1, ft.arange(channels).to(dtype) / 2
    lines = ft.layer_norm(x.reshape(batch * groups, -1), (channels // groups * space,)).reshape(x.shape)

    assert ft.equal(lines, ft.group_norm(x, groups))
    if dtype is not ft.bfloat16:
        assert ft.equal(lines * weight[:, None] + bias[:, None], ft.group_norm(x, groups, weight, bias))


@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16, ft.float32])
@pytest.mark.parametrize("width", [1, 15, 16, 100])
def test_rows_of_an_embedding_gather_gradients_in_order(width, dtype):
    """Each sum is rounded; what is padding gets none; one row may be met by many places."""
    ft.manual_seed(0)
    weight, places = ft.zeros(5, width, dtype=dtype, requires_grad=True), ft.tensor([3, 0, 3, 2, 3, 1, 2])
    g = (ft.randn(7, width) * 100).to(dtype)
    expected = ft.zeros(5, width, dtype=dtype)
    for place, row in zip(places.tolist(), g):
        if place != 1:
            expected[place] = expected[place] + row

    ft.nn.functional.embedding(places, weight, padding_idx=1).backward(g)

    assert ft.equal(expected, weight.grad)
