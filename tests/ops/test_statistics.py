"""Spread, integrals, histograms, windows: values worked out by hand."""
import math

import pytest

import frankentorch as ft


def near(found, expected, tolerance=1e-6):
    assert ft.allclose(found, ft.tensor(expected, dtype=found.dtype), rtol=tolerance, atol=tolerance), found


def test_angles():
    near(ft.angle(ft.tensor([1.0, -1.0, 0.0])), [0, math.pi, 0])
    near(ft.angle(ft.tensor([1j, -1 + 0j])), [math.pi / 2, math.pi])
    near(ft.deg2rad(ft.tensor([180, 90])), [math.pi, math.pi / 2])
    near(ft.rad2deg(ft.tensor([math.pi])), [180.0])
    near(ft.logit(ft.tensor([0.5, 0.75, 2.0]), eps=0.25), [0.0, math.log(3), math.log(3)])
    with pytest.raises(RuntimeError, match="can't be cast"):
        ft.tensor([180, 90]).deg2rad_()


def test_covariance_and_correlation():
    x = ft.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])

    assert ft.cov(x).tolist() == [[1, -1], [-1, 1]]
    near(ft.cov(x, correction=0), [[2 / 3, -2 / 3], [-2 / 3, 2 / 3]])
    assert ft.corrcoef(x).tolist() == [[1, -1], [-1, 1]]
    near(ft.cov(ft.tensor([1.0, 3.0]), fweights=ft.tensor([1, 3])), 1.0)      # mean 2.5; (2.25 + 3 * 0.25) / 3
    with pytest.raises(RuntimeError, match="negative"):
        ft.cov(x, fweights=ft.tensor([1, -1, 1]))


def test_integrals_and_slopes():
    y = ft.tensor([1.0, 5.0, 10.0])

    assert ft.trapezoid(y) == 10.5 and ft.trapz(y, dx=2.0) == 21
    assert ft.trapezoid(y, ft.tensor([1.0, 2.0, 4.0])) == 18
    assert ft.cumulative_trapezoid(y).tolist() == [3, 10.5]
    x = ft.tensor([0.0, 1.0, 3.0])
    (slope,) = ft.gradient(x * x, spacing=(x,))
    near(slope, [1.0, 2.0, 4.0])                 # exact inside for a parabola, one-sided at the ends
    (slope,) = ft.gradient(x * x, spacing=(x,), edge_order=2)
    near(slope, [0.0, 2.0, 6.0])


def test_membership():
    x = ft.tensor([[1, 2], [3, 4]])

    assert ft.isin(x, ft.tensor([2, 3])).tolist() == [[False, True], [True, False]]
    assert ft.isin(x, 2, invert=True).tolist() == [[True, False], [True, True]]
    assert ft.isin(ft.arange(50), ft.arange(0, 50, 2)).sum() == 25
    assert ft.isposinf(ft.tensor([1.0, math.inf, -math.inf])).tolist() == [False, True, False]
    assert ft.isneginf(ft.tensor([1, 2])).tolist() == [False, False]


def test_histograms():
    hist, edges = ft.histogram(ft.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0), weight=ft.tensor([1.0, 2.0, 4.0]))
    assert hist.tolist() == [0, 5, 2, 0] and edges.tolist() == [0, 0.75, 1.5, 2.25, 3]
    hist, _ = ft.histogram(ft.tensor([0.0, 1.0, 2.0]), ft.tensor([0.0, 1.0, 2.0]))
    assert hist.tolist() == [1, 2]               # the last bin is closed
    hist, edges = ft.histogramdd(ft.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [2.0, 2.0]]), bins=[3, 3])
    assert hist.tolist() == [[0, 1, 0], [1, 0, 0], [1, 0, 1]]


def test_windows():
    near(ft.hann_window(4), [0, 0.5, 1, 0.5])
    near(ft.bartlett_window(5, periodic=False), [0, 0.5, 1, 0.5, 0])
    near(ft.hamming_window(3, periodic=False), [0.08, 1, 0.08])
    near(ft.blackman_window(3, periodic=False), [0, 1, 0])
    near(ft.kaiser_window(3, periodic=False, beta=0.0), [1, 1, 1])
    near(ft.kaiser_window(3, periodic=False, beta=1.0)[0], 1 / 1.2660658777520084)
    assert ft.hann_window(1).tolist() == [1] and ft.hann_window(0).shape == (0,)
    assert (ft.pi, ft.inf, ft.newaxis) == (math.pi, math.inf, None)


def test_renorm_scales_only_what_is_too_long():
    near(ft.renorm(ft.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1), [[0.6, 0.8], [0.3, 0.4]])
