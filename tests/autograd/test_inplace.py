"""In-place writes and views on the tape: refusals, spliced gradients, versions."""
import pytest

import frankentorch as ft


def ones(*sizes):
    return ft.ones(*sizes, requires_grad=True)


def test_leaf_refuses():
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        ones(2).add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        ones(2)[0].add_(1)


def test_leaf_may_be_written_without_recording():
    x = ones(2)
    with ft.no_grad():
        x.mul_(2)

    assert [2.0, 2.0] == x.tolist()
    assert 1 == x._version


def test_write_to_a_view_splices_the_gradient_of_its_base():
    x = ones(4)
    y = x * 2
    y[1:3].mul_(5)
    y.sum().backward()

    assert [2.0, 10.0, 10.0, 2.0] == x.grad.tolist()
    assert "torch::autograd::CopySlices" == y.grad_fn.name()


def test_copy_into_a_view_gives_both_gradients():
    x, w = ones(4), ones(2)
    y = x * 2
    y[1:3].copy_(w * 3)
    (y * y).sum().backward()      # y = [2, 3, 3, 2]: d/dx = 2 y 2 outside the copy, d/dw = 2 y 3 inside

    assert [8.0, 0.0, 0.0, 8.0] == x.grad.tolist()
    assert [18.0, 18.0] == w.grad.tolist()


def test_write_to_a_base_shows_in_its_view():
    x = ones(2, 2)
    y = x * 1
    row = y[0]
    part = row[1:]
    part.mul_(3)
    row.add_(1)
    y.sum().backward()

    assert [[1.0, 3.0], [1.0, 1.0]] == x.grad.tolist()
    assert [4.0] == part.tolist()
    assert "AsStridedBackward0" == part.grad_fn.name()


def test_overlapping_views_written_in_turn():
    x = ones(3)
    y = x * 1
    left, right = y[0:2], y[1:3]
    left.mul_(2)
    right.mul_(3)
    (left.sum() * right.sum()).backward()     # y = [2, 6, 3]: left 8, right 9; d = 9 [2, 6, 0] + 8 [0, 6, 3]

    assert [18.0, 102.0, 24.0] == x.grad.tolist()


def test_saved_value_written_later_is_noticed():
    x = ones(2)
    y = x * 2
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation(.|\n)*version 1; expected version 0"):
        z.sum().backward()


def test_unsaved_value_may_be_written():
    x = ones(2)
    y = x + 2
    z = y + y
    y.mul_(2)
    z.sum().backward()

    assert [2.0, 2.0] == x.grad.tolist()


def test_detached_alias_is_no_view_but_shares_the_version():
    x = ones(2)
    y = x * x
    alias = x.detach()
    alias.add_(1)

    assert alias._base is None
    assert not alias.requires_grad
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_data_counts_writes_apart():
    x = ones(2)
    y = x * x
    x.data.add_(1)
    y.sum().backward()

    assert [4.0, 4.0] == x.grad.tolist()      # the new value is used, unnoticed: 2 x with x = 2


def test_output_of_several_views_refuses():
    with pytest.raises(RuntimeError, match="multiple views"):
        (ones(4) * 1).unbind(0)[0].mul_(2)


def test_view_made_without_recording_refuses():
    y = ones(4) * 1
    with ft.no_grad():
        view = y[:2]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        view.mul_(2)


def test_inference_tensor_refuses_outside():
    with ft.inference_mode():
        x = ft.ones(2)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        x.add_(1)


def test_out_refuses_gradients():
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        ft.add(ones(2), 1, out=ft.ones(2))


def test_retained_gradient_follows_the_tensor():
    x = ones(2)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    y.sum().backward()

    assert [1.0, 1.0] == y.grad.tolist()
    assert [6.0, 6.0] == x.grad.tolist()


def test_increment_version_is_a_write():
    x = ones(2)
    y = x * x
    ft.autograd.graph.increment_version(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
