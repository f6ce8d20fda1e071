"""autograd.functional: values worked out by hand; forms, histories and refusals as PyTorch's."""
import importlib.util
import inspect

import pytest

import frankentorch as ft
from frankentorch.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp

FORWARD = importlib.util.find_spec("frankentorch.autograd.forward_ad") is not None


@pytest.fixture
def x():
    return ft.tensor([1.0, 2.0, 3.0])


@pytest.fixture
def y():
    return ft.tensor([2.0, 0.5, 1.0])


def square(a):
    return a * a


def cube(a):
    return (a ** 3).sum()


def mixed(a, b):
    return (a * a * b).sum()


@pytest.mark.parametrize("options", [{}, {"strict": True}, {"create_graph": True}, {"vectorize": True}], ids=str)
def test_jacobian_of_one_tensor_is_a_tensor(x, options):
    found = jacobian(square, x, **options)

    assert [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]] == found.tolist()
    assert found.requires_grad is bool(options.get("create_graph"))


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobian_nests_tuples_outputs_outside(x, y, vectorize):
    (dadx, dady), (dsdx, dsdy) = jacobian(lambda a, b: (a * b, (2 * a).sum()), (x, y), vectorize=vectorize)

    assert ft.diag(y).equal(dadx) and ft.diag(x).equal(dady)
    assert [2.0, 2.0, 2.0] == dsdx.tolist() and [0.0, 0.0, 0.0] == dsdy.tolist()


@pytest.mark.skipif(not FORWARD, reason="forward mode is not there")
def test_jacobian_by_tangents(x, y):
    (dadx, dady), (dsdx, dsdy) = jacobian(lambda a, b: (a * b, (2 * a).sum()), (x, y), vectorize=True, strategy="forward-mode")

    assert ft.diag(y).equal(dadx) and ft.diag(x).equal(dady)
    assert [2.0, 2.0, 2.0] == dsdx.tolist() and [0.0, 0.0, 0.0] == dsdy.tolist()


@pytest.mark.parametrize("vectorize", [False, True])
def test_hessian(x, y, vectorize):
    (xx, xy), (yx, yy) = hessian(mixed, (x, y), vectorize=vectorize)

    assert [[6.0, 0.0, 0.0], [0.0, 12.0, 0.0], [0.0, 0.0, 18.0]] == hessian(cube, x, vectorize=vectorize).tolist()
    assert ft.diag(2 * y).equal(xx) and ft.diag(2 * x).equal(xy) and ft.diag(2 * x).equal(yx) and 0 == yy.abs().max().item()


def test_products_with_vectors(x, y):
    """J of a*a is diag(2, 4, 6); H of the sum of cubes is diag(6, 12, 18)."""
    value, product = vjp(square, x, y)
    assert [1.0, 4.0, 9.0] == value.tolist() and [4.0, 2.0, 6.0] == product.tolist()
    value, product = jvp(square, x, y)
    assert [1.0, 4.0, 9.0] == value.tolist() and [4.0, 2.0, 6.0] == product.tolist()
    for function in (hvp, vhp):
        value, product = function(cube, x, y)
        assert 36.0 == value.item() and [12.0, 6.0, 18.0] == product.tolist() and not product.requires_grad
    # H of mixed at v = (y, x): 2 b v_a + 2 a v_b and 2 a v_a
    _, (first, second) = hvp(mixed, (x, y), (y, x))
    assert (2 * y * y + 2 * x * x).equal(first) and (2 * x * y).equal(second)


def test_slopes_and_gradients_differ_where_the_jacobian_is_not_symmetric(x):
    matrix = ft.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 4.0]])

    assert [14.0, 14.0] == jvp(lambda a: matrix @ a, x, x)[1].tolist()
    assert [1.0, 3.0, 7.0] == vjp(lambda a: matrix @ a, x, ft.ones(2))[1].tolist()


def test_complex_products_conjugate():
    z, v = ft.tensor([1 + 2j]), ft.tensor([1j])

    assert [(4 + 2j)] == vjp(square, z, v)[1].tolist()           # conj(2 z) v
    assert [(-4 + 2j)] == jvp(square, z, v)[1].tolist()          # 2 z v


def test_scalars_need_no_vector(x):
    assert [3.0, 12.0, 27.0] == vjp(cube, x)[1].tolist()
    assert 4.0 == jvp(square, ft.tensor(2.0))[1].item() and 12.0 == vhp(cube, ft.tensor(2.0))[1].item() and 12.0 == hvp(cube, ft.tensor(2.0))[1].item()
    for call in (lambda: vjp(square, x), lambda: jvp(square, x), lambda: hvp(cube, x), lambda: vhp(cube, x)):
        with pytest.raises(RuntimeError, match="The vector v can only be None"):
            call()


def test_with_a_graph_the_result_depends_on_the_inputs_given(x):
    x.requires_grad_()
    ft.autograd.functional.jacobian(cube, x, create_graph=True).sum().backward()
    assert [6.0, 12.0, 18.0] == x.grad.tolist()
    x.grad = None
    vhp(cube, x, ft.ones(3), create_graph=True)[1].sum().backward()
    assert [6.0, 6.0, 6.0] == x.grad.tolist()
    x.grad = None
    cube(x).backward()
    jacobian(cube, x), hvp(cube, x, x), jvp(square, x, x)
    assert [3.0, 12.0, 27.0] == x.grad.tolist()                # nothing is accumulated


def test_works_where_nothing_is_recorded(x):
    with ft.no_grad():
        assert [3.0, 12.0, 27.0] == jacobian(cube, x).tolist()
        assert [6.0, 24.0, 54.0] == hvp(cube, x, x)[1].tolist()


@pytest.mark.parametrize("call", [jacobian, lambda f, v, **k: vjp(f, v, ft.ones(3), **k), lambda f, v, **k: jvp(f, v, v, **k)], ids=["jacobian", "vjp", "jvp"])
def test_strict_refuses_what_depends_on_nothing(x, y, call):
    with pytest.raises(RuntimeError, match="Output 0 of the user-provided function does not require gradients"):
        call(lambda *a: y * 2, x, strict=True)
    with pytest.raises(RuntimeError, match="is independent of input 1"):
        call(lambda a, b: a * 2, (x, y), strict=True)
    with pytest.raises(RuntimeError, match="(?i)the jacobian of the user-provided function is independent of input 0"):
        call(lambda a: a * 2, x, strict=True, create_graph=True)


@pytest.mark.parametrize("call", [hessian, lambda f, v, **k: hvp(f, v, v, **k), lambda f, v, **k: vhp(f, v, v, **k)], ids=["hessian", "hvp", "vhp"])
def test_second_order_strictness_and_scalars(x, call):
    with pytest.raises(RuntimeError, match="the jacobian of the user-provided function with respect to input 0 is independent"):
        call(lambda a: a.sum(), x, strict=True)
    with pytest.raises(RuntimeError, match="should contain a single element"):
        call(square, x)
    with pytest.raises(RuntimeError, match="should return a single Tensor"):
        call(lambda a: (cube(a), cube(a)), x)

    assert 0 == ft.as_tensor(call(lambda a: a.sum(), x)[-1]).abs().max().item()


def test_wrong_arguments_are_named(x, y):
    for call, error, text in ((lambda: jacobian(square, 3), TypeError, "either a Tensor or a tuple of Tensors but the given inputs has type"),
                              (lambda: jacobian(square, (x, 3)), TypeError, "value at index 1"),
                              (lambda: jacobian(lambda a: [a], x), TypeError, "outputs of the user-provided function"),
                              (lambda: vjp(square, x, y[:2]), RuntimeError, "v has invalid size"),
                              (lambda: vjp(square, x, (x, y)), RuntimeError, "should contain a single Tensor"),
                              (lambda: jvp(mixed, (x, y), (x,)), RuntimeError, "v is a tuple of invalid length: should be 2 but got 1"),
                              (lambda: jacobian(square, x, strategy="sideways"), AssertionError, "Expected strategy"),
                              (lambda: jacobian(square, x, strategy="forward-mode"), NotImplementedError, "vectorize=True"),
                              (lambda: jacobian(square, x, vectorize=True, strict=True), RuntimeError, "not supported together"),
                              (lambda: jacobian(square, x, vectorize=True, create_graph=True, strategy="forward-mode"), NotImplementedError, "not supported together"),
                              (lambda: jacobian(square, x.long()), RuntimeError, "only Tensors of floating point")):
        with pytest.raises(error, match=text):
            call()


def test_signatures_are_the_oracle_s(oracle):
    for ours in (jacobian, hessian, vjp, jvp, hvp, vhp):
        theirs = getattr(oracle.autograd.functional, ours.__name__)
        assert [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()] == [(p.name, p.default) for p in inspect.signature(ours).parameters.values()]
