"""`save` and `load` as PyTorch has them: `.pt` files both ways, and whatever else is a checkpoint read by its first bytes."""

import contextlib
import pickle
from enum import Enum

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.serialization import files, formats, legacy, npz, pt, safe, safetensors
from frankentorch.serialization.pt import MAX_PICKLE
from frankentorch.serialization.zip_read import DEFLATED, STORED, read_directory, read_record

DEFAULT_PROTOCOL = 2
MAGIC_NUMBER = legacy.MAGIC
PROTOCOL_VERSION = legacy.PROTOCOL


class LoadEndianness(Enum):
    """Byte order of archives that do not say theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


_endianness = None
_mmap_flags = None


def get_default_load_endianness():
    return _endianness


def set_default_load_endianness(endianness):
    """Byte order of archives that do not say theirs; None means little end first."""
    global _endianness
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _endianness = endianness


def _endianness_name():
    import sys

    return {None: None, LoadEndianness.NATIVE: sys.byteorder, LoadEndianness.LITTLE: "little", LoadEndianness.BIG: "big"}[_endianness]


def get_default_mmap_options():
    """Flags of ``load(mmap=True)``."""
    import mmap

    return mmap.MAP_PRIVATE if _mmap_flags is None else _mmap_flags


class set_default_mmap_options:  # noqa: N801  (the oracle's name)
    """Map files by MAP_PRIVATE (writes stay in memory) or MAP_SHARED (writes go to the file); also a context manager."""

    def __init__(self, flags):
        import mmap

        global _mmap_flags
        if flags not in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
            raise ValueError(f"Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE or mmap.MAP_SHARED, but got {flags}")
        self.before, _mmap_flags = _mmap_flags, flags

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        global _mmap_flags
        _mmap_flags = self.before


class SourceChangeWarning(Warning):
    """Kept for programs that filter it: sources of classes are not compared."""


_crc32_wanted = True


def get_crc32_options():
    """What `set_crc32_options` was given last."""
    return _crc32_wanted


def set_crc32_options(compute_crc32):
    """Accepted; the checksums of records are written in either case, they cost a tenth of a save."""
    global _crc32_wanted
    _crc32_wanted = bool(compute_crc32)


@contextlib.contextmanager
def skip_data(materialize_fake_tensors=False):
    """In the block, `load` gives tensors of zeros without reading their bytes, and `save` leaves zeros in their place."""
    before, pt.skipping = pt.skipping, True
    try:
        yield
    finally:
        pt.skipping = before


def save(obj, f, pickle_module=pickle, pickle_protocol=DEFAULT_PROTOCOL, _use_new_zipfile_serialization=True, _disable_byteorder_record=False):
    """Write an object to a `.pt` file that PyTorch reads too.

    Parameters
    ----------
    obj : object
        Anything pickle can write. Tensors that share memory share it again when they are loaded.
    f : str, os.PathLike, or object with `write`
        A path is written under a temporary name, flushed to the disk, and put in place in one step.
    pickle_module : module
        Other than `pickle`: its `Pickler` writes the names of classes, as it does.
    pickle_protocol : int
        1 to 5; PyTorch's safe reader knows 2 only. (Protocol 0 writes references to storages as text, which no reader takes.)

    Raises
    ------
    CheckpointError
        Two tensors read one storage as different dtypes, or the folder does not exist.
    pickle.PicklingError, TypeError
        Something cannot be pickled. Nothing was written to a path.
    OSError
        The system refused a call. A file that was there is as it was.

    Notes
    -----
    Equal objects give equal bytes, whatever the file is called.

    Source: signature of torch.save.
    """
    if type(pickle_protocol) is not int or not 1 <= pickle_protocol <= pickle.HIGHEST_PROTOCOL:
        raise ValueError(f"pickle protocol must be 1 to {pickle.HIGHEST_PROTOCOL}, got {pickle_protocol!r}")
    with files.open_output(f) as output:
        if _use_new_zipfile_serialization:
            pt.write(obj, output, pickle_module, pickle_protocol, not _disable_byteorder_record)
        elif pickle_module is not pickle:
            raise CheckpointError("legacy", "the stream format is written by the module pickle only")
        else:
            legacy.write(obj, output, pickle_protocol)


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """Read an object from a file of `save`, `torch.save`, safetensors, NumPy's `savez` or `frankentorch.checkpoint`.

    Parameters
    ----------
    f : str, os.PathLike, or seekable file object
        The format is found by the bytes, not by the name.
    map_location : str, device, dict of str to str, or callable (storage, location) → storage or None
        Where storages go. "cpu" reads what was saved on another device; "meta" reads no data.
    pickle_module : module
        Its `Unpickler` reads a `.pt` file with ``weights_only=False``.
    weights_only : bool
        True (as nothing): tensors, containers and numbers, and what `add_safe_globals` allows; nothing from the file is run.
        False: anything, which can run any code from the file.
    mmap : bool
        Leave the bytes in the file until they are touched; `f` must be a path. Checksums of tensors are not checked then.

    Returns
    -------
    object
        As it was saved; tensors that shared memory share it.

    Raises
    ------
    FileNotFoundError, PermissionError
        The file cannot be opened.
    CheckpointError (a RuntimeError and a pickle.UnpicklingError)
        It is damaged, made to harm, of an unknown format, or names something that is not allowed.

    Source: signature of torch.load.
    """
    if mmap and not files.is_path(f):
        raise ValueError("f must be a file path in order to use the mmap argument")
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if weights_only is None:
        weights_only = pickle_module is None
    begin = 0 if files.is_path(f) or not hasattr(f, "tell") else f.tell()
    try:
        with contextlib.closing(files.open_source(f)) as source:
            found, end = _load(source, begin, f, map_location, pickle_module, weights_only, bool(mmap), pickle_load_args)
    except CheckpointError as error:
        if files.is_path(f) and error.path is None:
            error.path = str(f)
        raise
    except (MemoryError, RecursionError) as error:
        if not weights_only:
            raise
        raise CheckpointError("memory", f"{type(error).__name__}: {error}") from None
    if end is not None and not files.is_path(f):
        f.seek(end)
    return found


def _load(source, begin, f, map_location, pickle_module, weights_only, mapped, options):
    """(object, offset where the file object stands afterwards, or None for its end)."""
    kind = formats.kind_of(source, begin)
    if kind == "legacy":
        if mapped:
            raise CheckpointError("mmap", "mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True)`; this one is older")
        return legacy.read(source, begin, map_location, pickle_module, weights_only, options)
    if kind == "safetensors":
        return _placed(safetensors.read(source, mapped=mapped)[0], map_location), None
    if kind == "state":
        return _load_state(f, source, begin, map_location, mapped), None
    records = read_directory(source, (STORED, DEFLATED))
    if records and all(name.endswith(".npy") for name in records):
        return _placed(npz.read(source, records), map_location), None
    if any(record.method != STORED for record in records.values()):
        raise CheckpointError("zip-method", "a record is compressed; PyTorch stores records as they are")
    return pt.read(source, records, map_location, pickle_module, weights_only, mapped, options, _endianness_name(), _mmap_flags), None


def _load_state(f, source, begin, map_location, mapped):
    """A file of `frankentorch.checkpoint`, by its own reader."""
    if map_location is not None and str(map_location) != "cpu":
        raise CheckpointError("location", f"a file of frankentorch.checkpoint is loaded where it was saved, not at map_location={map_location!r}")
    from frankentorch.checkpoint import reader

    return reader.load(f, mmap=mapped) if files.is_path(f) else reader.loads(source.read(begin, source.size - begin))


def _placed(tensors, map_location):
    """A dict of tensors on a device."""
    if map_location is None or callable(map_location) or isinstance(map_location, dict):
        return tensors
    device = ops.device(map_location)
    return tensors if device.type == "cpu" else {name: tensor.to(device) for name, tensor in tensors.items()}


def get_unsafe_globals_in_checkpoint(f):
    """Full names that a file asks for and that ``weights_only=True`` refuses.

    Returns
    -------
    list of str
        Sorted, such as ``["__main__.Config"]``; none of them was looked up.

    Raises
    ------
    CheckpointError
        The file is not a readable archive of PyTorch.
    """
    with contextlib.closing(files.open_source(f)) as source:
        if formats.kind_of(source) != "zip":
            raise CheckpointError("format", "Expected input to be a checkpoint returned by torch.save")
        archive = pt.Archive(source, read_directory(source))
        return safe.unsafe_globals(read_record(source, archive.records["data.pkl"], MAX_PICKLE))
