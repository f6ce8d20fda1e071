"""Parameter and Buffer: types, text, copies, pickles."""
import copy
import pickle

import pytest

from frankentorch import nn


@pytest.fixture
def weight():
    import frankentorch as ft

    return nn.Parameter(ft.tensor([[1.0, 2.0]]))


def test_type_and_default_gradient(weight):
    import frankentorch as ft

    assert type(weight) is nn.Parameter
    assert isinstance(weight, ft.Tensor)
    assert weight.requires_grad
    assert weight.is_leaf
    assert not nn.Parameter(ft.ones(1), requires_grad=False).requires_grad
    assert (0,) == tuple(nn.Parameter().shape)


def test_results_are_plain_tensors(weight):
    import frankentorch as ft

    assert [ft.Tensor] * 5 == [type(each) for each in (
        weight + 1, weight[0], weight.detach(), weight.data, ft.relu(weight))]


def test_memory_is_shared():
    import frankentorch as ft

    source = ft.ones(2)
    weight = nn.Parameter(source)
    source[0] = 5

    assert [5.0, 1.0] == weight.tolist()


def test_repr(weight):
    import frankentorch as ft

    assert "Parameter containing:\ntensor([[1., 2.]], requires_grad=True)" == repr(weight)
    assert "Parameter containing:\ntensor([1.])" == repr(nn.Parameter(ft.ones(1), requires_grad=False))


def test_deepcopy_is_a_parameter_without_gradient(weight):
    weight.sum().backward()
    twins = copy.deepcopy([weight, weight])

    assert type(twins[0]) is nn.Parameter
    assert twins[0] is twins[1]
    assert twins[0].grad is None
    assert weight.tolist() == twins[0].tolist()
    assert weight.data_ptr() != twins[0].data_ptr()


def test_pickle_keeps_values_and_attributes(weight):
    weight.note = "mine"
    again = pickle.loads(pickle.dumps(weight))

    assert type(again) is nn.Parameter
    assert weight.tolist() == again.tolist()
    assert "mine" == again.note
    frozen = pickle.loads(pickle.dumps(nn.Parameter(weight.data, requires_grad=False)))
    assert not frozen.requires_grad


def test_integers_cannot_be_trained():
    import frankentorch as ft

    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(ft.ones(2, dtype=ft.int64))
    assert ft.int64 == nn.Parameter(ft.ones(2, dtype=ft.int64), requires_grad=False).dtype


def test_a_subclass_keeps_its_type_and_counts_as_parameter():
    import frankentorch as ft

    class Marked(ft.Tensor):
        pass

    weight = nn.Parameter(ft.ones(2).as_subclass(Marked))
    module = nn.Module()
    module.weight = weight

    assert type(weight) is Marked
    assert isinstance(weight, nn.Parameter)
    assert ["weight"] == [name for name, _ in module.named_parameters()]
    assert not isinstance(ft.ones(2), nn.Parameter)


def test_of_a_result_becomes_a_leaf(weight):
    result = nn.Parameter(weight * 2)

    assert result.is_leaf
    assert [[2.0, 4.0]] == result.tolist()


def test_buffer_is_a_marked_tensor(weight):
    import frankentorch as ft

    buffer = nn.Buffer(ft.ones(1), persistent=False)

    assert type(buffer) is ft.Tensor
    assert isinstance(buffer, nn.Buffer)
    assert not isinstance(ft.ones(1), nn.Buffer)
    assert not isinstance(weight, nn.Buffer)
    assert not buffer.persistent
