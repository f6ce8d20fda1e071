"""How the tangent of a result follows from the tangents of the arguments, by the kind an op's row gives (`jvp=`, optable/schema.py).

Every differentiable row has a gradient J* g, the adjoint of its derivative J with respect to the real inner product. So J t follows
without another formula: where J is diagonal it differs from J* only by a conjugation, where the op is linear J is the op, and in
general J t is the gradient of <J* g, t> with respect to g (Griewank and Walther, Evaluating Derivatives, 2008, ch. 3). Rules of this
module's own are for rows that would be slow or wrong that way. All of them run where the level of the tangents is hidden.
"""
from frankentorch import ops
from frankentorch._ext import dispatch
from frankentorch._ext.tensor import Tensor
from frankentorch.autograd import rules
from frankentorch.autograd.backward import grad as gradients


def tangent(overload, args, tangents, out):
    """Tangent of `out` (or a tuple of them, None where there is none). `tangents` is as long as `args`: None, a tensor, a tuple of these."""
    return globals()[overload.forward or "transposed"](overload, args, tangents, out)


def is_continuous(value):
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())


def conj(x):
    return ops.conj(x) if x.is_complex() else x


def in_precision(t, out):
    """The tangent of an argument in the precision of the result; real stays real."""
    dtype = out.dtype
    if t.is_complex() != out.is_complex():
        dtype = dtype.to_real() if out.is_complex() else dtype.to_complex()
    return t if t.dtype is dtype else t.to(dtype)


# ---- kinds ----
def elementwise(overload, args, tangents, out):
    """The formula of J* multiplies by conj(a) where J multiplies by a: conj(J* conj(t)); the real part of it where the result is real."""
    total = None
    edges = overload.differentiable
    for place, position in enumerate(edges):
        t = tangents[position]
        if t is None:
            continue
        t = in_precision(t, out)
        part = dispatch.adjoint(overload, args, out, tuple(k == place for k in range(len(edges))), conj(t))[place]
        if part is None:
            continue
        part = conj(part)
        if part.is_complex() and not out.is_complex():
            part = ops.real(part)
        total = part if total is None else total + part
    return ops.zeros_like(out) if total is None else total


def linear(overload, args, tangents, out):
    """The op itself on the tangents, zeros standing for those that are missing."""
    given = list(args)
    for position in overload.differentiable:
        given[position] = _instead(args[position], tangents[position])
    return dispatch.run_overload(overload, tuple(given), 0, None)


def _instead(value, t):
    if isinstance(value, tuple):
        return tuple(_instead(item, part) for item, part in zip(value, t or (None,) * len(value)))
    if t is not None or value is None:
        return t
    return ops.zeros_like(value) if isinstance(value, Tensor) else 0


def multilinear(overload, args, tangents, out):
    """The sum of the op with one argument replaced by its tangent."""
    total = None
    for position in overload.differentiable:
        if tangents[position] is not None:
            part = dispatch.run_overload(overload, (*args[:position], tangents[position], *args[position + 1:]), 0, None)
            total = part if total is None else total + part
    return total


def zero(overload, args, tangents, out):
    return tuple(ops.zeros_like(item) if is_continuous(item) else None for item in out) if isinstance(out, (tuple, list)) else ops.zeros_like(out)


def none(overload, args, tangents, out):
    return None


def transposed(overload, args, tangents, out):
    """J t as the gradient of <J* g, t> for g, which stands for any gradient of the result: J* is linear in it."""
    outs = out if isinstance(out, (tuple, list)) else (out,)
    records = ops.is_grad_enabled() and any(item.requires_grad for item in _tensors((args, tangents)))
    given = _flat(tangents, args, overload)
    with ops.enable_grad():
        leaves = [ops.ones_like(item).requires_grad_() if is_continuous(item) else None for item in outs]
        found = dispatch.adjoint(overload, args, out, tuple(t is not None for t in given), tuple(leaves) if isinstance(out, (tuple, list)) else leaves[0])
        pairs = [(h, _as_gradient(t, h)) for h, t in zip(found, given) if t is not None and h is not None and h.requires_grad]
        wanted = [leaf for leaf in leaves if leaf is not None]
        parts = iter(gradients([h for h, _ in pairs], wanted, [t for _, t in pairs], create_graph=records, allow_unused=True) if pairs else [None] * len(wanted))
    result = tuple(None if leaf is None else next(parts) for leaf in leaves)
    if not isinstance(out, (tuple, list)):
        return ops.zeros_like(out) if result[0] is None else result[0]
    return result


def _flat(tangents, args, overload):
    """Tangents by edge: one place for each differentiable argument, one for each member of the list that stands last."""
    flat = []
    edges = overload.differentiable
    for place, position in enumerate(edges):
        if overload.list_edge and place == len(edges) - 1:
            flat += tangents[position] or (None,) * len(args[position])
        else:
            flat.append(tangents[position])
    return flat


def _tensors(tree):
    for item in tree:
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, tuple):
            yield from _tensors(item)


def _as_gradient(t, h):
    """The tangent of an argument as a gradient of what the formula gave for it, before that is summed and cast to the argument."""
    if t.is_complex() and not h.is_complex():
        t = ops.real(t)
    if t.dtype is not h.dtype:
        t = t.to(h.dtype)
    return t if t.shape == h.shape else ops.expand(t, h.shape)


# ---- rules of single rows ----
def named(overload, values):
    """The value of each argument by its name."""
    return dict(zip(overload.arg_names, values))


def added(parts):
    """The sum of the parts that there are."""
    parts = [item for item in parts if item is not None]
    return sum(parts[1:], parts[0]) if parts else None


def sgn(overload, args, tangents, out):
    # the derivative of x / |x| is its own adjoint: (t - Re(conj(t) s) s) / |x|
    return rules.sgn_backward(in_precision(tangents[0], out), args[0], out)


def softmax(overload, args, tangents, out):
    return ops._softmax_backward(_converted(tangents[0], out), out, args[1])


def log_softmax(overload, args, tangents, out):
    t = _converted(tangents[0], out)
    return t - ops.sum(t * ops.exp(out), (args[1],), True)


def _converted(t, out):
    """What becomes of the tangent when `dtype=` converts the argument."""
    t = in_precision(t, out)
    return ops.real(t) if t.is_complex() and not out.is_complex() else t


def picked(overload, args, tangents, out):
    """Values taken from places that `out.indices` names: the tangents of those places."""
    given = named(overload, args)
    t, indices = tangents[0], out[1]
    if t.dim() == 0:
        return ops.reshape(t, out[0].shape), None
    dim = given["dim"]
    if indices.dim() == t.dim():
        return ops.gather(t, dim, indices), None
    return ops.squeeze(ops.gather(t, dim, ops.unsqueeze(indices, dim % t.dim())), dim), None


def blended(overload, args, tangents, out):
    """beta self + alpha (a @ b): linear in self, a and b each."""
    beta = overload.arg_names.index("beta")
    first, *products = overload.differentiable
    parts = [] if tangents[first] is None else [ops.expand(tangents[first] * args[beta], out.shape)]
    for position in products:
        if tangents[position] is not None:
            given = list(args)
            given[first], given[position], given[beta] = ops.zeros_like(args[first]), tangents[position], 0
            parts.append(dispatch.run_overload(overload, tuple(given), 0, None))
    return added(parts)


def layer(overload, args, tangents, out):
    """x w^T + b"""
    (x, w, _), (t_x, t_w, t_b) = args, tangents
    return added((None if t_x is None else ops.linear(t_x, w), None if t_w is None else ops.linear(x, t_w), None if t_b is None else ops.expand(t_b, out.shape)))


def convolution(overload, args, tangents, out):
    x, w, _, *rest = args
    t_x, t_w, t_b = tangents[:3]
    return added((None if t_x is None else ops.convolution(t_x, w, None, *rest), None if t_w is None else ops.convolution(x, t_w, None, *rest),
                  None if t_b is None else ops.expand(ops.reshape(t_b, (-1,) + (1,) * len(args[3])), out.shape)))


def as_strided(overload, args, tangents, out):
    """A view of the tangent where it has all the elements that are looked at, else of zeros around it."""
    self, sizes, strides, offset = args
    t = tangents[0]
    reach = sum((n - 1) * s for n, s in zip(sizes, strides)) + 1 if 0 not in sizes else 0
    start = (self.storage_offset() if offset is None else offset) - self.storage_offset()
    if t.is_non_overlapping_and_dense() and t.stride() == self.stride() and start >= 0 and start + reach <= t.numel():
        return ops.as_strided(t, sizes, strides, t.storage_offset() + start)
    low = min(start, 0)
    extent = max(start + reach, 1 + sum((n - 1) * s for n, s in zip(self.shape, self.stride()))) - low
    wide = ops.zeros(extent, dtype=t.dtype, device=t.device)
    ops.as_strided(wide, self.shape, self.stride(), -low).copy_(t)
    return ops.as_strided(wide, sizes, strides, start - low)


def cholesky(overload, args, tangents, out):
    """A = L L^H: dL = L P(L^-1 dA L^-H), P the lower triangle with half the diagonal (Murray 2016)."""
    adjoint = lambda x: ops.conj(ops.transpose(x, -1, -2))  # noqa: E731
    inner = ops._linalg_solve(out, adjoint(ops._linalg_solve(out, adjoint(tangents[0]))))
    half = ops.tril(inner) - ops.diag_embed(ops.diagonal(inner, 0, -2, -1) / 2)
    return ops.matmul(out, half)


def logcumsumexp(overload, args, tangents, out):
    """The mean of what t was so far, weighted by exp(x); the sum of weights is kept apart from its running maximum, so that any x will do."""
    self, dim = args
    t = in_precision(tangents[0], out)
    if out.dim() == 0 or out.numel() == 0:
        return t
    parts, total, highest = [], None, None
    for x, slope in zip(ops.unbind(self, dim), ops.unbind(t, dim)):
        top = ops.real(x) if highest is None else ops.maximum(highest, ops.real(x))
        base = ops.where(ops.eq(top, float("-inf")), ops.zeros_like(top), top)
        weight = ops.exp(x - base)
        if total is None:
            total, mean = weight, slope
        else:
            before = total * ops.exp(highest - base)
            total = before + weight
            share = ops.where(ops.eq(total, 0), ops.zeros_like(total), weight / total)
            mean = mean + share * (slope - mean)
        highest = top
        parts.append(mean)
    return ops.stack(parts, dim)


# ---- where tangents are kept ----
def laid_out(t, out, shared):
    """The tangent in the shape and strides of the result it belongs to, in bytes of its own when they are shared."""
    if t.dtype is not out.dtype and t.is_complex() == out.is_complex():
        t = t.to(out.dtype)
        shared = False
    if t.shape != out.shape:
        t = ops.expand(t, out.shape)
    if t.stride() == out.stride() and not shared:
        return t
    if not out.is_non_overlapping_and_dense():
        return ops.clone(t) if shared else t
    return ops.new_empty_strided(t, out.shape, out.stride(), dtype=out.dtype, device=out.device).copy_(t)


def blank(t, found):
    """Zeros laid out as a tensor is, one for each example that a tangent about to be written has."""
    made = ops.new_empty_strided(found, t.shape, t.stride(), dtype=t.dtype, device=t.device)
    with ops.no_grad():
        made.zero_()
    return made


def copied(t):
    """A copy that keeps history and lower tangents."""
    return ops.clone(t)


def overwrite(old, found):
    """Write a tangent where the old one lies."""
    old.copy_(found)


def part(wider, base, view):
    """What `view`, a view of `base`, shows of the base's tangent."""
    if view.dtype is base.dtype:
        return ops.as_strided(wider, view.shape, view.stride(), wider.storage_offset() + view.storage_offset() - base.storage_offset())
    if base.is_complex() and not view.is_complex():
        real = ops.view_as_real(wider)
        return ops.as_strided(real, view.shape, view.stride(), 2 * wider.storage_offset() + view.storage_offset() - 2 * base.storage_offset())
    if view.is_complex() and not base.is_complex():
        pairs = ops.as_strided(wider, (*view.shape, 2), (*(2 * s for s in view.stride()), 1), wider.storage_offset() + 2 * view.storage_offset() - base.storage_offset())
        return ops.view_as_complex(pairs)
    return None
