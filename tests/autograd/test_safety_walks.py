"""Misuse of backward and grad: refused with PyTorch's types."""
import pytest

from tests.autograd.misuse import misuse

GROUP = "Walks"


def squares(ft):
    x = ft.tensor([1.0, 2.0], requires_grad=True)
    return x, (x * x).sum()


@misuse(GROUP, "`backward` of something that requires no gradient", "RuntimeError: does not require grad")
def test_nothing_to_differentiate(ft, mode):
    with pytest.raises(RuntimeError, match="does not require grad"):
        ft.ones(1).backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        ft.autograd.grad(ft.ones(1), ft.ones(1, requires_grad=True))


@misuse(GROUP, "`backward` of several elements without a gradient", "RuntimeError: grad can be implicitly created only for scalar outputs")
def test_no_gradient_for_several_elements(ft, mode):
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (ft.ones(2, requires_grad=True) * 2).backward()


@misuse(GROUP, "`backward` of a complex number without a gradient", "RuntimeError: only for real scalar outputs")
def test_no_gradient_for_a_complex_number(ft, mode):
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for real scalar outputs"):
        (ft.ones(1, dtype=ft.complex64, requires_grad=True) * 2).sum().backward()


@misuse(GROUP, "An incoming gradient of another shape or type", "RuntimeError: Mismatch in shape; TypeError")
def test_gradient_that_does_not_fit(ft, mode):
    y = ft.ones(3, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        y.backward(ft.ones(2))
    with pytest.raises(TypeError):
        y.backward("a gradient")


@misuse(GROUP, "More incoming gradients than results", "What is too much is ignored, as in PyTorch", "RuntimeError: got 1 tensors and 2 gradients")
def test_too_many_gradients(ft, mode):
    x = ft.ones(3, requires_grad=True)
    if mode == "hardened":
        with pytest.raises(RuntimeError, match="got 1 tensors and 2 gradients"):
            ft.autograd.backward([x * 2], [ft.ones(3), ft.ones(3)])
    else:
        ft.autograd.backward([x * 2], [ft.ones(3), ft.ones(3)])
        assert [2.0] * 3 == x.grad.tolist()


@misuse(GROUP, "Walking a graph twice without `retain_graph`", "RuntimeError: second time; .grad is that of the first walk")
def test_second_walk(ft, mode):
    x, loss = squares(ft)
    loss.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()

    assert [2.0, 4.0] == x.grad.tolist()


@misuse(GROUP, "Reading what a node saved after the walk", "RuntimeError: after they have already been freed")
def test_saved_values_after_the_walk(ft, mode):
    _, loss = squares(ft)
    node = loss.grad_fn.next_functions[0][0]
    loss.backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        node._saved_self


@misuse(GROUP, "`grad` by a tensor the result does not depend on", "RuntimeError: appears to not have been used in the graph; None with `allow_unused`")
def test_unused_input(ft, mode):
    other = ft.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        ft.autograd.grad(squares(ft)[1], other)

    assert (None,) == ft.autograd.grad(squares(ft)[1], other, allow_unused=True)
    with pytest.raises(ValueError, match="allow_unused"):
        ft.autograd.grad(squares(ft)[1], other, allow_unused=False, materialize_grads=True)


@misuse(GROUP, "`grad` by a tensor that requires no gradient; empty `inputs`", "RuntimeError")
def test_inputs_that_cannot_be(ft, mode):
    with pytest.raises(RuntimeError, match="does not require grad"):
        ft.autograd.grad(squares(ft)[1], ft.ones(1))
    with pytest.raises(RuntimeError, match="cannot be empty"):
        squares(ft)[1].backward(inputs=[])


@misuse(GROUP, "Integers that shall require gradients", "RuntimeError: only Tensors of floating point")
def test_integers(ft, mode):
    with pytest.raises(RuntimeError, match="(?i)only Tensors of floating point"):
        ft.ones(1, dtype=ft.int64, requires_grad=True)
    with pytest.raises(RuntimeError, match="(?i)only Tensors of floating point"):
        ft.ones(1, dtype=ft.int64).requires_grad_()


@misuse(GROUP, "Changing `requires_grad` of a result", "RuntimeError: you can only change requires_grad flags of leaf variables")
def test_requires_grad_of_a_result(ft, mode):
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        (ft.ones(1, requires_grad=True) * 2).requires_grad = False


@misuse(GROUP, "`numpy()` or `copy.deepcopy` of what has a history", "RuntimeError: Can't call numpy() on Tensor that requires grad; only … created explicitly by the user")
def test_leaving_with_a_history(ft, mode):
    import copy
    x = ft.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        x.numpy()
    with pytest.raises(RuntimeError, match="created explicitly by the user"):
        copy.deepcopy(x * 2)


@misuse(GROUP, "Assigning a `.grad` that does not fit", "RuntimeError for size, dtype and itself; TypeError for what is no tensor")
def test_wrong_grad(ft, mode):
    x = ft.ones(3, requires_grad=True)
    for value, error in ((ft.ones(2), RuntimeError), (ft.ones(3, dtype=ft.float64), RuntimeError), (x, RuntimeError), (3, TypeError)):
        with pytest.raises(error):
            x.grad = value

    assert x.grad is None


@misuse(GROUP, "A tensor made in inference mode saved for backward, or written outside", "RuntimeError: Inference tensors cannot be saved; Inplace update to inference tensor")
def test_inference_tensors(ft, mode):
    with ft.inference_mode():
        fixed = ft.ones(2)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        fixed * ft.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside InferenceMode"):
        fixed.add_(1)


@misuse(GROUP, "An exception in the middle of a walk", "It comes out as it is; every `.grad` is as it was; the graph can be walked again with `retain_graph`")
def test_exception_leaves_grad_alone(ft, mode):
    x, w = ft.ones(2, requires_grad=True), ft.ones(2, requires_grad=True)
    y = x * w
    failing = [True]

    def hook(g):
        if failing[0]:
            raise LookupError("on purpose")
    y.register_hook(hook)
    loss = (y * w).sum()
    for _ in range(2):
        with pytest.raises(LookupError, match="on purpose"):
            loss.backward(retain_graph=True)
        assert x.grad is None and w.grad is None
    failing[0] = False
    loss.backward()

    assert [1.0, 1.0] == x.grad.tolist() and [2.0, 2.0] == w.grad.tolist()
