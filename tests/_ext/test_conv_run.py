"""Convolution passes: bits of the reference at every CPU level, and PyTorch's values."""
import numpy as np
import pytest

from tests._ext.test_matmul import CODES, bits, halves, levels, threads, values  # noqa: F401  (two are fixtures)
from tests.reference import conv as reference

driver = pytest.importorskip("frankentorch._ext.conv_run")

# images, groups, in, out, size, kernel, stride, padding, dilation
CASES = [
    (2, 1, 3, 5, (1, 7, 9), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1)),
    (2, 2, 4, 6, (1, 8, 7), (1, 3, 2), (1, 2, 2), (0, 1, 0), (1, 1, 2)),
    (1, 1, 4, 3, (1, 5, 6), (1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
    (2, 1, 2, 3, (4, 5, 6), (2, 3, 3), (2, 1, 3), (1, 0, 2), (1, 2, 1)),
    (3, 3, 3, 6, (1, 1, 20), (1, 1, 5), (1, 1, 2), (0, 0, 3), (1, 1, 3)),
    (2, 3, 3, 3, (1, 6, 37), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1)),          # depthwise
    (1, 1, 40, 7, (1, 4, 5), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1)),
    (3, 18, 18, 18, (1, 9, 13), (1, 3, 2), (1, 2, 1), (0, 1, 1), (1, 1, 2)),       # depthwise, more channels than lanes
    (2, 9, 9, 9, (3, 4, 5), (2, 3, 3), (1, 1, 1), (1, 0, 1), (1, 1, 1)),
    (14, 1, 2, 2, (1, 12, 12), (1, 3, 3), (1, 1, 1), (0, 0, 0), (1, 1, 1)),        # small images, read in place but for the last ones
    (1, 1, 30, 7, (1, 2, 16), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1)),         # few channels, whole rows, more steps than a block
    (2, 2, 4, 22, (2, 5, 31), (1, 2, 3), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
]


def output_size(case):
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(*case[4:], strict=True))


def run(kind, case, x, weight, out, bias=None, level=-1, paired=False):
    images, groups, ins, outs = case[:4]
    axes = tuple(zip(*case[4:], output_size(case), strict=True))
    place = [0 if a is None else a.__array_interface__["data"][0] for a in (x, weight, bias, out)]
    assert driver.conv_at(kind, CODES[x.dtype.name], (images, groups, ins, outs), axes, *place, level, paired) == 0
    return out


def operands(case, name):
    images, groups, ins, outs, size, kernel = case[:6]
    x = values((images, ins, *size), name, 1)
    weight = values((outs, ins // groups, *kernel), name, 2)
    grad = values((images, outs, *output_size(case)), name, 3)
    return x, weight, grad


@pytest.mark.parametrize("name", ["float32", "int32", "complex64", "uint8"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_passes_have_the_bits_of_the_reference(case, name, levels):  # noqa: F811
    check_passes(case, name, levels)


def check_passes(case, name, cpu_levels):
    x, weight, grad = operands(case, name)
    groups, size, kernel, how = case[1], case[4], case[5], case[6:]
    forward = reference.forward(x, weight, *how, groups, output_size(case))
    to_input = reference.input_gradient(grad, weight, *how, groups, size)
    to_weight = reference.weight_gradient(grad, x, kernel, *how, groups)

    for level in cpu_levels:
        assert bits(run("forward", case, x, weight, np.empty_like(grad), level=level)) == bits(forward), level
        assert bits(run("input_gradient", case, grad, weight, np.empty_like(x), level=level)) == bits(to_input), level
        assert bits(run("weight_gradient", case, grad, x, np.empty_like(weight), level=level)) == bits(to_weight), level


@pytest.mark.parametrize("special", [None, 0x0001, 0x7f80, 0x7fc0])
@pytest.mark.parametrize("case", [
    (2, 1, 5, 20, (1, 7, 9), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1)),          # rows of odd length
    (1, 1, 30, 33, (1, 6, 37), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1)),        # more steps than a block, vectors inside rows
    (3, 1, 3, 18, (1, 4, 4), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1)),          # rows shorter than half a vector
    (2, 2, 6, 40, (1, 9, 34), (1, 3, 3), (1, 2, 2), (0, 1, 1), (1, 1, 1)),
    (2, 1, 4, 19, (3, 5, 8), (2, 3, 2), (1, 1, 1), (1, 0, 0), (1, 1, 2)),
], ids=str)
def test_bfloat16_numbers_have_the_bits_of_float32(case, special, levels):  # noqa: F811
    """Where a processor multiplies pairs of them, one that is not normal goes the plain way."""
    shapes = [a.shape for a in operands(case, "float32")]
    words = [halves(shape, (-3, 4), i) for i, shape in enumerate(shapes)]
    if special is not None:
        for w in words[:2]:
            w.reshape(-1)[w.size // 3] = special
    x, weight, grad = [(w.astype(np.uint32) << 16).view(np.float32) for w in words]
    groups, size, kernel, how = case[1], case[4], case[5], case[6:]
    with np.errstate(invalid="ignore"):
        expected = (reference.forward(x, weight, *how, groups, output_size(case)), reference.input_gradient(grad, weight, *how, groups, size),
                    reference.weight_gradient(grad, x, kernel, *how, groups))

    for level in levels:
        got = (run("forward", case, x, weight, np.empty_like(grad), level=level, paired=True),
               run("input_gradient", case, grad, weight, np.empty_like(x), level=level, paired=True),
               run("weight_gradient", case, grad, x, np.empty_like(weight), level=level, paired=True))
        for a, b in zip(got, expected, strict=True):
            assert bits(np.where(np.isnan(a), np.float32(np.nan), a)) == bits(np.where(np.isnan(b), np.float32(np.nan), b)), level


@pytest.mark.parametrize("case", [CASES[1], CASES[5], (1, 1, 30, 2, (1, 3, 4), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1))], ids=str)
def test_float64_passes_have_the_bits_of_the_reference(case, levels):  # noqa: F811
    """Few and small, for exact float64 is rational arithmetic; the last one has chains longer than a block."""
    check_passes(case, "float64", levels)


def test_bias_is_added_to_the_finished_chain():
    case = CASES[1]
    x, weight, grad = operands(case, "float32")
    bias = values((case[3],), "float32", 4)
    plain = run("forward", case, x, weight, np.empty_like(grad))

    assert bits(run("forward", case, x, weight, np.empty_like(grad), bias)) == bits(plain + bias.reshape(1, -1, 1, 1, 1))


def test_an_image_alone_equals_the_image_of_a_batch():
    case = (5, 1, 16, 9, (1, 12, 13), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1))
    x, weight, grad = operands(case, "float32")
    out = run("forward", case, x, weight, np.empty_like(grad))
    back = run("input_gradient", case, grad, weight, np.empty_like(x))
    one = (1, *case[1:])

    for i in range(5):
        assert bits(out[i]) == bits(run("forward", one, x[i:i + 1].copy(), weight, np.empty_like(grad[:1])))
        assert bits(back[i]) == bits(run("input_gradient", one, grad[i:i + 1].copy(), weight, np.empty_like(x[:1])))


def test_weight_gradient_runs_one_chain_over_images():
    """More positions than one piece of scratch, pieces that end inside an image."""
    case = (7, 1, 2, 3, (1, 17, 19), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1))
    x, weight, grad = operands(case, "float32")
    expected = reference.weight_gradient(grad, x, case[5], *case[6:], 1)

    assert bits(run("weight_gradient", case, grad, x, np.empty_like(weight))) == bits(expected)


def test_threads_do_not_show_in_the_bits(threads):  # noqa: F811
    case = (6, 1, 24, 20, (1, 30, 31), (1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1))
    x, weight, grad = operands(case, "float32")
    seen = set()
    for count in (1, 2, 3, 8):
        threads(count)
        seen.add(bits(run("forward", case, x, weight, np.empty_like(grad)))
                 + bits(run("input_gradient", case, grad, weight, np.empty_like(x)))
                 + bits(run("weight_gradient", case, grad, x, np.empty_like(weight))))

    assert len(seen) == 1


def test_weight_gradient_of_no_images_is_zero():
    case = (0, 1, 2, 3, (1, 5, 5), (1, 3, 3), (1, 1, 1), (0, 0, 0), (1, 1, 1))
    x, weight, grad = operands(case, "float32")

    assert not run("weight_gradient", case, grad, x, np.full_like(weight, 7)).any()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_agree_with_the_oracle(case, oracle):
    x, weight, grad = operands(case, "float64")
    images, groups = case[:2]
    stride, padding, dilation = case[6:]
    tensor, w = (oracle.from_numpy(a).requires_grad_() for a in (x, weight))
    expected = oracle.nn.functional.conv3d(tensor, w, None, stride, padding, dilation, groups)
    expected.backward(oracle.from_numpy(grad))

    close = dict(rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(run("forward", case, x, weight, np.empty_like(grad)), expected.detach().numpy(), **close)
    np.testing.assert_allclose(run("input_gradient", case, grad, weight, np.empty_like(x)), tensor.grad.numpy(), **close)
    np.testing.assert_allclose(run("weight_gradient", case, grad, x, np.empty_like(weight)), w.grad.numpy(), **close)
