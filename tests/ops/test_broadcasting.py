"""Shapes and strides of what broadcasting and views give, by rules written out here."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

numpy = pytest.importorskip("numpy")

SIZES = st.sampled_from([0, 1, 2, 3])
SHAPES = st.lists(SIZES, max_size=4).map(tuple)


def broadcast(left, right):
    """The common shape, or None: aligned at the end, equal or one."""
    width = max(len(left), len(right))
    left, right = ((1,) * (width - len(shape)) + shape for shape in (left, right))
    found = []
    for a, b in zip(left, right):
        if a != b and 1 not in (a, b):
            return None
        found.append(b if a == 1 else a)
    return tuple(found)


def ramp(ft, shape):
    count = int(numpy.prod(shape, dtype=int))
    return ft.arange(count, dtype=ft.float64).reshape(shape)


@given(SHAPES, SHAPES)
def test_sum_has_the_broadcast_shape_and_numpys_values(ft_module, left, right):
    ft = ft_module
    shape = broadcast(left, right)
    if shape is None:
        with pytest.raises(RuntimeError):
            ramp(ft, left) + ramp(ft, right)
        return
    found = ramp(ft, left) + ramp(ft, right)
    arrays = [numpy.arange(int(numpy.prod(sizes, dtype=int)), dtype=float).reshape(sizes) for sizes in (left, right)]

    assert tuple(found.shape) == shape == tuple(ft.broadcast_shapes(left, right))
    assert found.tolist() == (arrays[0] + arrays[1]).tolist()


@given(SHAPES, SHAPES)
def test_gradient_has_the_shape_of_its_operand(ft_module, left, right):
    ft = ft_module
    shape = broadcast(left, right)
    if shape is None:
        return
    x, y = (ramp(ft, sizes).requires_grad_() for sizes in (left, right))
    gx, gy = ft.autograd.grad((x + 2 * y).sum(), (x, y))
    count = int(numpy.prod(shape, dtype=int))

    assert tuple(gx.shape) == left
    assert tuple(gy.shape) == right
    assert gx.sum().item() == count
    assert gy.sum().item() == 2 * count


@given(SHAPES, SHAPES)
def test_in_place_does_not_grow(ft_module, left, right):
    ft = ft_module
    x = ramp(ft, left)
    if broadcast(left, right) == left:
        assert x.add_(ramp(ft, right)) is x
    else:
        with pytest.raises(RuntimeError):
            x.add_(ramp(ft, right))
        assert tuple(x.shape) == left


@given(SHAPES, SHAPES)
def test_expand_repeats_with_stride_zero(ft_module, shape, target):
    ft = ft_module
    if broadcast(shape, target) != target or len(shape) > len(target):
        return
    found = ramp(ft, shape).expand(target)
    padded = (1,) * (len(target) - len(shape)) + shape

    assert tuple(found.shape) == target
    if 0 not in target:
        assert all(stride == 0 for size, wide, stride in zip(padded, target, found.stride()) if size == 1 != wide)
        assert found.tolist() == numpy.broadcast_to(ramp(ft, shape).tolist(), target).tolist()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_permute_permutes_strides(ft_module, shape, data):
    ft = ft_module
    dims = data.draw(st.permutations(range(len(shape))))
    value = ramp(ft, tuple(shape))
    found = value.permute(*dims)

    assert found.stride() == tuple(value.stride()[dim] for dim in dims)
    assert found.data_ptr() == value.data_ptr()
    assert found.tolist() == numpy.array(value.tolist()).reshape(shape).transpose(dims).tolist()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_contiguous_is_row_major_and_reshape_of_it_is_a_view(ft_module, shape, data):
    ft = ft_module
    dims = data.draw(st.permutations(range(len(shape))))
    packed = ramp(ft, tuple(shape)).permute(*dims).contiguous()
    strides, step = [], 1
    for size in reversed(packed.shape):
        strides.insert(0, step)
        step *= size

    assert packed.is_contiguous()
    assert [s for size, s in zip(packed.shape, packed.stride()) if size > 1] == [
        s for size, s in zip(packed.shape, strides) if size > 1]
    assert packed.reshape(-1).data_ptr() == packed.data_ptr()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=3), st.data())
def test_narrow_keeps_strides_and_moves_the_offset(ft_module, shape, data):
    ft = ft_module
    value = ramp(ft, tuple(shape))
    dim = data.draw(st.integers(0, len(shape) - 1))
    start = data.draw(st.integers(0, shape[dim]))
    length = data.draw(st.integers(0, shape[dim] - start))
    found = value.narrow(dim, start, length)

    assert found.stride() == value.stride()
    assert found.storage_offset() == start * value.stride(dim)
    assert found.shape[dim] == length


@given(SHAPES, SHAPES)
def test_result_strides_agree_with_the_live_oracle(ft_module, left, right):
    from tests import oracle

    torch = oracle.require()
    ft = ft_module
    if broadcast(left, right) is None:
        return
    pairs = [(ramp(lib, left), ramp(lib, right)) for lib in (torch, ft)]
    for turn in (lambda t: t, lambda t: t.permute(tuple(reversed(range(t.dim()))))):
        try:
            expected = turn(pairs[0][0]) * turn(pairs[0][1])
        except RuntimeError:
            continue
        found = turn(pairs[1][0]) * turn(pairs[1][1])
        assert oracle.difference(expected, found, torch, ft, exact=True) is None


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.lists(st.integers(1, 12), min_size=1, max_size=4), st.data())
def test_view_succeeds_exactly_where_the_oracle_does(ft_module, shape, target, data):
    from tests import oracle

    torch = oracle.require()
    ft = ft_module
    dims = data.draw(st.permutations(range(len(shape))))
    count = int(numpy.prod(shape))
    if data.draw(st.booleans()) and count % int(numpy.prod(target[:-1])) == 0:
        target = target[:-1] + [count // int(numpy.prod(target[:-1]))]
    answers = []
    for lib in (torch, ft):
        value = ramp(lib, tuple(shape)).permute(*dims)
        try:
            answers.append(value.view(*target).stride())
        except RuntimeError:
            answers.append("refused")

    assert answers[1] == answers[0]
