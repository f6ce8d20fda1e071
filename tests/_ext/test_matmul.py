"""Matrix products: every dtype, layout, CPU level and thread count has the bits of the reference."""
import numpy as np
import pytest

from tests.reference.exact_fma import fma_float32, fma_float64
from tests.reference.gemm import matmul

driver = pytest.importorskip("frankentorch._ext.matmul")
CODES = {"uint8": 1, "int8": 2, "int16": 3, "int32": 4, "int64": 5, "uint16": 6, "uint32": 7, "uint64": 8, "float16": 9,
         "float32": 11, "float64": 12, "complex64": 13, "complex128": 14}
SHAPES = [(1, 1, 1), (1, 40, 300), (40, 1, 300), (3, 5, 7), (7, 70, 257), (13, 33, 530), (70, 35, 20), (5, 8, 0), (20, 130, 3)]


@pytest.fixture(scope="module")
def levels():
    """The CPU levels of this host; the one in use is set again at the end."""
    from frankentorch._ext import cpu

    names = ["baseline", "avx2", "avx512"]
    yield list(range(names.index(cpu.host_level_name()) + 1))
    one = np.ones((1, 1), np.float32)
    product(one, one, level=names.index(cpu.level_name()))


@pytest.fixture
def threads():
    """Setter of the thread count, undone afterwards."""
    from frankentorch._ext import threads as pool

    before = pool.get_num_threads()
    yield pool.set_num_threads
    pool.set_num_threads(before)


def product(a, b, out=None, level=-1, code=None):
    """Call the driver on arrays (..., m, k) and (..., k, n) of any strides."""
    if out is None:
        out = np.full((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), 7, a.dtype)
    batch = out.shape[:-2]
    operands = [np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b)] + [out]
    described = []
    for x in operands:
        strides = [s // x.itemsize for s in x.strides]
        described.append((x.__array_interface__["data"][0], tuple(strides[:-2]), strides[-2], strides[-1]))
    shape = (a.shape[-2], b.shape[-1], a.shape[-1])
    status = driver.matmul_at(CODES[a.dtype.name] if code is None else code, batch, shape, *described, level)
    assert status == 0
    return out


def values(shape, name, seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(name)
    if dtype.kind in "iu":
        return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    x = rng.standard_normal(shape) * np.exp2(rng.integers(-8, 9, shape))
    if dtype.kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def laid_out(x, layout):
    if layout == "transposed":
        return x.T.copy().T
    if layout == "strided":
        wide = np.zeros((2 * x.shape[0] + 1, 3 * x.shape[1] + 2), x.dtype)
        view = wide[1::2, 1:-1:3][:x.shape[0], :x.shape[1]]
        view[...] = x
        return view
    return x.copy()


def bits(x):
    return np.ascontiguousarray(x).tobytes()


def test_exact_fma_rounds_once():
    """1 + 2^-23 squared minus its rounding leaves 2^-46, which two roundings would lose."""
    x = np.float32(1 + 2.0**-23)

    assert fma_float32(x, x, -np.float32(x * x)) == np.float32(2.0**-46)
    y = 1 + 2.0**-52
    assert fma_float64(y, y, -(y * y)) == 2.0**-104


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_product_has_the_bits_of_the_reference(name, shape, levels):
    m, n, k = shape
    if name in ("float64", "complex128") and m * n * k > 30000:
        m, n = min(m, 5), min(n, 9)            # rational arithmetic is slow
    a, b = values((m, k), name, 1), values((k, n), name, 2)
    expected = matmul(a, b)

    for level in levels:
        assert bits(product(a, b, level=level)) == bits(expected), level


FEW = [("complex64", (1, 17, 300)), ("complex64", (4, 33, 130)), ("complex64", (90, 1, 300)), ("complex64", (7, 20, 150)), ("complex128", (2, 9, 130)),
       ("complex128", (11, 1, 20)), ("int64", (5, 40, 1100)), ("int32", (1, 1, 1000)), ("int32", (3, 70, 33)), ("uint8", (2, 100, 70)), ("int16", (8, 5, 200))]


@pytest.mark.parametrize(("name", "shape"), FEW, ids=str)
def test_few_rows_have_the_bits_of_the_reference_in_any_layout(name, shape, levels):
    m, n, k = shape
    a, b = values((m, k), name, 3), values((k, n), name, 4)
    assert bits(product(a, b)) == bits(matmul(a, b))
    test_layout_does_not_show_in_the_bits(name, shape, levels)


@pytest.mark.parametrize("name", ["float32", "float16", "complex64", "int16"])
@pytest.mark.parametrize("shape", [(13, 37, 300), (1, 50, 600), (50, 1, 40), (33, 12, 5), (3, 50, 290), (40, 8, 300), (210, 60, 300), (60, 300, 100), (130, 1100, 20)], ids=str)
def test_layout_does_not_show_in_the_bits(name, shape, levels):
    m, n, k = shape
    a, b = values((m, k), name, 3), values((k, n), name, 4)
    expected = bits(product(a, b))

    for level in levels:
        for left in ("dense", "transposed", "strided"):
            for right in ("dense", "transposed", "strided"):
                for target in ("dense", "transposed", "strided"):
                    out = laid_out(np.full((m, n), 9, name), target)
                    got = product(laid_out(a, left), laid_out(b, right), out, level)
                    assert bits(got) == expected, (level, left, right, target)


def test_strided_output_leaves_its_gaps_alone():
    a, b = values((9, 20), "float32", 5), values((20, 11), "float32", 6)
    wide = np.full((19, 35), 5, np.float32)
    product(a, b, wide[1::2, 1:34:3])
    wide[1::2, 1:34:3] = 5

    assert (wide == 5).all()


def test_a_row_alone_equals_the_row_of_a_batch():
    a, b = values((67, 400), "float32", 7), values((400, 90), "float32", 8)
    whole = product(a, b)

    assert bits(whole) == b"".join(bits(product(a[i:i + 1], b)) for i in range(67))


@pytest.mark.parametrize("k", [1023, 1024, 1025, 1500, 2048, 3000])
@pytest.mark.parametrize("n", [31, 32, 41, 70])
def test_a_row_and_deep_columns_give_the_bits_of_single_columns(n, k, levels):
    """Four blocks of depth go side by side where there are columns enough; alone, a column has its blocks one after the other."""
    a, b = values((1, k), "float32", 21), values((n, k), "float32", 22).T
    expected = b"".join(bits(product(a, b[:, j:j + 1], level=levels[0])) for j in range(n))

    for level in levels:
        assert bits(product(a, b, level=level)) == expected, level
        assert bits(product(laid_out(a, "strided"), b, laid_out(np.full((1, n), 9, "float32"), "strided"), level)) == expected, level


def test_batches_broadcast_by_zero_strides():
    a, b = values((2, 1, 7, 20), "float32", 9), values((3, 20, 6), "float32", 10)
    out = product(a, b)

    assert out.shape == (2, 3, 7, 6)
    assert bits(out) == b"".join(bits(product(a[i, 0], b[j])) for i in range(2) for j in range(3))


@pytest.mark.parametrize("name", ["float32", "float64", "float16"])
@pytest.mark.parametrize(("count", "k"), [(16, 3), (37, 40), (33, 257), (70, 600), (5, 20)])
def test_dots_side_by_side_are_single_dots(count, k, name, levels):
    a, b = values((count, k + 3), name, 1)[:, :k], values((count, k), name, 2)
    alone = np.array([product(a[i:i + 1], b[i:i + 1].T)[0, 0] for i in range(count)], name)
    for level in levels:
        assert bits(product(a[:, None, :], b[:, :, None], np.empty((count, 1, 1), name), level)) == bits(alone.reshape(count, 1, 1))


def test_large_product_is_cut_without_a_trace():
    """More than one tile of rows and of columns, and of scratch, against the product of single columns."""
    a, b = values((800, 70), "float32", 11), values((70, 2100), "float32", 12)
    whole = product(a, b)

    for j in (0, 1023, 1024, 2047, 2048, 2099):
        assert bits(whole[:, j]) == bits(product(a, b[:, j:j + 1])), j


@pytest.mark.parametrize("shape", [(3, 500, 300, 1100), (1, 256, 256, 256), (1, 1000, 130, 50), (1, 1, 700, 3000), (1, 3000, 700, 1), (2, 40, 600, 700), (1, 20, 3000, 24)], ids=str)
def test_threads_do_not_show_in_the_bits(shape, threads):
    batch, m, k, n = shape
    a, b = values((batch, m, k), "float32", 19), values((batch, k, n), "float32", 20)
    seen = set()
    for count in (1, 2, 3, 8, 16):
        threads(count)
        seen.add(bits(product(a, b)))

    assert len(seen) == 1


def test_expanded_operand_is_read_through_a_zero_stride():
    a = np.broadcast_to(values((1, 30), "float32", 13), (8, 30))
    b = values((30, 5), "float32", 14)

    assert bits(product(a, b)) == bits(matmul(np.ascontiguousarray(a), b))


def test_infinities_and_signed_zeros_follow_the_chain():
    a = np.array([[np.inf, 1.0], [-0.0, -0.0], [1e38, 1e38]], np.float32)
    b = np.array([[1.0, 0.0], [10.0, 1.0]], np.float32)
    out = product(a, b)

    assert out[0, 0] == np.inf and np.isnan(out[0, 1])
    assert bits(out[1]) == bits(np.zeros(2, np.float32))       # a chain starts from +0
    assert out[2, 0] == np.inf and out[2, 1] == np.float32(1e38)


def test_bfloat16_widens_and_rounds_once(levels):
    a, b = values((6, 300), "float32", 15), values((300, 19), "float32", 16)
    narrow_a, narrow_b = ((x.view(np.uint32) >> 16).astype(np.uint16) for x in (a, b))
    wide = matmul(*((x.astype(np.uint32) << 16).view(np.float32) for x in (narrow_a, narrow_b))).view(np.uint32)
    expected = ((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16).astype(np.uint16)

    for level in levels:
        assert bits(product(narrow_a, narrow_b, level=level, code=10)) == bits(expected), level


def halves(shape, sizes, seed):
    """bfloat16 words of normal numbers with these exponents of two, some zeros among them."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(shape) * np.exp2(rng.integers(*sizes, shape).astype(np.float64)) * (rng.random(shape) < 0.9)).astype(np.float32)
    return (x.view(np.uint32) >> 16).astype(np.uint16)


def down(x):
    """float32 to the words of bfloat16, to nearest even; NaN as one."""
    u = x.view(np.uint32).astype(np.uint64)
    return np.where(np.isnan(x), 0x7fc0, (u + 0x7fff + (u >> 16 & 1)) >> 16).astype(np.uint16)


@pytest.mark.parametrize("sizes", [(-3, 4), (-40, 20), (-55, -54), (-72, -40), (-140, -60), (100, 126)], ids=str)
@pytest.mark.parametrize("shape", [(9, 35, 257), (4, 70, 515), (1, 48, 40), (50, 20, 256), (3, 1, 7), (7, 33, 600), (2, 3, 1)], ids=str)
def test_bfloat16_by_pairs_has_the_bits_of_the_chain(shape, sizes, levels):
    """A dot product of pairs takes subnormals for zero: it may serve only where no chain meets one."""
    m, n, k = shape
    a, b = halves((m, k), sizes, 0), halves((k, n), sizes, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = down(matmul(*[(x.astype(np.uint32) << 16).view(np.float32) for x in (a, b)]))
    for level in levels:
        for left, right in ((a, b), (a, np.asfortranarray(b)), (np.asfortranarray(a), b), (np.repeat(a, 2, axis=1)[:, ::2], np.repeat(b, 2, axis=1)[:, ::2])):
            got = product(left, right, level=level, code=10)
            assert (np.where((got & 0x7fff) > 0x7f80, 0x7fc0, got) == expected).all()


@pytest.mark.parametrize("special", [0x7f80, 0xff80, 0x7fc0, 0x0001, 0x807f, 0x0080, 0x8000])
def test_one_special_bfloat16_among_plain_ones(special, levels):
    a, b = halves((11, 1300), (-2, 3), 2), halves((1300, 70), (-2, 3), 3)
    a[4, 290] = special
    b[17, 40] = special
    with np.errstate(over="ignore", invalid="ignore"):
        expected = down(matmul(*[(x.astype(np.uint32) << 16).view(np.float32) for x in (a, b)]))
    for level in levels:
        for rows, right in ((11, b), (11, np.asfortranarray(b)), (6, np.asfortranarray(b)), (1, np.asfortranarray(b))):
            got = product(a[:rows], right, level=level, code=10)
            assert (np.where((got & 0x7fff) > 0x7f80, 0x7fc0, got) == expected[:rows]).all()


@pytest.mark.parametrize("shape", [(3, 3, 3), (2, 9, 150), (1, 1, 1000)], ids=str)
def test_great_products_of_16_bits_wrap(shape, levels):
    """C promotes them to int, which must not overflow."""
    m, n, k = shape
    a, b = [np.random.default_rng(i).integers(-32768, -30000, s).astype(np.int16) for i, s in enumerate([(m, k), (k, n)])]
    for level in levels:
        assert bits(product(a, np.asfortranarray(b), level=level)) == bits(matmul(a, b)), level


def test_bool_is_refused():
    x = np.ones((2, 2), np.uint8)
    where = (x.__array_interface__["data"][0], (), 2, 1)

    assert driver.matmul_at(0, (), (2, 2, 2), where, where, where) == -2


def test_values_agree_with_the_oracle(oracle):
    """The order differs from PyTorch's, so: within k ulps of the largest output."""
    a, b = values((50, 700), "float64", 17), values((700, 60), "float64", 18)
    expected = (oracle.from_numpy(a) @ oracle.from_numpy(b)).numpy()

    np.testing.assert_allclose(product(a, b), expected, rtol=0, atol=700 * np.finfo(np.float64).eps * np.abs(expected).max())
