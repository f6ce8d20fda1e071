"""PyTorch's CPU random stream in plain Python: which words each distribution takes, and what it makes of them.

Written from experiments on PyTorch 2.13 (x86-64 with AVX2 or better). Double functions are the C library's here, so results
agree with ours to an ulp or two in float64 and exactly in the narrower dtypes; everything else agrees bit for bit.
"""
import math

import numpy as np

from tests.reference.exact_fma import fma_float32, fma_float64

single = np.float32


class Twister:
    """MT19937 (Matsumoto and Nishimura 1998), seeded by the authors' recurrence of 2002 with the low 32 bits of the seed."""

    def __init__(self, seed):
        x = seed & 0xFFFFFFFF
        self.state = [x]
        for i in range(1, 624):
            x = (1812433253 * (x ^ (x >> 30)) + i) & 0xFFFFFFFF
            self.state.append(x)
        self.at = 624
        self.cached = None            # the second normal of the last pair

    def word(self):
        if self.at == 624:
            m = self.state
            for i in range(624):
                y = (m[i] & 0x80000000) | (m[(i + 1) % 624] & 0x7FFFFFFF)
                m[i] = m[(i + 397) % 624] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)
            self.at = 0
        y = self.state[self.at]
        self.at += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        return y ^ (y >> 18)

    def two_words(self):
        high = self.word()
        return high << 32 | self.word()

    def unit24(self):
        return (self.word() & 0xFFFFFF) / 2**24

    def unit53(self):
        return (self.two_words() & (1 << 53) - 1) / 2**53


def uniform32(rng, n, low=0.0, high=1.0):
    """float32: one word each, low + u (high - low) rounded once; what rounds up to `high` becomes `low`."""
    u = np.array([rng.unit24() for _ in range(n)], single)
    values = fma_float32(u, single(high) - single(low), single(low))
    return np.where(values == single(high), single(low), values)


def uniform64(rng, n, low=0.0, high=1.0):
    """float64: two words each."""
    values = fma_float64([rng.unit53() for _ in range(n)], high - low, low)
    return np.where(values == high, low, values)


def uniform16(rng, n, low=0.0, high=1.0):
    """float16: the float32 value rounded; one that rounds up to `high` becomes `low`."""
    values = uniform32(rng, n, low, high).astype(np.float16)
    return np.where(values == np.float16(high), np.float16(low), values)


def normals_singly(rng, n):
    """Pairs in float64 by Box and Muller from four words; the second waits for the next call."""
    out = []
    while len(out) < n:
        if rng.cached is not None:
            out.append(rng.cached)
            rng.cached = None
            continue
        angle = 2 * math.pi * rng.unit53()
        radius = math.sqrt(-2 * math.log1p(-rng.unit53()))
        out.append(radius * math.cos(angle))
        rng.cached = radius * math.sin(angle)
    return np.array(out)


def block64(u):
    """16 uniforms to 16 normals: value j pairs with value j + 8."""
    radius = [math.sqrt(-2 * math.log(1 - x)) for x in u[:8]]
    angle = [2 * math.pi * x for x in u[8:]]
    return ([r * math.cos(a) for r, a in zip(radius, angle, strict=True)]
            + [r * math.sin(a) for r, a in zip(radius, angle, strict=True)])


def normal64(rng, n):
    """float64: blocks of 16 from n uniforms; if some are left over, the last 16 places from 16 fresh ones."""
    if n < 16:
        return normals_singly(rng, n)
    u = [rng.unit53() for _ in range(n)]
    for start in range(0, n - 15, 16):
        u[start:start + 16] = block64(u[start:start + 16])
    if n % 16:
        u[-16:] = block64([rng.unit53() for _ in range(16)])
    return np.array(u)


def log32(x):
    """Cephes' logf on an array (Moshier 1989), each multiplication that feeds a sum fused with it."""
    bits = x.view(np.int32)
    e = ((bits >> 23) - 126).astype(single)
    m = ((bits & 0x007FFFFF) | 0x3F000000).view(single)
    low = m < single(0.707106781186547524)
    e = e - low.astype(single)
    m = (m - single(1)) + np.where(low, m, single(0))
    z = m * m
    y = np.full_like(m, 7.0376836292e-2)
    for c in (-1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
              -2.4999993993e-1, 3.3333331174e-1):
        y = fma_float32(y, m, single(c))
    y = fma_float32(y * m, z, e * single(-2.12194440e-4))
    y = fma_float32(z, single(-0.5), y)
    return fma_float32(e, single(0.693359375), m + y)


def sin_cos32(x):
    """Cephes' sinf and cosf on an array of angles of [0, 2 pi], fused likewise."""
    octant = ((x * single(1.27323954473516)).astype(np.int32) + 1) & ~1
    y = octant.astype(single)
    for c in (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8):
        x = fma_float32(y, single(c), x)
    z = x * x
    c = fma_float32(single(2.443315711809948e-5), z, single(-1.388731625493765e-3))
    c = fma_float32(c, z, single(4.166664568298827e-2)) * z
    c = fma_float32(c, z, z * single(-0.5)) + single(1)
    s = fma_float32(single(-1.9515295891e-4), z, single(8.3321608736e-3))
    s = fma_float32(s, z, single(-1.6666654611e-1)) * z
    s = fma_float32(s, x, x)
    swap = (octant & 2) != 0
    sine, cosine = np.where(swap, c, s), np.where(swap, s, c)
    return np.where((octant & 4) != 0, -sine, sine), np.where(((octant - 2) & 4) == 0, -cosine, cosine)


def block32(u):
    radius = np.sqrt(single(-2) * log32(single(1) - u[:8]))
    sine, cosine = sin_cos32(single(2 * math.pi) * u[8:])
    return np.concatenate([radius * cosine, radius * sine])


def normal32(rng, n):
    """float32: as float64, but in single precision with Cephes' functions, one word for each uniform."""
    if n < 16:
        return normals_singly(rng, n).astype(single)
    u = uniform32(rng, n)
    for start in range(0, n - 15, 16):
        u[start:start + 16] = block32(u[start:start + 16])
    if n % 16:
        u[-16:] = block32(uniform32(rng, 16))
    return u


def integers(rng, n, low, high):
    """Word mod range; two words from a range of 2^28 on."""
    count = high - low
    return [low + (rng.two_words() if count >= 1 << 28 else rng.word()) % count for _ in range(n)]


def permutation(rng, n):
    """Exchange place i with a random one of those from i on, i ascending."""
    values = list(range(n))
    for i in range(n - 1):
        other = i + rng.word() % (n - i)
        values[i], values[other] = values[other], values[i]
    return values


def bernoulli(rng, n, p):
    return [int(rng.unit53() < p) for _ in range(n)]


def exponential(rng, n, rate=1.0):
    return [-1 / rate * math.log1p(-rng.unit53()) for _ in range(n)]


def cauchy(rng, n, median=0.0, sigma=1.0):
    return fma_float64(sigma, [math.tan(math.pi * (rng.unit53() - 0.5)) for _ in range(n)], median)


def geometric(rng, n, p):
    return [math.ceil(math.log(rng.unit53()) / math.log(1 - p)) for _ in range(n)]


def log_normal(rng, n, mean=1.0, std=2.0):
    return [math.exp(x) for x in fma_float64(normals_singly(rng, n), std, mean)]


def choices(rng, n, weights):
    """With replacement: the first running share, in float32, that reaches a 53-bit uniform."""
    shares = np.cumsum(np.asarray(weights, single), dtype=single)
    shares = (shares / shares[-1]).astype(np.float64)
    return [int(np.searchsorted(shares, rng.unit53())) for _ in range(n)]
