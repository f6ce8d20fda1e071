"""Pooling kernels against hand-worked planes and, bit by bit, against PyTorch."""
import numpy as np
import pytest

driver = pytest.importorskip("frankentorch._ext.pool_run")
from frankentorch._ext import cpu  # noqa: E402

LEVELS = ("baseline", "avx2", "avx512")
CODES = {"uint8": 1, "int8": 2, "int16": 3, "int32": 4, "int64": 5, "float16": 9, "float32": 11, "float64": 12}
MAX, AVERAGE, MAX_BACKWARD, AVERAGE_BACKWARD = 0, 15, 30, 45
ONES = (1, 1, 1)

# size, kernel, stride, padding, dilation, ceil_mode
CASES = [
    ((1, 6, 8), (1, 2, 2), (1, 2, 2), (0, 0, 0), ONES, False),
    ((1, 9, 11), (1, 3, 3), (1, 2, 2), (0, 1, 1), ONES, False),
    ((3, 7, 9), (2, 3, 2), (2, 1, 3), (1, 1, 1), ONES, True),
    ((1, 9, 600), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 2, 2), False),
    ((1, 1, 23), (1, 1, 5), (1, 1, 3), (0, 0, 2), (1, 1, 2), True),
]


def address(x):
    return 0 if x is None else x.__array_interface__["data"][0]


def run(kind, x, out, window, index=None, divisor=0, count_padding=True, adaptive=False, level=-1, code=None):
    """window: (size, kernel, stride, padding, dilation, out sizes); x and out are (planes, D, H, W)."""
    code = CODES[x.dtype.name] if code is None else code
    axes = tuple(zip(*window, strict=True))
    status = driver.pool_at(kind, code, axes, divisor, count_padding, adaptive, x.shape[0], address(x), address(out),
                            address(index), level)
    assert status == 0
    return out


def row(values, dtype=np.float32):
    return np.array(values, dtype).reshape(1, 1, 1, -1)


def row_window(size, kernel, stride, padding, out):
    return ((1, 1, size), (1, 1, kernel), (1, 1, stride), (0, 0, padding), ONES, (1, 1, out))


def max_row(values, kernel, stride, padding, out):
    x = row(values)
    result, index = np.empty((1, 1, 1, out), np.float32), np.empty((1, 1, 1, out), np.int64)
    run(MAX, x, result, row_window(x.size, kernel, stride, padding, out), index)
    return result.ravel().tolist(), index.ravel().tolist()


def test_ties_keep_the_lowest_index():
    assert max_row([4, 4, 1, 3, 3, 3], 3, 3, 0, 2) == ([4, 3], [0, 3])


def test_the_last_nan_of_a_window_is_reported():
    result, index = max_row([np.nan, 9, np.nan, 1], 4, 4, 0, 1)

    assert np.isnan(result[0]) and index == [2]


@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 15, 16, 17, 33])
def test_pairs_of_any_width_are_those_of_windows_one_by_one(width):
    """Windows of 2 x 2 have a kernel of their own; a column is left over."""
    rng = np.random.default_rng(width)
    x = rng.integers(-3, 4, (2, 1, 6, 2 * width + 1)).astype(np.float32)
    x[0, 0, 3, ::3], x[1, 0, 0, ::4] = np.nan, -0.0
    out, index = np.empty((2, 1, 3, width), np.float32), np.empty((2, 1, 3, width), np.int64)
    expected, places = out.copy(), index.copy()
    for plane, _, row, column in np.ndindex(out.shape):
        at = 2 * row * x.shape[3] + 2 * column
        for step in (0, 1, x.shape[3], x.shape[3] + 1):
            value = x[plane].flat[2 * row * x.shape[3] + 2 * column + step]
            if step == 0 or value > x[plane].flat[at] or value != value:
                at = 2 * row * x.shape[3] + 2 * column + step
        expected[plane, 0, row, column], places[plane, 0, row, column] = x[plane].flat[at], at
    window = (x.shape[1:], (1, 2, 2), (1, 2, 2), (0, 0, 0), ONES, (1, 3, width))

    for level in range(LEVELS.index(cpu.host_level_name()) + 1):
        run(MAX, x, out, window, index, level=level)
        assert out.tobytes() == expected.tobytes() and index.tolist() == places.tolist(), level
    run(MAX, x, out, window, index, level=LEVELS.index(cpu.level_name()))


def test_minus_infinity_has_the_first_index_inside():
    assert max_row([-np.inf] * 4, 3, 2, 1, 2) == ([-np.inf, -np.inf], [0, 1])


def test_average_counts_padding_if_asked():
    x, window = row([2, 4, 6, 8]), row_window(4, 2, 2, 1, 3)
    out = np.empty((1, 1, 1, 3), np.float32)

    assert run(AVERAGE, x, out, window).ravel().tolist() == [1, 5, 4]
    assert run(AVERAGE, x, out, window, count_padding=False).ravel().tolist() == [2, 5, 8]
    assert run(AVERAGE, x, out, window, divisor=4).ravel().tolist() == [0.5, 2.5, 2]


def test_adaptive_windows_overlap():
    """Five values to three outputs: windows 0..2, 1..4, 3..5."""
    x, window = row([1, 2, 3, 4, 5]), row_window(5, 1, 1, 0, 3)
    out = np.empty((1, 1, 1, 3), np.float32)

    assert run(AVERAGE, x, out, window, adaptive=True).ravel().tolist() == [1.5, 3, 4.5]
    assert run(MAX, x, out, window, adaptive=True).ravel().tolist() == [2, 4, 5]


def test_max_backward_adds_at_the_index():
    g, index = row([1, 10, 100]), np.array([2, 2, 0]).reshape(1, 1, 1, 3)
    out = np.full((1, 1, 1, 4), 7, np.float32)

    assert run(MAX_BACKWARD, g, out, row_window(4, 2, 1, 0, 3), index).ravel().tolist() == [100, 0, 11, 0]


def test_average_backward_spreads_the_share():
    g, out = row([2, 4, 8]), np.full((1, 1, 1, 4), 7, np.float32)

    assert run(AVERAGE_BACKWARD, g, out, row_window(4, 2, 1, 0, 3)).ravel().tolist() == [1, 3, 6, 4]


def test_half_gradient_is_rounded_once():
    """2048 + 1 + 1 is 2050 in float32 sums; in half steps each 1 would be lost."""
    g, index = row([2048, 1, 1], np.float16), np.zeros((1, 1, 1, 3), np.int64)
    out = np.empty((1, 1, 1, 3), np.float16)

    assert run(MAX_BACKWARD, g, out, row_window(3, 1, 1, 0, 3), index).ravel().tolist() == [2050, 0, 0]


def test_gradients_of_integers_are_refused():
    x = np.zeros((1, 1, 1, 4), np.int32)
    axes = tuple(zip(*row_window(4, 1, 1, 0, 4), strict=True))

    assert driver.pool_at(AVERAGE_BACKWARD, 4, axes, 0, True, False, 1, address(x), address(x)) == -2


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_equals_the_oracle(case, name, oracle):
    size, kernel, stride, padding, dilation, ceil_mode = case
    x = oracle.randn((3, *size), generator=oracle.Generator().manual_seed(0)).mul(9).round().to(getattr(oracle, name))
    if x.is_floating_point():
        x.view(-1)[::37] = float("nan")
    expected, where = oracle.nn.functional.max_pool3d(x, kernel, stride, padding, dilation, ceil_mode, return_indices=True)
    out, index = np.empty(expected.shape, name), np.empty(expected.shape, np.int64)
    run(MAX, x.numpy(), out, (size, kernel, stride, padding, dilation, expected.shape[1:]), index)

    np.testing.assert_array_equal(out, expected.numpy())
    np.testing.assert_array_equal(index, where.numpy())


@pytest.mark.parametrize("name", ["float32", "float64", "int64"])
@pytest.mark.parametrize("count_padding", [True, False])
@pytest.mark.parametrize("case", [c for c in CASES if c[4] == ONES], ids=str)
def test_average_and_its_gradient_equal_the_oracle(case, name, count_padding, oracle):
    size, kernel, stride, padding, dilation, ceil_mode = case
    rng = oracle.Generator().manual_seed(1)
    x = oracle.randn((3, *size), generator=rng).mul(9).to(getattr(oracle, name))
    if name != "int64":
        x.requires_grad_()
    expected = oracle.nn.functional.avg_pool3d(x, kernel, stride, padding, ceil_mode, count_padding)
    window = (size, kernel, stride, padding, dilation, expected.shape[1:])
    out = run(AVERAGE, x.detach().numpy(), np.empty(expected.shape, name), window, count_padding=count_padding)

    np.testing.assert_array_equal(out, expected.detach().numpy())
    if name != "int64":
        g = oracle.randn(expected.shape, generator=rng, dtype=x.dtype)
        expected.backward(g)
        back = run(AVERAGE_BACKWARD, g.numpy(), np.empty(x.shape, name), window, count_padding=count_padding)
        np.testing.assert_array_equal(back, x.grad.numpy())


@pytest.mark.parametrize("sizes", [((5, 9, 11), (2, 4, 3)), ((4, 14, 13), (1, 3, 5))], ids=str)
def test_adaptive_pools_equal_the_oracle(sizes, oracle):
    size, outs = sizes
    x = oracle.randn((2, *size), generator=oracle.Generator().manual_seed(2)).requires_grad_()
    window = (size, ONES, ONES, (0, 0, 0), ONES, outs)
    expected = oracle.nn.functional.adaptive_avg_pool3d(x, outs)
    largest, where = oracle.nn.functional.adaptive_max_pool3d(x, outs, return_indices=True)
    g = oracle.ones(expected.shape)
    expected.backward(g)
    values = x.detach().numpy()
    out, index = np.empty(expected.shape, np.float32), np.empty(expected.shape, np.int64)

    np.testing.assert_array_equal(run(AVERAGE, values, out, window, adaptive=True), expected.detach().numpy())
    np.testing.assert_array_equal(run(MAX, values, out, window, index, adaptive=True), largest.detach().numpy())
    np.testing.assert_array_equal(index, where.numpy())
    back = run(AVERAGE_BACKWARD, g.numpy(), np.empty(x.shape, np.float32), window, adaptive=True)
    np.testing.assert_array_equal(back, x.grad.numpy())
