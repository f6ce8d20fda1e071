"""`gradcheck` and `gradgradcheck`: derivatives against differences.

The checks, in order: every Jacobian against central differences (whole, or along random directions in fast mode); the same walk twice gives the same;
the gradient is proportional to the incoming one; a batched walk gives what single walks give; outputs without a gradient are coped with; forward mode.
The name of this module in the package is taken by its function, as in PyTorch.
"""
import importlib
import itertools
import warnings

from frankentorch import ops
from frankentorch._ext.tensor import Tensor
from frankentorch.autograd import jacobians
from frankentorch.autograd.backward import grad
from frankentorch.autograd.function import Function
from frankentorch.random import Generator

__all__ = ["gradcheck", "gradgradcheck", "GradcheckError"]

FAST_NOTE = "(slopes along random directions, fast_mode=True; the whole Jacobians follow)\n"


class GradcheckError(RuntimeError):
    """A derivative is not what `gradcheck` expects."""


class _Undefined(Function):
    """Passes values on and gives no gradient back."""

    @staticmethod
    def forward(ctx, *values):
        return tuple(value.view_as(value) for value in values)

    @staticmethod
    def backward(ctx, *grads):
        return (None,) * len(grads)


class _Options:
    """The settings of one check."""

    def __init__(self, **settings):
        self.__dict__.update(settings)


def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, nondet_tol=0.0, check_undefined_grad=True, check_grad_dtypes=False,
              check_batched_grad=False, check_batched_forward_grad=False, check_forward_ad=False, check_backward_ad=True, fast_mode=False, masked=None):
    """Compare the derivatives of `func` at `inputs` with central differences.

    Parameters
    ----------
    func : callable
        Takes the inputs, gives a tensor or several. It is called many times and must depend on nothing else that changes.
    inputs : Tensor or tuple
        Those that require grad are moved; float64 or complex128, or the differences are too coarse (a warning says so).
    eps, atol, rtol : float
        Step, and the tolerance ``|walk - difference| <= atol + rtol * |difference|``.
    raise_exception : bool
        False: return False where GradcheckError would be raised.
    nondet_tol : float
        Largest difference of two equal walks.
    check_undefined_grad, check_grad_dtypes, check_batched_grad, check_batched_forward_grad, check_forward_ad, check_backward_ad : bool
        Which further checks are made.
    fast_mode : bool
        Compare slopes along one random direction per pair of input and output, instead of whole Jacobians.
    masked : bool, optional
        Speaks of sparse inputs only, which do not exist here.

    Raises
    ------
    GradcheckError
        Something does not agree; the text shows both Jacobians.
    ValueError
        No input requires grad.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    options = _Options(eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol, undefined=check_undefined_grad, dtypes=check_grad_dtypes, batched=check_batched_grad,
                       batched_forward=check_batched_forward_grad, forward=check_forward_ad, backward=check_backward_ad, fast=fast_mode)
    try:
        _check(func, jacobians.as_tuple(inputs), options)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check(func, inputs, options):
    moved = _check_inputs(inputs)
    outs = jacobians.as_tuple(func(*inputs))
    places = jacobians.differentiable(outs)
    if not places:
        return _check_constant(func, inputs, moved, outs, options)
    if options.fast:
        numbers = [_fast_numbers(func, inputs, j, outs, places, options) for j in moved]
    else:
        numbers = [jacobians.numerical(lambda: func(*inputs), inputs[j], options.eps, places) for j in moved]
    if options.backward:
        if options.fast:
            _check_fast(func, inputs, moved, places, numbers, options)
        else:
            _check_whole(func, inputs, moved, places, numbers, options)
        _check_proportional(func, inputs, moved, options)
        if options.batched:
            _check_batched(func, inputs, moved, places, options)
        if options.undefined:
            _check_undefined(func, inputs, moved)
    if options.forward:
        _check_forward(func, inputs, moved, places, numbers, options)
    return None


def _check_inputs(inputs):
    """Places of the inputs to move."""
    moved = jacobians.differentiable(inputs)
    if not moved:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
    for place in moved:
        value = inputs[place]
        if value.dtype not in (ops.float64, ops.complex128):
            warnings.warn(f"Input #{place} requires gradient and is not a double precision floating point or complex ({value.dtype}): differences will be too coarse.", stacklevel=4)
        if any(stride == 0 and size > 1 for stride, size in zip(value.stride(), value.shape)):
            raise RuntimeError(f"The {place}th input has a dimension with stride 0. gradcheck moves its elements one by one, so no two may share memory: clone it before")
        value.retain_grad()
    return moved


def _check_constant(func, inputs, moved, outs, options):
    """A function without derivative must not change, where it can be seen."""
    places = [i for i, out in enumerate(outs) if isinstance(out, Tensor) and (out.is_floating_point() or out.is_complex())]
    for place in moved:
        for jacobian in jacobians.numerical(lambda: func(*inputs), inputs[place], options.eps, places):
            if jacobian.numel() and jacobian.abs().max().item() > options.atol:
                raise GradcheckError("Numerical gradient for function expected to be zero: no output requires grad, but one changes with "
                                     f"input {place} by {jacobian.abs().max().item()}")


def _again(func, inputs, places):
    outs = jacobians.as_tuple(func(*inputs))
    return [outs[i] for i in places]


def _report(i, j, expected, actual, note=""):
    raise GradcheckError(f"Jacobian {note}mismatch for output {i} with respect to input {j},\nnumerical:{expected}\nanalytical:{actual}\n")


def _check_whole(func, inputs, moved, places, numbers, options):
    values = [inputs[j] for j in moved]

    def inspect(found):
        for value, gradient in zip(values, found):
            if options.dtypes and gradient is not None and gradient.dtype != value.dtype:
                raise GradcheckError(f"Gradient has dtype mismatch: {gradient.dtype} for an input of {value.dtype}")

    for k, out in enumerate(_again(func, inputs, places)):
        first, second = (jacobians.analytical(out, values, inspect) for _ in range(2))
        for n, (j, value) in enumerate(zip(moved, values)):
            expected, actual = numbers[n][k], first[n]
            _compare(places[k], j, expected, actual, value, options)
            if actual.numel() and not (actual - second[n]).abs().max().item() <= options.nondet_tol:
                _not_reentrant(options)


def _compare(i, j, expected, actual, value, options, note=""):
    if expected.numel() == 0 and actual.numel() == 0:
        return
    if jacobians.mismatch(expected, actual, value, options.atol, options.rtol):
        _report(i, j, jacobians.shown(expected, value), jacobians.shown(actual, value), note)


def _not_reentrant(options):
    raise GradcheckError("Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different values, although analytical gradient "
                         f"matches numerical gradient. The tolerance for nondeterminism was {options.nondet_tol}.")


# ---- fast mode -----------------------------------------------------------------------------------


def _direction(value, seed):
    """A random direction of length 1, the same for the same sizes and seed; the default generator is left alone."""
    generator = Generator().manual_seed(seed)
    drawn = ops.randn(value.shape, generator=generator, dtype=ops.float64)
    if value.is_complex():
        drawn = ops.complex(drawn, ops.randn(value.shape, generator=generator, dtype=ops.float64))
    length = drawn.abs().pow(2).sum().sqrt().item()
    return (drawn / length if length else drawn).to(value.dtype)


def _fast_numbers(func, inputs, j, outs, places, options):
    """Slopes of every output along a random direction of input j."""
    return jacobians.numerical_along(lambda: func(*inputs), inputs[j], options.eps, places, _direction(inputs[j], 1 + j))


def _check_fast(func, inputs, moved, places, numbers, options):
    values = [inputs[j] for j in moved]
    for k, out in enumerate(_again(func, inputs, places)):
        cotangent = _direction(out, 1001 + places[k])
        walks = [grad([out], values, [cotangent], retain_graph=True, allow_unused=True) for _ in range(2)]
        weights = jacobians.probes(cotangent)
        for n, (j, value) in enumerate(zip(moved, values)):
            along = _direction(value, 1 + j)
            steps = jacobians.as_steps(along, value)
            first, second = (jacobians.as_steps(walk[n], value) for walk in walks)
            expected, actual = (numbers[n][k] * weights).sum().item(), (first * steps).sum().item()
            # an error of atol in every element of the Jacobian adds up to at most this
            allowed = options.atol * (weights.abs().sum().item() * steps.abs().sum().item() or 1.0)
            if not abs(actual - expected) <= allowed + options.rtol * abs(expected):
                _report_fast(func, inputs, j, places, k, expected, actual, options)
            if first.numel() and not (first - second).abs().max().item() <= options.nondet_tol:
                _not_reentrant(options)


def _report_fast(func, inputs, j, places, k, expected, actual, options):
    whole = jacobians.numerical(lambda: func(*inputs), inputs[j], options.eps, places)[k]
    found = jacobians.analytical(_again(func, inputs, places)[k], [inputs[j]])[0]
    _report(places[k], j, expected, f"{actual}\n{FAST_NOTE}numerical:{jacobians.shown(whole, inputs[j])}\nanalytical:{jacobians.shown(found, inputs[j])}")


# ---- what else a backward must do ----------------------------------------------------------------


def _check_proportional(func, inputs, moved, options):
    """A gradient of zeros coming in gives zeros, of the input's kind."""
    outs = jacobians.as_tuple(func(*inputs))
    outs = [outs[i] for i in jacobians.differentiable(outs)]
    values = [inputs[j] for j in moved]
    found = grad(outs, values, [ops.zeros_like(out) for out in outs], allow_unused=True)
    for value, gradient in zip(values, found):
        if gradient is None:
            continue
        if gradient.shape != value.shape:
            raise GradcheckError(f"grad is incorrect size: {list(gradient.shape)} for an input of {list(value.shape)}")
        if options.dtypes and gradient.dtype != value.dtype:
            raise GradcheckError(f"grad is incorrect type: {gradient.dtype} for an input of {value.dtype}")
        if gradient.ne(0).any().item():
            raise GradcheckError("backward not multiplied by grad_output: zeros came in, and not only zeros came out")


def _check_batched(func, inputs, moved, places, options):
    values = [inputs[j] for j in moved]
    for k, out in enumerate(_again(func, inputs, places)):
        single = jacobians.analytical(out, values)
        try:
            together = jacobians.batched(out, values)
        except RuntimeError as error:
            raise GradcheckError(f"While computing batched gradients, got: {error}") from error
        for j, value, expected, actual in zip(moved, values, single, together):
            if expected.numel() and jacobians.mismatch(expected, actual, value, options.atol, options.rtol):
                raise GradcheckError(f"For output {places[k]} and input {j}: batched gradients (is_grads_batched=True) are not those of single walks,\n"
                                     f"single:{jacobians.shown(expected, value)}\nbatched:{jacobians.shown(actual, value)}\n")


def _check_undefined(func, inputs, moved):
    """Every output alone, and all of them, without a gradient: what comes back is nothing or zeros."""
    values = [inputs[j] for j in moved]

    def check(chosen):
        outs = jacobians.as_tuple(func(*inputs))
        outs = [outs[i] for i in jacobians.differentiable(outs)]
        silent = _Undefined.apply(*(outs[i] for i in chosen(len(outs))))
        outs = [silent[chosen(len(outs)).index(i)] if i in chosen(len(outs)) else out for i, out in enumerate(outs)]
        try:
            found = grad(outs, values, [ops.zeros_like(out) if i not in chosen(len(outs)) else ops.ones_like(out) for i, out in enumerate(outs)], allow_unused=True)
        except RuntimeError as error:
            raise GradcheckError("Expected backward function to handle undefined output grads: "
                                 f"it raised {type(error).__name__}: {error}") from error
        if any(gradient is not None and gradient.ne(0).any().item() for gradient in found):
            raise GradcheckError("Expected all input grads to be undefined or zero when all output grads are undefined or zero. "
                                 "Expected backward function to handle undefined output grads")

    count = len(jacobians.differentiable(jacobians.as_tuple(func(*inputs))))
    check(lambda n: list(range(n)))
    if count > 1:
        for k in range(count):
            check(lambda n, k=k: [k])


# ---- forward mode --------------------------------------------------------------------------------


def _forward_mode():
    """`autograd.forward_ad`, asked for late: reverse mode must not depend on it."""
    try:
        return importlib.import_module("frankentorch.autograd.forward_ad")
    except ModuleNotFoundError as error:
        raise NotImplementedError("gradcheck: check_forward_ad needs autograd.forward_ad, which is not there [gap torch.autograd.forward_ad]") from error


def _tangents(func, inputs, j, tangent, places):
    """Slopes of the outputs for a tangent of input j, by forward mode: a list of tensors (zeros where there is none)."""
    forward_ad = _forward_mode()
    with forward_ad.dual_level():
        given = [forward_ad.make_dual(value.detach() if i == j else value, tangent) if i == j else value for i, value in enumerate(inputs)]
        outs = jacobians.as_tuple(func(*given))
        pairs = [forward_ad.unpack_dual(outs[i]) for i in places]
        return [ops.zeros_like(primal) if slope is None else slope for primal, slope in pairs]


def _check_forward(func, inputs, moved, places, numbers, options):
    for n, j in enumerate(moved):
        value = inputs[j]
        if options.fast:
            found = [jacobians.probes(slope) for slope in _tangents(func, inputs, j, _direction(value, 1 + j), places)]
            for k, actual in enumerate(found):
                if not ops.allclose(actual, numbers[n][k], options.rtol, options.atol):
                    _report(places[k], j, numbers[n][k], actual, "computed with forward mode ")
        else:
            given = list(_unit_tangents(value))
            rows = [_tangents(func, inputs, j, tangent, places) for tangent in given]
            for k in range(len(places)):
                if not rows or numbers[n][k].numel() == 0:
                    continue
                actual = ops.stack([jacobians.probes(row[k]) for row in rows]).reshape(numbers[n][k].shape)
                _compare(places[k], j, numbers[n][k], actual, value, options, "computed with forward mode ")
        if options.batched_forward:
            _check_batched_forward(func, inputs, j, places, options)


def _unit_tangents(value):
    for unit, place in itertools.product(jacobians.steps_of(value), range(value.numel())):
        tangent = ops.zeros(value.shape, dtype=value.dtype)
        tangent.view(-1)[place] = unit
        yield tangent


def _check_batched_forward(func, inputs, j, places, options):
    try:
        vmap = importlib.import_module("frankentorch.func").vmap
    except (ModuleNotFoundError, AttributeError) as error:
        raise NotImplementedError("gradcheck: check_batched_forward_grad needs func.vmap, which is not there [gap torch.func.vmap]") from error
    given = list(_unit_tangents(inputs[j]))
    if not given:
        return
    single = [_tangents(func, inputs, j, tangent, places) for tangent in given]
    try:
        together = vmap(lambda tangent: tuple(_tangents(func, inputs, j, tangent, places)))(ops.stack(given))
    except RuntimeError as error:
        raise GradcheckError(f"While computing batched forward gradients, got: {error}") from error
    for k, place in enumerate(places):
        expected = ops.stack([row[k] for row in single])
        if not ops.allclose(together[k], expected, options.rtol, options.atol):
            raise GradcheckError(f"For output {place} and input {j}: batched slopes of forward mode are not the single ones,\nsingle:{expected}\nbatched:{together[k]}\n")


# ---- second order --------------------------------------------------------------------------------


def gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3, gen_non_contig_grad_outputs=False, raise_exception=True, nondet_tol=0.0,
                  check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False, check_fwd_over_rev=False, check_rev_over_rev=True, fast_mode=False, masked=False):
    """Compare the second derivatives of `func` with differences of the first.

    Parameters
    ----------
    grad_outputs : Tensor or sequence of Tensors, optional
        Incoming gradients of the first walk; random ones by default. Those that require grad are moved, too.
    gen_non_contig_grad_outputs : bool
        Random ones with gaps between their elements.
    check_fwd_over_rev, check_rev_over_rev : bool
        Differentiate the first walk by forward mode, by a second walk, or both.

    The rest is as for `gradcheck`.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    inputs = jacobians.as_tuple(inputs)
    if grad_outputs is None:
        outs = jacobians.as_tuple(func(*inputs))
        given = tuple(_random_like(outs[i], gen_non_contig_grad_outputs) for i in jacobians.differentiable(outs))
    else:
        given = jacobians.as_tuple(grad_outputs)
    count = len(given)

    def first_order(*values):
        values, grads = (values[:-count], values[-count:]) if count else (values, ())
        values = tuple(value.requires_grad_() if isinstance(value, Tensor) and value.is_leaf and inputs[i].requires_grad else value for i, value in enumerate(values))
        outs = jacobians.as_tuple(func(*values))
        outs = [outs[i] for i in jacobians.differentiable(outs)]
        wanted = [values[i] for i in jacobians.differentiable(values)]
        found = grad(outs, wanted, list(grads), create_graph=True, allow_unused=True)
        return tuple(gradient for gradient in found if gradient is not None)

    return gradcheck(first_order, inputs + given, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
                     check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad, fast_mode=fast_mode,
                     check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, masked=masked)


def _random_like(out, gaps):
    """Random gradients of an output's sizes that may be moved; `gaps` puts every element beside an unused one."""
    drawn = ops.randn((*out.shape, 2) if gaps else out.shape, dtype=out.dtype)
    return (drawn[..., 0] if gaps else drawn).detach().requires_grad_()
