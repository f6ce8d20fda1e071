"""First gradients that depend on what was given, so that they can be differentiated again; values worked out by hand."""
import pytest

import frankentorch as ft
import frankentorch.nn.functional as F


def first_gradients(out, leaves):
    """Gradients for a cotangent of ones that wants no gradient itself."""
    return ft.autograd.grad(out, leaves, ft.ones_like(out), create_graph=True)


def test_gradient_of_a_convolution_is_bilinear():
    """y = w x (one channel, one tap) gives dx = g w and dw = sum g x: their gradients swap the roles."""
    x = ft.tensor([[[1.0, 2.0, 3.0]]], requires_grad=True)
    w = ft.tensor([[[5.0]]], requires_grad=True)
    dx, dw = first_gradients(F.conv1d(x, w), [x, w])
    g_x, g_w = ft.autograd.grad([dx, dw], [x, w], [ft.tensor([[[1.0, 10.0, 100.0]]]), ft.tensor([[[1000.0]]])])

    assert [[[5.0, 5.0, 5.0]]] == dx.tolist() and [[[6.0]]] == dw.tolist()
    assert [[[1000.0, 1000.0, 1000.0]]] == g_x.tolist()
    assert [[[111.0]]] == g_w.tolist()


def test_gradient_of_a_complex_convolution_conjugates():
    """y = w x: dx = g conj(w), which depends on w by its conjugate: h flows to w as g conj(h)."""
    x = ft.tensor([[[1 + 2j]]], requires_grad=True)
    w = ft.tensor([[[3 - 1j]]], requires_grad=True)
    dx, = ft.autograd.grad(F.conv1d(x, w), [x], ft.tensor([[[2 + 0j]]]), create_graph=True)
    g_w, = ft.autograd.grad(dx, [w], ft.tensor([[[1j]]]))

    assert [[[6 + 2j]]] == dx.tolist()
    assert [[[-2j]]] == g_w.tolist()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_convolution_twice_agrees_with_differences(n, transposed):
    """The slope of <h, gradients of a convolution> along a direction, by central differences (exact: it is quadratic)."""
    generator = ft.Generator().manual_seed(n)
    draw = lambda *sizes: ft.randn(*sizes, generator=generator, dtype=ft.float64)  # noqa: E731
    conv = getattr(F, f"conv{'_transpose' if transposed else ''}{n}d")
    point = [draw(2, 2, *[5, 4, 3][:n]), draw(2, 2, *[2, 3, 2][:n]), draw(2)]
    cotangent = draw(*conv(*point, stride=2, padding=1).shape)
    direction, weights = ([draw(*value.shape) for value in (*point, cotangent)] for _ in range(2))

    def gradients(step, **options):
        *inputs, g = [(value + step * along).requires_grad_() for value, along in zip((*point, cotangent), direction)]
        grads = ft.autograd.grad(conv(*inputs, stride=2, padding=1), inputs, g, **options)
        return inputs + [g], sum((h * grad).sum() for h, grad in zip(weights, grads))

    leaves, value = gradients(0.0, create_graph=True)
    exact = ft.autograd.grad(value, leaves, allow_unused=True)
    slope = sum((along * grad).sum().item() for along, grad in zip(direction, exact) if grad is not None)
    difference = (gradients(0.5)[1] - gradients(-0.5)[1]).item()

    assert exact[2] is None
    assert abs(slope - difference) < 1e-10 * max(abs(slope), 1)


def test_gradient_of_a_convolution_by_a_constant_depends_on_nothing():
    x = ft.tensor([[[1.0, 2.0]]], requires_grad=True)
    dx, = first_gradients(F.conv1d(x, ft.tensor([[[2.0]]])), [x])

    assert dx.requires_grad
    assert ft.autograd.grad(dx.sum(), [x], allow_unused=True) == (None,)


@pytest.mark.parametrize("name, call", [
    ("AvgPool2D", lambda x: F.avg_pool2d(x, 2)),
    ("MaxPool2DWithIndices", lambda x: F.max_pool2d(x, 2)),
    ("AdaptiveAvgPool2D", lambda x: F.adaptive_avg_pool2d(x, 2)),
    ("AdaptiveMaxPool2D", lambda x: F.adaptive_max_pool2d(x, 2)),
    ("ReflectionPad2D", lambda x: F.pad(x, [1, 1, 1, 1], mode="reflect")),
    ("Hardtanh", lambda x: F.hardtanh(x, 2, 7)),
    ("Hardshrink", F.hardshrink),
    ("Softshrink", F.softshrink),
    ("ReplicationPad2D", lambda x: F.pad(x, [1, 1, 1, 1], mode="replicate")),
])
def test_gradient_of_a_linear_or_choosing_op_has_a_second_of_zero(name, call):
    x = ft.arange(16, dtype=ft.float64).reshape(1, 1, 4, 4).requires_grad_()
    dx, = first_gradients(call(x), [x])
    second, = ft.autograd.grad(dx.sum(), [x])

    assert dx.requires_grad and f"{name}BackwardBackward0" == dx.grad_fn.name()
    assert 0 == second.abs().max().item() and x.shape == second.shape


def test_gradient_of_one_window_is_that_of_a_mean():
    x = ft.arange(4, dtype=ft.float64).reshape(1, 1, 2, 2).requires_grad_()
    dx, = first_gradients(F.adaptive_avg_pool2d(x, 1), [x])

    assert not dx.requires_grad
    assert [[[[0.25, 0.25], [0.25, 0.25]]]] == dx.tolist()


@pytest.mark.parametrize("call, sizes", [
    (lambda x: ft.logcumsumexp(x, 0), (5, 2)),
    (lambda x: ft.logcumsumexp(x * 200, 0), (5,)),
    (ft.lgamma, (6,)),
    (ft.digamma, (6,)),
    (ft.linalg.qr, (4, 3)),
    (ft.linalg.qr, (2, 3, 4)),
    (lambda x: ft.linalg.qr(x, "complete"), (3, 5)),
    (lambda x: F.prelu(x, x[0, :1].abs()), (3, 2)),
    (lambda x: ft.native_group_norm(x, None, None, 2, 4, 3, 2, 1e-5), (2, 4, 3)),
    (lambda x: ft.linalg.det(x), (3, 3)),
], ids=["logcumsumexp", "logcumsumexp steep", "lgamma", "digamma", "qr tall", "qr wide", "qr complete", "prelu", "native_group_norm", "det"])
def test_both_orders_agree_with_differences(call, sizes):
    generator = ft.Generator().manual_seed(3)
    x = ft.randn(*sizes, generator=generator, dtype=ft.float64).requires_grad_()

    assert ft.autograd.gradcheck(call, (x,)) and ft.autograd.gradgradcheck(call, (x,), atol=1e-4)


def test_equal_summands_of_logcumsumexp_far_from_zero_have_small_second_derivatives():
    """Logarithms of differences used to leave 1e-4 of 10,000 here, which came out as numbers of order 1."""
    x = ft.full((3,), 10000.0, dtype=ft.float64, requires_grad=True)
    g = ft.tensor([1.0, -2.0, 0.5], dtype=ft.float64)
    first, = ft.autograd.grad(ft.logcumsumexp(x, 0), [x], g, create_graph=True)
    second, = ft.autograd.grad(first, [x], ft.ones(3, dtype=ft.float64))

    assert second.abs().max().item() < 1e-9               # the gradients sum to that of g, whatever x is


def test_trigamma_at_known_places():
    """psi1(1) = pi^2/6, psi1(1/2) = pi^2/2, psi1(x) = psi1(x + 1) + 1/x^2 left of 0, infinite at the poles."""
    from math import pi
    x = ft.tensor([1.0, 0.5, -0.5, -1.0], dtype=ft.float64, requires_grad=True)
    slope, = ft.autograd.grad(ft.digamma(x).sum(), x)

    assert [pi ** 2 / 6, pi ** 2 / 2, pi ** 2 / 2 + 4] == pytest.approx(slope[:3].tolist(), rel=1e-14) and slope[3].isinf()


def test_qr_that_cannot_be_differentiated_says_so():
    for mode, text in (("r", "depends on Q"), ("complete", "nrows > ncols")):
        q, r = ft.linalg.qr(ft.ones(3, 2).tril().requires_grad_(), mode)
        with pytest.raises(RuntimeError, match=text):
            r.sum().backward()


def test_a_write_in_place_can_be_differentiated_twice():
    """y = x^3 written in place: the value that was overwritten keeps its history, so 3 x^2 has the gradient 6 x."""
    x = ft.tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    y.pow_(3)
    first, = ft.autograd.grad(y.sum(), x, create_graph=True)

    assert [3.0, 12.0] == first.tolist()
    assert [6.0, 12.0] == ft.autograd.grad(first.sum(), x)[0].tolist()


def test_a_write_into_a_view_can_be_differentiated_twice():
    """x0 x1 written into a view of a copy of x."""
    x = ft.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    y[0].mul_(x[1])
    first, = ft.autograd.grad(y[0], x, create_graph=True)

    assert [3.0, 2.0] == first.tolist()
    assert [1.0, 1.0] == ft.autograd.grad(first.sum(), x)[0].tolist()
