"""`Function.jvp`: what it is given, what it must return, and its place among levels and the tape; values worked out by hand."""
import pytest

import frankentorch as ft
import frankentorch.autograd.forward_ad as fwd
from frankentorch.autograd import Function
from frankentorch.func import jvp


class Product(Function):
    """a b c with a number c."""

    @staticmethod
    def forward(ctx, a, b, c):
        assert fwd.unpack_dual(a).tangent is None, "forward sees plain values"
        ctx.save_for_forward(a, b)
        ctx.save_for_backward(a, b)
        ctx.c = c
        return a * b * c

    @staticmethod
    def jvp(ctx, a_t, b_t, c_t):
        assert c_t is None
        a, b = ctx.saved_tensors
        return (a_t * b + a * b_t) * ctx.c

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b * ctx.c, g * a * ctx.c, None


def returning(make, count=1, view=False, constant=False):
    """A Function whose jvp returns `make(tangent)`."""
    class Made(Function):
        @staticmethod
        def forward(ctx, a):
            outs = [a.view(2, 1) if view else a * 2 for _ in range(count)]
            if constant:
                ctx.mark_non_differentiable(outs[0])
            return tuple(outs) if count > 1 else outs[0]

        @staticmethod
        def jvp(ctx, t):
            return make(t)
    return Made


@pytest.fixture
def d():
    with fwd.dual_level():
        yield fwd.make_dual(ft.tensor([1.0, 2.0]), ft.tensor([3.0, 4.0]))


def tangent(t):
    found = fwd.unpack_dual(t).tangent
    return None if found is None else found.tolist()


def test_missing_tangents_are_zeros(d):
    y = ft.tensor([5.0, 6.0])

    assert [30.0, 48.0] == tangent(Product.apply(d, y, 2))
    assert [30.0, 48.0] == tangent(Product.apply(y, d, 2))
    assert [12.0, 32.0] == tangent(Product.apply(d, d, 2))


def test_missing_tangents_are_none_on_request(d):
    class Bare(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.set_materialize_grads(False)
            return a + b

        @staticmethod
        def jvp(ctx, a_t, b_t):
            return a_t if b_t is None else b_t

    assert [3.0, 4.0] == tangent(Bare.apply(d, ft.ones(2)))


def test_a_setup_context_is_run_before_jvp(d):
    class Apart(Function):
        @staticmethod
        def forward(a):
            return a ** 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_forward(*inputs)

        @staticmethod
        def jvp(ctx, t):
            return 2 * ctx.saved_tensors[0] * t

    assert [6.0, 16.0] == tangent(Apart.apply(d))


def test_levels_and_the_tape_go_through():
    """x^3 by Product(x, x^2): first derivative 3 x^2 v, second 6 x v^2, gradient of the first 6 x v."""
    def cube(a):
        return Product.apply(a, Product.apply(a, a, 1), 1)
    x, v = ft.tensor([1.0, 2.0], requires_grad=True), ft.tensor([3.0, 4.0])
    first = jvp(cube, (x,), (v,))[1]

    assert [9.0, 48.0] == first.tolist()
    assert [18.0, 48.0] == ft.autograd.grad(first.sum(), x)[0].tolist()
    assert [54.0, 192.0] == jvp(lambda a: jvp(cube, (a,), (v,))[1], (x,), (v,))[1].tolist()


@pytest.mark.parametrize("function, error, words", [
    (returning(lambda t: (t, t)), RuntimeError, r"invalid number of forward gradients \(expected 1 but got 2\)"),
    (returning(lambda t: t, count=2), RuntimeError, r"expected 2 but got 1"),
    (returning(lambda t: 3), RuntimeError, "expected Variable or None"),
    (returning(lambda t: ft.ones(3)), RuntimeError, "different size"),
    (returning(lambda t: (t, t), count=2, constant=True), RuntimeError, "not a differentiable Tensor"),
    (returning(lambda t: t.view(2, 1) * 1, view=True), RuntimeError, "the jvp is not returning a view"),
])
def test_what_jvp_may_not_return(d, function, error, words):
    with pytest.raises(error, match=words):
        function.apply(d)


def test_a_view_has_a_view_as_tangent(d):
    out = returning(lambda t: t.view(2, 1), view=True).apply(d)

    assert [[3.0], [4.0]] == tangent(out)


def test_a_dirty_input_has_its_tangent_written(d):
    class Twice(Function):
        @staticmethod
        def forward(ctx, a):
            ctx.mark_dirty(a)
            return a.mul_(2)

        @staticmethod
        def jvp(ctx, t):
            return t.mul_(2)

    class Forgets(Twice):
        @staticmethod
        def jvp(ctx, t):
            return t * 2
    e = d.clone()
    Twice.apply(e)

    assert [2.0, 4.0] == e.tolist() and [6.0, 8.0] == tangent(e)
    with pytest.raises(RuntimeError, match="is not modifying the forward mode gradients inplace"):
        Forgets.apply(d.clone())


def test_without_jvp_there_is_no_forward_mode(d):
    class Plain(Function):
        @staticmethod
        def forward(ctx, a):
            return a * 2

    with pytest.raises(NotImplementedError, match="must implement the jvp function"):
        Plain.apply(d)
    assert [2.0, 2.0] == Plain.apply(ft.ones(2)).tolist()
