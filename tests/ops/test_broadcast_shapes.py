"""The common shape of shapes."""
import pytest

import frankentorch as ft


def test_common_shape():
    assert (2, 3) == tuple(ft.broadcast_shapes((2, 1), (3,)))
    assert (2, 3) == tuple(ft.broadcast_shapes(3, (2, 1)))
    assert () == tuple(ft.broadcast_shapes())
    assert (0, 4) == tuple(ft.broadcast_shapes((1, 4), (0, 1)))


def test_shapes_that_do_not_meet_are_refused():
    with pytest.raises(RuntimeError):
        ft.broadcast_shapes((2,), (3,))
    with pytest.raises(ValueError):
        ft.broadcast_shapes((-2,), (1,))
