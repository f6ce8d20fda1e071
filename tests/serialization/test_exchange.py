"""safetensors and .npz: both ways with the libraries of those formats, and by bytes written out by hand."""
import io
import struct

import pytest

from tests.serialization import objects

ft = pytest.importorskip("frankentorch")
from frankentorch.serialization import npz, safetensors  # noqa: E402

SHAPES = ((3, 4), (), (0, 3), (5,), (1, 1, 1, 1, 2))


def tensors(dtypes):
    found = {}
    for dtype in dtypes:
        for shape in SHAPES:
            count = 1
            for n in shape:
                count *= n
            found[f"{dtype} {len(shape)} {count}"] = objects.elements(ft, dtype, 12)[:count].reshape(shape)
    return found


def same(expected, found):
    assert list(expected) == sorted(found, key=list(expected).index)
    for name, tensor in expected.items():
        assert objects.describe(ft, tensor)[:3] == objects.describe(ft, found[name])[:3], name
        assert ft.equal(tensor, found[name]), name


# ---- safetensors ----
def test_safetensors_come_back(tmp_path):
    thing = tensors(safetensors.DTYPES.values())
    safetensors.save_file(thing, tmp_path / "x.safetensors", {"made": "here"})

    same(thing, safetensors.load_file(tmp_path / "x.safetensors"))
    same(thing, ft.load(tmp_path / "x.safetensors"))
    same(thing, ft.load(tmp_path / "x.safetensors", mmap=True))
    same(thing, safetensors.load(safetensors.save(thing)))
    assert {"made": "here"} == safetensors.load_metadata(tmp_path / "x.safetensors")
    assert all(t.device.type == "meta" for t in safetensors.load_file(tmp_path / "x.safetensors", device="meta").values())


def test_bytes_of_a_safetensors_file():
    header = b'{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}'
    header += b" " * (-len(header) % 8)

    assert struct.pack("<Q", len(header)) + header + struct.pack("<2fB", 1, 2, 7) == safetensors.save(
        {"a": ft.tensor([7], dtype=ft.uint8), "b": ft.tensor([1.0, 2.0])}, {"k": "v"})


def test_order_of_names_changes_no_bytes():
    one, two = ft.ones(2), ft.zeros(3)

    assert safetensors.save({"a": one, "b": two}) == safetensors.save({"b": two, "a": one})


def test_safetensors_both_ways(oracle):
    library = pytest.importorskip("safetensors.torch")
    thing = tensors(safetensors.DTYPES.values())
    theirs = {name: oracle.tensor(t.tolist(), dtype=getattr(oracle, t.dtype.name)).reshape(tuple(t.shape)) for name, t in thing.items()}

    assert library.save(theirs, {"k": "v"}) == safetensors.save(thing, {"k": "v"})
    same(thing, safetensors.load(library.save(theirs)))
    returned = library.load(safetensors.save(thing))
    assert {name: t.tolist() for name, t in theirs.items()} == {name: t.tolist() for name, t in returned.items()}
    assert {name: t.dtype for name, t in theirs.items()} == {name: t.dtype for name, t in returned.items()}


@pytest.mark.parametrize("thing, error", [
    ([1], ValueError), ({"a": 1}, ValueError), ({1: "a"}, ValueError), ({"__metadata__": "one"}, ValueError), ({"a": "transposed"}, ValueError), ({"a": "complex128"}, ValueError),
    ({"a": "tied", "b": "tied"}, RuntimeError), ({"a": "meta"}, ValueError)])
def test_what_safetensors_cannot_hold(thing, error):
    tied = ft.ones(4)
    made = {"one": ft.ones(1), "transposed": ft.ones(2, 3).t(), "complex128": ft.ones(1, dtype=ft.complex128), "tied": tied, "meta": ft.ones(1, device="meta"), "a": ft.ones(1)}
    with pytest.raises(error):
        safetensors.save({name: made.get(item, item) for name, item in thing.items()} if isinstance(thing, dict) else thing)


def test_parts_of_one_storage_that_do_not_overlap_are_no_sharing():
    whole = ft.arange(6.)

    same({"a": ft.arange(3.), "b": ft.arange(3., 6.)}, safetensors.load(safetensors.save({"a": whole[:3], "b": whole[3:]})))


# ---- npz ----
NPZ = sorted(npz.DTYPES.values())


def test_npz_come_back(tmp_path):
    thing = tensors(NPZ)
    npz.save_npz(thing, tmp_path / "x.npz")

    same(thing, npz.load_npz(tmp_path / "x.npz"))
    same(thing, ft.load(tmp_path / "x.npz"))


def test_npz_both_ways(tmp_path):
    numpy = pytest.importorskip("numpy")
    thing = tensors(NPZ)
    npz.save_npz(thing, tmp_path / "ours.npz")
    with numpy.load(tmp_path / "ours.npz", allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    for name, tensor in thing.items():
        assert tensor.tolist() == arrays[name].tolist() and tuple(tensor.shape) == arrays[name].shape and tensor.dtype.name == arrays[name].dtype.name

    for save in (numpy.savez, numpy.savez_compressed):
        save(tmp_path / "theirs.npz", **{name.replace(" ", "_"): array for name, array in arrays.items()}, fortran=numpy.asfortranarray(numpy.arange(6).reshape(2, 3)))
        back = ft.load(tmp_path / "theirs.npz")

        assert [[0, 1, 2], [3, 4, 5]] == back.pop("fortran").tolist()
        same({name.replace(" ", "_"): t for name, t in thing.items()}, back)


def test_npz_same_bytes_for_any_layout():
    x = ft.arange(6).reshape(2, 3)
    buffers = [io.BytesIO(), io.BytesIO()]
    npz.save_npz({"x": x}, buffers[0])
    npz.save_npz({"x": x.t().contiguous().t()}, buffers[1])

    assert buffers[0].getvalue() == buffers[1].getvalue()


@pytest.mark.parametrize("name", ["", "/a", "a\\b", "../a", "a//b"])
def test_names_that_are_paths(name):
    with pytest.raises(ValueError, match="name"):
        npz.save_npz({name: ft.ones(1)}, io.BytesIO())


def test_npz_has_no_bfloat16():
    with pytest.raises(ValueError, match="bfloat16"):
        npz.save_npz({"a": ft.ones(1, dtype=ft.bfloat16)}, io.BytesIO())


def test_ftc_files_load_too(tmp_path):
    checkpoint = pytest.importorskip("frankentorch.checkpoint")
    checkpoint.save({"a": ft.arange(3)}, tmp_path / "x.ftc")

    assert [0, 1, 2] == ft.load(tmp_path / "x.ftc")["a"].tolist()
    assert [0, 1, 2] == ft.load(io.BytesIO((tmp_path / "x.ftc").read_bytes()))["a"].tolist()
    with pytest.raises(ft.CheckpointError):
        ft.load(tmp_path / "x.ftc", map_location="meta")
