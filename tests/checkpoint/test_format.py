"""The document says enough: a reader written from it alone reads what we write, and its test vectors are what is written."""

import pathlib
import re

import pytest

from frankentorch import checkpoint, ops
from frankentorch._size import Size
from frankentorch._tensor import Tensor
from frankentorch.checkpoint.geometry import PARAMETER, REQUIRES_GRAD
from frankentorch.nn.parameter import Parameter
from tests.checkpoint.states import bits, every_dtype, small
from tests.reference import ftc

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "checkpoint-format.md").read_text()


def as_reference(value):
    """A state as the reference reader shows it, storages left out."""
    if isinstance(value, Tensor):
        flags = (REQUIRES_GRAD if value.requires_grad else 0) | (PARAMETER if isinstance(value, Parameter) else 0)
        return str(value.dtype).rpartition(".")[2], tuple(value.shape), flags, bits(value)
    if isinstance(value, ftc.Tensor):
        return value.dtype, value.sizes, value.flags, value.content
    if isinstance(value, dict):
        return type(value)((key, as_reference(item)) for key, item in sorted(value.items(), key=repr))
    if isinstance(value, Size):
        return "size", tuple(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(as_reference, value))
    if isinstance(value, ops.dtype):
        return "dtype", str(value).rpartition(".")[2]
    return ("device", str(value)) if isinstance(value, ops.device) else value


@pytest.mark.parametrize("compression", ["stored", "zstd"])
@pytest.mark.parametrize("state", [small, every_dtype, lambda: None, lambda: [ops.arange(600_000, dtype=ops.float64), ops.arange(1 << 20, dtype=ops.int16)],
                                   lambda: {"p": Parameter(ops.ones(3, 2))}])
def test_second_reader_reads_what_is_written(state, compression):
    found, root = ftc.read(checkpoint.dumps(state(), compression=compression))

    assert as_reference(state()) == as_reference(found)
    assert checkpoint.digest(state()) == root


def test_both_readers_take_the_same_files(monkeypatch):
    """Files with one section changed and every digest right: read by both, or by neither. (What a tensor shows is left out: a view may show terabytes.)"""
    import random

    from conformance.durability import corpus, runs
    from conformance.durability.states import example

    monkeypatch.setattr(ftc, "tensor", lambda record, contents: (record[0], None))
    rng = random.Random(11)
    originals = [checkpoint.dumps(example(), compression=codec) for codec in ("stored", "zstd")]
    forges = [(codec, obj) for codec in ("stored", "zstd") for obj in (corpus.SMALL, example())]
    taken = 0
    for number in range(3000):
        content, both = runs.resealed(rng, *rng.choice(forges), originals), []
        for read in (checkpoint.loads, ftc.read):
            try:
                read(content)
                both.append("read")
            except Exception as error:  # of the second reader: whatever it trips over
                both.append(f"refused: {error}")
        taken += both == ["read"] * 2

        assert both[0][:4] == both[1][:4], (number, both)
    assert 20 < taken < 300


def test_second_reader_keeps_ties():
    model = ftc.read(checkpoint.dumps(small()))[0]["model"]

    assert 1 == len({tensor.storage for tensor in model.values()})
    assert [(4, 1), (4, 1), (4,), (1, 4)] == [model[name].strides for name in ("weight", "tied", "column", "turned")]


def test_second_reader_is_of_one_page():
    lines = (ROOT / "tests" / "reference" / "ftc.py").read_text().splitlines()

    assert sum(bool(line.strip()) for line in lines) <= 200
    assert not any(line.startswith(("import frankentorch", "from frankentorch")) for line in lines)


def test_vectors_of_the_document():
    (block,) = re.findall(r"```\n(8946.*?)```", DOCUMENT, re.S)
    state = {"a": 5, "w": ops.tensor([[1], [-2]], dtype=ops.int32)}
    roots = [checkpoint.digest(value) for value in (state, None, {"b": True, "a": [1.5, "x"]})]

    assert bytes.fromhex(block) == checkpoint.dumps(state, compression="stored")
    assert roots == re.findall(r"\b[0-9a-f]{64}\b", DOCUMENT)


def test_rules_of_the_document_are_those_of_the_code():
    raised = set()
    for path in (ROOT / "frankentorch" / "checkpoint").glob("*.py"):
        raised |= set(re.findall(r"(?:CheckpointError|bad|_problem)\(\s*\"([a-z-]+)\"", path.read_text()))
    section = DOCUMENT[DOCUMENT.index("## What readers refuse"):]

    assert raised - set(re.findall(r"`([a-z-]+)`", section)) == set()
