"""Kernels and bodies of optable/fft.py, over numpy.fft (imported when first needed).

Results lie in memory as the oracle's do: the transformed dims are the innermost, in the order given.
"""
from frankentorch import ops

COMPLEX_OF = {ops.float32: ops.complex64, ops.float64: ops.complex128}
REAL_OF = {wide: real for real, wide in COMPLEX_OF.items()}
FORWARD = ("backward", "ortho", "forward")          # numpy's word for the factor 1, 1/sqrt(n), 1/n of a forward transform
INVERSE = ("forward", "ortho", "backward")
FACTORS = {None: (0, 2), "backward": (0, 2), "ortho": (1, 1), "forward": (2, 0)}


# ---- kernels ----
def _transform(self, dim, dtype, shape, transform):
    """Run a numpy transform over `dim` moved to the end; wrap its result in the original order of dims."""
    order = sorted((d for d in range(self.dim()) if d not in dim), key=lambda d: -self.stride(d)) + list(dim)
    inverse = [order.index(d) for d in range(self.dim())]
    if self.device.type == "meta":
        return ops.empty([shape[d] for d in order], dtype=dtype, device="meta").permute(inverse)
    import numpy

    axes = tuple(range(self.dim() - len(dim), self.dim()))
    from frankentorch.ops.interchange import from_numpy

    moved = self.detach().permute(order).numpy()
    found = numpy.ascontiguousarray(transform(numpy.fft, moved, axes))
    out = from_numpy(found)
    return (out if out.dtype is dtype else out.to(dtype)).permute(inverse)


def c2c(self, dim, norm, forward):
    if not dim:
        return self.clone()
    return _transform(self, dim, self.dtype, self.shape,
                      lambda fft, x, axes: (fft.fftn if forward else fft.ifftn)(x, axes=axes, norm=(FORWARD if forward else INVERSE)[norm]))


def r2c(self, dim, norm, onesided):
    shape = list(self.shape)
    if onesided:
        shape[dim[-1]] = shape[dim[-1]] // 2 + 1
    return _transform(self, dim, COMPLEX_OF[self.dtype], shape,
                      lambda fft, x, axes: (fft.rfftn if onesided else fft.fftn)(x, axes=axes, norm=FORWARD[norm]))


def c2r(self, dim, norm, last):
    shape = list(self.shape)
    shape[dim[-1]] = last
    return _transform(self, dim, REAL_OF[self.dtype], shape,
                      lambda fft, x, axes: fft.irfftn(x, s=[*(x.shape[a] for a in axes[:-1]), last], axes=axes, norm=INVERSE[norm]))


# ---- what the public functions share ----
def _ready(name, self, kind):
    """Input in a dtype that transforms take; `kind` is real, complex or any."""
    if kind == "real" and self.is_complex():
        raise RuntimeError(f"{name} expects a real input tensor, but got {self.dtype}: real-valued input wanted")
    if self.dtype in (ops.float16, ops.bfloat16):
        raise RuntimeError(f"Unsupported dtype {'Half' if self.dtype is ops.float16 else 'BFloat16'}: {name} takes float32, float64 and complex")
    if not (self.is_floating_point() or self.is_complex()):
        self = self.to(ops.get_default_dtype())
    if kind == "complex" and not self.is_complex():
        self = self.to(COMPLEX_OF[self.dtype])
    return self


def _factor(norm, forward):
    if norm not in FACTORS:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return FACTORS[norm][0 if forward else 1]


def _wrap(dim, ndim):
    if ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    if not -ndim <= dim < ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")
    return dim % ndim


def _resize(self, dims, sizes):
    """Trimmed or padded with zeros at the end of each dim; -1 leaves a dim as it is."""
    for d, n in zip(dims, sizes):
        if n == -1:
            continue
        if n < 1:
            raise RuntimeError(f"Invalid number of data points ({n}) specified")
        if n < self.size(d):
            self = self.narrow(d, 0, n)
        elif n > self.size(d):
            shape = list(self.shape)
            shape[d] = n - self.size(d)
            self = ops.cat([self, ops.zeros(shape, dtype=self.dtype, device=self.device)], d)
    return self


def _one(name, self, n, dim, kind):
    """(input, dim) of a one-dim transform, resized."""
    self = _ready(name, self, kind)
    d = _wrap(dim, self.dim())
    n = self.size(d) if n is None else n
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return _resize(self, (d,), (n,)), (d,)


def _places(name, self, s, dim):
    """(dims, sizes) of a many-dim transform; sizes hold -1 for "as it is"."""
    if dim is not None:
        dims = [_wrap(d, self.dim()) for d in dim]
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique")
        if s is not None and len(s) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif s is not None:
        if len(s) > self.dim():
            raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {self.dim()} dimensions.")
        dims = list(range(self.dim() - len(s), self.dim()))
    else:
        dims = list(range(self.dim()))
    sizes = [self.size(d) if s is None or s[i] == -1 else s[i] for i, d in enumerate(dims)]
    for n in sizes:
        if n < 1:
            raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return tuple(dims), sizes


# ---- one dim ----
def fft(self, n, dim, norm, forward=True, name="fft"):
    self, dims = _one(name, self, n, dim, "any")
    factor = _factor(norm, forward)
    if self.is_complex():
        return ops.fft_c2c(self, dims, factor, forward)
    out = ops.fft_r2c(self, dims, factor, False)
    return out if forward else ops.conj(out)


def ifft(self, n, dim, norm):
    return fft(self, n, dim, norm, False, "ifft")


def rfft(self, n, dim, norm):
    self, dims = _one("rfft", self, n, dim, "real")
    return ops.fft_r2c(self, dims, _factor(norm, True), True)


def ihfft(self, n, dim, norm):
    self, dims = _one("ihfft", self, n, dim, "real")
    return ops.conj(ops.fft_r2c(self, dims, _factor(norm, False), True))


def _half(name, self, n, dim):
    """(input of n // 2 + 1 points, dims, n) of a transform to real values."""
    self = _ready(name, self, "complex")
    d = _wrap(dim, self.dim())
    last = 2 * (self.size(d) - 1) if n is None else n
    if last < 1:
        raise RuntimeError(f"Invalid number of data points ({last}) specified")
    return _resize(self, (d,), (last // 2 + 1,)), (d,), last


def irfft(self, n, dim, norm):
    self, dims, last = _half("irfft", self, n, dim)
    return ops.fft_c2r(self, dims, _factor(norm, False), last)


def hfft(self, n, dim, norm):
    self, dims, last = _half("hfft", self, n, dim)
    return ops.fft_c2r(ops.conj(self), dims, _factor(norm, True), last)


# ---- many dims ----
def fftn(self, s, dim, norm, forward=True, name="fftn"):
    self = _ready(name, self, "complex")
    dims, sizes = _places(name, self, s, dim)
    return ops.fft_c2c(_resize(self, dims, sizes), dims, _factor(norm, forward), forward)


def ifftn(self, s, dim, norm):
    return fftn(self, s, dim, norm, False, "ifftn")


def _needs_dims(name, dims):
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")


def rfftn(self, s, dim, norm):
    self = _ready("rfftn", self, "real")
    dims, sizes = _places("rfftn", self, s, dim)
    _needs_dims("rfftn", dims)
    return ops.fft_r2c(_resize(self, dims, sizes), dims, _factor(norm, True), True)


def ihfftn(self, s, dim, norm):
    self = _ready("ihfftn", self, "real")
    dims, sizes = _places("ihfftn", self, s, dim)
    _needs_dims("ihfftn", dims)
    half = ops.conj(ops.fft_r2c(_resize(self, dims, sizes), dims[-1:], _factor(norm, False), True))
    return ops.fft_c2c(half, dims[:-1], _factor(norm, False), False) if len(dims) > 1 else half


def _half_many(name, self, s, dim):
    self = _ready(name, self, "complex")
    dims, sizes = _places(name, self, s, dim)
    _needs_dims(name, dims)
    last = 2 * (self.size(dims[-1]) - 1) if s is None or s[-1] == -1 else s[-1]
    if last < 1:
        raise RuntimeError(f"Invalid number of data points ({last}) specified")
    return _resize(self, dims, [*sizes[:-1], last // 2 + 1]), dims, last


def irfftn(self, s, dim, norm):
    self, dims, last = _half_many("irfftn", self, s, dim)
    return ops.fft_c2r(self, dims, _factor(norm, False), last)


def hfftn(self, s, dim, norm):
    self, dims, last = _half_many("hfftn", self, s, dim)
    factor = _factor(norm, True)
    if len(dims) > 1:
        self = ops.fft_c2c(self, dims[:-1], factor, True)
    return ops.fft_c2r(ops.conj(self), dims[-1:], factor, last)


# ---- frequencies ----
def fftfreq(n, d, dtype, layout, device, pin_memory, requires_grad):
    if n < 1:
        raise ValueError(f"fftfreq: n must be positive, got {n}")
    steps = [*range((n + 1) // 2), *range(-(n // 2), 0)]
    return ops.tensor(steps, dtype=dtype or ops.get_default_dtype(), device=device).mul_(1.0 / (n * d)).requires_grad_(requires_grad)


def rfftfreq(n, d, dtype, layout, device, pin_memory, requires_grad):
    return ops.arange(n // 2 + 1, dtype=dtype or ops.get_default_dtype(), device=device).mul_(1.0 / (n * d)).requires_grad_(requires_grad)


def fftshift(self, dim):
    dims = tuple(range(self.dim())) if dim is None else tuple(_wrap(d, self.dim()) for d in dim)
    return ops.roll(self, [self.size(d) // 2 for d in dims], dims) if dims else self.clone()


def ifftshift(self, dim):
    dims = tuple(range(self.dim())) if dim is None else tuple(_wrap(d, self.dim()) for d in dim)
    return ops.roll(self, [(self.size(d) + 1) // 2 for d in dims], dims) if dims else self.clone()
