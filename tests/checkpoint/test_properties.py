"""Any state comes back, and is named by one root whatever its codec and dict order."""

from collections import OrderedDict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.durability import corpus, runs
from conformance.durability.states import example
from frankentorch import checkpoint, ops
from frankentorch.checkpoint.values import DTYPES
from tests.checkpoint.states import same

text = st.text(st.characters(min_codepoint=1, max_codepoint=0x24F, exclude_categories=["Cs"]), max_size=6).map(lambda s: __import__("unicodedata").normalize("NFC", s))
keys = text | st.integers(-99, 99)
plain = st.none() | st.booleans() | st.integers(-2 ** 200, 2 ** 200) | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | text | st.binary(max_size=6)
shapes = st.lists(st.integers(0, 3), max_size=3)


@st.composite
def tensors(draw):
    """A tensor of any dtype, perhaps turned, cut or expanded."""
    sizes = draw(shapes)
    tensor = ops.ones(sizes, dtype=getattr(ops, draw(st.sampled_from(DTYPES))))
    kind = draw(st.integers(0, 3))
    if kind == 1 and len(sizes) > 1:
        tensor = tensor.transpose(0, 1)
    elif kind == 2 and sizes and sizes[0]:
        tensor = tensor[::2]
    elif kind == 3:
        tensor = tensor.unsqueeze(0).expand(2, *sizes)
    return tensor


states = st.recursive(plain | tensors(), lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3)
                      | st.dictionaries(keys, inner, max_size=3).map(OrderedDict), max_leaves=8)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(states)
def test_any_state_comes_back(state):
    stored, packed = (checkpoint.dumps(state, compression=codec) for codec in ("stored", "zstd"))
    back = checkpoint.loads(packed)

    assert same(state, back) and same(state, checkpoint.loads(stored))
    assert stored == checkpoint.dumps(back, compression="stored")
    assert checkpoint.digest(state) == checkpoint.digest(back)


ORIGINALS = [checkpoint.dumps(example(), compression=codec) for codec in ("stored", "zstd")]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ORIGINALS), st.randoms(use_true_random=False))
def test_any_change_is_refused_or_none(original, rng):
    assert runs.unequal(runs.mutate(rng, original, ORIGINALS), original, {"unchanged": 0}) is None


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["stored", "zstd"]), st.randoms(use_true_random=False))
def test_any_change_under_right_digests_is_refused_or_named_by_its_root(codec, rng):
    assert runs.inconsistent(runs.resealed(rng, codec, corpus.SMALL, ORIGINALS), {"sealed_accepted": 0}) is None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(keys, plain | tensors(), max_size=6), st.randoms())
def test_dict_order_does_not_show(state, rng):
    items = list(state.items())
    rng.shuffle(items)

    assert checkpoint.dumps(state) == checkpoint.dumps(dict(items))
