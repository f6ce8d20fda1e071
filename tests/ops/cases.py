"""Samples for table tests: the recorded ones of the oracle, laid out in memory in other ways.

A layout is a function TensorSpec -> TensorSpec (or None where the rank has no such layout) that keeps the logical values and
changes strides, offset or both. It works on bytes, so the library under test has no part in making its own input.
"""
import functools

from conformance.adapters import METHODS, PROPERTIES, REORDERED, SEEDED, UNDEFINED_VALUES
from conformance.carrier import TensorSpec, rewrite
from conformance.layouts import contiguous, offset, padded_rows, stepped, transposed
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


LAYOUTS = {"offset": offset, "transposed": transposed, "step": stepped, "padded_rows": padded_rows}


def laid_out(tree, layout):
    """A tree with every tensor in the layout; a tensor that occurs twice stays one tensor."""
    made = {}

    def place(leaf):
        if not isinstance(leaf, TensorSpec):
            return leaf
        if id(leaf) not in made:
            made[id(leaf)] = layout(leaf) or offset(leaf)        # a layout that this rank does not have
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
