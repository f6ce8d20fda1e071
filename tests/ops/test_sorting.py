"""Order, distinct values, search and histograms, against values worked by hand."""
import math

import pytest

import frankentorch as ft


def test_sort_is_stable_and_nan_is_greatest():
    values, indices = ft.sort(ft.tensor([2.0, math.nan, 1.0, 2.0]))
    assert values[:3].tolist() == [1.0, 2.0, 2.0] and indices.tolist() == [2, 0, 3, 1]
    assert ft.tensor([1, 3, 3]).sort(descending=True)[1].tolist() == [1, 2, 0]


def test_sort_gradient_goes_home():
    t = ft.tensor([3.0, 1.0, 2.0], requires_grad=True)
    (t.sort()[0] * ft.tensor([10.0, 20.0, 30.0])).sum().backward()
    assert t.grad.tolist() == [30.0, 10.0, 20.0]


def test_selection():
    t = ft.tensor([4, 9, 1, 7])
    assert t.topk(2)[0].tolist() == [9, 7] and t.topk(2, largest=False)[1].tolist() == [2, 0]
    assert t.kthvalue(3)[0].item() == 7 and t.median().item() == 4
    assert ft.tensor([1, 2, 2, 1]).mode()[0].item() == 1
    assert ft.nanmedian(ft.tensor([math.nan, 1.0, 3.0])).item() == 1.0
    with pytest.raises(RuntimeError, match="out of range"):
        t.topk(5)


def test_unique():
    t = ft.tensor([3, 1, 1, 3])
    values, inverse, counts = ft.unique(t, return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 3] and inverse.tolist() == [1, 0, 0, 1] and counts.tolist() == [2, 2]
    assert ft.unique_consecutive(t).tolist() == [3, 1, 3]
    assert ft.unique(ft.tensor([[2, 1], [0, 5], [2, 1]]), dim=0).tolist() == [[0, 5], [2, 1]]


def test_search_and_counts():
    edges = ft.tensor([1.0, 3.0, 5.0])
    assert ft.searchsorted(edges, ft.tensor([3.0, 6.0])).tolist() == [1, 3]
    assert ft.bucketize(ft.tensor([3.0]), edges, right=True).tolist() == [2]
    assert ft.bincount(ft.tensor([1, 1, 3])).tolist() == [0, 2, 0, 1]
    assert ft.histc(ft.tensor([0.0, 0.4, 1.0]), 2).tolist() == [2.0, 1.0]


def test_quantile_interpolates():
    t = ft.tensor([0.0, 10.0, 20.0])
    assert ft.quantile(t, 0.25).item() == 5.0 and ft.quantile(t, 0.25, interpolation="lower").item() == 0.0
