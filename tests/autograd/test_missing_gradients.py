"""A backward that returns None: the walk goes on without a gradient, as in PyTorch, and everybody on the way hears of it."""
import pytest

import frankentorch as ft
from frankentorch.autograd import Function


class Stop(Function):
    """The identity, whose gradient goes nowhere."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return None


def scaled(heard, materialize):
    class Scaled(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            heard.append(None if g is None else g.tolist())
            return g
    return Scaled.apply


@pytest.mark.parametrize("materialize, expected", [(True, [0.0, 0.0]), (False, None)])
def test_a_function_below_is_called_with_zeros_or_none(materialize, expected):
    heard = []
    x = ft.ones(2, requires_grad=True)
    Stop.apply(scaled(heard, materialize)(x * 3) * 5).sum().backward()

    assert [expected] == heard
    assert expected == (None if x.grad is None else x.grad.tolist())


def test_hooks_of_every_kind_hear_none():
    heard = []
    x = ft.ones(2, requires_grad=True)
    x.register_hook(lambda g: heard.append(("leaf", g)))
    x.register_post_accumulate_grad_hook(lambda leaf: heard.append(("filled", leaf.grad)))
    y = x * 2
    y.register_hook(lambda g: heard.append(("tensor", g)))
    y.grad_fn.register_prehook(lambda grads: heard.append(("before", grads)))
    y.grad_fn.register_hook(lambda given, got: heard.append(("after", given[0], got)))
    Stop.apply(y).sum().backward()

    assert [("tensor", None), ("before", (None,)), ("after", None, (None,)), ("leaf", None), ("filled", None)] == heard


def test_a_hook_cannot_make_a_gradient_of_none():
    x = ft.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: ft.ones(2))
    with pytest.raises(RuntimeError, match="can't replace a None gradient with a non-None value"):
        Stop.apply(y).sum().backward()


def test_none_adds_nothing_to_another_path():
    x = ft.ones(2, requires_grad=True)
    (Stop.apply(x * 2) + 3 * x).sum().backward()

    assert [3.0, 3.0] == x.grad.tolist()


def test_hooks_of_unused_outputs_hear_none():
    heard = []
    a, b = (ft.ones(2, requires_grad=True) * 2).unbind()
    b.register_hook(lambda g: heard.append(g))
    a.backward()

    assert [None] == heard
