"""Forward mode: duals, levels, views, writes in place, and its way through other modes; values worked out by hand."""
import gc
import threading
import weakref

import pytest

import frankentorch as ft
import frankentorch.autograd.forward_ad as fwd
from tests.oracle import require

X = (1.0, 2.0)
V = (3.0, 4.0)


@pytest.fixture
def level():
    with fwd.dual_level() as number:
        yield number


def dual(primal=X, tangent=V, **facts):
    return fwd.make_dual(ft.tensor(primal, **facts), ft.tensor(tangent, **facts))


def tangent(t):
    found = fwd.unpack_dual(t).tangent
    return None if found is None else found.tolist()


# ---- levels and duals ----
def test_a_dual_needs_a_level():
    with pytest.raises(RuntimeError, match="no level exists"):
        fwd.make_dual(ft.ones(2), ft.ones(2))


def test_levels_do_not_nest_and_end_in_order():
    number = fwd.enter_dual_level()
    try:
        assert 0 == number
        with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"):
            fwd.enter_dual_level()
        with pytest.raises(RuntimeError, match="not the last one"):
            fwd.exit_dual_level(level=3)
    finally:
        fwd.exit_dual_level(level=number)
    with pytest.raises(RuntimeError, match="must be a positive number"):
        fwd.exit_dual_level()


def test_unpacking_gives_a_view_and_the_tangent_itself(level):
    x, v = ft.tensor(X), ft.tensor(V)
    d = fwd.make_dual(x, v)
    primal, slope = fwd.unpack_dual(d)

    assert slope is v
    assert primal.data_ptr() == x.data_ptr() and primal is not x
    assert d._base is x and d.is_leaf and not d.requires_grad
    assert fwd.unpack_dual(primal).tangent is None and fwd.unpack_dual(x).tangent is None


def test_a_tangent_in_other_strides_is_copied_to_the_primals(level):
    d = fwd.make_dual(ft.zeros(2, 3), ft.arange(6.0).view(3, 2).t())
    found = fwd.unpack_dual(d).tangent

    assert (3, 1) == found.stride()
    assert [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]] == found.tolist()


@pytest.mark.parametrize("primal, slope, error, words", [
    (ft.ones(2), ft.ones(3), RuntimeError, r"Tensor is of size \[2\] while the given forward gradient is of size \[3\]"),
    (ft.ones(2, dtype=ft.int64), ft.ones(2), ValueError, "Expected primal to be floating point or complex"),
    (ft.ones(2), ft.ones(2, dtype=ft.int64), ValueError, "Expected tangent to be floating point or complex"),
])
def test_what_makes_no_dual(level, primal, slope, error, words):
    with pytest.raises(error, match=words):
        fwd.make_dual(primal, slope)


def test_no_second_tangent_and_no_tangent_with_one(level):
    d = dual()
    with pytest.raises(RuntimeError, match="already has a forward gradient"):
        fwd.make_dual(d, ft.ones(2))
    with pytest.raises(RuntimeError, match="itself has a forward gradient"):
        fwd.make_dual(ft.ones(2), d)


def test_tangents_end_with_their_level():
    with fwd.dual_level():
        d = dual()
        kept = weakref.ref(fwd.unpack_dual(d).tangent)
    gc.collect()

    assert kept() is None
    assert "tensor([1., 2.])" == repr(d)
    with fwd.dual_level():
        assert tangent(d) is None and tangent(d * 2) is None


def test_duals_print_their_tangent(level):
    assert "tensor([1., 2.], tangent=tensor([3., 4.]))" == repr(dual())
    assert "tensor(2., tangent=4.0)" == repr(dual()[1])


# ---- ops ----
def test_products_follow_the_product_rule(level):
    d = dual()

    assert [2 * 1 * 3.0, 2 * 2 * 4.0] == tangent(d * d)
    assert [3.0, 4.0] == tangent(d + 1)
    assert [-3.0, -4.0] == tangent(5 - d)
    assert tangent(1 / d) == [-3.0, -1.0]
    assert tangent(d.sum()) == 7.0


def test_broadcasting_and_promotion_reach_the_tangent(level):
    d = dual()
    out = d + ft.zeros(3, 2, dtype=ft.float64)
    found = fwd.unpack_dual(out).tangent

    assert ft.float64 is found.dtype
    assert [[3.0, 4.0]] * 3 == found.tolist()


def test_integers_and_bools_have_no_tangent(level):
    d = dual()

    assert tangent(d > 1) is None and tangent(d.argmax()) is None and tangent(d.long()) is None


def test_an_op_without_a_derivative_says_so(level):
    with pytest.raises(NotImplementedError, match="forward AD with aten::floor_divide"):
        dual() // 2
    with pytest.raises(NotImplementedError, match="add_out that does not support it because it is an out= function"):
        ft.add(dual(), 1, out=ft.empty(2))
    with pytest.raises(NotImplementedError, match="out= function"):
        ft.square(dual(), out=ft.empty(2))


def test_complex_derivatives(level):
    """|z| along t is Re(conj(z) t) / |z|; z^2 along t is 2 z t; conj(z) along t is conj(t)."""
    d = dual([3 + 4j], [1 + 2j])

    assert [pytest.approx((3 * 1 + 4 * 2) / 5)] == tangent(d.abs())
    assert [2 * (3 + 4j) * (1 + 2j)] == tangent(d * d)
    assert [1 - 2j] == tangent(d.conj())
    assert [1.0] == tangent(d.real) and [2.0] == tangent(d.imag)
    assert tangent(ft.sgn(d))[0] == pytest.approx((1 + 2j) / 5 - (3 + 4j) * 11 / 125)


def test_matrix_products_and_layers(level):
    a = dual([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 0.0]])
    b = dual([[5.0], [6.0]], [[0.0], [1.0]])

    assert [[5.0 + 2.0], [4.0]] == tangent(a @ b)
    assert [[1 + 2.0]] == tangent(ft.nn.functional.linear(dual([[1.0]], [[1.0]]), ft.tensor([[1.0]]), dual([1.0], [2.0])))
    assert [[[1 * 5.0, 2 * 5.0]]] == tangent(ft.nn.functional.conv1d(dual([[[0.0, 0.0]]], [[[1.0, 2.0]]]), ft.tensor([[[5.0]]])))


def test_choices_take_the_tangent_of_what_they_chose(level):
    d = dual([2.0, 9.0, 4.0], [1.0, 10.0, 100.0])

    assert 10.0 == tangent(d.max()) and 1.0 == tangent(d.min(0).values)
    assert [1.0, 100.0, 10.0] == tangent(d.sort().values)
    assert [1.0, 10.0, 10.0] == tangent(d.cummax(0).values)


def test_softmax_and_normalisation_by_hand(level):
    """y = softmax(0, 0): dy = y (t - <y, t>); layer_norm of a pair has slope 0 as eps goes to 0."""
    assert [pytest.approx(0.5 * (1 - 2)), pytest.approx(0.5 * (3 - 2))] == tangent(dual([0.0, 0.0], [1.0, 3.0]).softmax(0))
    found = tangent(ft.nn.functional.layer_norm(dual([[0.0, 2.0]], [[0.0, 1.0]], dtype=ft.float64), (2,), eps=0.0))
    assert [[pytest.approx(0, abs=1e-12)] * 2] == found


# ---- views and writes ----
def test_the_tangent_of_a_view_is_a_view_of_the_tangent(level):
    d = dual([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]])
    whole = fwd.unpack_dual(d).tangent
    for view in (d.t(), d[1], d.view(4), d.unbind(1)[1], d.expand(2, 2, 2), d.as_strided((2,), (3,), 0), d.diagonal()):
        part = fwd.unpack_dual(view).tangent
        assert part.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()
        assert part.stride() == view.stride()


def test_a_write_in_place_writes_the_tangent(level):
    d = dual()
    d.mul_(d)

    assert [1.0, 4.0] == d.tolist()
    assert [6.0, 16.0] == tangent(d)


def test_a_write_into_a_view_reaches_base_and_views(level):
    d = dual().clone()
    whole, last = d.view(2), d[1]
    d[0].zero_()
    last.mul_(10)

    assert [0.0, 40.0] == tangent(d) == tangent(whole)


def test_a_dual_written_into_a_plain_tensor_makes_it_one(level):
    y = ft.zeros(2, 2)
    before = y[0]
    y[0, 1].copy_(dual()[1])
    after = y.t()[1]

    assert [[0.0, 4.0], [0.0, 0.0]] == tangent(y)
    assert [0.0, 4.0] == tangent(before)
    assert [4.0, 0.0] == tangent(after)


def test_geometry_in_place(level):
    d = dual([[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]])
    d.t_()
    assert [[4.0], [5.0], [6.0]] == tangent(d)
    d.squeeze_()
    assert [4.0, 5.0, 6.0] == tangent(d)


def test_fills_and_draws_have_a_tangent_of_zeros(level):
    d = dual().clone()
    d.uniform_()
    assert [0.0, 0.0] == tangent(d)
    e = dual().clone()
    e[0] = 7
    assert [0.0, 4.0] == tangent(e)


# ---- other modes ----
def test_no_grad_follows_and_detach_and_inference_mode_do_not(level):
    d = dual()
    with ft.no_grad():
        assert [6.0, 8.0] == tangent(d * 2)
    assert tangent(d.detach()) is None and tangent(d.data) is None
    with ft.inference_mode():
        assert tangent(d * 2) is None
    with fwd._set_fwd_grad_enabled(False):
        assert tangent(d) is None and tangent(d * 2) is None and not fwd._is_fwd_grad_enabled()
    assert [3.0, 4.0] == tangent(d) and fwd._is_fwd_grad_enabled()


def test_reverse_over_forward(level):
    """The tangent of x^3 along v is 3 x^2 v; its gradient by x is 6 x v."""
    x = ft.tensor(X, requires_grad=True)
    slope = fwd.unpack_dual(fwd.make_dual(x, ft.tensor(V)) ** 3).tangent

    assert [6 * 1 * 3.0, 6 * 2 * 4.0] == ft.autograd.grad(slope.sum(), x)[0].tolist()


def test_forward_over_reverse(level):
    """The gradient of sum x^3 is 3 x^2; its tangent along v is 6 x v."""
    x = dual()
    x.requires_grad_()
    gradient, = ft.autograd.grad((x ** 3).sum(), x)

    assert [3.0, 12.0] == gradient.tolist()
    assert [18.0, 48.0] == tangent(gradient)


def test_an_accumulated_gradient_has_no_tangent(level):
    x = ft.tensor(X, requires_grad=True)
    (fwd.make_dual(x, ft.tensor(V)) ** 2).sum().backward()

    assert [2.0, 4.0] == x.grad.tolist()
    assert tangent(x.grad) is None


def test_other_threads_see_the_level(level):
    d, found = dual(), []
    worker = threading.Thread(target=lambda: found.append(tangent(d * 2)))
    worker.start()
    worker.join()

    assert [[6.0, 8.0]] == found


def test_nothing_is_left_behind():
    from frankentorch._ext import tensor as core

    with fwd.dual_level():
        dual().exp()

    assert 0 == core.get_special_bits() & 64
    assert [] == core.dual_levels()


# ---- against the oracle ----
FUNCTIONS = {
    "chain": lambda t, x: (x.sin() * x.exp()).cumsum(0).tanh(),
    "norms": lambda t, x: x.norm() + x.std() + t.linalg.vector_norm(x, 3),
    "indexing": lambda t, x: x[[2, 0, 2]] * x[x > 0].sum(),
    "scatter": lambda t, x: t.zeros(6, dtype=x.dtype).index_put((t.tensor([1, 1, 4, 5]),), x, accumulate=True),
    "attention": lambda t, x: t.nn.functional.scaled_dot_product_attention(*(x.outer(x * k).reshape(1, 4, 4) for k in (1, 2, 3))),
    "batch_norm": lambda t, x: t.nn.functional.batch_norm(x.outer(x), None, None, training=True),
    "fft": lambda t, x: t.fft.irfft(t.fft.rfft(x) * x[:3]),
    "solve": lambda t, x: t.linalg.solve(x.outer(x) + t.eye(4, dtype=x.dtype), x),
    "pool": lambda t, x: t.nn.functional.max_pool1d(x.view(1, 1, 4), 2) + t.nn.functional.avg_pool1d(x.view(1, 1, 4), 2),
    "logsumexp": lambda t, x: x.logsumexp(0) + x.logcumsumexp(0),
    "in place": lambda t, x: x.clone().mul_(x).add_(1).sqrt_(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tangents_agree_with_the_oracle(name):
    torch = require()
    found = []
    for lib in (torch, ft):
        x, v = (lib.tensor(values, dtype=lib.float64) for values in ([0.5, -1.5, 2.0, 0.25], [1.0, -2.0, 0.5, 3.0]))
        with lib.autograd.forward_ad.dual_level():
            out = FUNCTIONS[name](lib, lib.autograd.forward_ad.make_dual(x, v))
            found.append(lib.autograd.forward_ad.unpack_dual(out).tangent.tolist())

    assert flat(found[0]) == pytest.approx(flat(found[1]), rel=1e-9)


def flat(value):
    return [leaf for item in value for leaf in flat(item)] if isinstance(value, list) else [value]


def test_gradients_that_read_the_result_have_tangents(level):
    """d tanh = 1 - tanh^2, read from the saved result: its tangent is -2 tanh (1 - tanh^2) t; likewise after a write in place."""
    for function in (lambda x: x.tanh(), lambda x: x.clone().tanh_()):
        x = dual(dtype=ft.float64).requires_grad_()
        gradient, = ft.autograd.grad(function(x).sum(), x)
        y = ft.tensor(X, dtype=ft.float64).tanh()

        assert (-2 * y * (1 - y * y) * ft.tensor(V)).tolist() == pytest.approx(tangent(gradient))


def test_gradients_that_read_an_overwritten_value_have_tangents(level):
    x = dual().requires_grad_()
    y = x.clone()
    y.pow_(3)
    gradient, = ft.autograd.grad(y.sum(), x)

    assert [18.0, 48.0] == tangent(gradient)


def test_values_saved_through_hooks_keep_their_tangents(level):
    """x tanh(x) reads both x and the result of tanh back: its second derivative is 2 (1 - h^2) - 2 x h (1 - h^2), with h = tanh x."""
    x = dual(dtype=ft.float64).requires_grad_()
    with ft.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = (x * x.tanh()).sum()
    gradient, = ft.autograd.grad(y, x)
    plain, h = ft.tensor(X, dtype=ft.float64), ft.tensor(X, dtype=ft.float64).tanh()

    assert ((2 - 2 * plain * h) * (1 - h * h) * ft.tensor(V)).tolist() == pytest.approx(tangent(gradient))


def test_a_layer_under_two_levels_agrees_with_differences():
    """d/dx along b of the tangent along a of layer_norm, by central differences of the tangent."""
    from frankentorch.func import jvp

    generator = ft.Generator().manual_seed(1)
    x, a, b = (ft.randn(2, 3, generator=generator, dtype=ft.float64) for _ in range(3))

    def slope(at):
        return jvp(lambda y: ft.nn.functional.layer_norm(y, (3,)), (at,), (a,))[1]
    step = 1e-5
    expected = (slope(x + step * b) - slope(x - step * b)) / (2 * step)

    assert flat(expected.tolist()) == pytest.approx(flat(jvp(slope, (x,), (b,))[1].tolist()), rel=1e-6, abs=1e-8)


def test_other_data_has_no_tangent(level):
    d = dual()
    d.data = ft.ones(3)

    assert tangent(d) is None
