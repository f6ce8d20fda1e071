"""Functions written in Python that break a rule."""
import pytest

from tests.autograd.misuse import misuse

GROUP = "Functions"


def function(ft, forward, backward, **more):
    return type("Mine", (ft.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward), **more})


def keep(ctx, x):
    ctx.save_for_backward(x)
    return x * x


@misuse(GROUP, "A wrong number of gradients; a gradient for a number", "RuntimeError: incorrect number of gradients; returned a gradient different than None")
def test_wrong_gradients(ft, mode):
    x = ft.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="returned an incorrect number of gradients"):
        function(ft, lambda ctx, x: x * 2, lambda ctx, g: (g, g)).apply(x).sum().backward()
    with pytest.raises(RuntimeError, match="different than None"):
        function(ft, lambda ctx, x, n: x * n, lambda ctx, g: (g, g)).apply(x, 2).sum().backward()

    assert x.grad is None


@misuse(GROUP, "A gradient of another shape, or that is no tensor", "RuntimeError: invalid gradient; expected Variable or None")
def test_gradient_of_another_shape(ft, mode):
    x = ft.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="invalid gradient"):
        function(ft, lambda ctx, x: x * 2, lambda ctx, g: ft.ones(3)).apply(x).sum().backward()
    with pytest.raises(RuntimeError, match="expected Variable or None"):
        function(ft, lambda ctx, x: x * 2, lambda ctx, g: "text").apply(x).sum().backward()


@misuse(GROUP, "Saving what is no tensor; reading after the walk", "TypeError: can only save variables; RuntimeError: freed")
def test_saving(ft, mode):
    x = ft.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="save_for_backward can only save variables"):
        def forward(ctx, x):
            ctx.save_for_backward("text")
            return x * 2
        function(ft, forward, lambda ctx, g: g).apply(x)
    out = function(ft, keep, lambda ctx, g: g * 2 * ctx.saved_tensors[0]).apply(x)
    out.sum().backward()
    with pytest.raises(RuntimeError, match="freed"):
        out.grad_fn.saved_tensors


@misuse(GROUP, "`mark_dirty` of what is not returned, or of a leaf", "RuntimeError")
def test_dirty(ft, mode):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x * 1 if forward.apart else x.mul_(2)
    mine = function(ft, forward, lambda ctx, g: g * 2)
    forward.apart = True
    with pytest.raises(RuntimeError, match="marked as dirty"):
        mine.apply(ft.ones(2, requires_grad=True) * 1)
    forward.apart = False
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        mine.apply(ft.ones(2, requires_grad=True))


@misuse(GROUP, "A second derivative through `once_differentiable`", "RuntimeError: trying to differentiate twice")
def test_once(ft, mode):
    x = ft.ones(2, requires_grad=True)
    once = ft.autograd.function.once_differentiable(lambda ctx, g: g * 2 * ctx.saved_tensors[0])
    first, = ft.autograd.grad(function(ft, keep, once).apply(x), x, ft.ones(2, requires_grad=True), create_graph=True)
    with pytest.raises(RuntimeError, match="trying to differentiate twice a function that was marked with @once_differentiable"):
        first.sum().backward()


@misuse(GROUP, "Calling the class, both `backward` and `vjp`, nothing to differentiate with", "RuntimeError; RuntimeError; NotImplementedError")
def test_ill_made_classes(ft, mode):
    x = ft.ones(2, requires_grad=True)
    with pytest.warns(DeprecationWarning), pytest.raises(RuntimeError, match="Legacy autograd function"):
        function(ft, keep, lambda ctx, g: g)()(x)
    both = function(ft, keep, lambda ctx, g: g, vjp=staticmethod(lambda ctx, g: g))
    with pytest.raises(RuntimeError, match="Implementing both 'backward' and 'vjp'"):
        both.apply(x).sum().backward()
    neither = type("Neither", (ft.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 2)})
    with pytest.raises(NotImplementedError, match="backward or vjp"):
        neither.apply(x).sum().backward()


@misuse(GROUP, "A backward that raises", "The exception comes out as it is; every `.grad` is as it was")
def test_backward_that_raises(ft, mode):
    x = ft.ones(2, requires_grad=True)

    def backward(ctx, g):
        raise LookupError("on purpose")
    with pytest.raises(LookupError, match="on purpose"):
        (function(ft, keep, backward).apply(x).sum() + x.sum()).backward()

    assert x.grad is None


@misuse(GROUP, "A backward that returns None", "Walked on without a gradient: Functions below get zeros (or None), hooks None, `.grad` stays as it was")
def test_none(ft, mode):
    heard = []
    x = ft.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(heard.append)
    function(ft, keep, lambda ctx, g: None).apply(y).sum().backward()

    assert [None] == heard and x.grad is None
