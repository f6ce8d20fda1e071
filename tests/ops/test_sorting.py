"""Order, distinct values, search and histograms, against values worked by hand."""
import bisect
import collections
import itertools
import math
import pickle
import random

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


@pytest.mark.parametrize("span", [0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
@pytest.mark.parametrize("low", [-2**63, -7, 2**40])
@pytest.mark.parametrize("descending", [False, True])
def test_whole_numbers_are_sorted_whatever_lies_between_the_least_and_the_greatest(low, span, descending):
    """Up to 2^32 apart they share a word with their index."""
    rng = random.Random(span)
    high = min(low + span, 2**63 - 1)
    numbers = [low, high] + [rng.choice([low, high, rng.randint(low, high), rng.randint(low, min(low + 9, high))]) for _ in range(400)]
    order = sorted(range(len(numbers)), key=numbers.__getitem__) if not descending else sorted(range(len(numbers)), key=lambda i: -numbers[i])

    values, indices = ft.tensor(numbers).sort(descending=descending)

    assert indices.tolist() == order
    assert values.tolist() == [numbers[i] for i in order]


@pytest.mark.parametrize("n", [40, 400])
@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16, ft.float32, ft.float64])
def test_sorted_zeros_and_nans_are_those_that_were_given(dtype, n):
    """Keys tell neither the sign of a zero nor what a NaN holds."""
    whole = {2: ft.int16, 4: ft.int32, 8: ft.int64}[ft.empty(0, dtype=dtype).element_size()]
    given = ft.tensor([0.0, -0.0, math.nan, -1.0, -math.inf, 5.0, -0.0, math.inf] * (n // 8), dtype=dtype)
    words = given.view(whole)
    words[2::16] += 1           # another NaN

    values, indices = given.sort(stable=True)

    assert words[indices].tolist() == values.view(whole).tolist()
    assert len(set(words[indices].tolist())) == 8


@pytest.mark.parametrize("dtype", [ft.uint8, ft.int16, ft.int64, ft.bfloat16, ft.float32, ft.float64])
@pytest.mark.parametrize("order", ["random", "rising", "falling", "equal", "special"])
@pytest.mark.parametrize("n, k", [(9, 3), (41, 40), (1003, 1), (1003, 40), (1003, 41), (21000, 41), (21000, 42), (132000, 256)])
def test_best_of_a_line_are_the_first_of_its_sort(n, k, order, dtype):
    """Values, and indices of the lowest among equals, however few of how many are wanted."""
    rng = random.Random(n + k)
    values = [rng.randrange(120) if dtype in (ft.uint8, ft.int16) else rng.randrange(-10**6, 10**6) for _ in range(n)]
    if order in ("rising", "falling"):
        values.sort(reverse=order == "falling")
    elif order == "equal":
        values = [values[0]] * n
    elif order == "special" and dtype.is_floating_point:
        values = [rng.choice([math.nan, math.inf, -math.inf, 0.0, -0.0, v]) for v in values]
    t = ft.tensor(values).to(dtype)

    for largest in (True, False):
        expected, best = t.sort(descending=largest, stable=True), t.topk(k, largest=largest)
        assert expected.indices[:k].tolist() == best.indices.tolist()
        assert ft.equal(expected.values[:k].nan_to_num(7), best.values.nan_to_num(7))
        assert ft.equal(best.indices, t.repeat_interleave(2)[::2].topk(k, largest=largest).indices)
    assert t.kthvalue(k).indices.item() == t.sort(stable=True).indices[k - 1].item()
    if not t.isnan().any():
        assert t.median().item() == t.sort()[0][(n - 1) // 2].item()


@pytest.mark.parametrize("dtype", [ft.int32, ft.float32, ft.float64])
def test_sort_of_what_is_sorted(dtype):
    t = ft.arange(100).to(dtype).repeat_interleave(2)

    assert ft.equal(ft.arange(200), t.sort(stable=True).indices) and ft.equal(t, t.sort().values)
    assert ft.equal(ft.arange(200), t.flip(0).sort(descending=True, stable=True).indices)


def long_line(kind, n, rng):
    """Lines of which a sample at even distances tells little, and others."""
    if kind == "misleading":
        return [-(1 << 40) if i % (n // 1024) else rng.randrange(1 << 40) for i in range(n)]
    if kind == "ties":
        return [rng.randrange(3) for _ in range(n)]
    return [rng.randrange(-(1 << 62), 1 << 62) for _ in range(n)]


@pytest.mark.parametrize("kind", ["misleading", "ties", "far"])
@pytest.mark.parametrize("n", [41, 300, 16384, 20000])
def test_selection_from_a_line_is_what_its_stable_sort_says(n, kind):
    numbers = long_line(kind if n > 1024 else "ties", n, random.Random(n))
    order = sorted(range(n), key=numbers.__getitem__)

    for dtype in (ft.int64, ft.float64):        # both have the numbers' order; float64 may join some, whose places must not be asked
        t = ft.tensor([float(x) if dtype is ft.float64 else x for x in numbers], dtype=dtype)
        floats = t.tolist()
        places = order if dtype is ft.int64 else sorted(range(n), key=floats.__getitem__)
        for k in {1, 2, n // 1000 + 1, n // 4, (n + 1) // 2, n - 1, n}:
            value, place = t.kthvalue(k)
            assert (floats[places[k - 1]], places[k - 1]) == (value.item(), place.item())
        assert places[(n - 1) // 2] == t.median(0)[1].item() and floats[places[(n - 1) // 2]] == t.median().item()


def test_medians_with_nan():
    t = ft.tensor([3.0, math.nan, 1.0, 2.0, math.nan, 2.0] * 10)

    assert 1 == t.median(0)[1].item() and math.isnan(t.median().item())
    assert (2.0, 29) == (t.nanmedian().item(), t.nanmedian(0)[1].item())
    assert ft.full((50,), math.nan).nanmedian(0)[1].item() == 0


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", [ft.bool, ft.uint8, ft.int8])
def test_bytes_are_sorted_by_counting(dtype, descending):
    rng = random.Random(1)
    low, high = {ft.bool: (0, 1), ft.uint8: (0, 255), ft.int8: (-128, 127)}[dtype]
    lines = [[rng.randint(low, high) if r else high for _ in range(700)] for r in range(3)]
    orders = [sorted(range(700), key=lambda i, line=line: -line[i] if descending else line[i]) for line in lines]
    t = ft.tensor(lines).to(dtype)

    for x, dim in ((t, 1), (t.t(), 0), (t.t().contiguous(), 0)):
        values, indices = x.sort(dim, descending)
        assert orders == (indices if dim else indices.t()).tolist()
        assert [[line[i] for i in order] for line, order in zip(lines, orders)] == (values if dim else values.t()).long().tolist()


@pytest.mark.parametrize("x", [[True], [False], [False] * 9, [True] * 70, [True, False] * 50, [False] * 65 + [True]])
def test_unique_of_truth_values(x):
    values, inverse, counts = ft.unique(ft.tensor(x), return_inverse=True, return_counts=True)

    assert (sorted(set(x)), [sorted(set(x)).index(v) for v in x]) == (values.tolist(), inverse.tolist())
    assert [x.count(v) for v in sorted(set(x))] == counts.tolist()
    assert sorted(set(x)) == ft.unique(ft.tensor(x)).tolist()


def test_unique():
    t = ft.tensor([3, 1, 1, 3])
    values, inverse, counts = ft.unique(t, return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 3] and inverse.tolist() == [1, 0, 0, 1] and counts.tolist() == [2, 2]
    assert ft.unique_consecutive(t).tolist() == [3, 1, 3]
    assert ft.unique(ft.tensor([[2, 1], [0, 5], [2, 1]]), dim=0).tolist() == [[0, 5], [2, 1]]


@pytest.mark.parametrize("dtype", [ft.uint8, ft.int8, ft.int16, ft.int32, ft.int64, ft.float32, ft.float64, ft.bfloat16])
@pytest.mark.parametrize("spread", [5, 100])
def test_unique_of_many_as_by_python(dtype, spread):
    """Close whole numbers go through a table, others through a sort."""
    values = [(37 * k * k + k) % spread - (0 if dtype is ft.uint8 else spread // 2) for k in range(500)]
    found, inverse, counts = ft.tensor(values, dtype=dtype).unique(return_inverse=True, return_counts=True)
    expected = sorted(collections.Counter(values).items())

    assert [value for value, _ in expected] == found.tolist()
    assert [count for _, count in expected] == counts.tolist()
    assert values == found[inverse].tolist()


@pytest.mark.parametrize("repeats", [1, 3, 40])
@pytest.mark.parametrize("dtype", [ft.bool, ft.uint8, ft.int16, ft.int32, ft.int64, ft.float16, ft.bfloat16, ft.float32, ft.float64])
def test_unique_consecutive_of_many_as_by_python(dtype, repeats):
    """Runs short and long; the result of many runs keeps the memory taken for it, that of few does not."""
    numbers = random.Random(repeats)
    values = [value for _ in range(300) for value in [numbers.randrange(2 if dtype is ft.bool else 5)] * numbers.randint(1, repeats)]
    t = ft.tensor(values, dtype=dtype)
    runs = [(value, len(list(run))) for value, run in itertools.groupby(values)]
    for inverse, counts in itertools.product((False, True), repeat=2):
        found = t.unique_consecutive(return_inverse=inverse, return_counts=counts)
        found = [part.tolist() for part in (found if inverse or counts else (found,))]

        assert found.pop(0) == [value for value, _ in runs]
        if inverse:
            assert found.pop(0) == [number for number, (_, length) in enumerate(runs) for _ in range(length)]
        if counts:
            assert found.pop(0) == [length for _, length in runs]
    found = t.unique_consecutive()
    copy = pickle.loads(pickle.dumps(found))
    assert copy.tolist() == [value for value, _ in runs]
    assert not any(found.untyped_storage()[len(runs) * found.element_size():])      # what is left over is no chance bytes


def test_unique_of_far_whole_numbers():
    ends = [-(2**63), 2**63 - 1, 0, -1, 2**63 - 1]

    assert ft.tensor(ends).unique().tolist() == [-(2**63), -1, 0, 2**63 - 1]


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64, ft.float16])
def test_runs_of_equal_values(dtype):
    """NaN equals nothing; zeros of both signs are equal and the first stands for the run."""
    nan = math.nan
    t = ft.tensor([nan, nan, -0.0, 0.0, 0.0, 2.0, 1.0, 1.0, 2.0], dtype=dtype)
    values, inverse, counts = t.unique_consecutive(return_inverse=True, return_counts=True)

    assert values.tolist() == pytest.approx([nan, nan, 0.0, 2.0, 1.0, 2.0], nan_ok=True)
    assert math.copysign(1, values[2].item()) == -1
    assert inverse.tolist() == [0, 1, 2, 2, 2, 3, 4, 4, 5] and counts.tolist() == [1, 1, 3, 1, 2, 1]


@pytest.mark.parametrize("dtype", [ft.int32, ft.int64, ft.float32, ft.float64, ft.bfloat16])
@pytest.mark.parametrize("n", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("right", [False, True])
def test_searching_as_bisect_does(dtype, n, right):
    line = ft.tensor([float(k * 7 % 64) for k in range(n)]).sort()[0].to(dtype)
    values = ft.arange(-3, 67).to(dtype)
    place = bisect.bisect_right if right else bisect.bisect_left

    assert [place(line.tolist(), v) for v in values.tolist()] == ft.searchsorted(line, values, right=right).tolist()
    assert [place(line.tolist(), 5)] == ft.searchsorted(line, values[8:9], right=right).tolist()


def test_searching_line_by_line_with_a_sorter():
    lines = ft.tensor([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]])
    found = ft.searchsorted(lines, ft.tensor([[1.5, 9.0], [4.5, 0.0]]), sorter=lines.argsort(1))

    assert found.tolist() == [[1, 3], [1, 0]]
    assert ft.searchsorted(ft.zeros(0), ft.tensor([1.0])).tolist() == [0]


@pytest.mark.parametrize("top", [3, 5000])
def test_counting_many(top):
    values = [k * k % top for k in range(3001)]
    weights = ft.arange(3001).float()

    assert [values.count(v) for v in range(max(values) + 1)] == ft.tensor(values).bincount().tolist()
    assert ft.tensor(values, dtype=ft.uint8 if top < 256 else ft.int32).bincount(weights).sum().item() == weights.sum().item()
    with pytest.raises(RuntimeError, match="non-negative"):
        ft.tensor([1, -1]).bincount()


def test_search_and_counts():
    edges = ft.tensor([1.0, 3.0, 5.0])
    assert ft.searchsorted(edges, ft.tensor([3.0, 6.0])).tolist() == [1, 3]
    assert ft.bucketize(ft.tensor([3.0]), edges, right=True).tolist() == [2]
    assert ft.bincount(ft.tensor([1, 1, 3])).tolist() == [0, 2, 0, 1]
    assert ft.histc(ft.tensor([0.0, 0.4, 1.0]), 2).tolist() == [2.0, 1.0]


def test_quantile_interpolates():
    t = ft.tensor([0.0, 10.0, 20.0])
    assert ft.quantile(t, 0.25).item() == 5.0 and ft.quantile(t, 0.25, interpolation="lower").item() == 0.0
