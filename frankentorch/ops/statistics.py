"""Bodies of optable/statistics.py."""
import math

from frankentorch import ops
from frankentorch._ext import histogram_run, pairs_run
from frankentorch.ops.shape import wrap_dim


def _real(name, self):
    if self.is_complex():
        raise RuntimeError(f"{name} is not supported for complex tensors: {self.dtype}")


def _floating(self):
    return self if self.is_floating_point() or self.is_complex() else self.to(ops.get_default_dtype())


def angle(self):
    if self.is_complex():
        return ops.atan2(ops.imag(self), ops.real(self))
    return ops._angle(_floating(self))


def deg2rad(self):
    _real("deg2rad", self)
    return _floating(self) * (math.pi / 180)


def deg2rad_in_place(self):
    _real("deg2rad", self)
    return self.mul_(math.pi / 180)


def rad2deg(self):
    _real("rad2deg", self)
    return _floating(self) * (180 / math.pi)


def rad2deg_in_place(self):
    _real("rad2deg", self)
    return self.mul_(180 / math.pi)


def logit(self, eps):
    x = _floating(self)
    if eps is not None:
        x = ops.clamp(x, eps, 1 - eps)
    return ops._logit(x) if x.dtype in (ops.float32, ops.float64) else ops.log(x / (1 - x))


def ldexp(self, other):
    return self * ops.pow(2.0, other)


def isposinf(self):
    _real("isposinf", self)
    return self == math.inf if self.is_floating_point() else ops.zeros_like(self, dtype=ops.bool)


def isneginf(self):
    _real("isneginf", self)
    return self == -math.inf if self.is_floating_point() else ops.zeros_like(self, dtype=ops.bool)


def isin(elements, test_elements, assume_unique, invert):
    if not isinstance(elements, ops.Tensor) and not isinstance(test_elements, ops.Tensor):
        raise RuntimeError("isin(): at least one of elements and test_elements must be a Tensor")
    x = elements if isinstance(elements, ops.Tensor) else ops.tensor(elements)
    tests = test_elements if isinstance(test_elements, ops.Tensor) else ops.tensor(test_elements)
    for t in (x, tests):
        if t.is_complex():
            raise RuntimeError(f"Unsupported input type encountered for isin(): {t.dtype}")
    dtype = ops.result_type(x, tests)
    x, tests = x.to(dtype), tests.to(dtype).reshape(-1)
    if tests.numel() == 0 or x.numel() == 0:
        return ops.full(x.shape, invert, dtype=ops.bool)
    if dtype is ops.bool:
        x, tests = x.to(ops.uint8), tests.to(ops.uint8)
    if tests.numel() * 4 < 64:              # few: compare with each
        found = (x.unsqueeze(-1) == tests).any(-1)
    else:
        tests = ops.sort(tests)[0]
        place = ops.searchsorted(tests, x.contiguous()).clamp(max=tests.numel() - 1)
        found = tests[place] == x
    return ops.logical_not(found) if invert else found


def dist(self, other, p):
    return ops.norm(self - other, p)


def renorm(self, p, dim, maxnorm):
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if self.dim() < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {self.dim()} dimensions")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    dim = wrap_dim(dim, self.dim())
    others = tuple(d for d in range(self.dim()) if d != dim)
    wide = ops.float32 if self.dtype in (ops.float16, ops.bfloat16) else None
    norms = ops.linalg_vector_norm(self, p, others, True, dtype=wide)
    factor = ops.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return (self * factor).to(self.dtype) if wide else self * factor


def cov(self, correction, fweights, aweights):
    if self.dim() > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {self.dim()} dimensions")
    if self.dtype is ops.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = self if self.dim() == 2 else self.reshape(1, -1)
    n = x.size(1)
    weights = None
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        if w.dim() > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.dim()} dimensions")
        whole = not (w.is_floating_point() or w.is_complex() or w.dtype is ops.bool)
        if whole != (name == "fweights"):
            raise RuntimeError(f"cov(): expected {name} to have {'integral' if name == 'fweights' else 'floating point'} dtype but got {name} with {w.dtype} dtype")
        if w.numel() != n:
            raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations in the input but got {w.numel()} != {n}")
        if n and bool((w < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
        weights = w if weights is None else weights * w
    total = n if weights is None else weights.sum()
    if weights is not None and (n == 0 or float(total.detach()) == 0):
        raise RuntimeError("cov(): weights sum to zero, can't be normalized") if n else RuntimeError("cov(): expected observations")
    mean = _floating(x).mean(1, keepdim=True) if weights is None else (x * weights).sum(1, keepdim=True) / total
    if weights is None:
        norm = max(n - correction, 0)
    elif aweights is None or correction == 0:
        norm = total - correction
    else:
        norm = total - correction * (weights * aweights).sum() / total
    if isinstance(norm, ops.Tensor):
        norm = norm.clamp(min=0)
    x = x - mean
    out = ops.mm(x, ops.conj((x if weights is None else x * weights).t()))
    return ops.true_divide(out, norm).squeeze()


def corrcoef(self):
    if self.dim() > 2:
        raise RuntimeError(f"corrcoef(): expected input to have two or fewer dimensions but got an input with {self.dim()} dimensions")
    c = ops.cov(self)
    if c.dim() == 0:
        return c / c
    spread = ops.sqrt(ops.real(c.diagonal()) if c.is_complex() else c.diagonal())
    c = c / spread.unsqueeze(1) / spread.unsqueeze(0)
    if c.is_complex():
        return ops.complex(ops.real(c).clamp(-1, 1), ops.imag(c).clamp(-1, 1))
    return c.clamp(-1, 1)


# ---- integrals ----
def _panels(y, dim):
    """Sums of neighbours along `dim`."""
    n = y.size(dim)
    return y.narrow(dim, 1, n - 1) + y.narrow(dim, 0, n - 1)


def _panel_sums(y, dim):
    if y.dtype in (ops.float32, ops.float64) and wrap_dim(dim, y.dim()) == y.dim() - 1 and y.size(dim) > 1 and y.numel() and y.is_contiguous() \
            and not y.is_meta and not ops.differentiated(y):
        return pairs_run.panel_sums(y)              # the same, line by line
    return _panels(y, dim).sum(dim)


def _widths(name, y, x, dim):
    if x.dtype is ops.bool or y.dtype is ops.bool:
        raise RuntimeError(f"{name}: received a bool input for `x` or `y`, but bool is not supported")
    if x.dim() == 1:
        if x.numel() != y.size(dim):
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point, got {x.numel()} for {y.size(dim)}")
        steps = x[1:] - x[:-1]
        return steps.reshape(steps.numel(), *(1,) * (y.dim() - wrap_dim(dim, y.dim()) - 1))
    n = x.size(dim)
    return x.narrow(dim, 1, n - 1) - x.narrow(dim, 0, n - 1)


def _nothing(y, dim):
    return ops.zeros([n for d, n in enumerate(y.shape) if d != wrap_dim(dim, y.dim())], dtype=y.dtype, device=y.device)


def trapezoid_dx(y, dx, dim):
    if y.dtype is ops.bool:
        raise RuntimeError("trapezoid: received a bool input for `y`, but bool is not supported")
    if y.size(dim) == 0:
        return _nothing(y, dim)
    return _panel_sums(y, dim) * dx / 2.0


def trapezoid_x(y, x, dim):
    if y.size(dim) == 0:
        return _nothing(y, dim)
    return (_widths("trapezoid", y, x, dim) * _panels(y, dim)).sum(dim) / 2.0


def cumulative_trapezoid_dx(y, dx, dim):
    if y.dtype is ops.bool:
        raise RuntimeError("cumulative_trapezoid: received a bool input for `y`, but bool is not supported")
    return ops.cumsum(_panels(y, dim), dim) * dx / 2.0


def cumulative_trapezoid_x(y, x, dim):
    return ops.cumsum(_widths("cumulative_trapezoid", y, x, dim) * _panels(y, dim), dim) / 2.0


# ---- slopes ----
def _slope(y, dim, spacing, edge_order):
    """Second-order differences along one dim; `spacing` is a number, or the samples' coordinates."""
    n = y.size(dim)
    if n < edge_order + 1:
        raise RuntimeError(f"torch.gradient expected each dimension size to be at least edge_order+1, got {n} with edge_order {edge_order}")

    def at(start, length):
        return y.narrow(dim, start, length)

    if not isinstance(spacing, ops.Tensor):
        inner = (at(2, n - 2) - at(0, n - 2)) / (2.0 * spacing) if n > 2 else at(0, 0) / (2.0 * spacing)
        if edge_order == 1:
            first, last = (at(1, 1) - at(0, 1)) / spacing, (at(n - 1, 1) - at(n - 2, 1)) / spacing
        else:
            first = (at(0, 1) * -1.5 + at(1, 1) * 2.0 - at(2, 1) * 0.5) / spacing
            last = (at(n - 1, 1) * 1.5 - at(n - 2, 1) * 2.0 + at(n - 3, 1) * 0.5) / spacing
        return ops.cat([first, inner, last], dim)
    shape = [1] * y.dim()
    shape[dim] = -1
    steps = (spacing[1:] - spacing[:-1]).view(shape)
    m = n - 1

    def step(start, length):
        return steps.narrow(dim, start, length)

    before, after = step(0, m - 1), step(1, m - 1)
    inner = (-after / (before * (before + after)) * at(0, n - 2) + (after - before) / (before * after) * at(1, n - 2)
             + before / (after * (before + after)) * at(2, n - 2))
    if edge_order == 1:
        first, last = (at(1, 1) - at(0, 1)) / step(0, 1), (at(n - 1, 1) - at(n - 2, 1)) / step(m - 1, 1)
    else:
        a, b = step(0, 1), step(1, 1)
        first = -(2.0 * a + b) / (a * (a + b)) * at(0, 1) + (a + b) / (a * b) * at(1, 1) - a / (b * (a + b)) * at(2, 1)
        a, b = step(m - 2, 1), step(m - 1, 1)
        last = b / (a * (a + b)) * at(n - 3, 1) - (a + b) / (a * b) * at(n - 2, 1) + (2.0 * b + a) / (b * (a + b)) * at(n - 1, 1)
    return ops.cat([first, inner, last], dim)


def gradient(self, spacing, dim, edge_order):
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    dims = list(range(self.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [wrap_dim(d, self.dim()) for d in dims]
    if len(set(dims)) != len(dims):
        raise RuntimeError("dim appears multiple times in the list of dims")
    if spacing is None:
        steps = [1] * len(dims)
    elif isinstance(spacing, (list, tuple)):
        steps = list(spacing)
    elif isinstance(spacing, ops.Tensor):
        steps = [spacing] * len(dims) if spacing.dim() == 0 else [spacing]
    else:
        steps = [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(f"torch.gradient expected spacing to be unspecified, a scalar or a list of length equal to 'self.dim() = {self.dim()}', since dim argument was not given, "
                           f"but got a list of length {len(steps)}")
    y = self if self.is_floating_point() or self.is_complex() else self.to(ops.get_default_dtype())
    for d, step in zip(dims, steps):
        if isinstance(step, ops.Tensor) and step.dim() == 1 and step.numel() != self.size(d):
            raise RuntimeError(f"torch.gradient expected the size of the spacing tensor ({step.numel()}) to match dim {d} of size {self.size(d)}")
    return tuple(_slope(y, d, step, edge_order) for d, step in zip(dims, steps))


# ---- histograms ----
def _check_histogram(name, self, weight):
    if not self.is_floating_point():
        raise NotImplementedError(f"\"{name}\" not implemented for '{self.dtype}'")
    if weight is not None and weight.dtype is not self.dtype:
        raise RuntimeError(f"torch.{name}: if weight tensor is provided, it should have the same dtype as the input tensor, got {self.dtype} and {weight.dtype}")


def _even_edges(values, bins, limits):
    if bins <= 0:
        raise RuntimeError(f"torch.histogramdd(): bins must be > 0, got {bins}")
    if limits is None:
        low, high = (float(values.min()), float(values.max())) if values.numel() else (0.0, 1.0)
    else:
        low, high = map(float, limits)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histogramdd(): range [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"torch.histogramdd(): max must be larger than min, but got min {low} max {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return ops.linspace(low, high, bins + 1, dtype=values.dtype)


def _bin_of(values, edges):
    """Bin number of each value, -1 outside; the last bin is closed."""
    bins = edges.numel() - 1
    place = ops.searchsorted(edges, values.contiguous(), right=True) - 1
    place = ops.where(values == edges[-1], bins - 1, place)
    return ops.where((values < edges[0]) | (values > edges[-1]) | ops.isnan(values), -1, place)


def _count_by_search(points, edges, weight):
    inside = ops.ones(points.size(0), dtype=ops.bool)
    flat = ops.zeros(points.size(0), dtype=ops.int64)
    for d, edge in enumerate(edges):
        place = _bin_of(points[:, d], edge)
        inside = inside & (place >= 0)
        flat = flat * (edge.numel() - 1) + place
    shape = [edge.numel() - 1 for edge in edges]
    weights = ops.ones(points.size(0), dtype=points.dtype) if weight is None else weight.reshape(-1)
    return ops.zeros(math.prod(shape), dtype=points.dtype).index_add(0, flat[inside], weights[inside]).view(shape)


def _count(points, edges, weight, density):
    """Histogram of (n, dims) points over a list of edges."""
    hist = None
    if len(edges) == 1 and edges[0].dim() == 1 and points.dtype is edges[0].dtype and points.dtype in (ops.float32, ops.float64) \
            and (weight is None or weight.numel() == points.numel()) and not ops.differentiated(points, edges[0], weight):
        hist = histogram_run.count(points, edges[0], weight)
    hist = _count_by_search(points, edges, weight) if hist is None else hist
    if density:
        hist = hist / hist.sum()
        for d, edge in enumerate(edges):
            width = edge[1:] - edge[:-1]
            hist = hist / width.view([-1 if i == d else 1 for i in range(len(edges))])
    return hist


def histogram_count(self, bins, range, weight, density):
    _check_histogram("histogram", self, weight)
    values = self.detach().reshape(-1, 1)
    if range is not None and len(range) != 2:
        raise RuntimeError(f"torch.histogram: range should have 2 elements, got {len(range)}")
    edges = _even_edges(values, bins, range)
    return _count(values, [edges], weight, density), edges


def histogram_edges(self, bins, weight, density):
    _check_histogram("histogram", self, weight)
    return _count(self.detach().reshape(-1, 1), [bins], weight, density), bins.clone()


def histogramdd(self, bins, range, weight, density):
    _check_histogram("histogramdd", self, weight)
    if self.dim() < 2:
        raise RuntimeError(f"torch.histogramdd: input tensor should have at least 2 dimensions, but got {self.dim()}")
    dims = self.size(-1)
    points = self.detach().reshape(-1, dims)
    if isinstance(bins, int):
        bins = [bins] * dims
    if len(bins) != dims:
        raise RuntimeError(f"torch.histogramdd: expected {dims} sequence of bin edges or bin counts for a {dims}-dimensional histogram but got {len(bins)}")
    if range is not None and len(range) != 2 * dims:
        raise RuntimeError(f"torch.histogramdd: for a {dims}-dimensional histogram range should have {2 * dims} elements, but got {len(range)}")
    edges = [count.clone() if isinstance(count, ops.Tensor) else _even_edges(points[:, d], count, None if range is None else range[2 * d:2 * d + 2]) for d, count in enumerate(bins)]
    return _count(points, edges, weight, density), tuple(edges)
