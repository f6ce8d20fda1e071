"""Derivative helpers named by the op table's formulas. `g` is the incoming gradient; each comment gives the mathematics.

Formulas ignore broadcasting: the engine sums a gradient back to its argument's shape.
"""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor
from frankentorch.ops.loss import multilabel_places
from frankentorch.autograd.rules_conv import *  # noqa: F401,F403
from frankentorch.autograd.rules_linalg import *  # noqa: F401,F403
from frankentorch.autograd.rules_reduce import *  # noqa: F401,F403
from frankentorch.autograd.rules_pool import *  # noqa: F401,F403
from frankentorch.autograd.rules_fft import *  # noqa: F401,F403
from frankentorch.autograd.rules_index import *  # noqa: F401,F403
from frankentorch.autograd.rules_attention import attention_gradients  # noqa: F401
from frankentorch.autograd.rules_recurrent import lstm_scan_gradients, scan_steps_gradients  # noqa: F401


def __getattr__(name):
    """Formulas may name ops of the table directly."""
    try:
        return getattr(ops, name)
    except AttributeError:
        raise AttributeError(f"no derivative helper and no op is named {name!r}") from None


# ---- shapes ----
def sum_to(g, sizes):
    """Sum over the dims that broadcasting to g.shape added or stretched."""
    sizes = tuple(sizes)
    if tuple(g.shape) == sizes:
        return g
    extra = g.dim() - len(sizes)
    dims = tuple(range(extra)) + tuple(d + extra for d, size in enumerate(sizes) if size == 1 and g.shape[d + extra] != 1)
    if dims:
        g = ops.sum(g, dims, True)
    return ops.view(g, sizes) if extra else g


def empty_strided_like(g, sizes, strides):
    return ops.new_empty_strided(g, sizes, strides)


def zeros_of(g, sizes):
    return ops.new_zeros(g, sizes)


def scaled(g, alpha):
    # d(alpha y)/dy = alpha
    return g if alpha == 1 else g * (alpha.conjugate() if isinstance(alpha, complex) else alpha)


def inverse_permutation(dims):
    n = len(dims)
    out = [0] * n
    for i, d in enumerate(dims):
        out[d % n] = i
    return tuple(out)


def select_backward(g, sizes, dim, index):
    out = zeros_of(g, sizes)
    ops.select(out, dim, index).copy_(g)
    return out if not g.requires_grad else ops.select_scatter(zeros_of(g, sizes), g, dim, index)


def slice_backward(g, sizes, dim, start, end, step):
    if g.requires_grad:
        return ops.slice_scatter(zeros_of(g, sizes), g, dim, start, end, step)
    out = zeros_of(g, sizes)
    ops.slice(out, dim, start, end, step).copy_(g)
    return out


def diagonal_backward(g, sizes, offset, dim1, dim2):
    out = zeros_of(g, sizes)
    ops.diagonal(out, offset, dim1, dim2).copy_(g)
    return out


def unfold_backward(g, sizes, dimension, size, step):
    # windows overlap when step < size: add each position of the window apart, in ascending order
    out = zeros_of(g, sizes)
    n = len(sizes)
    dim = dimension % max(n, 1)
    if n == 0:
        return ops.sum(g, (-1,)) if g.dim() else g
    windows = g.size(dim)
    parts = out
    for i in range(size):
        place = ops.slice(out, dim, i, i + (windows - 1) * step + 1 if windows else i, step)
        place.add_(ops.select(g, -1, i))
    return parts


def split_backward(g, sizes, dtype, dim):
    g = g if isinstance(g, tuple) else (g,)
    given = next(part for part in g if part is not None)
    dim %= len(sizes)
    # pieces that got no gradient are filled with zeros of the size they must have
    known = [None if part is None else part.size(dim) for part in g]
    if None in known:
        missing = sizes[dim] - sum(k for k in known if k is not None)
        full = max(k for k in known if k is not None)
        holes = known.count(None)
        lengths = []
        for i, k in enumerate(known):
            if k is not None:
                lengths.append(k)
                continue
            holes -= 1
            take = missing if holes == 0 else min(full, missing)
            missing -= take
            lengths.append(take)
        g = tuple(zeros_of(given, (*sizes[:dim], length, *sizes[dim + 1:])) if part is None else part for part, length in zip(g, lengths))
    return ops.cat(g, dim)


def unbind_backward(g, sizes, dtype, dim):
    g = g if isinstance(g, tuple) else (g,)
    given = next((part for part in g if part is not None), None)
    rest = tuple(s for d, s in enumerate(sizes) if d != dim % len(sizes))
    return ops.stack(tuple(zeros_of(given, rest) if part is None else part for part in g), dim)


def as_strided_backward(g, base_sizes, base_strides, base_offset, sizes, strides, offset):
    """Gradients of all places of a view that look at one element are added; elements no place looks at get zero."""
    offset = base_offset if offset is None else offset
    extent = 1 + max(sum((n - 1) * s for n, s in zip(base_sizes, base_strides) if n), 0) + base_offset
    extent = max(extent, 1 + offset + sum((n - 1) * s for n, s in zip(sizes, strides) if n))
    flat = zeros_of(g, (extent,))
    for d in range(len(sizes) - 1, -1, -1):          # an expanded dim looks at the same elements all along
        if strides[d] == 0 and sizes[d] > 1:
            g = ops.sum(g, (d,), True)
    sizes = tuple(g.shape)
    if g.numel():
        if overlaps(sizes, strides):
            places = ops.as_strided(ops.arange(extent), sizes, strides, offset)
            flat = ops.index_put(flat, (ops.reshape(places, (-1,)),), ops.reshape(g, (-1,)), True)
        elif g.requires_grad:
            places = ops.as_strided(ops.arange(extent), sizes, strides, offset)
            flat = ops.index_put(flat, (ops.reshape(places, (-1,)),), ops.reshape(g, (-1,)), False)
        else:
            ops.as_strided(flat, sizes, strides, offset).copy_(g)
    return ops.as_strided(flat, base_sizes, base_strides, base_offset)


def overlaps(sizes, strides):
    """Whether two places of a view may look at the same element."""
    reach = 0
    for n, s in sorted(((n, s) for n, s in zip(sizes, strides) if n > 1), key=lambda item: item[1]):
        if s <= reach:
            return True
        reach += (n - 1) * s
    return False


def cat_backward(g, sizes, dtypes, dim):
    rank = g.dim()
    dim %= rank
    out, start = [], 0
    for size, dtype in zip(sizes, dtypes):
        if len(size) == 1 and size[0] == 0 and rank != 1:
            out.append(ops.zeros(size, dtype=g.dtype))
            continue
        out.append(ops.slice(g, dim, start, start + size[dim]))
        start += size[dim]
    return tuple(part.real if part.is_complex() and not dtype.is_complex else part for part, dtype in zip(out, dtypes))


def to_backward(g, dtype, device):
    if g.is_complex() and not dtype.is_complex:
        g = ops.real(g)
    return g.to(device=device, dtype=dtype)


def view_as_complex(g):
    return ops.view_as_complex(g)


def view_as_real(g):
    return ops.view_as_real(g)


def real_backward(g, dtype, part):
    if not dtype.is_complex:
        return g
    zero = ops.zeros_like(g)
    return ops.complex(g, zero) if part == 0 else ops.complex(zero, g)


# ---- indexing ----
def index_backward(g, sizes, dtype, indices):
    return ops.index_put(zeros_of(g, sizes), indices, g, True)


def index_put_backward_self(g, indices, accumulate):
    if accumulate:
        return g
    return ops.index_put(g, indices, ops.zeros((), dtype=g.dtype, device=g.device), False)


def index_put_backward_values(g, indices, sizes):
    return sum_to(ops.index(g, indices), sizes)


# ---- elementwise ----
def conj(x):
    if isinstance(x, Tensor):
        return ops.conj(x) if x.is_complex() else x
    return x.conjugate() if isinstance(x, complex) else x


def sgn_backward(g, self, out):
    # real: 0. complex: d sgn = (g - Re(conj(g) s) s) / |x|, with s = sgn(x); 0 at 0
    if not self.is_complex():
        return g * 0
    size = self.abs()
    along = ops.real(g.conj() * out)
    return ops.where(size == 0, ops.zeros_like(g), (g - along * out) / size)


def sinc_backward(g, self):
    # d sin(pi x)/(pi x) = (pi x cos(pi x) - sin(pi x)) / (pi x^2), 0 at 0
    pi = 3.141592653589793
    scaled_self = self * pi
    slope = (scaled_self * scaled_self.cos() - scaled_self.sin()) / (scaled_self * self)
    return g * conj(ops.where(self == 0, ops.zeros_like(slope), slope))


def div_mode_backward_self(g, other, rounding_mode):
    return g / conj(other) if rounding_mode is None else ops.zeros_like(g)


def div_mode_backward_other(g, self, other, rounding_mode):
    return -g * conj((self / other) / other) if rounding_mode is None else ops.zeros_like(g)


def remainder_backward_other(g, self, other):
    # d (x - y floor(x / y)) / dy = -floor(x / y)
    return -g * ops.div(self if isinstance(self, Tensor) else ops.full_like(other, self), other, rounding_mode="floor")


def pow_backward_self(g, self, exponent):
    # d x^p = p x^(p-1), 0 where p = 0
    if not isinstance(exponent, Tensor):
        if exponent == 0:
            return ops.zeros_like(g) if not isinstance(self, Tensor) else ops.zeros_like(self)
        return g * conj(exponent * (self if exponent == 2 else ops.pow(self, exponent - 1)))
    slope = exponent * ops.pow(self, exponent - 1)
    return g * conj(ops.where(exponent == 0, ops.zeros_like(slope), slope))


def pow_backward_exponent(g, self, exponent, out):
    # d x^p / dp = x^p log x; 0 where x = 0 and p >= 0
    if not isinstance(self, Tensor):
        if self == 0:
            slope = ops.where(exponent >= 0, ops.zeros_like(out), out) if not out.is_complex() else ops.zeros_like(out)
            return g * conj(slope)
        import cmath
        import math
        log = math.log(self) if not isinstance(self, complex) and self > 0 else (cmath.log(self) if out.is_complex() else float("nan"))
        return g * conj(out * log)
    hold = (self == 0) if out.is_complex() or exponent.is_complex() else ops.logical_and(self == 0, exponent >= 0)
    slope = out * ops.log(self)
    return g * conj(ops.where(hold, ops.zeros_like(slope), slope))


def atan2_backward_self(g, self, other):
    return g * (other / (self * self + other * other))


def atan2_backward_other(g, self, other):
    return g * (-self / (self * self + other * other))


def xlogy_backward_self(g, self, other):
    keep = ops.logical_and(self == 0, other <= 0) if isinstance(self, Tensor) or isinstance(other, Tensor) else False
    slope = ops.log(other) if isinstance(other, Tensor) else ops.log(ops.scalar_tensor(other, dtype=g.dtype))
    return g * ops.where(keep, ops.zeros_like(slope), slope)


def copysign_backward(g, self, out):
    ratio = out / self
    return g * ops.where(self == 0, ops.zeros_like(ratio), ratio)


def extreme_backward(g, self, other, relation):
    # the winner takes the gradient; equals share it
    keep = getattr(ops, relation)(self, other)
    half = ops.eq(self, other)
    return ops.where(half, g / 2, ops.where(keep, g, ops.zeros_like(g)))


def fextreme_backward(g, self, other, relation, first):
    keep = getattr(ops, relation)(self, other)
    keep = ops.logical_or(keep, ops.isnan(other) if first else ops.logical_and(ops.isnan(other), ops.logical_not(ops.isnan(self))))
    return ops.where(keep, g, ops.zeros_like(g))


def where_part(g, condition, chosen):
    zero = ops.zeros_like(g)
    return ops._where(condition, g, zero) if chosen else ops._where(condition, zero, g)


def clamp_backward(g, self, min, max):
    return g * ops.logical_and(self >= min, self <= max)


def clamp_backward_min(g, self, min, max):
    return g * ops.logical_and(self < min, ops.lt(min, max))


def clamp_backward_max(g, self, min, max):
    return g * ops.logical_or(self > max, ops.lt(max, min))


def clamp_one_backward(g, self, bound, relation):
    return ops.where(getattr(ops, relation)(self, bound), g, 0)


def clamp_bound_backward(g, self, bound, relation):
    return ops.where(getattr(ops, relation)(self, bound), g, 0)


# ---- activations ----
def sigmoid_backward(g, out):
    return g * conj(out * (1 - out)) if out.is_complex() else ops._sigmoid_backward(g, out)


def tanh_backward(g, out):
    return g * (1 - conj(out * out)) if out.is_complex() else ops._tanh_backward(g, out)


def elu_backward(g, self, alpha, scale, input_scale):
    return ops._elu_backward(g, self, scale, input_scale, alpha * scale * input_scale)


def elu_double_backward(g, grad, self, input_scale, slope):
    return ops._where(self > 0, ops.zeros_like(g), g * grad * (self * input_scale).exp() * (slope * input_scale))


def gelu_backward(g, self, approximate):
    return ops._gelu_erf_backward(g, self) if approximate == "none" else ops._gelu_tanh_backward(g, self)


def gelu_double_backward(g, grad, self):
    # d2 (x Phi(x)) = phi(x) (2 - x^2)
    return g * grad * (self * self * -0.5).exp() * 0.3989422804014327 * (2 - self * self)


def gelu_tanh_double_backward(g, grad, self):
    c, k = 0.7978845608028654, 0.044715
    t = (c * (self + k * self ** 3)).tanh()
    inner, curve = c * (1 + 3 * k * self * self), c * 6 * k * self
    s = 1 - t * t
    return g * grad * (s * inner + 0.5 * self * (s * curve - 2 * t * s * inner * inner))


def silu_double_backward(g, grad, self):
    s = ops.sigmoid(self)
    return g * grad * s * (1 - s) * (2 + self * (1 - 2 * s))


def mish_backward(g, self):
    t = ops.tanh(ops.softplus(self))
    return g * (t + self * ops.sigmoid(self) * (1 - t * t))


def softplus_double_backward(g, grad, self, beta, threshold):
    s = ops.sigmoid(self * beta)
    return ops._softplus_double_backward(g * grad * (s * (1 - s)) * beta, self, beta, threshold)


def hardswish_double_backward(g, grad, self):
    return g * grad * ops.logical_and(self >= -3, self <= 3) / 3


def log_sigmoid_double_backward(g, grad, self):
    s = ops.sigmoid(-self)
    return g * grad * -(s * (1 - s))


# ---- losses ----
def loss_curve(g, self, target, bound):
    # of a loss that is quadratic nearer than bound and linear from there on
    return ops.where(ops.abs(self - target) < bound, g, ops.zeros_like(g))


def multilabel_terms_backward(g, self, target):
    # of max(0, 1 - x_j + x_i): g to class i, -g to label j's
    places, keep = multilabel_places(target)
    rows = ops.arange(self.size(0)).unsqueeze(1)
    terms = 1 - ops.index(self, (rows, places)).unsqueeze(2) + self.unsqueeze(1)
    g = clamp_one_backward(ops.where(keep, g, ops.zeros_like(g)), terms, 0, "ge")
    return ops.sum(g, (1,)) + ops.index_put(ops.zeros_like(self), (rows, places), -ops.sum(g, (2,)), True)


# ---- families ----
from frankentorch.autograd.rules_loss import binary_cross_entropy_backward_target, binary_cross_entropy_curve, ctc_loss_twice  # noqa: E402,F401
from frankentorch.autograd.rules_norm import (bags_backward, bags_weights_backward, batch_norm_backward, batch_norm_twice, embedding_twice, embedding_vocabulary, glu_backward, group_norm_backward,  # noqa: E402,F401
                                              group_norm_twice, layer_norm_backward, layer_norm_twice, log_softmax_backward_grad, log_softmax_backward_output, softmax_backward_grad,
                                              softmax_backward_output)
from frankentorch.autograd.rules_special import (entr_slope, frexp_backward, gamma_density, i1_backward, i1e_backward, log_ndtr_slope, no_derivative, normal_density,
                                                 xlog1py_backward_self)  # noqa: E402,F401
