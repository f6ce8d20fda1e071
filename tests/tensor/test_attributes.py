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
