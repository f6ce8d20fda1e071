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
