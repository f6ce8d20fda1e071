"""Samples for table tests: the recorded ones of the oracle, laid out in memory in other ways.

A layout is a function TensorSpec -> TensorSpec that keeps the logical values and changes strides,
offset or both. It works on bytes, so the library under test has no part in making its own input.
"""
import functools

from conformance.adapters import METHODS, PROPERTIES, REORDERED, SEEDED, UNDEFINED_VALUES
from conformance.carrier import ITEMSIZE, StorageSpec, TensorSpec, rewrite
from conformance.record import PATH, Recorded

# Reasons why an entry is left out of a test; each is a property of the op, not of the implementation.
LAYOUT_IS_THE_ANSWER = frozenset("view as_strided contiguous view_as".split())
DATA_DEPENDENT = frozenset("""
    nonzero unique unique_consecutive item masked_select repeat_interleave argwhere bincount multinomial
    nn.functional.one_hot equal allclose histc
""".split())
UNIFORM = frozenset(SEEDED)        # drawn in memory order, so a transposed tensor is filled otherwise


@functools.cache
def recorded():
    return Recorded()


def keys():
    return sorted(recorded().entries) if PATH.exists() else []


def dtypes(key):
    return [dtype for dtype in recorded().entries[key]["dtypes"] if dtype != "errors"]


def name_of(key):
    return recorded().entries[key]["name"]


def variant_of(key):
    return recorded().entries[key]["variant"]


def answered(key, dtype):
    """Samples (number, sample) that the oracle answers."""
    return [(number, sample) for number, sample in enumerate(recorded().samples(key, dtype)) if "error" not in sample]


# ---- layouts ------------------------------------------------------------------------------------


def row_major(sizes):
    strides, step = [], 1
    for size in reversed(sizes):
        strides.append(step)
        step *= max(size, 1)
    return tuple(strides[::-1])


def elements(spec):
    """Elements in row-major order as one list of byte strings."""
    size = ITEMSIZE[spec.dtype]
    starts = [spec.offset]
    for length, stride in zip(spec.sizes, spec.strides):
        starts = [start + k * stride for start in starts for k in range(length)]
    raw = spec.storage.raw
    return [raw[start * size:(start + 1) * size] for start in starts]


def placed(spec, strides, offset, length):
    """The same logical tensor over a new storage of `length` elements; gaps hold 0x5A bytes."""
    size = ITEMSIZE[spec.dtype]
    filler = b"\x01" if spec.dtype == "bool" else b"\x5a" * size
    cells = [filler] * length
    positions = [offset]
    for extent, stride in zip(spec.sizes, strides):
        positions = [position + k * stride for position in positions for k in range(extent)]
    for position, element in zip(positions, elements(spec)):
        cells[position] = element
    return TensorSpec(spec.dtype, spec.sizes, tuple(strides), offset, StorageSpec(b"".join(cells)), spec.requires_grad)


def contiguous(spec):
    return placed(spec, row_major(spec.sizes), 0, max(spec.numel, 1))


def offset(spec):
    return placed(spec, row_major(spec.sizes), 3, spec.numel + 5)


def transposed(spec):
    return placed(spec, row_major(spec.sizes[::-1])[::-1], 0, max(spec.numel, 1))


def step(spec):
    """Every second element of a tensor twice as wide."""
    return placed(spec, tuple(2 * stride for stride in row_major(spec.sizes)), 1, 2 * spec.numel + 2)


def padded_rows(spec):
    """Rows followed by three unused elements, as after slicing the last dimension."""
    if not spec.sizes:
        return offset(spec)
    wide = spec.sizes[:-1] + (spec.sizes[-1] + 3,)
    strides = row_major(wide)
    return placed(spec, strides, 2, TensorSpec(spec.dtype, wide, strides, 0, None).numel + 2)


LAYOUTS = {"offset": offset, "transposed": transposed, "step": step, "padded_rows": padded_rows}


def laid_out(tree, layout):
    """A tree with every tensor in the layout; a tensor that occurs twice stays one tensor."""
    made = {}

    def place(leaf):
        if not isinstance(leaf, TensorSpec):
            return leaf
        if id(leaf) not in made:
            made[id(leaf)] = layout(leaf)
        return made[id(leaf)]
    return rewrite(tree, place)


def first_rows_expanded(tree):
    """Two trees of equal values: the first slice of dimension 0 expanded (stride 0), and the same in full."""
    made = {}

    def expand(leaf):
        if not isinstance(leaf, TensorSpec) or not leaf.sizes or 0 in leaf.sizes:
            return leaf
        if id(leaf) not in made:
            strides = (0,) + leaf.strides[1:]
            made[id(leaf)] = TensorSpec(leaf.dtype, leaf.sizes, strides, leaf.offset, leaf.storage, leaf.requires_grad)
        return made[id(leaf)]
    expanded = rewrite(tree, expand)
    return expanded, laid_out(expanded, contiguous)


def plain_function(name):
    """Whether the entry is called as lib.path(*args)."""
    return name not in METHODS and name not in PROPERTIES and name not in REORDERED and name not in SEEDED


__all__ = ["DATA_DEPENDENT", "LAYOUT_IS_THE_ANSWER", "LAYOUTS", "UNDEFINED_VALUES", "UNIFORM", "answered", "contiguous",
           "dtypes", "first_rows_expanded", "keys", "laid_out", "name_of", "plain_function", "recorded", "variant_of"]
