"""Jacobians of a function of tensors, by differences and by walks: what `gradcheck` compares.

Everything real: an output counts one *probe* per element, a complex one two (real part, imaginary part); an input is moved by one *step* per element, a complex one
by two (along 1 and along i). A Jacobian by differences has the shape (steps, numel of the input, probes). The gradient of a probe is
``d/d re + i d/d im``, which is what a walk gives for the cotangents 1 and i; so both kinds are comparable without Wirtinger calculus.
"""
import itertools

from frankentorch import ops
from frankentorch._ext.tensor import Tensor
from frankentorch.autograd.backward import grad
from frankentorch.ops.grad_mode import no_grad


def as_tuple(value):
    """A tensor alone as a tuple of one."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def differentiable(values):
    """Places of the tensors that want a gradient."""
    return [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]


def probes(value):
    """The elements of an output as real numbers in double precision, shape (probes,)."""
    value = value.detach()
    if value.is_complex():
        return ops.view_as_real(value.to(ops.complex128).resolve_conj()).reshape(-1)
    return value.to(ops.float64).reshape(-1)


def cotangents(out):
    """One incoming gradient per probe of `out`, in their order."""
    for place in range(out.numel()):
        for unit in (1, 1j) if out.is_complex() else (1,):
            g = ops.zeros(out.shape, dtype=out.dtype)
            g.view(-1)[place] = unit
            yield g


def steps_of(value):
    return (1, 1j) if value.is_complex() else (1,)


def _elements(value):
    """(tensor, index) of each element, to be written without autograd's notice."""
    data = value.data
    if data.is_contiguous():
        return data.view(-1), range(data.numel())
    return data, itertools.product(*map(range, data.shape))


def difference(call, value, eps, places, move):
    """Central difference of the chosen outputs when `move(sign)` has written the moved input: a list of (probes,).
    The call itself is recorded when the caller records, for it may take gradients inside."""
    sides = []
    for sign in (-1, 1):
        with no_grad():
            move(sign)
        outs = as_tuple(call())
        sides.append([probes(outs[i]).clone() for i in places])
    return [(after - before) / (2 * eps) for before, after in zip(*sides)]


def numerical(call, value, eps, places):
    """Jacobians of the outputs at `places` by one input, which `call` must look at when called: a list of (steps, numel, probes)."""
    data, indices = _elements(value)
    indices = list(indices)
    rows = [[] for _ in places]
    for unit in steps_of(value):
        for index in indices:
            before = data[index].clone()
            try:
                columns = difference(call, value, eps, places, lambda sign: data.__setitem__(index, before + sign * eps * unit))
            finally:
                data[index] = before
            for row, column in zip(rows, columns):
                row.append(column)
    shape = (len(steps_of(value)), value.numel(), -1)
    return [ops.stack(row).reshape(shape) if row else ops.zeros((shape[0], 0, 0), dtype=ops.float64) for row in rows]


def numerical_along(call, value, eps, places, direction):
    """Slopes of the outputs when one whole input moves along `direction`: a list of (probes,)."""
    data = value.data
    before = data.clone()
    try:
        return difference(call, value, eps, places, lambda sign: data.copy_(before + sign * eps * direction))
    finally:
        data.copy_(before)


def as_steps(gradient, value):
    """A gradient of `value` as the slopes of its steps, shape (steps, numel)."""
    if gradient is None:
        return ops.zeros((len(steps_of(value)), value.numel()), dtype=ops.float64)
    if value.is_complex():
        return ops.view_as_real(gradient.detach().to(ops.complex128).resolve_conj()).reshape(-1, 2).t()
    return gradient.detach().to(ops.float64).reshape(1, -1)


def analytical(out, inputs, inspect=None):
    """Jacobians of one output by each of `inputs`, one walk per probe: a list of (steps, numel, probes). `inspect(gradients)` sees each walk's."""
    columns = [[] for _ in inputs]
    for g in cotangents(out):
        found = grad([out], inputs, [g], retain_graph=True, allow_unused=True)
        if inspect is not None:
            inspect(found)
        for column, gradient, value in zip(columns, found, inputs):
            column.append(as_steps(gradient, value))
    return [ops.stack(column, -1) if column else ops.zeros((len(steps_of(value)), value.numel(), 0), dtype=ops.float64)
            for column, value in zip(columns, inputs)]


def batched(out, inputs):
    """As `analytical`, with all probes in one batched walk."""
    given = list(cotangents(out))
    if not given:
        return analytical(out, inputs)
    found = grad([out], inputs, [ops.stack(given)], retain_graph=True, allow_unused=True, is_grads_batched=True)
    return [ops.stack([as_steps(None if gradient is None else gradient[k], value) for k in range(len(given))], -1) for gradient, value in zip(found, inputs)]


def shown(jacobian, value):
    """A Jacobian as people read it, (numel, probes), complex when the input is."""
    return ops.complex(jacobian[0], jacobian[1]) if value.is_complex() else jacobian[0]


def mismatch(expected, actual, value, atol, rtol):
    """Whether two Jacobians of `value` are farther apart than ``atol + rtol * |expected|`` anywhere."""
    return expected.shape != actual.shape or not ops.allclose(shown(actual, value), shown(expected, value), rtol, atol)
