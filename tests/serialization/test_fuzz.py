"""Changed files are refused, or load as what they were. `fuzz.py` holds the changes and runs millions of them."""
import io

import pytest

from tests.serialization import fuzz, hostile, objects

ft = pytest.importorskip("frankentorch")
pytest.importorskip("hypothesis")
from hypothesis import given, settings, strategies as st  # noqa: E402

FILES = fuzz.originals(ft)
EXPECTED = {name: fuzz.outcome(ft, name, content) for name, (content, _) in FILES.items()}


def test_changed_files():
    found = fuzz.run(ft, 3000, seed=7)

    assert all(refused > 0 for refused, _, _ in found.values())


@settings(max_examples=300)
@given(st.sampled_from(sorted(FILES)), st.randoms(use_true_random=False))
def test_any_change(name, rng):
    content, checked = FILES[name]
    got = fuzz.outcome(ft, name, fuzz.mutate(content, rng))

    assert got is None or got == EXPECTED[name] or not checked


@pytest.mark.parametrize("name", ["pt", "npz"])
def test_every_bit_flip(name):
    """A flip anywhere is found, or (padding, records that nothing reads) changes nothing."""
    content, _ = FILES[name]
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        got = fuzz.outcome(ft, name, bytes(changed))

        assert got is None or got == EXPECTED[name], f"{name}: byte {at}"


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes(content):
    with pytest.raises(ft.CheckpointError):
        ft.load(io.BytesIO(content))


OPCODES = st.sampled_from([bytes([n]) for n in range(256)] + [hostile.text("x"), hostile.number(3), hostile.name("torch", "Tensor"), hostile.name("collections", "OrderedDict"), hostile.tensor(),
                                                              hostile.reference(), hostile.HOOKS, b"q\0", b"h\0", b"(", b"t", b"}", b"]", b"s", b"a", b"R", b"b", b"\x81"])


@settings(max_examples=500)
@given(st.lists(OPCODES, max_size=25))
def test_any_opcodes(parts):
    """Pickles of any opcodes: refused, or some plain object."""
    try:
        found = ft.load(io.BytesIO(hostile.archive(hostile.pickled(b"".join(parts)))))
    except ft.CheckpointError:
        return
    objects.describe(ft, found)


@settings(max_examples=200)
@given(st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(), st.complex_numbers(allow_nan=False)),
                    lambda inner: st.one_of(st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.one_of(st.text(), st.integers(), st.tuples(st.integers())), inner)), max_leaves=20),
       st.integers(1, 5))
def test_any_plain_object_comes_back(thing, protocol):
    buffer = io.BytesIO()
    ft.save(thing, buffer, pickle_protocol=protocol)
    for weights_only in (True, False):
        assert thing == ft.load(io.BytesIO(buffer.getvalue()), weights_only=weights_only)
