"""Attention in one kernel: the bits of the reference and of the separate ops at every CPU level, layout and thread count."""
import math

import numpy as np
import pytest

from tests._ext.test_matmul import bits, levels, threads  # noqa: F401  (two are fixtures)
from tests.reference import attention as reference

ft = pytest.importorskip("frankentorch")
from frankentorch._ext import attention_run, cpu  # noqa: E402
from frankentorch.ops import attention  # noqa: E402

NAMES = ["baseline", "avx2", "avx512"]
CASES = [  # queries, keys, width, value width, causal, mask
    (5, 7, 3, 2, False, None), (40, 33, 9, 17, False, "added"), (33, 40, 16, 16, True, None), (70, 50, 8, 20, True, None),
    (20, 30, 5, 5, False, "allowed"), (1, 90, 32, 32, False, None),
]


@pytest.fixture
def any_level():
    yield attention_run.use_level
    attention_run.use_level(NAMES.index(cpu.level_name()))


def exp(x):
    return ft.tensor(x).exp().numpy()


def operands(case, batch=(), dtype="float32"):
    queries, keys, width, value_width, _, kind = case
    ft.manual_seed(1)
    made = [ft.randn(*batch, *size).to(getattr(ft, dtype)) for size in ((queries, width), (keys, width), (keys, value_width), (queries, value_width))]
    mask = None
    if kind == "added":
        mask = ft.randn(queries, keys).to(made[0].dtype)
        mask[1] = -math.inf
    elif kind == "allowed":
        mask = ft.randn(queries, keys) > 0
        mask[2] = False
    return (*made, mask)


def passes(q, k, v, g, mask, scale, causal):
    return attention_run.forward(q, k, v, mask, scale, causal), *attention_run.backward(g, q, k, v, mask, scale, causal)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_passes_have_the_bits_of_the_reference(case, levels, any_level):  # noqa: F811
    q, k, v, g, mask = operands(case)
    arrays = [t.numpy() for t in (q, k, v)]
    rest = (None if mask is None else mask.numpy(), 0.3, case[4], exp)
    expected = [reference.forward(*arrays, *rest), *reference.gradients(g.numpy(), *arrays, *rest)]

    for level in levels:
        any_level(level)
        assert [bits(x) for x in expected] == [bits(t.numpy()) for t in passes(q, k, v, g, mask, 0.3, case[4])], level


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [*CASES, (300, 600, 24, 24, True, None), (600, 300, 24, 8, True, None), (520, 270, 8, 8, False, None)], ids=str)
def test_passes_have_the_bits_of_the_separate_ops(case, dtype):
    """Longer than a block of 256 queries or keys."""
    q, k, v, g, mask = operands(case, (2, 2), dtype)
    scale, causal = 0.3, case[4]
    fused = passes(q, k, v, g, mask, scale, causal)
    q, k, v = (t.clone().requires_grad_() for t in (q, k, v))
    out = ft.matmul(attention.weights(q, k, mask, scale, causal), v)

    assert [bits(t.detach().numpy()) for t in (out, *ft.autograd.grad(out, (q, k, v), g))] == [bits(t.numpy()) for t in fused]


def test_threads_and_layout_do_not_show_in_the_bits(threads):  # noqa: F811
    case = (300, 280, 24, 24, True, None)
    q, k, v, g, mask = operands(case, (2, 3))
    seen = set()
    for count in (1, 2, 3, 8):
        threads(count)
        for layout in (lambda t: t, lambda t: t.mT.contiguous().mT, lambda t: t.transpose(1, 2).contiguous().transpose(1, 2)):
            seen.add(tuple(bits(t.numpy()) for t in passes(*map(layout, (q, k, v, g)), mask, 0.2, True)))

    assert len(seen) == 1


def test_a_head_alone_equals_the_head_of_a_batch():
    q, k, v, g, mask = operands((70, 90, 16, 16, False, "added"), (3, 2))
    whole = passes(q, k, v, g, mask, 0.25, False)
    alone = passes(*(t[2:, 1:].clone() for t in (q, k, v, g)), mask, 0.25, False)

    assert [bits(t[2:, 1:].numpy()) for t in whole] == [bits(t.numpy()) for t in alone]


def test_a_row_without_any_key_is_zero_and_has_no_gradient():
    q, k, v, g, mask = operands(CASES[4])
    out, to_query, to_key, to_value = passes(q, k, v, g, mask, 1.0, False)

    assert not out[2].any() and not to_query[2].any()
    assert to_key.isfinite().all() and to_value.isfinite().all()


def test_shared_keys_of_grouped_heads_gather_the_gradients_of_their_group():
    q, k, v, g, _ = operands((9, 11, 4, 4, False, None), (2, 6))
    k, v = k[:, :2].clone().requires_grad_(), v[:, :2].clone().requires_grad_()
    attend = ft.nn.functional.scaled_dot_product_attention
    out = attend(q, k, v, enable_gqa=True)
    wide = attend(q, k.repeat_interleave(3, 1), v.repeat_interleave(3, 1))

    assert bits(wide.detach().numpy()) == bits(out.detach().numpy())
    for a, b in zip(ft.autograd.grad(out, (k, v), g), ft.autograd.grad(wide, (k, v), g), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_second_gradient_is_that_of_the_separate_ops():
    q, k, v, g, _ = operands((4, 5, 3, 3, True, None), dtype="float64")
    inputs = [t.requires_grad_() for t in (q, k, v)]

    def twice(function):
        first = ft.autograd.grad(function(), inputs, g, create_graph=True)
        return ft.autograd.grad(sum((t * t).sum() for t in first), inputs)

    scale = 1 / math.sqrt(3)
    separate = twice(lambda: ft.matmul(attention.weights(q, k, None, scale, True), v))
    for a, b in zip(separate, twice(lambda: ft.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)
