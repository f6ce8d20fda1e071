"""The survey of determinism: golden digests hold, planted dependences are found on their axes, a clean op on none."""
import json
import re
import subprocess
import sys

import pytest

pytest.importorskip("numpy")
pytest.importorskip("zstandard")

from conformance import determinism, layouts, steady, unsteady  # noqa: E402
from conformance.carrier import Builder  # noqa: E402
from conformance.large import tensor  # noqa: E402
from tests.conftest import ROOT  # noqa: E402


def surveyed(*arguments):
    """(exit status, {axis: (compared, differing)}, {axis: names of the entries that differ}) of one run of the command."""
    done = subprocess.run([sys.executable, "-m", "conformance", "determinism", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    counts = {axis: (int(compared), int(differing)) for axis, compared, differing in
              re.findall(r"^(\w+) +(\d+) +(\d+)$", done.stdout, re.M)}
    named = {axis: set() for axis in counts}
    for axis, case in re.findall(r"^DIFFERS (\w+): ([^:]+):", done.stdout, re.M):
        named[axis].add(case.split()[0])
    return done.returncode, counts, named


def test_planted_dependences_are_found_and_nothing_else(subject_name):
    if subject_name != "frankentorch":
        pytest.skip("the plants grow on our library")
    status, counts, named = surveyed("--subject", "unsteady", "--op", "exp|neg|sin|cos|tanh|add", "--show", "10000", "--repeats", "1")
    planted = {name.lower() if axis == "batches" else name: (axes, name) for name, (_, axes) in unsteady.PLANTED.items() for axis in axes}

    assert status == 1
    for axis, entries in named.items():
        expected = {name for name, (_, axes) in unsteady.PLANTED.items() if axis in axes}
        found = {name.capitalize() for name in entries} if axis == "batches" else entries
        # a call counter shows wherever the order of calls differs; it must show where it is listed, and may elsewhere
        assert expected <= found | (set() if axis in ("threads", "fork", "layouts") else {"sin"}), (axis, planted)
        assert found <= expected | {"sin"}, axis
    assert all(compared > 0 for compared, _ in counts.values())


def test_a_steady_entry_differs_on_no_axis(subject_name):
    if subject_name != "frankentorch":
        pytest.skip("asks our library")
    status, counts, _ = surveyed("--op", "logsumexp|sort|nn.functional.conv1d", "--samples", "2", "--repeats", "1")

    assert status == 0
    assert {axis: differing for axis, (_, differing) in counts.items()} == dict.fromkeys(
        ("threads", "levels", "repeats", "fork", "spawn", "layouts", "batches"), 0)
    assert counts["threads"][0] > counts["spawn"][0] > 0


def golden():
    return json.loads(determinism.GOLDEN.read_text())["digests"] if determinism.GOLDEN.exists() else {}


@pytest.mark.parametrize("case", golden())
def test_golden_digests_hold(ft, subject_name, case):
    """Bits recorded on another machine. After a deliberate change of an order or a polynomial: make them anew by the command in the file."""
    if subject_name != "frankentorch":
        pytest.skip("bits of ours")

    assert golden()[case] == determinism.Cases({}).digest(ft, case)


def test_layouts_hold_the_same_elements(ft):
    packed = determinism.database_samples("nn.functional.conv2d", 1, ("float32",)) or pytest.skip("no sample")
    (_, _, (args, _)), = list(packed.values())[:1]
    spec = args.items[0]
    expected = Builder(ft).build(layouts.contiguous(spec)).detach().tolist()
    for name, layout in layouts.LAYOUTS.items():
        made = layout(spec)
        built = Builder(ft).build(made).detach()

        assert expected == built.tolist(), name
        assert made.strides != layouts.contiguous(spec).strides or name == "offset"
    spread = layouts.expanded(spec)
    assert 0 in spread.strides
    assert Builder(ft).build(spread).detach().tolist() == Builder(ft).build(layouts.contiguous(spread)).detach().tolist()


def test_digests_know_one_nan_and_two_zeros():
    import struct

    for name, code, quiet, other in (("float32", "<I", 0x7FC00000, 0xFFC00123), ("float64", "<Q", 0x7FF8 << 48, (0xFFF8 << 48) + 5),
                                     ("float16", "<H", 0x7E00, 0xFE01), ("bfloat16", "<H", 0x7FC0, 0xFFC1)):
        size = struct.calcsize(code)
        first, second = struct.pack(code, quiet), struct.pack(code, other)

        assert determinism.canonical(first, name) == determinism.canonical(second, name)
        assert determinism.canonical(bytes(size), name) != determinism.canonical(bytes(size - 1) + b"\x80", name)
        infinity = {"float32": 0x7F800000, "float64": 0x7FF0 << 48, "float16": 0x7C00, "bfloat16": 0x7F80}[name]
        assert determinism.canonical(struct.pack(code, infinity), name) == struct.pack(code, infinity)


@pytest.mark.parametrize("name", steady.LAYERS)
def test_a_row_alone_has_the_bits_it_has_in_a_batch(ft, subject_name, name):
    if subject_name != "frankentorch":
        pytest.skip("a promise of ours")

    assert all(steady.rows_agree(ft, name))


def test_trainings_learn(ft):
    """A digest of a training that does nothing would always agree."""
    model = steady.perceptron(ft)
    before = tensor(ft, (4, 64), 77, grad=False)
    first = model(before).tolist()
    optimizer = ft.optim.Adam(model.parameters(), lr=1e-2)
    model(before).sum().backward()
    optimizer.step()

    assert first != model(before).tolist()
