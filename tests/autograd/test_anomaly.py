"""Anomaly mode: NaN and errors in backward are told with the forward call."""
import pytest

import frankentorch as ft

pytestmark = pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")


def root_of_minus_one():
    return ft.tensor([-1.0], requires_grad=True).sqrt()


def test_nan_in_a_backward_is_an_error_that_names_node_and_output():
    with ft.autograd.detect_anomaly(), pytest.warns(UserWarning, match="Error detected in SqrtBackward0"):
        with pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output"):
            root_of_minus_one().backward()


def test_the_warning_shows_the_forward_call():
    with ft.autograd.detect_anomaly(), pytest.warns(UserWarning, match="in root_of_minus_one"):
        with pytest.raises(RuntimeError):
            root_of_minus_one().backward()


def test_a_graph_made_outside_has_no_traceback_to_show():
    made = root_of_minus_one()

    with ft.autograd.detect_anomaly(), pytest.warns(UserWarning, match="No forward pass information available"):
        with pytest.raises(RuntimeError):
            made.backward()


def test_without_check_nan_the_nan_passes():
    x = ft.tensor([-1.0], requires_grad=True)
    with ft.autograd.detect_anomaly(check_nan=False):
        x.sqrt().backward()

    assert x.grad.isnan().all()


def test_an_error_in_a_function_of_ones_own_keeps_its_type():
    class Fails(ft.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value.clone()

        @staticmethod
        def backward(ctx, g):
            raise ValueError("boom")

    with ft.autograd.detect_anomaly(), pytest.warns(UserWarning, match="Error detected in FailsBackward"):
        with pytest.raises(ValueError, match="boom"):
            Fails.apply(ft.ones(1, requires_grad=True)).backward()


def test_a_node_of_the_second_order_names_its_parent():
    x = ft.tensor([2.0], requires_grad=True)
    with ft.autograd.detect_anomaly():
        (g,) = ft.autograd.grad(x.exp(), x, create_graph=True)

    assert g.grad_fn.metadata["parent_"].name() == "ExpBackward0"
    assert any("test_a_node_of_the_second_order" in line for line in g.grad_fn.metadata["traceback_"])


def test_the_mode_ends_with_its_block():
    assert not ft.is_anomaly_enabled()
    with ft.autograd.set_detect_anomaly(True, check_nan=False):
        assert (ft.is_anomaly_enabled(), ft.is_anomaly_check_nan_enabled()) == (True, False)
    assert (ft.is_anomaly_enabled(), ft.is_anomaly_check_nan_enabled()) == (False, True)
    assert "traceback_" not in root_of_minus_one().grad_fn.metadata
