"""Composite products: what is a view, a transpose and a product."""
import math

from frankentorch import ops
from frankentorch._ext import pairs_run


def outer(self, vec2):
    if self.dim() != 1 or vec2.dim() != 1:
        wrong, name = (self, "self") if self.dim() != 1 else (vec2, "vec2")
        raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {wrong.dim()}-D")
    return _outer(self, vec2)


def _outer(x, y):
    return ops.mul(ops.unsqueeze(x, 1), y)


def addbmm(self, batch1, batch2, beta, alpha):
    for name, t in (("batch1", batch1), ("batch2", batch2)):
        if t.dim() != 3:
            raise RuntimeError(f"{name} must be a 3D tensor, got {t.dim()}-D")
    if batch1.shape[0] != batch2.shape[0]:
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {batch1.shape[0]} and {batch2.shape[0]}")
    if batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(f"Incompatible matrix sizes for bmm ({batch1.shape[1]}x{batch1.shape[2]} and {batch2.shape[1]}x{batch2.shape[2]})")
    b, m, k = batch1.shape
    # the sum over batches is one product: rows (batch, k) side by side
    left = ops.reshape(ops.permute(batch1, (1, 0, 2)), (m, b * k))
    return ops.addmm(self, left, ops.reshape(batch2, (b * k, batch2.shape[2])), beta=beta, alpha=alpha)


def addr(self, vec1, vec2, beta, alpha):
    if vec1.dim() != 1 or vec2.dim() != 1:
        raise RuntimeError(f"addr: Expected 1-D argument vec1 and vec2, but got {vec1.dim()}-D and {vec2.dim()}-D")
    product = _outer(vec1, vec2)
    if self.shape != product.shape:
        self = ops.expand(self, product.shape)
    if self.dtype is ops.bool and product.dtype is ops.bool:
        product = product if alpha else ops.zeros_like(product)
        return ops.logical_or(self, product) if beta else product
    product = product if alpha == 1 else ops.mul(product, alpha)
    if beta == 0:
        return product.to(ops.promote_types(self.dtype, product.dtype))
    scaled = self if beta == 1 else ops.mul(self, beta)
    if scaled.dtype is product.dtype and scaled.stride(0) >= scaled.stride(1) > 0 and not ops.differentiated(scaled, product):
        return product.add_(scaled)                 # in the layout that the sum would have
    return ops.add(scaled, product)


def inner(self, other):
    if self.dim() == 0 or other.dim() == 0:
        return ops.mul(self, other)
    if self.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner() the last dimension must match on both input tensors but got shapes {list(self.shape)} and {list(other.shape)}")
    if self.dim() == 1 and other.dim() == 1:
        return ops.dot(self, other)
    rows = ops.reshape(self, (-1, self.shape[-1])) if self.numel() else ops.reshape(self, (_product(self.shape[:-1]), self.shape[-1]))
    columns = ops.reshape(other, (_product(other.shape[:-1]), other.shape[-1]))
    return ops.reshape(ops.mm(rows, ops.t(columns)), (*self.shape[:-1], *other.shape[:-1]))


def _product(sizes):
    total = 1
    for size in sizes:
        total *= size
    return total


def _best_order(sizes):
    """Splits of the matrix chain with the fewest multiplications (Cormen et al., ch. 15.2); equal counts take the leftmost."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            cost[i][j], split[i][j] = min((cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))
    return split


def _multiply(matrices, split, i, j):
    if i == j:
        return matrices[i]
    k = split[i][j]
    return ops.mm(_multiply(matrices, split, i, k), _multiply(matrices, split, k + 1, j))


def chain_matmul(matrices):
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    for i, t in enumerate(matrices):
        if t.dim() != 2:
            raise RuntimeError(f"Tensor dimension is {t.dim()}, expected 2 instead (matrix {i} of chain_matmul).")
    if len(matrices) == 1:
        return matrices[0]
    return multi_dot(matrices)


def multi_dot(tensors):
    n = len(tensors)
    if n < 2:
        raise RuntimeError("multi_dot(): expected at least 2 tensors but got " + str(n))
    matrices = list(tensors)
    first, last = tensors[0].dim() == 1, tensors[-1].dim() == 1
    if first:
        matrices[0] = ops.unsqueeze(tensors[0], 0)
    if last:
        matrices[-1] = ops.unsqueeze(tensors[-1], 1)
    for i, t in enumerate(matrices):
        if t.dim() != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {tensors[i].dim()}D")
        if i and matrices[i - 1].shape[1] != t.shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {i - 1} and {i} with shapes {list(matrices[i - 1].shape)} and {list(t.shape)} cannot be multiplied")
    sizes = [matrices[0].shape[0]] + [t.shape[1] for t in matrices]
    out = _multiply(matrices, _best_order(sizes), 0, n - 1)
    if last:
        out = ops.squeeze(out, 1)
    return ops.squeeze(out, 0) if first else out


def kron(self, other):
    n = max(self.dim(), other.dim())
    a = (1,) * (n - self.dim()) + tuple(self.shape)
    b = (1,) * (n - other.dim()) + tuple(other.shape)
    left = ops.reshape(self, tuple(v for size in a for v in (size, 1)))
    right = ops.reshape(other, tuple(v for size in b for v in (1, size)))
    return ops.reshape(ops.mul(left, right), tuple(x * y for x, y in zip(a, b)))


def _plain(*tensors):
    """Whether a kernel may be called past the ops: nothing records, and there are values."""
    return not ops.differentiated(*tensors) and not any(t.is_meta for t in tensors)


def linalg_cross(self, other, dim):
    if self.dim() != other.dim():
        raise RuntimeError(f"linalg.cross: inputs must have the same number of dimensions. Got {list(self.shape)} and {list(other.shape)}")
    if self.dim() == 0 or not -self.dim() <= dim < self.dim():
        raise IndexError(f"Dimension out of range (expected to be in range of [{-max(self.dim(), 1)}, {max(self.dim(), 1) - 1}], but got {dim})")
    if self.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {self.shape[dim]} and {other.shape[dim]}")
    if self.shape != other.shape:
        sizes = tuple(ops.broadcast_shapes(tuple(self.shape), tuple(other.shape)))
        self, other = ops.expand(self, sizes), ops.expand(other, sizes)
    if self.dtype is other.dtype and self.dtype in (ops.float32, ops.float64, ops.int32, ops.int64) and _plain(self, other):
        return pairs_run.cross(self, other, dim % self.dim())
    a, b = ops.unbind(self, dim), ops.unbind(other, dim)
    return ops.stack([ops.sub(ops.mul(a[1], b[2]), ops.mul(a[2], b[1])), ops.sub(ops.mul(a[2], b[0]), ops.mul(a[0], b[2])),
                      ops.sub(ops.mul(a[0], b[1]), ops.mul(a[1], b[0]))], dim % self.dim())


def cross(self, other, dim):
    if dim is None:
        dim = next((d for d, size in enumerate(self.shape) if size == 3), None)
        if dim is None:
            raise RuntimeError(f"no dimension of size 3 in input {list(self.shape)}")
    return linalg_cross(self, other, dim)


def vecdot(x, y, dim):
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {x.dtype}")
    return ops.sum(ops.mul(ops.conj(x), y), (dim,))


# ---- distances ----
def _norm(x, p, keepdim):
    """p-norm over the last dim; its gradient is 0 where the norm is 0."""
    inf = float("inf")
    size = ops.abs(x)
    if p == 0:
        count = ops.sum(ops.abs(ops.sign(x)), (-1,), keepdim)
        return ops.where(ops.any(ops.ne(x, x).detach(), -1, keepdim), math.nan, count)
    if p == 1:
        return ops.sum(size, (-1,), keepdim)
    if p == inf:
        return ops.amax(size, (-1,), keepdim)
    if p == -inf:
        return ops.amin(size, (-1,), keepdim)
    if 0 < p < 1:                                       # the slope at 0 has no end: what is 0 there has none
        apart = ops.ne(size, 0)
        terms = ops.where(apart, ops.pow(ops.where(apart, size, 1), p), 0)
    else:
        terms = ops.mul(x, x) if p == 2 and not x.is_complex() else ops.pow(size, p)
    total = ops.sum(terms, (-1,), keepdim)
    zero = ops.eq(total, 0)
    held = ops.where(zero, ops.ones_like(total), total)
    root = ops.sqrt(held) if p == 2 else ops.pow(held, 1.0 / p)
    return ops.where(zero, ops.zeros_like(root), root)


def cdist(x1, x2, p, compute_mode):
    for name, x in (("x1", x1), ("x2", x2)):
        if not x.is_floating_point():
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name.upper()} got: {x.dtype}")
        if x.dim() < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name.upper()} got: {x.dim()}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if x1.dtype is x2.dtype and x1.dtype in (ops.float16, ops.bfloat16):
        return cdist(x1.float(), x2.float(), p, compute_mode).to(x1.dtype)      # one rounding
    if x1.dtype is x2.dtype and x1.dtype in (ops.float32, ops.float64) and p in (1, 2, math.inf) and x1.shape[-1] and not (x1.is_meta or x2.is_meta):
        if x1.shape[:-2] != x2.shape[:-2]:
            lead = tuple(ops.broadcast_shapes(tuple(x1.shape[:-2]), tuple(x2.shape[:-2])))
            x1, x2 = (ops.expand(x, (*lead, *x.shape[-2:])) for x in (x1, x2))
        return ops._cdist(x1, x2, p)
    return _norm(ops.sub(ops.unsqueeze(x1, -2), ops.unsqueeze(x2, -3)), p, False)


def paired_rows(x1, x2, p):
    return pairs_run.distances(x1, x2, p, False)


def rows_above(self, p):
    return pairs_run.distances(self, self, p, True)


def pdist(self, p):
    if self.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {self.dim()}D")
    if not self.is_floating_point():
        raise RuntimeError(f"pdist only supports floating-point dtypes, got {self.dtype}")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    n = self.shape[0]
    if n < 2:
        return ops.sum(self[:0], (-1,))
    if self.dtype in (ops.float32, ops.float64) and p in (1, 2, math.inf) and self.shape[-1] and not self.is_meta:
        return ops._pdist(self, p)
    first, second = pairs_run.choices(n, 2, False, math.comb(n, 2))
    return _norm(ops.sub(ops.index(self, (first,)), ops.index(self, (second,))), p, False)
