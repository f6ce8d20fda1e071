"""Indexing against an independent rule: integers and slices first, as views, then tensors together, by NumPy.

NumPy counts an integer beside an index tensor as an index tensor; PyTorch selects with it first. The
rule below does the same, so NumPy sees only slices and arrays at the end.
"""
import pytest
from hypothesis import given
from hypothesis import strategies as st

import frankentorch as ft

numpy = pytest.importorskip("numpy")

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


@st.composite
def slices(draw, size):
    ends = st.none() | st.integers(-size - 2, size + 2)
    return slice(draw(ends), draw(ends), draw(st.none() | st.integers(1, 3)))


@st.composite
def basic_items(draw, size):
    kind = draw(st.sampled_from(["int", "slice", "slice", "all"]))
    if kind == "int":
        return draw(st.integers(-size, size - 1))
    return slice(None) if kind == "all" else draw(slices(size))


@st.composite
def basic_index(draw):
    """(shape, index) with integers, slices, None and at most one Ellipsis."""
    shape = draw(SHAPES)
    used = draw(st.integers(0, len(shape)))
    split = draw(st.integers(0, used))
    ellipsis = draw(st.booleans())
    sizes = shape[:split] + (shape[len(shape) - used + split:] if ellipsis else shape[split:used])
    items = [draw(basic_items(size)) for size in sizes]
    if ellipsis:
        items.insert(split, Ellipsis)
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    return shape, tuple(items)


@st.composite
def advanced_index(draw):
    """(shape, index) with index arrays that broadcast together, masks, slices and integers."""
    shape = draw(SHAPES)
    common = draw(st.sampled_from([(), (1,), (3,), (2, 3)]))
    items = []
    for size in shape:
        kind = draw(st.sampled_from(["array", "array", "slice", "int", "all"]))
        if kind == "array":
            sizes = draw(st.sampled_from([common, common[1:], (1,) * len(common)]))
            count = int(numpy.prod(sizes, dtype=int))
            values = draw(st.lists(st.integers(-size, size - 1), min_size=count, max_size=count))
            items.append(numpy.array(values, dtype=numpy.int64).reshape(sizes))
        elif kind == "slice":
            items.append(draw(slices(size)))
        else:
            items.append(draw(st.integers(-size, size - 1)) if kind == "int" else slice(None))
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), None)
    return shape, tuple(items)


def reference(array, index):
    """Basic items first, then what is left in one NumPy indexing."""
    basic = tuple(slice(None) if isinstance(item, numpy.ndarray) else item for item in index)
    array = array[basic]
    kept = tuple(item if isinstance(item, numpy.ndarray) else slice(None) for item in index if not isinstance(item, int))
    return array[kept] if any(isinstance(item, numpy.ndarray) for item in kept) else array


def counted(shape):
    return numpy.arange(int(numpy.prod(shape)), dtype=numpy.int64).reshape(shape)


def ours(ft, array):
    flat = ft.tensor(array.reshape(-1).tolist(), dtype=getattr(ft, str(array.dtype)))
    return flat.reshape(array.shape)


def translated(ft, index):
    return tuple(ours(ft, item) if isinstance(item, numpy.ndarray) else item for item in index)


@given(basic_index())
def test_basic_index_is_a_view_of_the_right_elements(ft_module, sample):
    shape, index = sample
    ft = ft_module
    whole = ours(ft, counted(shape))
    part = whole[index]
    expected = counted(shape)[index]

    assert tuple(part.shape) == expected.shape
    assert part.tolist() == expected.tolist()
    if part.numel():
        part.fill_(-1)
        changed = counted(shape)
        changed[index] = -1
        assert whole.tolist() == changed.tolist()


@given(advanced_index())
def test_index_tensors_choose_the_right_elements(ft_module, sample):
    shape, index = sample
    ft = ft_module
    found = ours(ft, counted(shape))[translated(ft, index)]
    expected = reference(counted(shape), index)

    assert tuple(found.shape) == expected.shape
    assert found.tolist() == expected.tolist()


@given(advanced_index())
def test_assignment_writes_where_reading_reads(ft_module, sample):
    shape, index = sample
    ft = ft_module
    whole = ours(ft, counted(shape))
    whole[translated(ft, index)] = -1
    expected = counted(shape).reshape(-1)
    expected[reference(counted(shape), index).reshape(-1)] = -1

    assert whole.reshape(-1).tolist() == expected.tolist()


@given(advanced_index())
def test_gradient_of_reading_counts_the_reads(ft_module, sample):
    shape, index = sample
    ft = ft_module
    whole = ours(ft, counted(shape).astype(numpy.float64)).requires_grad_()
    found = whole[translated(ft, index)]
    (grad,) = ft.autograd.grad(found.sum(), whole)
    counts = numpy.bincount(reference(counted(shape), index).reshape(-1), minlength=int(numpy.prod(shape)))

    assert grad.reshape(-1).tolist() == counts.tolist()


@st.composite
def masked(draw):
    shape = draw(SHAPES)
    dims = draw(st.integers(1, len(shape)))
    count = int(numpy.prod(shape[:dims]))
    mask = numpy.array(draw(st.lists(st.booleans(), min_size=count, max_size=count))).reshape(shape[:dims])
    return shape, mask


@given(masked())
def test_mask_chooses_in_row_major_order(ft_module, sample):
    shape, mask = sample
    ft = ft_module
    found = ours(ft, counted(shape))[ours(ft, mask)]

    assert tuple(found.shape) == counted(shape)[mask].shape
    assert found.tolist() == counted(shape)[mask].tolist()


@given(masked())
def test_assignment_through_a_mask(ft_module, sample):
    shape, mask = sample
    ft = ft_module
    whole = ours(ft, counted(shape))
    whole[ours(ft, mask)] = -1
    expected = counted(shape)
    expected[mask] = -1

    assert whole.tolist() == expected.tolist()


@given(basic_index() | advanced_index())
def test_agrees_with_the_live_oracle(ft_module, sample):
    from tests import oracle

    torch = oracle.require()
    shape, index = sample
    ft = ft_module
    expected = ours(torch, counted(shape))[translated(torch, index)]
    found = ours(ft, counted(shape))[translated(ft, index)]

    assert oracle.difference(expected, found, torch, ft, exact=True) is None


@pytest.mark.parametrize("index, error", [
    ((5,), IndexError), ((-4,), IndexError), ((0, 0, 0), IndexError), ((slice(None, None, -1),), ValueError),
    (("a",), TypeError), ((slice(None, None, 0),), ValueError),
])
def test_bad_index_raises_the_oracles_type(ft, index, error):
    with pytest.raises(error):
        ft.zeros(3, 2)[index]


def test_index_tensor_out_of_range(ft):
    with pytest.raises(IndexError):
        ft.zeros(3, 2)[ft.tensor([0, 3])]


def test_mask_of_another_shape(ft):
    with pytest.raises(IndexError):
        ft.zeros(3, 2)[ft.tensor([True, False])]


def test_a_list_that_holds_sequences_is_an_index_per_dim():
    t = ft.arange(12).reshape(3, 4)

    with pytest.warns(UserWarning, match="non-tuple sequence"):
        assert t[[[0, 1], [1, 2]]].tolist() == [1, 6]
    with pytest.warns(UserWarning, match="non-tuple sequence"):
        assert t[[ft.tensor([0]), ft.tensor([3])]].tolist() == [3]


def test_floats_in_an_index_list_count_as_integers_and_tensors_of_floats_do_not():
    t = ft.arange(3)

    assert t[[1.5, 0.0]].tolist() == [1, 0]
    with pytest.raises(IndexError, match="must be long, int, byte or bool"):
        t[ft.tensor([1.5])]


@pytest.mark.parametrize("index", [{}, {1}, 1.5, object()])
def test_what_cannot_index_is_an_index_error(index):
    with pytest.raises(IndexError):
        ft.arange(3)[index]


@pytest.mark.parametrize("value", [[1.0, 2.0], (1.0, 2.0), range(2), None, "a"])
def test_only_numbers_and_tensors_can_be_assigned(value):
    with pytest.raises(TypeError, match="can't assign a"):
        ft.ones(2)[:] = value


def test_assigning_a_complex_number_to_a_real_tensor_is_refused():
    with pytest.raises(RuntimeError, match="without overflow"):
        ft.ones(2)[0] = 1j


def test_narrow_takes_a_0d_start_and_refuses_others():
    t = ft.arange(5)

    assert t.narrow(0, ft.tensor(2), 2).tolist() == [2, 3]
    with pytest.raises(RuntimeError, match="0-dim integral Tensor"):
        t.narrow(0, ft.tensor([2]), 2)


def test_as_strided_in_place_keeps_its_gradient():
    x = ft.arange(4.0).requires_grad_()
    y = x.clone().as_strided_((2,), (2,), 1)
    y.sum().backward()

    assert x.grad.tolist() == [0.0, 1.0, 0.0, 1.0]


def test_atleast_takes_several_tensors():
    made = ft.atleast_2d(ft.tensor(1), ft.tensor([1, 2]))

    assert [tuple(t.shape) for t in made] == [(1, 1), (1, 2)]
    assert isinstance(ft.atleast_1d([ft.tensor(1)]), tuple)


def test_nan_to_num_uses_the_dtypes_largest():
    assert ft.nan_to_num(ft.tensor([float("inf"), float("nan")], dtype=ft.float16)).tolist() == [65504.0, 0.0]


def test_as_strided_scatter_counts_its_offset_from_the_storage():
    base = ft.arange(4)

    assert ft.as_strided_scatter(base[1:3], ft.tensor([9]), (1,), (1,), 0).tolist() == [1, 2]
    assert ft.as_strided_scatter(base[1:3], ft.tensor([9]), (1,), (1,), 2).tolist() == [1, 9]
