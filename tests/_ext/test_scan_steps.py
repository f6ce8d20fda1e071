"""GRU and plain recurrent layers in one kernel: the bits of the reference at every CPU level and thread count, the values of separate steps."""
import numpy as np
import pytest

from tests._ext.test_matmul import bits, levels, threads  # noqa: F401  (two are fixtures)
from tests.reference import recurrent as reference

ft = pytest.importorskip("frankentorch")
from frankentorch._ext import cpu, matmul, scan_steps  # noqa: E402
from frankentorch.nn.modules import _recurrent  # noqa: E402

NAMES = ["baseline", "avx2", "avx512"]
MODES = ["RNN_TANH", "RNN_RELU", "GRU"]


@pytest.fixture
def any_level():
    def use(level):
        scan_steps.use_level(level)
        address = np.zeros(1, np.float32).__array_interface__["data"][0]
        matmul.matmul_at(11, (), (0, 0, 0), *[(address, (), 0, 0)] * 3, level)

    yield use
    use(NAMES.index(cpu.level_name()))


def operands(mode, steps, rows, n, bias=True, dtype="float32"):
    ft.manual_seed(3)
    wide = 3 * n if mode == 2 else n
    shapes = ((steps, rows, wide), (rows, n), (wide, n), (wide,), (steps, rows, n))
    made = [ft.randn(*shape).to(getattr(ft, dtype)) for shape in shapes]
    made[2] = made[2] / n**0.5
    if not bias:
        made[3] = None
    return made


def passes(gates, hidden, weight, bias, g, mode, reverse):
    output, kept = scan_steps.scan(gates, hidden, weight, bias, mode, reverse)
    return output, *scan_steps.scan_backward(g, hidden, weight, output, kept, mode, reverse)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("mode", range(3), ids=MODES)
@pytest.mark.parametrize("size", [(1, 1, 1), (4, 3, 5), (3, 2, 70), (40, 8, 3)], ids=str)
def test_passes_have_the_bits_of_the_reference(size, mode, reverse, levels, any_level):  # noqa: F811
    """The last size has a weight gradient longer than a block of 256."""
    tensors = operands(mode, *size, bias=size[0] != 3)
    gates, hidden, weight, bias, g = (None if t is None else t.numpy() for t in tensors)
    functions = [lambda x, f=f: f(ft.tensor(x)).numpy() for f in (ft.sigmoid, ft.tanh)]
    outputs, kept = reference.scan(gates, hidden, weight, bias, mode, reverse, *functions)
    expected = [outputs, *reference.scan_gradients(g, hidden, weight, outputs, kept, mode, reverse)]

    for level in levels:
        any_level(level)
        assert [bits(x) for x in expected] == [bits(t.numpy()) for t in passes(*tensors, mode, reverse)], level


@pytest.mark.parametrize("mode", range(3), ids=MODES)
def test_threads_do_not_show_in_the_bits(mode, threads):  # noqa: F811
    tensors = operands(mode, 6, 70, 60)
    seen = set()
    for count in (1, 2, 3, 8):
        threads(count)
        seen.add(tuple(bits(t.numpy()) for t in passes(*tensors, mode, False)))

    assert len(seen) == 1


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("mode", range(3), ids=MODES)
def test_values_and_both_gradients_are_those_of_separate_steps(mode, reverse):
    gates, hidden, weight, bias, g = operands(mode, 4, 3, 4, dtype="float64")
    inputs = [t.requires_grad_() for t in (gates, hidden, weight, bias)]
    output = _recurrent.ops._scan_steps(*inputs, mode, reverse)[0]
    steps, _ = _recurrent._scan(_recurrent.STEPS[MODES[mode]], gates.unbind(0), (hidden,), (weight, bias, None), reverse)
    separate = ft.stack(steps, 0)

    def twice(outputs):
        first = ft.autograd.grad(outputs, inputs, g, create_graph=True)
        return first, ft.autograd.grad(sum((t * t).sum() for t in first), inputs, retain_graph=True)

    np.testing.assert_array_equal(separate.detach().numpy(), output.detach().numpy())
    plain = ft.autograd.grad(output, inputs, g, retain_graph=True)
    for first, second, third in zip(plain, twice(output)[0], twice(separate)[0], strict=True):
        np.testing.assert_allclose(first.numpy(), third.detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(second.detach().numpy(), third.detach().numpy(), rtol=1e-10, atol=1e-12)
    for a, b in zip(twice(separate)[1], twice(output)[1], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-11)
