"""Attributes users hang on tensors and nodes: the dict is made with the first one, and cycles through it are found."""
import gc
import weakref

import pytest

import frankentorch as ft


def test_a_tensor_keeps_attributes():
    x = ft.ones(2)

    assert x.__dict__ == {}
    x.tag = 5
    assert x.tag == 5 and vars(x) == {"tag": 5}
    x.__dict__ = {"other": 1}
    assert x.other == 1 and not hasattr(x, "tag")
    del x.other
    with pytest.raises(AttributeError, match="other"):
        x.other
    with pytest.raises(TypeError):
        x.__dict__ = 3


def test_a_cycle_through_an_attribute_is_freed():
    class Marked(ft.Tensor):
        pass

    for kind in (ft.Tensor, Marked):
        x = ft.ones(2).as_subclass(kind)
        x.me = [x]
        gone = weakref.ref(x)
        del x
        gc.collect()
        assert gone() is None


def test_a_node_keeps_attributes_beside_its_own():
    x = ft.ones(2, requires_grad=True)
    node = (x * 2).grad_fn
    node.note = "kept"

    assert node.note == "kept" and node.__dict__ == {"note": "kept"}
    assert node.next_functions[0][0].variable is x
    with pytest.raises(AttributeError, match="nothing"):
        node.nothing


def test_dim_order_follows_the_strides():
    t = ft.empty(2, 3, 4, 5)

    assert t.dim_order() == (0, 1, 2, 3)
    assert t.contiguous(memory_format=ft.channels_last).dim_order() == (0, 2, 3, 1)
    assert t.transpose(0, 3).dim_order() == (3, 1, 2, 0)


def test_small_questions_of_a_tensor():
    t = ft.ones(2)

    assert ft.tensor(3).is_nonzero() and not ft.tensor(0.0).is_nonzero()
    with pytest.raises(RuntimeError):
        t.is_nonzero()
    assert t.is_same_size(ft.zeros(2)) and not t.is_same_size(ft.zeros(1, 2))
    assert t.to_dense() is t and t.const_data_ptr() == t.data_ptr()
