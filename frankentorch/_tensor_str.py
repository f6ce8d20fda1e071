"""How a tensor prints.

Works only over the public tensor surface (shape, dtype, ``tolist``, slicing), in three steps: the printed part of the
tensor becomes nested lists of Python scalars (``_gather``), one `_Column` per real component decides a common
notation and width from them, and ``_rows`` lays the texts out. Nothing here copies more than the printed elements.

Notation of a floating column: zeros, infinities and NaN have no say. If every other value is a whole number the column
is printed as ``1.``; a column spanning more than three decades, reaching above 1e8 or (for non-whole values) below
1e-4 is printed in scientific notation. `set_printoptions` overrides that choice.
"""

import contextlib
import dataclasses
import math
import textwrap

from frankentorch import ops
from frankentorch._ext.dispatch import tangent_of
from frankentorch._ext.tensor import Tensor, batch_level, batch_value, innermost_dual_level

__all__ = ["get_printoptions", "printoptions", "set_printoptions"]

_MAX_FIXED = 1e8  # largest magnitude printed without an exponent
_MIN_FIXED = 1e-4  # smallest magnitude printed without an exponent, whole numbers aside
_MAX_RATIO = 1000.0  # largest / smallest magnitude printed without an exponent
_DOTS = "..."


@dataclasses.dataclass
class _PrintOptions:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PRINT_OPTS = _PrintOptions()

_PROFILES = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None):
    """Set how tensors are printed.

    Parameters
    ----------
    precision : int, optional
        Digits after the point (default 4).
    threshold : float, optional
        Tensors with more elements than this are summarised (default 1000).
    edgeitems : int, optional
        Elements shown at each end of a summarised axis (default 3).
    linewidth : int, optional
        Characters per line (default 80). Summarised tensors ignore it between dots.
    profile : {"default", "short", "full"}, optional
        A set of the four values above, applied first; other names are ignored.
    sci_mode : bool, optional
        Force (True) or forbid (False) scientific notation. None chooses per tensor.

    Notes
    -----
    `sci_mode` is reset to automatic by every call that does not name it.

    >>> set_printoptions(precision=2)
    """
    chosen = dict(_PROFILES.get(profile, {}))
    named = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen.update((name, value) for name, value in named.items() if value is not None)
    for name, value in chosen.items():
        setattr(PRINT_OPTS, name, value)
    PRINT_OPTS.sci_mode = sci_mode


def get_printoptions():
    """The current options as a dict, fit for ``set_printoptions(**options)``."""
    return dataclasses.asdict(PRINT_OPTS)


@contextlib.contextmanager
def printoptions(**options):
    """Print options that hold inside a ``with`` block; arguments as `set_printoptions`."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


class _Whole:
    """Column of bool or integer values: right-aligned ``str``."""

    def __init__(self, values):
        self.width = max((len(str(value)) for value in values), default=1)

    def text(self, value):
        return str(value).rjust(self.width)


class _Column:
    """Column of real floating values: chooses a notation and the width it needs."""

    def __init__(self, values):
        sizes = [abs(value) for value in values if value != 0 and math.isfinite(value)]
        self.width = 1
        self.whole = all(size == math.floor(size) for size in sizes)
        self.scientific = False
        if not sizes:
            return
        low, high = min(sizes), max(sizes)
        self.scientific = high > _MAX_FIXED or _ratio(high, low) > _MAX_RATIO or (not self.whole and low < _MIN_FIXED)
        if PRINT_OPTS.sci_mode is not None:
            self.scientific = PRINT_OPTS.sci_mode
        shown = (value for value in values if value != 0 and math.isfinite(value))
        self.width = max(len(self.bare(value)) for value in shown)

    def bare(self, value):
        """The text of `value` without padding."""
        if self.scientific:
            return f"{value:.{PRINT_OPTS.precision}e}"
        if not self.whole:
            return f"{value:.{PRINT_OPTS.precision}f}"
        return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"

    def text(self, value):
        return self.bare(value).rjust(self.width)


class _ComplexColumn:
    """Column of complex values: the two parts choose their notations apart; only the real part is padded."""

    def __init__(self, values):
        self.real = _Column([value.real for value in values])
        self.imag = _Column([value.imag for value in values])
        self.width = self.real.width + self.imag.width + 1

    def text(self, value):
        imag = self.imag.bare(value.imag)
        sign = "" if imag.startswith("-") else "+"
        return f"{self.real.text(value.real)}{sign}{imag}j"


def _ratio(high, low):
    """high / low, where a quotient too large for a double counts as infinite."""
    try:
        return high / low
    except OverflowError:
        return math.inf


def _column(dtype, values):
    if dtype.is_complex:
        return _ComplexColumn(values)
    return _Column(values) if dtype.is_floating_point else _Whole(values)


def _gather(t, summarise):
    """Nested lists of the printed elements, with `_DOTS` where a summarised axis is cut."""
    edge = PRINT_OPTS.edgeitems
    if not summarise or t.ndim == 0:
        return t.tolist()
    cut = t.shape[0] > 2 * edge
    if t.ndim == 1:
        return t[:edge].tolist() + [_DOTS] + (t[-edge:].tolist() if edge else []) if cut else t.tolist()
    places = range(t.shape[0])
    if not cut:
        return [_gather(t[i], True) for i in places]
    head, tail = places[:edge], places[len(places) - edge :]
    return [*(_gather(t[i], True) for i in head), _DOTS, *(_gather(t[i], True) for i in tail)]


def _flatten(nested, ndim):
    if ndim == 0:
        return [nested]
    if ndim == 1:
        return [value for value in nested if value is not _DOTS]
    return [value for row in nested if row is not _DOTS for value in _flatten(row, ndim - 1)]


def _rows(nested, ndim, indent, column):
    """The bracketed text of `nested`; continuation lines start `indent` characters in."""
    if ndim == 0:
        return column.text(nested)
    if ndim == 1:
        # One more space before the dots, so that they stand clear of the numbers.
        texts = [" " + _DOTS if value is _DOTS else column.text(value) for value in nested]
        per_line = max(1, (PRINT_OPTS.linewidth - indent) // (column.width + 2))
        lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    texts = [_DOTS if row is _DOTS else _rows(row, ndim - 1, indent + 1, column) for row in nested]
    return "[" + ("," + "\n" * (ndim - 1) + " " * (indent + 1)).join(texts) + "]"


def _contents(t, indent):
    """The text between the parentheses, without the suffixes, of a tensor that has elements."""
    summarise = t.numel() > PRINT_OPTS.threshold
    plain = t.detach()
    if plain.dtype.is_complex:
        plain = plain.resolve_conj()
    nested = _gather(plain.resolve_neg(), summarise)
    return _rows(nested, t.ndim, indent, _column(t.dtype, _flatten(nested, t.ndim)))


def _is_default_dtype(dtype):
    """Whether `dtype` is what literals of its kind get, so that it need not be printed."""
    default = ops.get_default_dtype()
    if dtype in (default, ops.int64, ops.bool):
        return True
    return dtype == (ops.complex128 if default == ops.float64 else ops.complex64)


def _grad_fn_name(t):
    """Name of the backward node, or None; the node of a view changed without record cannot be made."""
    try:
        node = t.grad_fn
    except RuntimeError:
        return "Invalid"
    if node is None:
        return None
    name = getattr(node, "name", None)
    full = name() if callable(name) else type(node).__name__
    return full.rsplit("::", 1)[-1]


def _with_suffixes(head, suffixes, indent):
    """Join `suffixes` to `head`, each on the same line while it fits, and close the parenthesis."""
    pieces = [head]
    used = len(head) - head.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > PRINT_OPTS.linewidth:
            pieces.append(",\n" + " " * indent + suffix)
            used = indent + len(suffix)
        else:
            pieces.append(", " + suffix)
            used += len(suffix) + 2
    return "".join(pieces) + ")"


def _prefix(kind):
    """``tensor(`` for the plain classes, else the name of the subclass."""
    is_parameter = kind.__name__ == "Parameter" and kind.__module__.endswith("nn.parameter")
    return "tensor(" if kind is Tensor or is_parameter else kind.__name__ + "("


def _str_plain(t, tensor_contents):
    prefix = _prefix(type(t))
    indent = len(prefix)
    suffixes = []
    shape = f"size={tuple(t.shape)}"
    if t.device.type == "meta":
        suffixes += ["device='meta'", shape]
        if t.dtype != ops.get_default_dtype():
            suffixes.append(f"dtype={t.dtype}")
        text = _DOTS
    elif t.numel() == 0:
        if t.ndim != 1:
            suffixes.append(shape)
        if t.dtype != ops.get_default_dtype():
            suffixes.append(f"dtype={t.dtype}")
        text = "[]"
    else:
        hidden = t.ndim > 0 and not PRINT_OPTS.edgeitems and t.numel() > PRINT_OPTS.threshold
        if not PRINT_OPTS.edgeitems:
            suffixes.append(shape)
        if tensor_contents is None:
            text = f"[{_DOTS}]" if hidden else _contents(t, indent)
        if not _is_default_dtype(t.dtype):
            suffixes.append(f"dtype={t.dtype}")
    if tensor_contents is not None:
        text = tensor_contents
    name = _grad_fn_name(t)
    if name is not None:
        suffixes.append(f"grad_fn=<{name}>")
    elif t.requires_grad:
        suffixes.append("requires_grad=True")
    level = innermost_dual_level(t)
    if level:
        suffixes.append(f"tangent={tangent_of(t, level)}")
    return _with_suffixes(prefix + text, suffixes, indent)


def _str(self, *, tensor_contents=None):
    """The representation of a tensor.

    Parameters
    ----------
    self : Tensor
        Any dtype and shape; read without recording gradients.
    tensor_contents : str, optional
        Printed in place of the elements.

    Returns
    -------
    str
        ``tensor(elements, suffixes)``, where the suffixes say what the elements do not: device, size, dtype,
        gradient.
    """
    if batch_level(self):
        inside = textwrap.indent(_str(batch_value(self)), "    ")
        return f"BatchedTensor(lvl={batch_level(self)}, bdim=0, value=\n{inside}\n)"
    with ops.no_grad():
        return _str_plain(self, tensor_contents)


def _format(self, format_spec):
    """``format(tensor, spec)``: a 0-d plain tensor formats as its Python scalar, others take no spec."""
    if self.ndim == 0 and self.device.type != "meta" and type(self) is Tensor:
        return format(self.item(), format_spec)
    return object.__format__(self, format_spec)
