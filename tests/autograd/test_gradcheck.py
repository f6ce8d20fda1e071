"""gradcheck finds each kind of wrong derivative and passes right ones; Functions that are wrong in one way each."""
import random

import pytest

import frankentorch as ft
from frankentorch.autograd import Function, gradcheck, gradgradcheck
from frankentorch.autograd.gradcheck import GradcheckError


def rule(backward, forward=lambda ctx, x: x * x):
    """A Function of one input, x squared unless told otherwise."""
    def keeping(ctx, x):
        ctx.save_for_backward(x)
        return forward(ctx, x)
    return type("Rule", (Function,), {"forward": staticmethod(keeping), "backward": staticmethod(backward)}).apply


right = rule(lambda ctx, g: g * 2 * ctx.saved_tensors[0])
wrong = rule(lambda ctx, g: g * 3 * ctx.saved_tensors[0])
constant = rule(lambda ctx, g: 2 * ctx.saved_tensors[0])
unsteady = rule(lambda ctx, g: g * 2 * ctx.saved_tensors[0] * (1 + 1e-9 * random.random()))
once = rule(lambda ctx, g: g * 2 * ctx.saved_tensors[0].detach())


@pytest.fixture
def x():
    return ft.tensor([0.5, -1.25, 2.0], dtype=ft.float64, requires_grad=True)


@pytest.fixture
def z():
    return ft.tensor([0.5 - 1j, -1.25 + 0.5j], dtype=ft.complex128, requires_grad=True)


@pytest.mark.parametrize("fast", [False, True])
def test_right_derivatives_pass(x, z, fast):
    assert gradcheck(right, (x,), fast_mode=fast)
    assert gradcheck(ft.sin, x, fast_mode=fast, check_batched_grad=True, check_grad_dtypes=True)
    assert gradcheck(lambda a, b: (a * b.sum(), a.exp()), (x, x.detach().clone().requires_grad_()), fast_mode=fast)
    assert gradcheck(ft.tanh, (z,), fast_mode=fast)
    assert gradcheck(ft.abs, (z,), fast_mode=fast)
    assert gradcheck(ft.view_as_real, (z,), fast_mode=fast)
    assert gradcheck(lambda a: ft.complex(a, a * a), (x,), fast_mode=fast)
    assert gradgradcheck(right, (x,), fast_mode=fast)
    assert gradgradcheck(ft.tanh, (z,), fast_mode=fast, gen_non_contig_grad_outputs=True)


@pytest.mark.parametrize("fast", [False, True])
def test_a_wrong_factor_is_shown_with_both_jacobians(x, fast):
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0") as caught:
        gradcheck(wrong, (x,), fast_mode=fast)

    assert "numerical:tensor([[ 1.0000," in str(caught.value) and "analytical:tensor([[ 1.5000," in str(caught.value)
    assert isinstance(caught.value, RuntimeError)
    assert gradcheck(wrong, (x,), fast_mode=fast, raise_exception=False) is False


@pytest.mark.parametrize("fast", [False, True])
def test_a_missing_conjugate_is_found(z, fast):
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradcheck(right, (z,), fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_a_walk_that_changes_is_found(x, fast):
    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(unsteady, (x,), fast_mode=fast)

    assert gradcheck(unsteady, (x,), nondet_tol=1e-5, fast_mode=fast)


def test_a_gradient_that_forgets_the_incoming_one_is_found():
    one = ft.tensor([1.0], dtype=ft.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output"):
        gradcheck(constant, (one,))


def test_a_constant_function_must_not_change(x):
    assert gradcheck(lambda a: a.detach().sign(), (x,))
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda a: a.detach() * 2, (x,))


def test_second_derivatives_are_checked(x):
    assert gradcheck(once, (x,))
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradgradcheck(once, (x,))
    assert gradgradcheck(once, (x,), raise_exception=False) is False
    assert gradgradcheck(ft.sin, x, ft.ones(3, dtype=ft.float64))


class Undefined(Function):
    """Doubles; refuses to go on without a gradient."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        if g is None:
            raise RuntimeError("a gradient is missing")
        return g * 2


def test_missing_gradients_are_tried(x):
    with pytest.raises(GradcheckError, match="undefined output grads"):
        gradcheck(Undefined.apply, (x,))

    assert gradcheck(Undefined.apply, (x,), check_undefined_grad=False)


def test_what_is_asked_wrongly_is_refused(x):
    for call, error in ((lambda: gradcheck(ft.sin, (x.detach(),)), ValueError),
                        (lambda: gradcheck(ft.sin, (x,), check_backward_ad=False), AssertionError),
                        (lambda: gradcheck(ft.sin, (x,), check_batched_forward_grad=True), AssertionError),
                        (lambda: gradcheck(ft.sin, (x,), check_batched_grad=True, check_forward_ad=True, check_backward_ad=False), AssertionError),
                        (lambda: gradgradcheck(ft.sin, (x,), check_rev_over_rev=False), AssertionError),
                        (lambda: gradcheck(ft.sin, (ft.zeros(1, dtype=ft.float64).expand(3).requires_grad_(),)), RuntimeError)):
        with pytest.raises(error):
            call()


def test_single_precision_is_warned_of(x):
    with pytest.warns(UserWarning, match="double precision"):
        gradcheck(ft.sin, (x.detach().float().requires_grad_(),), raise_exception=False)


def test_inputs_and_generator_are_left_as_they_were(x):
    before, state = x.detach().clone(), ft.get_rng_state()
    gradcheck(right, (x,))
    gradcheck(right, (x,), fast_mode=True)

    assert before.equal(x.detach()) and state.equal(ft.get_rng_state()) and x.grad is None


def test_captured_parameters_and_odd_layouts_are_moved(x):
    weight = ft.arange(6, dtype=ft.float64).reshape(2, 3).t().requires_grad_()
    assert not weight.is_contiguous()
    assert gradcheck(lambda *_: (x.detach() @ weight).tanh(), (weight,))
    with pytest.raises(GradcheckError):
        gradcheck(lambda *_: wrong(weight), (weight,))


def test_works_in_hardened_mode(x):
    with ft.runtime.set_mode("hardened"):
        assert gradcheck(right, (x,)) and gradgradcheck(right, (x,))


def test_signatures_are_the_oracle_s(oracle):
    import inspect

    theirs, their_second = oracle.autograd.gradcheck, oracle.autograd.gradgradcheck
    for ours, other in ((gradcheck, theirs), (gradgradcheck, their_second)):
        expected = [(p.name, p.kind, p.default) for p in inspect.signature(other).parameters.values()]
        assert expected == [(p.name, p.kind, p.default) for p in inspect.signature(ours).parameters.values()]
