"""jvp, jacfwd and linearize: values worked out by hand, nesting, errors."""
from collections import namedtuple

import pytest

import frankentorch as ft
from frankentorch.func import jacfwd, jvp, linearize

Pair = namedtuple("Pair", "left right")


@pytest.fixture
def x():
    return ft.tensor([1.0, 2.0])


@pytest.fixture
def v():
    return ft.tensor([3.0, 4.0])


# ---- jvp ----
def test_value_and_slope(x, v):
    value, slope = jvp(lambda a: a * a, (x,), (v,))

    assert [1.0, 4.0] == value.tolist() and [6.0, 16.0] == slope.tolist()


def test_trees_come_back_in_their_structure(x, v):
    value, slope = jvp(lambda d, p: {"sum": d["a"] + p.left, "rest": [p.right * 2, ft.ones(1)]}, ({"a": x}, Pair(x, v)), ({"a": v}, Pair(v, x)))

    assert [6.0, 8.0] == slope["sum"].tolist()
    assert [2.0, 4.0] == slope["rest"][0].tolist() and [0.0] == slope["rest"][1].tolist()


def test_nested_levels_give_higher_derivatives(x, v):
    """d^3 of x^4 along v: 24 x v^3."""
    def along(f):
        return lambda a: jvp(f, (a,), (v,))[1]

    assert [24 * 1 * 27.0, 24 * 2 * 64.0] == along(along(along(lambda a: a ** 4)))(x).tolist()


def test_levels_do_not_mix(x, v):
    """d/da (a * d/db (a + b)) = 1: what belongs to the outer level is constant to the inner one."""
    def outer(a):
        return a * jvp(lambda b: a + b, (ft.ones(2),), (ft.ones(2),))[1]

    assert [3.0, 4.0] == jvp(outer, (x,), (v,))[1].tolist()


def test_mixed_with_reverse_mode_in_both_orders(x, v):
    leaf = x.clone().requires_grad_()
    slope = jvp(lambda a: (a ** 3).sum(), (leaf,), (v,))[1]
    assert [18.0, 48.0] == ft.autograd.grad(slope, leaf)[0].tolist()

    def gradient(a):
        a = a.view_as(a).requires_grad_()
        return ft.autograd.grad((a ** 3).sum(), a)[0]
    assert [18.0, 48.0] == jvp(gradient, (x,), (v,))[1].tolist()


def test_aux_and_strict(x, v):
    assert 3 == len(jvp(lambda a: (a * 2, a), (x,), (v,), has_aux=True))
    with pytest.raises(RuntimeError, match="should be a tuple"):
        jvp(lambda a: a, (x,), (v,), has_aux=True)
    with pytest.raises(RuntimeError, match="independent of the inputs"):
        jvp(lambda a: ft.ones(2), (x,), (v,), strict=True)


@pytest.mark.parametrize("primals, tangents, error, words", [
    (lambda x: x, lambda x: (x,), RuntimeError, "Expected primals to be a tuple"),
    (lambda x: (x,), lambda x: (x, x), RuntimeError, "same python structure"),
    (lambda x: (x,), lambda x: (3.0,), RuntimeError, "Expected tangents to only contain Tensors"),
    (lambda x: (), lambda x: (), RuntimeError, "at least one Tensor"),
    (lambda x: (x,), lambda x: (ft.ones(3),), RuntimeError, "different size"),
    (lambda x: (x.long(),), lambda x: (x,), ValueError, "Expected primal to be floating point"),
])
def test_what_jvp_refuses(x, primals, tangents, error, words):
    with pytest.raises(error, match=words):
        jvp(ft.sin, primals(x), tangents(x))


def test_results_that_are_no_tensors_are_refused(x, v):
    with pytest.raises(RuntimeError, match="only tensors"):
        jvp(lambda a: 3, (x,), (v,))


def test_a_failure_inside_closes_the_level(x, v):
    from frankentorch._ext import tensor as core

    with pytest.raises(ZeroDivisionError):
        jvp(lambda a: 1 / 0, (x,), (v,))
    assert [] == core.dual_levels()


# ---- jacfwd ----
def test_jacobian_of_a_product(x, v):
    by_both = jacfwd(lambda a, b: a * b, argnums=(0, 1))(x, v)

    assert [[3.0, 0.0], [0.0, 4.0]] == by_both[0].tolist()
    assert [[1.0, 0.0], [0.0, 2.0]] == by_both[1].tolist()


def test_shapes_are_those_of_result_then_argument():
    found = jacfwd(lambda a: {"whole": a.sum(), "rows": a.sum(1)})(ft.ones(2, 3))

    assert (2, 3) == found["whole"].shape and (2, 2, 3) == found["rows"].shape
    assert (0, 0) == jacfwd(ft.sin)(ft.zeros(0)).shape


def test_hessian_by_two_passes(x):
    assert [[6.0, 0.0], [0.0, 12.0]] == jacfwd(jacfwd(lambda a: (a ** 3).sum()))(x).tolist()


def test_random_numbers_the_same_in_every_column(x):
    found = jacfwd(lambda a: a.sum() * ft.rand(1), randomness="same")(x)

    assert found[0, 0].item() == found[0, 1].item()


@pytest.mark.parametrize("argnums, words", [(1, "only 1 positional"), ((0, 0), "unique"), ("a", "must be int or Tuple"), ((), "non-empty")])
def test_argument_numbers(x, argnums, words):
    with pytest.raises(RuntimeError, match=words):
        jacfwd(ft.sin, argnums)(x)


def test_complex_jacobians_are_refused(x):
    with pytest.raises(RuntimeError, match="Expected all inputs to be real"):
        jacfwd(ft.sin)(x + 1j)
    with pytest.raises(RuntimeError, match="Expected all outputs to be real"):
        jacfwd(lambda a: a + 1j)(x)


# ---- linearize ----
def test_linearized_function_runs_once(x, v):
    calls = []

    def f(a):
        calls.append(1)
        return (a ** 2, {"rest": ft.ones(1)})
    value, push = linearize(f, x)

    assert [1.0, 4.0] == value[0].tolist() and not value[0].requires_grad
    assert [6.0, 16.0] == push(v)[0].tolist() and [2.0, 4.0] == push(ft.ones(2))[0].tolist()
    assert [0.0] == push(v)[1]["rest"].tolist()
    assert 1 == len(calls)


def test_linearized_inside_a_jvp(x, v):
    """The slope of x -> 2 x u along v is 2 v u."""
    found = jvp(lambda a: linearize(lambda b: b ** 2, a)[1](ft.tensor([10.0, 100.0])), (x,), (v,))

    assert [20.0, 400.0] == found[0].tolist() and [60.0, 800.0] == found[1].tolist()


def test_tangents_must_fit_the_primals(x, v):
    push = linearize(ft.sin, x)[1]
    with pytest.raises(RuntimeError, match="same argspec"):
        push(v, v)
    with pytest.raises(RuntimeError, match="doesn't match the shape"):
        push(ft.ones(3))
    with pytest.raises(RuntimeError, match="doesn't match the dtype"):
        push(v.double())
