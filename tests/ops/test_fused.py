"""add and sub with alpha, addcmul and lerp round a product and its sum once, as PyTorch does on a CPU with fused multiply-adds."""
import numpy as np
import pytest

import frankentorch as ft
from tests.reference.exact_fma import fma_float32

RNG = np.random.default_rng(0)
A, B, C = (RNG.standard_normal(1024).astype(np.float32) for _ in range(3))
W = RNG.uniform(0, 1, 1024).astype(np.float32)
ALPHA = np.float32(0.3)
CASES = {
    "add": (lambda torch, a, b, c, w: a.add(b, alpha=0.3), lambda: fma_float32(ALPHA, B, A)),
    "sub": (lambda torch, a, b, c, w: a.sub(b, alpha=0.3), lambda: fma_float32(-ALPHA, B, A)),
    "rsub": (lambda torch, a, b, c, w: torch.rsub(a, b, alpha=0.3), lambda: fma_float32(-ALPHA, A, B)),
    "plain add": (lambda torch, a, b, c, w: a.add(b), lambda: A + B),
    "addcmul": (lambda torch, a, b, c, w: torch.addcmul(a, b, c, value=0.3), lambda: fma_float32(ALPHA * B, C, A)),
    "lerp near": (lambda torch, a, b, c, w: torch.lerp(a, b, 0.3), lambda: fma_float32(ALPHA, B - A, A)),
    "lerp far": (lambda torch, a, b, c, w: torch.lerp(a, b, 0.7), lambda: fma_float32(np.float32(0.7) - 1, B - A, B)),
    "lerp": (lambda torch, a, b, c, w: torch.lerp(a, b, w),
             lambda: np.where(W < 0.5, fma_float32(W, B - A, A), fma_float32(W - 1, B - A, B))),
}


@pytest.mark.parametrize("name", CASES)
def test_one_rounding(name):
    ours, expected = CASES[name]

    assert expected().tolist() == ours(ft, *(ft.from_numpy(x) for x in (A, B, C, W))).tolist()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_bits_of_the_oracle(name, dtype):
    torch = pytest.importorskip("torch")
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        pytest.skip("the oracle runs without fused operations")
    theirs, found = (CASES[name][0](library, *(library.from_numpy(x).to(getattr(library, dtype)) for x in (A, B, C, W))).tolist()
                     for library in (torch, ft))

    assert theirs == found
