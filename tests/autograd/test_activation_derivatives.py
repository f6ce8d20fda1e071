"""Derivatives of activations, up to the third, against closed forms."""
import math

import pytest

import frankentorch as ft

functional = ft.nn.functional


def logistic(x):
    return 1 / (1 + math.exp(-x))


def slopes_of_logistic(x):
    s = logistic(x)
    return s * (1 - s), s * (1 - s) * (1 - 2 * s), s * (1 - s) * (1 - 6 * s + 6 * s * s)


def slopes_of_tanh(x):
    t = math.tanh(x)
    return 1 - t * t, -2 * t * (1 - t * t), (1 - t * t) * (6 * t * t - 2)


def slopes_of_elu(x, alpha=0.7, scale=1.0):
    return (scale, 0.0, 0.0) if x > 0 else (alpha * scale * math.exp(x),) * 3


def slopes_of_softplus(x, beta=2.0, threshold=3.0):
    if x * beta > threshold:
        return 1.0, 0.0, 0.0
    first, second, _ = slopes_of_logistic(beta * x)
    return logistic(beta * x), beta * first, beta * beta * second


def slopes_of_log_sigmoid(x):
    first, second, _ = slopes_of_logistic(-x)
    return logistic(-x), -first, second


CASES = {
    "sigmoid": (ft.sigmoid, slopes_of_logistic), "tanh": (ft.tanh, slopes_of_tanh),
    "elu": (lambda x: functional.elu(x, 0.7), slopes_of_elu),
    "selu": (functional.selu, lambda x: slopes_of_elu(x, 1.6732632423543772, 1.0507009873554805)),
    "softplus": (lambda x: functional.softplus(x, 2.0, 3.0), slopes_of_softplus),
    "logsigmoid": (functional.logsigmoid, slopes_of_log_sigmoid),
    "hardsigmoid": (functional.hardsigmoid, lambda x: (0.1666666716337204 if abs(x) < 3 else 0.0, 0.0, 0.0)),
    "hardtanh": (functional.hardtanh, lambda x: (1.0 if abs(x) < 1 else 0.0, 0.0, 0.0)),
}
PLACES = [-4.0, -2.5, -0.6, -0.1, 0.3, 0.9, 1.4, 2.0, 5.0]


@pytest.mark.parametrize("name", CASES)
def test_three_derivatives(name):
    function, slopes = CASES[name]
    x = ft.tensor(PLACES, dtype=ft.float64, requires_grad=True)
    value = function(x)
    for order in range(3):
        value = ft.autograd.grad(value.sum(), x, create_graph=True)[0] if value.requires_grad else ft.zeros_like(x)
        assert value.tolist() == pytest.approx([slopes(p)[order] for p in PLACES], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_forward_over_backward(name):
    function, slopes = CASES[name]
    x = ft.tensor(PLACES, dtype=ft.float64)
    _, turned = ft.func.jvp(ft.func.grad(lambda v: function(v).sum()), (x,), (ft.full_like(x, 2.0),))
    assert turned.tolist() == pytest.approx([2 * slopes(p)[1] for p in PLACES], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_graph_of_the_gradient_changes_no_bit(name, create_graph):
    """In halves the gradient is computed in float32 and rounded once, whoever asks."""
    function, _ = CASES[name]
    for dtype in (ft.float32, ft.float16, ft.bfloat16):
        x = ft.linspace(-6, 6, 1001).to(dtype).requires_grad_()
        given = ft.linspace(0.5, 2, 1001).to(dtype)
        found, = ft.autograd.grad(function(x), x, given, create_graph=create_graph)
        plain, = ft.autograd.grad(function(x), x, given)
        assert ft.equal(found, plain)


def test_gradient_of_roll_rolls_back():
    x = ft.arange(6.0).reshape(2, 3).requires_grad_()
    ft.roll(x, (1, -1), (0, 1)).backward(ft.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert x.grad.tolist() == [[6.0, 4.0, 5.0], [3.0, 1.0, 2.0]]


def test_cross_entropy_of_logits():
    """(1 - t) x - log sigmoid(x): slope sigmoid(x) - t, curve sigmoid(x) (1 - sigmoid(x)); slope in t is -x."""
    places, targets = [-30.0, -3.0, -0.5, 0.0, 0.7, 2.0, 25.0], [0.0, 0.3, 1.0, 0.5, 0.25, 0.9, 1.0]
    x, t = (ft.tensor(v, dtype=ft.float64, requires_grad=True) for v in (places, targets))
    loss = functional.binary_cross_entropy_with_logits(x, t, reduction="none")
    assert loss.tolist() == pytest.approx([(1 - b) * a + math.log1p(math.exp(-a)) for a, b in zip(places, targets)], rel=1e-12)
    slope, by_target = ft.autograd.grad(loss.sum(), (x, t), create_graph=True)
    assert slope.tolist() == pytest.approx([logistic(a) - b for a, b in zip(places, targets)], rel=1e-12, abs=1e-15)
    assert by_target.tolist() == [-a for a in places]
    curve, = ft.autograd.grad(slope.sum(), x, retain_graph=True)
    assert curve.tolist() == pytest.approx([slopes_of_logistic(a)[0] for a in places], rel=1e-12)
    assert ft.autograd.grad(slope.sum(), t)[0].tolist() == [-1.0] * 7
    whole = functional.binary_cross_entropy_with_logits(x.detach(), t.detach().float())         # of two dtypes: step by step
    assert whole.item() == pytest.approx(loss.mean().item(), rel=1e-6)


def test_slopes_of_hardswish():
    places = [-4.0, -3.0, -1.5, 0.0, 2.0, 3.0, 3.5]
    x = ft.tensor(places, dtype=ft.float64, requires_grad=True)
    slope, = ft.autograd.grad(functional.hardswish(x).sum(), x, create_graph=True)
    assert slope.tolist() == pytest.approx([0.0, -0.5, 0.0, 0.5, 2 / 3 + 0.5, 1.5, 1.0])
    curve, = ft.autograd.grad(slope.sum(), x)
    assert curve.tolist() == pytest.approx([0.0, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 0.0])


def test_cross_entropy_of_probabilities():
    """-t log x - (1 - t) log(1 - x): slope (x - t) / (x (1 - x)), curve t / x^2 + (1 - t) / (1 - x)^2."""
    places, targets = [0.1, 0.3, 0.5, 0.8, 0.95], [0.0, 0.4, 1.0, 0.6, 0.2]
    x, t = (ft.tensor(v, dtype=ft.float64, requires_grad=True) for v in (places, targets))
    slope, = ft.autograd.grad(functional.binary_cross_entropy(x, t, reduction="sum"), x, create_graph=True)
    assert slope.tolist() == pytest.approx([(a - b) / (a * (1 - a)) for a, b in zip(places, targets)], rel=1e-12)
    curve, by_target = ft.autograd.grad(slope.sum(), (x, t))
    assert curve.tolist() == pytest.approx([b / a ** 2 + (1 - b) / (1 - a) ** 2 for a, b in zip(places, targets)], rel=1e-11)
    assert by_target.tolist() == pytest.approx([-1 / (a * (1 - a)) for a in places], rel=1e-12)
    edge = ft.tensor([0.0, 1.0, 1.0], requires_grad=True)          # the divisor is 1e-12 there
    slope, = ft.autograd.grad(functional.binary_cross_entropy(edge, ft.tensor([0.5, 0.0, 1.0]), reduction="sum"), edge)
    assert slope.tolist() == pytest.approx([-0.5e12, 1e12, 0.0])


@pytest.mark.parametrize("name, function", {
    "mse_loss": lambda v: functional.mse_loss(v, v.detach() * 0.5 - 1), "smooth_l1_loss": lambda v: functional.smooth_l1_loss(v, v.detach().flip(0), beta=0.7),
    "huber_loss": lambda v: functional.huber_loss(v, v.detach().flip(0), delta=1.5), "logit": lambda v: ft.logit(ft.sigmoid(v) * 0.9).sum(),
    "glu": lambda v: functional.glu(ft.cat([v, v * 2])).sum(), "square": lambda v: ft.square(v).sum(), "cube": lambda v: (v ** 3).sum(),
    "norm of cubes": lambda v: ft.stack([v, v + 1]).norm(3, 0).sum(), "cross entropy of logits": lambda v: functional.binary_cross_entropy_with_logits(v, v.detach().abs() / 9),
}.items())
def test_curvature_is_one_forward_or_backward(name, function):
    """Forward over backward, where backward takes one pass, against backward over backward, which goes step by step."""
    x, turn = ft.tensor([0.5, 0.1, 3.0, -1.2], dtype=ft.float64), ft.tensor([0.2, 0.4, -0.7, 1.1], dtype=ft.float64)
    _, forward = ft.func.jvp(ft.func.grad(function), (x,), (turn,))
    leaf = x.clone().requires_grad_()
    slope, = ft.autograd.grad(function(leaf), leaf, create_graph=True)
    backward, = ft.autograd.grad((slope * turn).sum(), leaf)
    assert forward.tolist() == pytest.approx(backward.tolist(), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("loss, curves", [(functional.smooth_l1_loss, [2.0, 2.0, 0.0, 0.0]), (functional.huber_loss, [1.0, 1.0, 0.0, 0.0])])
def test_curvature_at_and_around_the_bound(loss, curves):
    """Recorded from PyTorch: full curvature where both agree, none from a difference of 0.5 on."""
    x, target = ft.tensor([1.0, 1.2, 1.5, 4.0], dtype=ft.float64, requires_grad=True), ft.ones(4, dtype=ft.float64)
    bound = {"delta" if loss is functional.huber_loss else "beta": 0.5}
    slope, = ft.autograd.grad(loss(x, target, reduction="sum", **bound), x, create_graph=True)
    assert ft.autograd.grad(slope.sum(), x)[0].tolist() == curves
