"""Sampling at points, grids of affine maps, pooling by random steps: values worked out by hand."""
import pytest

import frankentorch as ft
import frankentorch.nn.functional as F

SQUARE = [[0.0, 1.0], [2.0, 3.0]]


def sample(points, values=SQUARE, **options):
    grid = ft.tensor([[points]], dtype=ft.float64)
    return F.grid_sample(ft.tensor([[values]], dtype=ft.float64), grid, **{"align_corners": True, **options})[0, 0, 0].tolist()


def test_corners_and_the_middle_of_an_input():
    assert [0.0, 1.0, 2.0, 1.5] == sample([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]])


def test_corners_lie_half_a_place_inside_without_align_corners():
    """-1 is the outer edge of the first place: half of it, in both dims, lies outside, where zeros are."""
    assert [0.75] == sample([[1.0, 1.0]], align_corners=False)
    assert [0.0, 3.0] == sample([[-0.5, -0.5], [0.5, 0.5]], align_corners=False)


@pytest.mark.parametrize("padding, expected", [("zeros", 0.0), ("border", 3.0), ("reflection", 0.0)])
def test_points_outside(padding, expected):
    """(3, 3) is the place (2, 2): outside, or the last place, or turned back at 1 to the first."""
    assert [expected] == sample([[3.0, 3.0]], padding_mode=padding)


def test_nearest_takes_one_place_and_has_a_slope_of_zero():
    grid = ft.tensor([[[[0.4, -0.9]]]], dtype=ft.float64, requires_grad=True)
    out = F.grid_sample(ft.tensor([[SQUARE]], dtype=ft.float64), grid, mode="nearest", align_corners=True)
    out.backward()

    assert 1.0 == out.item() and [[[[0.0, 0.0]]]] == grid.grad.tolist()


def test_slope_of_a_plane_is_the_same_everywhere():
    """The values rise by 1 per place along x and by 2 along y; half a unit of the grid is half of that."""
    grid = ft.tensor([[[[0.2, -0.3]]]], dtype=ft.float64, requires_grad=True)
    F.grid_sample(ft.tensor([[SQUARE]], dtype=ft.float64), grid, align_corners=True).backward()

    assert [0.5, 1.0] == pytest.approx(grid.grad.flatten().tolist(), abs=1e-15)


def test_the_unit_map_gives_the_input_back():
    theta = ft.tensor([[[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]])
    x = ft.arange(24.0).reshape(1, 1, 2, 3, 4)
    grid = F.affine_grid(theta, (1, 1, 2, 3, 4), align_corners=True)

    assert (1, 2, 3, 4, 3) == tuple(grid.shape)
    assert (F.grid_sample(x, grid, align_corners=True) - x).abs().max() < 1e-5


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("channels", [3, 4, 17, 23, 32])
@pytest.mark.parametrize("dtype", [ft.float32, ft.float64])
def test_many_channels_have_the_bits_of_each_alone(dtype, channels, mode):
    """Images of many channels are read from a copy that holds channels side by side; some of the points lie outside or are no numbers."""
    ft.manual_seed(0)
    x, grid = ft.randn(2, channels, 7, 18, dtype=dtype), ft.randn(2, 9, 15, 2, dtype=dtype)
    x[0, 1, 2, 3], grid[0, 1, 1, 0], grid[0, 2, 2, 1] = float("inf"), float("nan"), -float("inf")
    alone = ft.cat([F.grid_sample(x[:, k:k + 1], grid, mode=mode, align_corners=False) for k in range(channels)], 1)
    together = F.grid_sample(x, grid, mode=mode, align_corners=False)
    seldom = F.grid_sample(x, grid[:, :1, :1], mode=mode, align_corners=False)
    alone, together, seldom = (t.nan_to_num(7.0) for t in (alone, together, seldom))

    assert ft.equal(alone, together) and ft.equal(alone.signbit(), together.signbit()) and ft.equal(alone[:, :, :1, :1], seldom)


def test_points_are_shared_among_threads_without_a_trace():
    ft.manual_seed(0)
    x, grid = ft.randn(2, 21, 30, 31), ft.rand(2, 40, 41, 2) * 2 - 1
    threads, found = ft.get_num_threads(), []
    try:
        for count in (1, 3):
            ft.set_num_threads(count)
            found.append(F.grid_sample(x, grid, align_corners=False))
    finally:
        ft.set_num_threads(threads)

    assert ft.equal(*found)


def test_sampling_has_second_derivatives():
    ft.manual_seed(0)
    x, grid = ft.randn(1, 2, 4, 5, dtype=ft.float64, requires_grad=True), (ft.rand(1, 2, 3, 2, dtype=ft.float64) * 1.6 - 0.8).requires_grad_()
    for mode in ("bilinear", "bicubic", "nearest"):
        assert ft.autograd.gradgradcheck(lambda x, grid, mode=mode: F.grid_sample(x, grid, mode=mode, align_corners=False), (x, grid))


def test_random_steps_end_at_the_last_window():
    """5 places, windows of 2, 3 outputs: steps of 1.5 from the sample 0.5 begin at 0, int(2.25) - int(0.75) = 2, and 3."""
    x = ft.tensor([[[[9.0, 1.0, 2.0, 3.0, 4.0]] * 2]])
    samples = ft.full((1, 1, 2), 0.5)
    out, places = F.fractional_max_pool2d(x, 2, (1, 3), return_indices=True, _random_samples=samples)

    assert [[[[9.0, 3.0, 4.0]]]] == out.tolist()
    assert [[[[0, 3, 4]]]] == places.tolist()


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(RuntimeError, match="too large relative to input size"):
        F.fractional_max_pool2d(ft.ones(1, 1, 3, 3), 2, 3)
    with pytest.raises(RuntimeError, match="same dtype"):
        F.grid_sample(ft.ones(1, 1, 2, 2), ft.zeros(1, 1, 1, 2, dtype=ft.float64), align_corners=True)
    with pytest.raises(RuntimeError, match="bicubic interpolation only supports 4D"):
        F.grid_sample(ft.ones(1, 1, 2, 2, 2), ft.zeros(1, 1, 1, 1, 3), mode="bicubic", align_corners=True)
