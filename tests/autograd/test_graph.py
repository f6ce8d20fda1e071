"""Nodes, edges and hooks of the graph; graphs of a million nodes."""
import pytest

import frankentorch as ft
from frankentorch.autograd import graph


def ones(*sizes):
    return ft.ones(*sizes, requires_grad=True)


def test_node_says_where_gradients_go():
    x, y = ones(2), ft.ones(2)
    node = (x * y).grad_fn

    assert isinstance(node, graph.Node)
    assert "MulBackward0" == node.name()
    assert ["torch::autograd::AccumulateGrad", None] == [below and below.name() for below, _ in node.next_functions]
    assert x is node.next_functions[0][0].variable


def test_metadata_belongs_to_the_node():
    node = (ones(2) + 1).grad_fn
    node.metadata["place"] = 1

    assert {"place": 1} == node.metadata


def test_hooks_run_in_order():
    log = []
    x = ones(2)
    y = x * 2
    y.register_hook(lambda g: log.append("first"))
    y.register_hook(lambda g: (log.append("second"), g * 2)[1])
    y.retain_grad()
    y.grad_fn.register_prehook(lambda grads: log.append("before the node"))
    y.grad_fn.register_hook(lambda inputs, outputs: log.append("after the node"))
    x.register_hook(lambda g: log.append("leaf"))
    x.register_post_accumulate_grad_hook(lambda leaf: log.append("accumulated"))
    y.sum().backward()

    assert ["first", "second", "before the node", "after the node", "leaf", "accumulated"] == log
    assert [2.0, 2.0] == y.grad.tolist()
    assert [4.0, 4.0] == x.grad.tolist()


def test_removed_hook_runs_no_more():
    x = ones(2)
    with x.register_hook(lambda g: g * 2):
        x.sum().backward()
    x.sum().backward()

    assert [3.0, 3.0] == x.grad.tolist()


def test_node_hooks_may_change_gradients():
    x = ones(2)
    y = x.clone()
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 4,))
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + 1,))
    y.sum().backward()

    assert [5.0, 5.0] == x.grad.tolist()


def test_hook_may_not_change_the_shape():
    x = ones(2)
    x.register_hook(lambda g: g[:1])
    with pytest.raises(RuntimeError, match="changed the size"):
        x.sum().backward()


def test_edge_stands_for_its_tensor():
    x = ones(2)
    y = x * 2
    gradient, = ft.autograd.grad((y * 3).sum(), graph.get_gradient_edge(y), retain_graph=True)
    (y * 3).sum().backward(inputs=graph.get_gradient_edge(x))

    assert [3.0, 3.0] == gradient.tolist()
    assert [6.0, 6.0] == x.grad.tolist()


def test_multi_grad_hook_waits_for_those_the_walk_reaches():
    log = []
    a, b = ones(1), ones(1)
    graph.register_multi_grad_hook((a, b), lambda grads: log.append([g if g is None else g.item() for g in grads]))
    (a * 2 + b).sum().backward()
    (a * 3).sum().backward()

    assert [[2.0, 1.0], [3.0, None]] == log


def test_second_walk_needs_retain_graph_only_where_values_were_saved():
    x = ones(2)
    sums, squares = (x + x).sum(), (x * x).sum()
    sums.backward()
    sums.backward()
    squares.backward()
    with pytest.raises(RuntimeError, match="second time"):
        squares.backward()


def test_third_derivative():
    x = ft.tensor([1.0, 2.0], requires_grad=True)
    first, = ft.autograd.grad((x ** 3).sum(), x, create_graph=True)
    second, = ft.autograd.grad(first.sum(), x, create_graph=True)
    third, = ft.autograd.grad(second.sum(), x)

    assert [3.0, 12.0] == first.tolist()
    assert [6.0, 12.0] == second.tolist()
    assert [6.0, 6.0] == third.tolist()


@pytest.mark.parametrize("walk", [True, False])
def test_a_million_nodes_walk_and_die_without_recursion(walk):
    x = ft.zeros(1, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y + 1
    if walk:
        y.backward()
        assert [1.0] == x.grad.tolist()

    assert 1_000_000.0 == y.item()
    del y


def test_a_deep_chain_of_writes_dies_without_recursion():
    x = ft.zeros(2, requires_grad=True)
    y = x * 1
    for _ in range(20_000):
        y[0:1].add_(1)
    y.sum().backward()

    assert [1.0, 1.0] == x.grad.tolist()
    assert [20_000.0, 0.0] == y.tolist()


def test_unused_inputs():
    a, b = ones(1), ones(1)
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        ft.autograd.grad(a * 2, [a, b])

    assert ft.autograd.grad(a * 2, [a, b], allow_unused=True)[1] is None
    assert [0.0] == ft.autograd.grad(a * 2, [a, b], materialize_grads=True)[1].tolist()


def test_variable_is_the_old_name():
    assert isinstance(ft.ones(1), ft.autograd.Variable)
    assert ft.autograd.Variable(ft.ones(1), requires_grad=True).requires_grad


def test_saved_tensors_go_through_hooks():
    log = []
    x = ones(2)
    with graph.saved_tensors_hooks(lambda tensor: (log.append("pack"), tensor.tolist())[1], lambda values: ft.tensor(values) * 10):
        square, exponential = x * x, (x - 1).exp()
    (square + exponential).sum().backward()

    assert ["pack", "pack", "pack"] == log
    assert [30.0, 30.0] == x.grad.tolist()        # 2 * 10 x + 10 exp(0)


def test_hooks_on_saved_tensors_keep_second_derivatives():
    x = ft.tensor([2.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda tensor: tensor.clone(), lambda tensor: tensor):
        y = x * x * x
        first, = ft.autograd.grad(y, x, create_graph=True)
    second, = ft.autograd.grad(first, x)

    assert ([12.0], [12.0]) == (first.tolist(), second.tolist())


def test_saved_hooks_may_be_forbidden():
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"):
        with graph.saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor):
            pass
