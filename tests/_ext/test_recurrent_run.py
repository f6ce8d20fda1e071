"""LSTM layers in one kernel: the bits of the reference at every CPU level and thread count, the values of the separate steps."""
import numpy as np
import pytest

from tests._ext.test_matmul import bits, levels, threads  # noqa: F401  (two are fixtures)
from tests.reference import recurrent as reference

ft = pytest.importorskip("frankentorch")
from frankentorch._ext import cpu, matmul, recurrent_run  # noqa: E402
from frankentorch.nn.modules import _recurrent  # noqa: E402

NAMES = ["baseline", "avx2", "avx512"]


@pytest.fixture
def any_level():
    def use(level):
        recurrent_run.use_level(level)
        address = np.zeros(1, np.float32).__array_interface__["data"][0]
        matmul.matmul_at(11, (), (0, 0, 0), *[(address, (), 0, 0)] * 3, level)

    yield use
    use(NAMES.index(cpu.level_name()))


def operands(steps, rows, n, bias=True, dtype="float32"):
    ft.manual_seed(3)
    shapes = ((steps, rows, 4 * n), (rows, n), (rows, n), (4 * n, n), (4 * n,), (steps, rows, n), (rows, n))
    made = [ft.randn(*shape).to(getattr(ft, dtype)) for shape in shapes]
    if not bias:
        made[4] = None
    return made


def passes(gates, hidden, cell, weight, bias, g, g_cell, reverse):
    output, last, kept, cells = recurrent_run.lstm_scan(gates, hidden, cell, weight, bias, reverse)
    return output, last, *recurrent_run.lstm_scan_backward(g, g_cell, hidden, cell, weight, output, kept, cells, reverse)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [(1, 1, 1), (4, 3, 5), (3, 2, 70), (40, 8, 3)], ids=str)
def test_passes_have_the_bits_of_the_reference(size, reverse, levels, any_level):  # noqa: F811
    """The last size has a weight gradient longer than a block of 256."""
    tensors = operands(*size, bias=size[0] != 3)
    gates, hidden, cell, weight, bias, g, g_cell = (None if t is None else t.numpy() for t in tensors)
    functions = [lambda x, f=f: f(ft.tensor(x)).numpy() for f in (ft.sigmoid, ft.tanh)]
    outputs, cells, kept = reference.lstm(gates, hidden, cell, weight, bias, reverse, *functions)
    back = reference.lstm_gradients(g, g_cell, hidden, cell, weight, outputs, cells, kept, reverse)
    expected = [outputs, cells[0 if reverse else -1], *back]

    for level in levels:
        any_level(level)
        assert [bits(x) for x in expected] == [bits(t.numpy()) for t in passes(*tensors, reverse)], level


def test_threads_do_not_show_in_the_bits(threads):  # noqa: F811
    tensors = operands(6, 50, 60)
    seen = set()
    for count in (1, 2, 3, 8):
        threads(count)
        seen.add(tuple(bits(t.numpy()) for t in passes(*tensors, False)))

    assert len(seen) == 1


def test_a_row_alone_equals_the_row_of_a_batch():
    gates, hidden, cell, weight, bias, _, _ = operands(5, 4, 9)
    whole = recurrent_run.lstm_scan(gates, hidden, cell, weight, bias, False)[0]
    alone = recurrent_run.lstm_scan(gates[:, 2:3], hidden[2:3], cell[2:3], weight, bias, False)[0]

    assert bits(whole[:, 2:3].numpy()) == bits(alone.numpy())


@pytest.mark.parametrize("reverse", [False, True])
def test_values_and_gradients_are_those_of_separate_steps(reverse):
    gates, hidden, cell, weight, bias, g, g_cell = operands(5, 3, 4, dtype="float64")
    inputs = [t.requires_grad_() for t in (gates, hidden, cell, weight, bias)]
    output, last, _, _ = _recurrent.ops._lstm_scan(*inputs, reverse)
    steps, (_, final) = _recurrent._scan(_recurrent.STEPS["LSTM"], gates.unbind(0), (hidden, cell), (weight, bias, None), reverse)
    separate = ft.stack(steps, 0)

    np.testing.assert_array_equal(separate.detach().numpy(), output.detach().numpy())
    first = ft.autograd.grad((separate, final), inputs, (g, g_cell))
    for a, b in zip(first, ft.autograd.grad((output, last), inputs, (g, g_cell)), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)


def test_second_gradient_is_that_of_separate_steps():
    gates, hidden, cell, weight, bias, g, _ = operands(3, 2, 3, dtype="float64")
    inputs = [t.requires_grad_() for t in (gates, hidden, cell, weight, bias)]

    def twice(outputs):
        first = ft.autograd.grad(outputs, inputs, g, create_graph=True)
        return ft.autograd.grad(sum((t * t).sum() for t in first), inputs)

    separate = ft.stack(_recurrent._scan(_recurrent.STEPS["LSTM"], gates.unbind(0), (hidden, cell), (weight, bias, None), False)[0], 0)
    for a, b in zip(twice(separate), twice(_recurrent.ops._lstm_scan(*inputs, False)[0]), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-11)
