"""Kernels called past the tape have the bits of the ops that the tape records; walks over short rows have those of long ones."""
import itertools
import math

import pytest

import frankentorch as ft
import frankentorch.nn.functional as F


def values(*shape, dtype=ft.float32, seed=0):
    """Of all sizes, with zeros, infinities and nan among them."""
    ft.manual_seed(seed)
    x = ft.randn(shape, dtype=ft.float64) * 10 ** (ft.rand(shape, dtype=ft.float64) * 8 - 4)
    kind = ft.randint(0, 40, shape)
    for i, special in enumerate((0.0, -0.0, math.inf, math.nan)):
        x = ft.where(kind == i, special, x)
    return x.to(dtype)


def bits(x):
    """Shape, dtype and values; any nan is one nan."""
    return tuple(x.shape), x.dtype, [repr(v) for v in ft.flatten(x.detach()).tolist()]


def cases():
    for p in (1.0, 2.0, math.inf):
        for rows, others, features in ((3, 5, 3), (70, 65, 1), (2, 130, 20)):
            yield f"cdist {p} {features}", lambda x, y, p=p: ft.cdist(x, y, p=p), (rows, features), (2, others, features)
        yield f"pdist {p}", lambda x, y, p=p: F.pdist(x, p=p), (67, 4), (1,)
    yield "cross", lambda x, y: ft.cross(x, y, dim=1), (4, 3, 5), (1, 3, 5)
    yield "trapz", lambda x, y: ft.trapz(x, dx=0.5), (5, 700), (1,)
    yield "block_diag", lambda x, y: ft.block_diag(x, y, x), (4, 3), (1, 6)
    for r in (1, 2, 3):
        yield f"combinations {r}", lambda x, y, r=r: ft.combinations(x, r, r == 3), (7,), (1,)
    yield "addr", lambda x, y: ft.addr(x, y, x[0, :5]), (6, 5), (6,)
    for mode, padding in itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")):
        yield f"grid_sample {mode} {padding}", lambda x, y, mode=mode, padding=padding: F.grid_sample(x, y, mode, padding, False), (2, 3, 5, 4), (2, 9, 40, 2)
    yield "grid_sample of volumes", lambda x, y: F.grid_sample(x, y, align_corners=True), (2, 3, 5, 4, 3), (2, 3, 4, 5, 3)


@pytest.mark.parametrize("dtype", (ft.float32, ft.float64))
@pytest.mark.parametrize("function, first, second", [pytest.param(*rest, id=name) for name, *rest in cases()])
def test_a_kernel_has_the_bits_of_the_composite(function, first, second, dtype):
    x, y = values(*first, dtype=dtype), values(*second, dtype=dtype, seed=1)

    assert bits(function(x.requires_grad_(), y)) == bits(function(x.detach(), y))


@pytest.mark.parametrize("dtype", (ft.float32, ft.float64))
@pytest.mark.parametrize("features", (2, 15, 17, 31, 33, 64, 100, 129, 200, 4095, 4097, 12300, 28700))
def test_distances_are_norms_of_differences(features, dtype):
    """Lanes with and without a term, blocks with and without a neighbour."""
    ft.manual_seed(features)
    x, y = ft.randn(7, features, dtype=dtype), ft.randn(19, features, dtype=dtype)

    for p in (1.0, 2.0, math.inf):
        expected = ft.linalg.vector_norm(x[:, None] - y, p, -1)
        assert bits(expected) == bits(ft.cdist(x, y, p))
        assert bits(ft.cat([row[i + 1:] for i, row in enumerate(ft.linalg.vector_norm(x[:, None] - x, p, -1))])) == bits(F.pdist(x, p))


@pytest.mark.parametrize("dtype", (ft.float32, ft.float64))
@pytest.mark.parametrize("rows, others, features", [(1, 1, 1), (5, 64, 17), (3, 70, 129), (2, 4100, 5), (2, 8300, 3), (0, 3, 2), (3, 0, 2), (2, 3, 0)])
def test_gradients_of_distances_are_sums_of_pulls(rows, others, features, dtype):
    ft.manual_seed(features)
    x, y, g = ft.randn(rows, features, dtype=dtype), ft.randn(others, features, dtype=dtype), ft.randn(rows, others, dtype=dtype)
    if min(rows, others, features) > 1:
        y[1], y[2, 0] = x[0], x[1, 0]           # a distance of 0, a difference of 0
        x[1], y[0] = x[1].round(), y[0].round()                 # differences that are equally great
    for p in (1.0, 2.0, math.inf) if features else (1.0, 2.0):
        leaves = x.clone().requires_grad_(), y.clone().requires_grad_()
        found = ft.cdist(*leaves, p=p)
        found.backward(g)
        differences, distance = x[:, None] - y, found.detach()
        if p == math.inf:
            peaks = differences.abs() == distance[:, :, None]
            terms = peaks * (g / peaks.sum(-1))[:, :, None] * differences.sign()
        else:
            terms = g[:, :, None] * differences.sign() if p == 1 else ft.where(distance > 0, g / distance, 0.0)[:, :, None] * differences

        assert bits(terms.sum(1)) == bits(leaves[0].grad)
        assert bits((-terms).sum(0)) == bits(leaves[1].grad)


@pytest.mark.parametrize("p", (1.0, 2.0, math.inf))
def test_gradients_of_distances_among_rows_are_those_to_all_rows(p):
    ft.manual_seed(0)
    x, g = ft.randn(40, 17), ft.randn(780)
    leaf, one, other = (x.clone().requires_grad_() for _ in range(3))
    F.pdist(leaf, p).backward(g)
    square = ft.zeros(40, 40).index_put(tuple(ft.triu_indices(40, 40, 1)), g)
    ft.cdist(one, other, p).backward(square + square.t())

    assert bits(one.grad) == bits(leaf.grad)


def test_second_derivatives_of_distances():
    ft.manual_seed(0)
    x, y = ft.randn(2, 4, 3, dtype=ft.float64, requires_grad=True), ft.randn(5, 3, dtype=ft.float64, requires_grad=True)
    for p in (1.0, 2.0, math.inf):
        assert ft.autograd.gradgradcheck(lambda x, p=p: F.pdist(x, p), (y,))
        assert ft.autograd.gradgradcheck(lambda x, y, p=p: ft.cdist(x, y, p=p), (x, y))
        assert ft.autograd.gradcheck(lambda x, y, p=p: ft.cdist(x, y, p=p), (x, y), check_forward_ad=True, check_batched_grad=True)
    assert ft.autograd.gradgradcheck(lambda x: F.glu(x, 1), (ft.randn(2, 4, 3, dtype=ft.float64, requires_grad=True),))
    assert ft.autograd.gradcheck(lambda x: F.glu(x, 1), (ft.randn(2, 4, 3, dtype=ft.float64, requires_grad=True),), check_forward_ad=True, check_batched_grad=True)


@pytest.mark.parametrize("function", [ft.cdist, lambda x, y, p: F.pdist(ft.cat((x, y)), p)])
def test_a_difference_of_zero_pulls_nothing(function):
    """For p below 1 its slope has no end. |(0, 4)| is 4, its slope in the second place 1 for any p."""
    x, y = ft.tensor([[1.0, 5.0]], requires_grad=True), ft.tensor([[1.0, 1.0]], requires_grad=True)
    distance = function(x, y, 0.5)
    distance.sum().backward()

    assert [4.0] == distance.flatten().tolist()
    assert [[[0.0, 1.0]], [[0.0, -1.0]]] == [x.grad.tolist(), y.grad.tolist()]
    assert [0.0, 0.0] == ft.autograd.grad(function(x, x.detach(), 0.5).sum(), x)[0][0].tolist()


@pytest.mark.parametrize("p", (0.0, 0.5, 1.0, 2.0, math.inf))
def test_distances_to_what_is_no_number_are_none(p):
    x = ft.tensor([[math.nan, 1.0], [2.0, 1.0], [3.0, 1.0]], requires_grad=True)

    assert [True, True, False] == F.pdist(x, p).isnan().tolist()
    assert [[True, True, True], [True, False, False], [True, False, False]] == ft.cdist(x, x, p).isnan().tolist()


@pytest.mark.parametrize("p", (1.0, math.inf))
def test_recorded_gradients_keep_what_is_no_number(p):
    x, y = ft.tensor([[math.nan, 3.0]], requires_grad=True), ft.tensor([[0.0, 1.0]])
    plain, recorded = (ft.autograd.grad(ft.cdist(x, y, p).sum(), x, create_graph=graph)[0] for graph in (False, True))

    assert [True, False] == plain[0].isnan().tolist() == recorded[0].isnan().tolist()


def test_halves_measure_distances_in_float():
    x, y = ft.tensor([[300.0, 400.0], [0.0, 1.0]], dtype=ft.bfloat16), ft.tensor([[0.0, 0.0]], dtype=ft.bfloat16)

    assert ft.cdist(x, y).dtype is ft.bfloat16
    assert ft.cdist(x, y).tolist() == [[500.0], [1.0]]


def test_places_are_chosen_as_itertools_does():
    for n, r, again in itertools.product((1, 2, 5), (1, 2, 3, 4), (False, True)):
        choose = itertools.combinations_with_replacement if again else itertools.combinations
        assert [list(row) for row in choose(range(n), r)] == ft.combinations(ft.arange(n), r, again).tolist()


@pytest.mark.parametrize("n", (1, 3, 12, 13, 64, 65))
def test_short_rows_give_what_single_elements_give(n):
    """Broadcast, strided and mixed operands, of a count that ends in the middle of a block."""
    x, y = values(300, 1, n), values(1, 7, n, seed=1).to(ft.float64)
    out = ft.zeros(n, 7, 300).permute(2, 1, 0)
    ft.sub(x, y, out=out)
    wide = x.double().expand(300, 7, n).reshape(-1) - y.expand(300, 7, n).reshape(-1)

    assert bits(wide.float()) == bits(ft.flatten(out))
    assert bits(wide) == bits(ft.flatten(x - y))
    assert bits(ft.flatten(x.expand(300, 7, n).contiguous()) * 2) == bits(ft.flatten(x.expand(300, 7, n) * 2))


def test_windows_of_a_row_that_overlap():
    x = ft.arange(40.0).view(2, 20)

    assert [[[2 * (20 * r + 3 * w + i) for i in range(4)] for w in range(6)] for r in range(2)] == (x.unfold(1, 4, 3) * 2).tolist()


@pytest.mark.parametrize("kernel, stride, padding, dilation", [((3, 3), (1, 1), (0, 0), (1, 1)), ((2, 3), (2, 1), (1, 2), (1, 2)), ((1, 4), (3, 2), (1, 3), (2, 1)), ((4, 1), (1, 3), (3, 0), (2, 1))])
def test_patches_hold_the_pixels_under_the_kernel(kernel, stride, padding, dilation):
    h, w = 8, 9
    image = ft.arange(1, 2 * h * w + 1).view(1, 2, h, w).double()
    rows, cols = ((size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, s, p, d in zip((h, w), kernel, stride, padding, dilation))
    expected, count = [], [[0] * w for _ in range(h)]
    for c, i, j in itertools.product(range(2), range(kernel[0]), range(kernel[1])):
        line = []
        for row, col in itertools.product(range(rows), range(cols)):
            y, x = row * stride[0] - padding[0] + i * dilation[0], col * stride[1] - padding[1] + j * dilation[1]
            inside = 0 <= y < h and 0 <= x < w
            line.append(1 + (c * h + y) * w + x if inside else 0)
            if inside and c == 0:
                count[y][x] += 1
        expected.append(line)
    columns = F.unfold(image, kernel, dilation, padding, stride)

    assert expected == columns[0].tolist()
    assert (image * ft.tensor(count)).tolist() == F.fold(columns, (h, w), kernel, dilation, padding, stride).tolist()
    assert expected == F.unfold(image.to(ft.uint8), kernel, dilation, padding, stride)[0].tolist()


@pytest.mark.parametrize("dtype", (ft.float32, ft.float64, ft.uint8))
def test_padding_of_two_dims_at_once(dtype):
    x = ft.arange(12).view(1, 3, 4).to(dtype)
    places = {"reflect": ([1, 0, 1, 2, 1], [2, 1, 0, 1, 2, 3, 2]), "replicate": ([0, 0, 1, 2, 2], [0, 0, 0, 1, 2, 3, 3]), "circular": ([2, 0, 1, 2, 0], [2, 3, 0, 1, 2, 3, 0])}

    for mode, (rows, columns) in places.items():
        assert [[4 * r + c for c in columns] for r in rows] == F.pad(x, (2, 1, 1, 1), mode=mode)[0].tolist()
    assert [[4 * r + c for c in (0, 0, 1, 1, 2, 2, 3, 3)] for r in (0, 0, 1, 1, 2, 2)] == F.interpolate(x[None].float(), scale_factor=2)[0, 0].tolist()


def test_histogram_bins_are_where_the_edges_are():
    """0.3 is below the edge 0.1 * 3 in double; the last bin holds its upper edge."""
    edges = ft.linspace(0, 1, 11, dtype=ft.float64)
    x = ft.cat([edges, edges - 1e-17, edges + 1e-12, ft.tensor([math.nan, -1.0, 2.0], dtype=ft.float64)])
    expected = [sum(a <= v < b or i == 9 and v == b for v in x.tolist()) for i, (a, b) in enumerate(itertools.pairwise(edges.tolist()))]

    assert expected == ft.histogram(x, 10, range=(0.0, 1.0))[0].tolist() == ft.histogram(x, edges)[0].tolist()


def test_fractional_windows_prefer_the_first_and_nan():
    x = ft.tensor([[[1.0, 1.0, 0.0], [1.0, math.nan, 0.0], [0.0, math.nan, 5.0]]])
    best, where = F.fractional_max_pool2d(x, 2, output_size=2, return_indices=True, _random_samples=ft.zeros(1, 1, 2))

    assert [[4, 4], [4, 4]] == where[0].tolist()
    assert best.isnan().all()
    best, where = F.fractional_max_pool2d(ft.ones(1, 3, 3), 2, output_size=2, return_indices=True, _random_samples=ft.zeros(1, 1, 2))
    assert [[0, 1], [3, 4]] == where[0].tolist()


def test_ctc_loss_sums_over_all_alignments():
    """Every path of 5 steps over 3 classes that collapses to the labels, by enumeration; label 1 twice needs a blank between."""
    ft.manual_seed(0)
    log_probs = ft.log_softmax(ft.randn(5, 2, 3, dtype=ft.float64), 2)
    labels = [[1, 1], [2, 1]]
    expected = []
    for n, target in enumerate(labels):
        total = 0.0
        for path in itertools.product(range(3), repeat=5):
            if [c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c)] == target:
                total += math.exp(sum(log_probs[t, n, c].item() for t, c in enumerate(path)))
        expected.append(-math.log(total))
    loss = F.ctc_loss(log_probs, ft.tensor(labels), (5, 5), (2, 2), reduction="none")

    assert expected == pytest.approx(loss.tolist(), rel=1e-13)


def test_histogram_of_uneven_edges():
    """Edges far from even, some twice: each value counts in the last bin that starts at or before it."""
    edges = [0.0, 1e-6, 1e-5, 1e-4, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.5, 0.5, 0.75, 100.0]
    values = [0.0, 5e-7, 1e-6, 9e-5, 1e-4, 2e-4, 0.05, 0.1, 0.3, 0.5, 0.6, 0.75, 80.0, 100.0, -1.0, 101.0, float("nan")]
    expected = [0.0] * 12
    for v in values:
        if 0.0 <= v <= 100.0:
            expected[min(max(i for i, e in enumerate(edges) if e <= v), 11)] += 1
    assert ft.histogram(ft.tensor(values, dtype=ft.float64), ft.tensor(edges, dtype=ft.float64))[0].tolist() == expected
