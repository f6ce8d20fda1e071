"""Edges as roots, gradients in a batch, and views made while nothing was recorded."""
import pytest

import frankentorch as ft
from frankentorch.autograd.graph import get_gradient_edge
from frankentorch.utils import dlpack


def cube():
    x = ft.tensor([1.0, 2.0, 3.0], requires_grad=True)
    return x, x ** 3


def test_backward_starts_from_an_edge():
    x, y = cube()
    edge = get_gradient_edge(y.sum())

    ft.autograd.backward([edge])
    assert x.grad.tolist() == [3.0, 12.0, 27.0]


def test_an_edge_of_several_elements_needs_a_gradient_of_its_shape():
    x, y = cube()
    edge = get_gradient_edge(y)

    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        ft.autograd.backward(edge)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        ft.autograd.backward(edge, ft.ones(2))
    assert ft.autograd.grad(edge, x, ft.tensor([1.0, 0.0, 0.0]))[0].tolist() == [3.0, 0.0, 0.0]


def test_a_batch_of_gradients_gives_the_jacobian():
    x, y = cube()

    assert ft.autograd.grad(y, x, ft.eye(3), is_grads_batched=True)[0].tolist() == [[3.0, 0.0, 0.0], [0.0, 12.0, 0.0], [0.0, 0.0, 27.0]]


def test_a_batch_can_be_differentiated_again():
    x, y = cube()
    (g,) = ft.autograd.grad(y, x, ft.eye(3), is_grads_batched=True, create_graph=True)

    assert ft.autograd.grad(g.sum(), x)[0].tolist() == [6.0, 12.0, 18.0]


def test_a_batch_names_the_shapes_that_disagree_and_keeps_none():
    x, y = cube()
    other = ft.ones(2, requires_grad=True)

    with pytest.raises(RuntimeError, match="is_grads_batched=True"):
        ft.autograd.grad(y, x, ft.ones(2, 4), is_grads_batched=True)
    with pytest.raises(ValueError):
        ft.autograd.grad(y.sum(), x, is_grads_batched=True)
    assert ft.autograd.grad(y, (x, other), ft.eye(3), is_grads_batched=True, allow_unused=True)[1] is None


def test_a_view_made_under_no_grad_asks_for_what_its_base_asks_for():
    base = ft.ones(4, requires_grad=True)
    with ft.no_grad():
        view = base[:2]
        again = view.view(2, 1)

    assert view.requires_grad and again.requires_grad and view.is_leaf and view.grad_fn is None
    assert not base.detach()[:2].requires_grad
    (view * 3).sum().backward()
    assert view.grad is None and base.grad is None


def test_such_a_view_cannot_be_used_once_its_base_was_written():
    base = ft.ones(4, requires_grad=True).clone()
    with ft.no_grad():
        view = base[:2]
        base.mul_(2)

    assert view.requires_grad
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        view.grad_fn
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        view * 2


def test_a_tensor_of_inference_mode_is_not_saved():
    with ft.inference_mode():
        made = ft.ones(3)

    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        made * ft.ones(3, requires_grad=True)


def test_numpy_is_given_under_no_grad():
    pytest.importorskip("numpy")
    leaf = ft.ones(2, requires_grad=True)

    with pytest.raises(RuntimeError, match="that requires grad"):
        leaf.numpy()
    with ft.no_grad():
        assert leaf.numpy().tolist() == [1.0, 1.0]


def test_dlpack_module_shares_memory():
    x = ft.arange(3)
    y = dlpack.from_dlpack(dlpack.to_dlpack(x))
    y[0] = 5

    assert x.tolist() == [5, 1, 2] and dlpack.DLDeviceType.kDLCPU == 1
