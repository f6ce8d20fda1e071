"""`.pt` files: what we save comes back, PyTorch reads it, and we read what PyTorch wrote (live, or recorded where it is absent)."""
import collections
import io
import os
import pathlib
import pickle
import threading

import pytest

from tests.serialization import objects, record_pt

ft = pytest.importorskip("frankentorch")
CheckpointError = ft.CheckpointError
RECORDED = record_pt.load()


def saved(thing, **options):
    buffer = io.BytesIO()
    ft.save(thing, buffer, **options)
    return buffer.getvalue()


def loaded(content, **options):
    return ft.load(io.BytesIO(content), **options)


# ---- ours and back ----
@pytest.mark.parametrize("container", objects.CONTAINERS)
@pytest.mark.parametrize("layout", objects.LAYOUTS)
@pytest.mark.parametrize("dtype", objects.DTYPES)
def test_comes_back(dtype, layout, container):
    thing = objects.contained(ft, objects.laid_out(ft, dtype, layout), container)
    content = saved(thing)
    back = loaded(content)

    assert objects.describe(ft, thing) == objects.describe(ft, back)
    assert content == saved(back), "saving what was loaded gives the same bytes"


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("make", [objects.training, objects.miscellany])
def test_state_comes_back(make, weights_only, protocol):
    thing = make(ft)
    back = loaded(saved(thing, pickle_protocol=protocol), weights_only=weights_only)

    assert objects.describe(ft, thing) == objects.describe(ft, back)


def test_training_goes_on_from_a_file():
    state = loaded(saved(objects.training(ft)))
    model = ft.nn.Sequential(ft.nn.Linear(3, 4), ft.nn.BatchNorm1d(4), ft.nn.Linear(4, 2))

    assert str(model.load_state_dict(state["model"])) == "<All keys matched successfully>"


# ---- PyTorch's files ----
@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("name", RECORDED)
def test_reads_what_pytorch_wrote(name, weights_only):
    content, holds = RECORDED[name]

    assert holds == as_json(objects.describe(ft, loaded(content, weights_only=weights_only)))


@pytest.mark.parametrize("name", [name for name in RECORDED if not name.startswith("legacy")])
def test_maps_what_pytorch_wrote(name, tmp_path):
    content, holds = RECORDED[name]
    path = tmp_path / "file.pt"
    path.write_bytes(content)

    assert holds == as_json(objects.describe(ft, ft.load(path, mmap=True)))


@pytest.mark.parametrize("name", [name for name in RECORDED if not name.startswith(("legacy", "protocol", "without"))])
def test_writes_the_pickle_that_pytorch_writes(name):
    """The same opcodes, places in the memo aside: equal strings are one object here."""
    import pickletools

    content, _ = RECORDED[name]
    theirs, ours = archive(content), archive(saved(loaded(content)))
    plain = [[(op.name, arg) for op, arg, _ in pickletools.genops(side["data.pkl"]) if "PUT" not in op.name and "GET" not in op.name and op.name not in ("BINUNICODE", "GLOBAL")]
             for side in (theirs, ours)]

    if name != "miscellany":
        assert plain[0] == plain[1]
    assert {key: value for key, value in theirs.items() if key.startswith("data/")} == {key: value for key, value in ours.items() if key.startswith("data/")}
    assert list(theirs) == list(ours)


def archive(content):
    """{name without the folder: bytes}, read by Python's zipfile."""
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        return {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}


def as_json(value):
    import json

    return json.loads(json.dumps(value))


@pytest.mark.parametrize("layout", objects.LAYOUTS)
@pytest.mark.parametrize("dtype", objects.DTYPES)
def test_both_ways_with_pytorch(oracle, dtype, layout):
    for container in objects.CONTAINERS:
        theirs, ours = (objects.contained(lib, objects.laid_out(lib, dtype, layout), container) for lib in (oracle, ft))
        buffer = io.BytesIO()
        oracle.save(theirs, buffer)

        assert objects.describe(ft, ours) == objects.describe(ft, loaded(buffer.getvalue()))
        assert objects.describe(oracle, theirs) == objects.describe(oracle, oracle.load(io.BytesIO(saved(ours)), weights_only=True))


@pytest.mark.parametrize("make", [objects.training, objects.miscellany])
def test_states_both_ways_with_pytorch(oracle, make):
    buffer = io.BytesIO()
    oracle.save(make(oracle), buffer)
    back = loaded(buffer.getvalue())
    returned = oracle.load(io.BytesIO(saved(back)), weights_only=True)

    assert objects.describe(oracle, oracle.load(io.BytesIO(buffer.getvalue()))) == objects.describe(oracle, returned)


def test_reads_a_conjugate(oracle):
    buffer = io.BytesIO()
    oracle.save([oracle.tensor([1 + 2j]).conj(), oracle.tensor([1 + 2j]).conj().imag], buffer)
    conjugate, imaginary = loaded(buffer.getvalue())

    assert [1 - 2j] == conjugate.tolist()
    assert [-2.0] == imaginary.tolist()


def test_generator_both_ways(oracle):
    theirs = oracle.Generator()
    theirs.manual_seed(5)
    buffer = io.BytesIO()
    oracle.save(theirs, buffer)
    ours = loaded(buffer.getvalue(), weights_only=False)
    expected = oracle.rand(3, generator=theirs).tolist()

    assert expected == ft.rand(3, generator=ours).tolist()
    returned = oracle.load(io.BytesIO(saved(ours)), weights_only=False)
    assert oracle.rand(3, generator=returned).tolist() == ft.rand(3, generator=ours).tolist()


def test_module_both_ways(oracle):
    theirs = oracle.nn.Sequential(oracle.nn.Linear(3, 4), oracle.nn.ReLU(), oracle.nn.Linear(4, 2))
    buffer = io.BytesIO()
    oracle.save(theirs, buffer)
    ours = loaded(buffer.getvalue(), weights_only=False)
    x = oracle.ones(1, 3)

    assert pytest.approx(theirs(x).tolist()[0]) == ours(ft.ones(1, 3)).tolist()[0]
    returned = oracle.load(io.BytesIO(saved(ours)), weights_only=False)
    assert theirs(x).tolist() == returned(x).tolist()


def test_functions_both_ways(oracle):
    buffer = io.BytesIO()
    oracle.save(oracle.nn.functional.relu, buffer)

    assert loaded(buffer.getvalue(), weights_only=False) is ft.nn.functional.relu
    assert oracle.load(io.BytesIO(saved(ft.nn.functional.relu)), weights_only=False) is oracle.nn.functional.relu


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_recurrent_module_both_ways(oracle, kind):
    import copy

    ours = getattr(ft.nn, kind)(2, 3, num_layers=2)
    theirs = oracle.load(io.BytesIO(saved(ours)), weights_only=False)
    buffer = io.BytesIO()
    oracle.save(theirs, buffer)
    returned = loaded(buffer.getvalue(), weights_only=False)
    x = ft.ones(4, 1, 2)

    assert "_flat_weights" not in copy.deepcopy(ours).__dict__ and "_flat_weights" not in returned.__dict__
    assert ours(x)[0].tolist() == returned(x)[0].tolist() == copy.deepcopy(ours)(x)[0].tolist()
    assert pytest.approx(theirs(oracle.ones(4, 1, 2))[0].reshape(-1).tolist(), abs=1e-6) == ours(x)[0].reshape(-1).tolist()


def test_names_in_the_file_are_pytorchs():
    pickled = archive(saved([ft.ones(2), ft.nn.Parameter(ft.ones(1)), ft.float16]))["data.pkl"]

    assert b"frankentorch" not in pickled
    for name in (b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n", b"ctorch._utils\n_rebuild_parameter\n", b"ctorch\nfloat16\n"):
        assert name in pickled


# ---- sharing ----
def test_shared_memory_is_written_once_and_shared_again():
    x = ft.zeros(1000)
    content = saved({"a": x, "b": x[10:20]})
    back = loaded(content)
    back["a"][10] = 7

    assert back["b"][0].item() == 7
    assert ["data/0"] == [name for name in archive(content) if name.startswith("data/")]


def test_one_storage_under_two_dtypes_is_refused():
    x = ft.zeros(4)
    with pytest.raises(RuntimeError, match="as different types"):
        saved([x, x.view(ft.int32)])


def test_equal_strings_give_equal_bytes_however_they_are_held():
    one = "".join(["na", "me"])

    assert saved([one, one, "x" * 2]) == saved(["name", "".join(["n", "ame"]), "xx"])


def test_requires_grad_and_hooks():
    x = (ft.ones(2, requires_grad=True) * 2)
    back = loaded(saved(x))

    assert back.requires_grad and back.is_leaf


# ---- files ----
def test_bytes_do_not_depend_on_the_name(tmp_path):
    thing = {"a": ft.arange(5), "b": [1, 2]}
    for name in ("a.pt", "another name", "c"):
        ft.save(thing, tmp_path / name)

    assert 1 == len({(tmp_path / name).read_bytes() for name in ("a.pt", "another name", "c")})
    assert (tmp_path / "c").read_bytes() == saved(thing)


@pytest.mark.parametrize("as_path", [str, os.fspath, pathlib.Path])
def test_paths(tmp_path, as_path):
    path = as_path(tmp_path / "x.pt")
    ft.save([1], path)

    assert [1] == ft.load(path)
    assert ["x.pt"] == os.listdir(tmp_path), "no temporary file is left"


@pytest.mark.parametrize("mode", ["wb", "w+b"])
def test_file_objects(tmp_path, mode):
    with open(tmp_path / "x.pt", mode) as file:
        ft.save(ft.arange(100000), file)
    with open(tmp_path / "x.pt", "rb") as file:
        assert ft.equal(ft.arange(100000), ft.load(file))


class Pipe:
    """A file object of somebody else: seek, tell, read, write of bytes, nothing more."""

    def __init__(self, content=b""):
        self.inner = io.BytesIO(content)
        self.seek, self.tell, self.read = self.inner.seek, self.inner.tell, self.inner.read

    def write(self, data):
        assert type(data) is bytes
        return self.inner.write(data)


def test_other_file_objects():
    file = Pipe()
    ft.save(ft.arange(5), file)

    assert [0, 1, 2, 3, 4] == ft.load(Pipe(file.inner.getvalue())).tolist()


def test_objects_that_are_no_files():
    with pytest.raises(AttributeError, match="read|seek"):
        ft.load(object())
    with pytest.raises(AttributeError, match="write"):
        ft.save(1, object())


def test_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.pt"
    ft.save([1], path)
    before = path.read_bytes()
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        ft.save([threading.Lock()], path)

    assert before == path.read_bytes()
    assert ["x.pt"] == os.listdir(tmp_path)


def test_save_keeps_mode_and_link(tmp_path):
    path = tmp_path / "x.pt"
    path.write_bytes(b"")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    ft.save([1], tmp_path / "link")

    assert [1] == ft.load(path)
    assert 0o640 == path.stat().st_mode & 0o777
    assert (tmp_path / "link").is_symlink()


def test_missing_folder_and_file(tmp_path):
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        ft.save(1, tmp_path / "no" / "x.pt")
    with pytest.raises(FileNotFoundError):
        ft.load(tmp_path / "x.pt")


@pytest.mark.parametrize("nbytes", [(4 << 20) - 700, 4 << 20, (8 << 20) + 13])
def test_files_larger_than_the_buffer(tmp_path, nbytes):
    """The whole buffers bypass the page cache; the rest does not."""
    x = (ft.arange(nbytes) % 251).to(ft.uint8)
    ft.save({"x": x}, tmp_path / "x.pt")

    assert (tmp_path / "x.pt").read_bytes() == saved({"x": x})
    assert ft.equal(x, ft.load(tmp_path / "x.pt")["x"])


# ---- options ----
def test_map_location():
    content = saved([ft.arange(3), ft.nn.Parameter(ft.ones(2))])
    seen = []

    assert "meta" == loaded(content, map_location="meta")[0].device.type
    assert "meta" == loaded(content, map_location=ft.device("meta"))[1].device.type
    assert "meta" == loaded(content, map_location={"cpu": "meta"})[0].device.type
    assert [0, 1, 2] == loaded(content, map_location="cpu")[0].tolist()
    loaded(content, map_location=lambda storage, location: seen.append((storage.nbytes(), location)))
    assert [(24, "cpu"), (8, "cpu")] == seen


def test_other_devices_need_a_map_location():
    content = bytearray(saved(ft.arange(3)))
    content = repack(content, lambda records: {**records, "data.pkl": records["data.pkl"].replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")})
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        loaded(content)

    assert [0, 1, 2] == loaded(content, map_location="cpu").tolist()
    assert [0, 1, 2] == loaded(content, map_location={"cuda:0": "cpu"}).tolist()


def repack(content, change):
    """The archive written again with other records."""
    from frankentorch.serialization.files import ObjectOutput
    from frankentorch.serialization.zip_write import ZipWriter

    buffer = io.BytesIO()
    writer = ZipWriter(ObjectOutput(buffer))
    for name, data in change(archive(content)).items():
        writer.record(name, data)
    writer.finish()
    return buffer.getvalue()


def test_old_layouts():
    """PyTorch 1.6 wrote neither byte order nor identity, and called storages by addresses."""
    content = saved({"w": ft.arange(4.), "b": ft.ones(2)})
    old = repack(content, lambda records: {name.replace("data/0", "data/94012343"): data.replace(b"X\1\0\0\0" b"0", b"X\x08\0\0\0" b"94012343")
                                           for name, data in records.items() if name in ("data.pkl", "data/0", "data/1", "version")})

    assert [0, 1, 2, 3] == loaded(old)["w"].tolist()
    assert [1, 1] == loaded(old)["b"].tolist()


def test_other_byte_order():
    content = saved([ft.arange(3, dtype=ft.int32), ft.tensor([1 + 2j])])

    def swap(records):
        out = dict(records, byteorder=b"big")
        out["data/0"] = b"".join(records["data/0"][at:at + 4][::-1] for at in range(0, 12, 4))
        out["data/1"] = b"".join(records["data/1"][at:at + 4][::-1] for at in range(0, 8, 4))
        return out
    numbers, complexes = loaded(repack(content, swap))

    assert [0, 1, 2] == numbers.tolist()
    assert [1 + 2j] == complexes.tolist()


def test_default_byte_order():
    from frankentorch.serialization import LoadEndianness, get_default_load_endianness, set_default_load_endianness

    content = repack(saved(ft.tensor([1], dtype=ft.int16)), lambda records: {name: data for name, data in records.items() if name != "byteorder"})
    assert [1] == loaded(content).tolist()
    set_default_load_endianness(LoadEndianness.BIG)
    try:
        assert LoadEndianness.BIG is get_default_load_endianness()
        assert [256] == loaded(content).tolist()
    finally:
        set_default_load_endianness(None)
    with pytest.raises(TypeError):
        set_default_load_endianness("big")


def test_mmap(tmp_path):
    path = tmp_path / "x.pt"
    ft.save([ft.arange(4), ft.ones(2)], path)
    before = path.read_bytes()
    numbers, ones = ft.load(path, mmap=True)
    numbers[0] = 9

    assert [9, 1, 2, 3] == numbers.tolist()
    assert before == path.read_bytes(), "writes stay in memory"
    with pytest.raises(ValueError, match="f must be a file path in order to use the mmap argument"):
        loaded(before, mmap=True)
    path.unlink()
    assert [1, 1] == ones.tolist()


def test_mmap_shared(tmp_path):
    import mmap

    from frankentorch.serialization import get_default_mmap_options, set_default_mmap_options

    path = tmp_path / "x.pt"
    ft.save(ft.zeros(3), path)
    with pytest.raises(ValueError):
        set_default_mmap_options(77)


def test_pickle_module():
    calls = []

    class Module:
        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name):
                calls.append(name)
                return super().find_class(module, name)
    content = saved({"t": ft.ones(2), "d": collections.deque([1])})

    assert [1, 1] == loaded(content, pickle_module=Module)["t"].tolist()
    assert "deque" in calls
    with pytest.raises(RuntimeError, match="Can not safely load weights when explicit pickle_module is specified"):
        loaded(content, pickle_module=pickle, weights_only=True)


def test_pickle_protocol_is_checked():
    with pytest.raises(ValueError, match="protocol"):
        saved(1, pickle_protocol=0)


def test_legacy_stream_of_several_objects():
    buffer = io.BytesIO()
    for n in range(3):
        ft.save(ft.full((2,), n), buffer, _use_new_zipfile_serialization=False)
    buffer.seek(0)

    assert [[0, 0], [1, 1], [2, 2]] == [ft.load(buffer).tolist() for _ in range(3)]


@pytest.mark.parametrize("weights_only", [True, False])
def test_legacy_both_ways(oracle, weights_only):
    theirs, ours = io.BytesIO(), io.BytesIO()
    oracle.save(objects.training(oracle), theirs, _use_new_zipfile_serialization=False)
    ft.save(loaded(theirs.getvalue(), weights_only=weights_only), ours, _use_new_zipfile_serialization=False)

    theirs.seek(0)
    ours.seek(0)
    assert objects.describe(oracle, oracle.load(theirs)) == objects.describe(oracle, oracle.load(ours))


# ---- the list of what files may name ----
class Settings:
    def __init__(self):
        self.rate = 0.5

    def __eq__(self, other):
        return self.__dict__ == other.__dict__


def test_unknown_classes_are_refused_until_they_are_allowed():
    from frankentorch.serialization import add_safe_globals, clear_safe_globals, get_safe_globals, get_unsafe_globals_in_checkpoint, safe_globals

    content = saved({"s": Settings(), "t": ft.ones(1)})
    full = f"{Settings.__module__}.Settings"
    with pytest.raises(pickle.UnpicklingError, match=f"Weights only load failed(.|\n)*GLOBAL {full} was not an allowed global by default"):
        loaded(content)
    assert [full] == get_unsafe_globals_in_checkpoint(io.BytesIO(content))
    with safe_globals([Settings]):
        assert Settings() == loaded(content)["s"]
        assert [] == get_unsafe_globals_in_checkpoint(io.BytesIO(content))
    with pytest.raises(CheckpointError):
        loaded(content)
    add_safe_globals([(Settings, full)])
    assert [(Settings, full)] == get_safe_globals()
    assert 0.5 == loaded(content)["s"].rate
    clear_safe_globals()
    assert [] == get_safe_globals()
    assert Settings() == loaded(content, weights_only=False)["s"]


def test_errors_say_where():
    with pytest.raises(CheckpointError) as caught:
        loaded(saved([1, Settings()]))

    assert ("pickle-global", "data.pkl") == (caught.value.rule, caught.value.record)
    assert isinstance(caught.value, RuntimeError) and isinstance(caught.value, pickle.UnpicklingError)
    assert caught.value.offset > 0


class Sub(ft.Tensor):
    pass


def test_tensor_subclasses():
    from frankentorch.serialization import safe_globals

    content = saved(ft.ones(2).as_subclass(Sub))
    with pytest.raises(CheckpointError):
        loaded(content)
    with safe_globals([Sub]):
        assert Sub is type(loaded(content))
    assert Sub is type(loaded(content, weights_only=False))


def test_format_is_found_by_the_bytes(tmp_path):
    from frankentorch.serialization.npz import save_npz
    from frankentorch.serialization.safetensors import save_file

    thing = {"a": ft.arange(3)}
    ft.save(thing, tmp_path / "pt.npz")
    save_npz(thing, tmp_path / "npz.safetensors")
    save_file(thing, tmp_path / "safetensors.pt")

    for name in ("pt.npz", "npz.safetensors", "safetensors.pt"):
        assert [0, 1, 2] == ft.load(tmp_path / name)["a"].tolist()
        assert "meta" == ft.load(tmp_path / name, map_location="meta")["a"].device.type


def test_skip_data():
    from frankentorch.serialization import get_crc32_options, set_crc32_options, skip_data

    content = saved([ft.arange(3), ft.ones(2, 2)])
    with skip_data():
        found = loaded(content)
        empty = saved([ft.arange(3)])

    assert [[0, 0, 0], [[0, 0], [0, 0]]] == [t.tolist() for t in found]
    assert [0, 0, 0] == loaded(empty)[0].tolist()
    assert [0, 1, 2] == loaded(content)[0].tolist()
    assert get_crc32_options() is True
    set_crc32_options(True)


def test_names_of_the_module_are_the_oracles(oracle):
    """What programs import from torch.serialization is here under the same name, with the same arguments."""
    import inspect

    from frankentorch import serialization

    for name in serialization.__all__:
        assert hasattr(oracle.serialization, name), name
    for name in ("save", "load", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "get_unsafe_globals_in_checkpoint", "register_package", "location_tag",
                 "default_restore_location", "skip_data", "set_crc32_options", "get_crc32_options", "set_default_load_endianness"):
        theirs, ours = (inspect.signature(getattr(module, name)) for module in (oracle.serialization, serialization))
        assert list(theirs.parameters) == list(ours.parameters), name
