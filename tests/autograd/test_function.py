"""Functions written in Python: context, gradients, in-place and view outputs, refusals."""
import gc
import weakref

import pytest

import frankentorch as ft
from frankentorch.autograd import Function
from frankentorch.autograd.function import once_differentiable


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        out = x.exp()
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        out, = ctx.saved_tensors
        return g * out


class Triple(Function):
    """Writes its argument in place."""

    @staticmethod
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 3


def ones(*sizes):
    return ft.ones(*sizes, requires_grad=True)


def test_saved_output_differentiates_twice():
    x = ft.zeros(2, requires_grad=True)
    first, = ft.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    second, = ft.autograd.grad(first.sum(), x)

    assert [1.0, 1.0] == first.tolist() == second.tolist()


def test_saved_output_makes_no_cycle():
    gc.disable()
    try:
        node = weakref.ref(Exp.apply(ones(2)).grad_fn)
        assert node() is None
    finally:
        gc.enable()


def test_setup_context_sees_inputs_and_output():
    class Scaled(Function):
        @staticmethod
        def forward(x, factor, count=2):
            return x * factor, x + count

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.factor = inputs[1]
            ctx.shapes = [tuple(out.shape) for out in output]

        @staticmethod
        def backward(ctx, g_product, g_sum):
            assert ctx.shapes == [(2,), (2,)]
            return g_product * ctx.factor + g_sum, None, None

    x = ones(2)
    product, total = Scaled.apply(x, 5.0)
    (product * 2 + total).sum().backward()

    assert [3.0, 3.0] == total.tolist()
    assert [11.0, 11.0] == x.grad.tolist()
    assert 1 == len(product.grad_fn.next_functions)
    assert "ScaledBackward" == product.grad_fn.name()


@pytest.mark.parametrize("materialize, expected", [(True, [0.0, 0.0]), (False, None)])
def test_gradient_of_an_unused_output(materialize, expected):
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, first, second):
            seen.append(second if second is None else second.tolist())
            return first

    Two.apply(ones(2))[0].sum().backward()
    assert [expected] == seen


def test_dirty_input_keeps_its_identity_and_gets_the_new_history():
    x = ones(2)
    y = x * 2
    out = Triple.apply(y)
    out.sum().backward()

    assert out is y
    assert [6.0, 6.0] == x.grad.tolist()


def test_dirty_view_reaches_its_base():
    x = ones(4)
    y = x * 1
    Triple.apply(y[1:3])
    y.sum().backward()

    assert [1.0, 3.0, 3.0, 1.0] == x.grad.tolist()


def test_dirty_leaf_is_refused():
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        Triple.apply(ones(2))


def test_non_differentiable_output():
    class Sorted(Function):
        @staticmethod
        def forward(ctx, x):
            sign = x * 0 + 1
            ctx.mark_non_differentiable(sign)
            return x * 2, sign

        @staticmethod
        def backward(ctx, g, g_sign):
            return g * 2

    x = ones(2)
    out, sign = Sorted.apply(x)
    out.sum().backward()

    assert (True, False) == (out.requires_grad, sign.requires_grad)
    assert [2.0, 2.0] == x.grad.tolist()


def test_returned_input_becomes_an_alias():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5

    x = ones(2)
    out = Same.apply(x)
    out.sum().backward()

    assert out is not x
    assert out.data_ptr() == x.data_ptr()
    assert [5.0, 5.0] == x.grad.tolist()


def test_needs_input_grad_marks_tensors_that_ask():
    class Asked(Function):
        @staticmethod
        def forward(ctx, *args):
            Asked.seen = ctx.needs_input_grad
            return args[0] * 1

        @staticmethod
        def backward(ctx, g):
            return g, None, None

    Asked.apply(ones(1), ft.ones(1), 3)
    assert (True, False, False) == Asked.seen


def test_wrong_number_of_gradients():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g, g

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 1, got 2\)"):
        Wrong.apply(ones(1)).sum().backward()


def test_gradient_for_a_number_is_refused():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, n):
            return x * n

        @staticmethod
        def backward(ctx, g):
            return g, g

    with pytest.raises(RuntimeError, match="different than None at position 2"):
        Wrong.apply(ones(1), 2).sum().backward()


def test_second_walk_is_refused():
    out = Exp.apply(ones(2)).sum()
    out.backward()
    with pytest.raises(RuntimeError, match="second time"):
        out.backward()


def test_write_to_a_saved_tensor_is_noticed():
    out = Exp.apply(ones(2))
    out.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_once_differentiable_refuses_the_second_derivative():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    x, weight = ones(2), ones(2)
    first, = ft.autograd.grad((Square.apply(x) * weight).sum(), x, create_graph=True)

    assert [2.0, 2.0] == first.tolist()
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_not_recorded_without_grad_mode():
    with ft.no_grad():
        assert Exp.apply(ones(2)).grad_fn is None


def test_missing_forward():
    class Empty(Function):
        pass

    with pytest.raises(NotImplementedError, match="forward"):
        Empty.apply(ones(1))


def simple(forward, backward=lambda ctx, g: g * 2):
    return type("Simple", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def test_the_context_knows_its_node():
    seen = []

    def forward(ctx, x):
        assert ctx.next_functions == ()
        ctx.metadata["made"] = "in forward"
        return x * 2

    def backward(ctx, g):
        seen.append((len(ctx.next_functions), ctx.metadata, ctx.name()))
        return g * 2
    x = ft.ones(2, requires_grad=True)
    out = simple(forward, backward).apply(x)
    out.sum().backward()

    assert [(1, {"made": "in forward"}, "SimpleBackward")] == seen
    assert {"made": "in forward"} == out.grad_fn.metadata


def test_keyword_arguments_reach_forward():
    out = simple(lambda ctx, x, scale=2: x * scale, lambda ctx, g: (g, None)).apply(ft.ones(2, requires_grad=True), scale=3)

    assert [3.0, 3.0] == out.tolist() and out.requires_grad


@pytest.mark.parametrize("value", [None, 3, "text", [1, 2], {"a": 1}])
def test_what_is_no_tensor_is_returned_as_it_is(value):
    assert value == simple(lambda ctx, x: value).apply(ft.ones(2, requires_grad=True))


def test_a_view_of_an_input_is_a_view_that_cannot_be_written():
    x = ft.ones(2, requires_grad=True) * 1
    view = simple(lambda ctx, x: x[:1], lambda ctx, g: ft.cat([g, g])).apply(x)

    assert view._is_view() and "SimpleBackward" == view.grad_fn.name()
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        view.add_(1)


def test_shared_storage_is_marked_no_more():
    def forward(ctx, x):
        ctx.mark_shared_storage((x, x))
        return x * 2
    with pytest.warns(FutureWarning, match="mark_shared_storage is deprecated"):
        simple(forward).apply(ft.ones(2, requires_grad=True))


def test_gradients_of_gradients_through_saved_outputs_and_inputs():
    """exp saves its output, square its input: the third derivatives of exp(x^2) at 1/2 agree with differences."""
    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    class Square(Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]
    x = ft.tensor([0.5, -1.0], dtype=ft.float64, requires_grad=True)

    def slope(value):
        return ft.autograd.grad(Exp.apply(Square.apply(value)).sum(), value, create_graph=True)[0]

    assert ft.autograd.gradcheck(lambda v: Exp.apply(Square.apply(v)), (x,)) and ft.autograd.gradgradcheck(lambda v: Exp.apply(Square.apply(v)), (x,))
    assert ft.autograd.gradgradcheck(slope, (x,))
