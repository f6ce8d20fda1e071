"""Names in pickles: PyTorch's for what is ours, so that either library reads the other's files.

Nothing here runs anything from a file: the functions rebuild tensors from checked parts, the rest are types and constants.
"""

import importlib
import pickle
from collections import Counter, OrderedDict

from frankentorch._protocols import TYPES as TENSOR_TYPES, LEGACY_TYPES
from frankentorch._size import Size
from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch.nn.parameter import Parameter
from frankentorch.random import Generator
from frankentorch.serialization import rebuild

PACKAGE = __name__.partition(".")[0]

_STORAGES = {"FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "LongStorage": "int64",
             "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
             "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128"}
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
# The oracle's other dtypes: known by name, to say why they are refused.
ABSENT_DTYPES = frozenset(("qint8", "quint8", "qint32", "quint4x2", "quint2x4", "float8_e5m2", "float8_e4m3fn", "float8_e5m2fnuz", "float8_e4m3fnuz", "float8_e8m0fnu",
                           "float4_e2m1fn_x2", "complex32", "bits1x8", "bits2x4", "bits4x2", "bits8", "bits16", *(f"{sign}int{n}" for sign in ("", "u") for n in range(1, 8))))
ABSENT_STORAGES = frozenset(("QInt8Storage", "QUInt8Storage", "QInt32Storage", "QUInt4x2Storage", "QUInt2x4Storage"))


class StorageType:
    """What a pickle says a storage's elements are. `dtype` is None for plain bytes."""

    __slots__ = ("dtype", "module", "name")

    def __init__(self, module, name, dtype):
        self.module, self.name, self.dtype = module, name, dtype

    @property
    def itemsize(self):
        return self.dtype.itemsize if self.dtype is not None else 1

    def __reduce__(self):
        return self.name  # a global: the pickler knows the module

    def __repr__(self):
        return f"<class '{self.module}.{self.name}'>"


UNTYPED = StorageType("torch.storage", "UntypedStorage", None)
STORAGE_TYPES = {name: StorageType("torch", name, getattr(ops, dtype)) for name, dtype in _STORAGES.items()}
STORAGE_OF_DTYPE = {kind.dtype: kind for kind in STORAGE_TYPES.values()}


def _readable():
    """{(module, name): what it stands for} of everything a file may name without being asked to be trusted."""
    found = {("torch", name): getattr(ops, name) for name in DTYPES}
    for device in ("torch", "torch.cuda"):
        found.update({(device, name): kind for name, kind in STORAGE_TYPES.items()})
        found.update({(device, name): LEGACY_TYPES[name] for name in TENSOR_TYPES})
    found.update({("torch.storage", "UntypedStorage"): UNTYPED, ("torch", "UntypedStorage"): UNTYPED, ("collections", "OrderedDict"): OrderedDict, ("collections", "Counter"): Counter,
                  ("builtins", "set"): set, ("builtins", "frozenset"): frozenset, ("builtins", "bytes"): bytes, ("builtins", "bytearray"): bytearray, ("builtins", "complex"): complex,
                  ("_codecs", "encode"): rebuild.encode_latin1, ("torch", "Tensor"): Tensor, ("torch", "Size"): Size, ("torch", "device"): ops.device,
                  ("torch.nn.parameter", "Parameter"): Parameter, ("torch.serialization", "_get_layout"): rebuild.get_layout,
                  ("torch._tensor", "_rebuild_from_type_v2"): rebuild.rebuild_from_type})
    for name in ("strided", "sparse_coo", "sparse_csr"):
        found[("torch", name)] = getattr(ops, name)
    for name in ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d"):
        found[("torch", name)] = getattr(ops, name)
    for name, function in {"_rebuild_tensor": rebuild.rebuild_tensor, "_rebuild_tensor_v2": rebuild.rebuild_tensor_v2, "_rebuild_tensor_v3": rebuild.rebuild_tensor_v3,
                           "_rebuild_parameter": rebuild.rebuild_parameter, "_rebuild_parameter_with_state": rebuild.rebuild_parameter_with_state,
                           "_rebuild_meta_tensor_no_storage": rebuild.rebuild_meta, "_rebuild_sparse_tensor": rebuild.refuse_sparse,
                           "_rebuild_qtensor": rebuild.refuse_quantized, "_rebuild_nested_tensor": rebuild.refuse_nested}.items():
        found[("torch._utils", name)] = function
    return found


READABLE = _readable()
# What only a trusted file may name besides. Found under the package's own modules: everything below "torch." (see `find_trusted`).
_TRUSTED = {("torch._C", "Generator"): Generator, ("torch", "Generator"): Generator, ("torch.random", "Generator"): Generator}
# Object → its name, for the writer. Keyed by identity: dtypes compare equal to nothing else, but functions may be wrapped.
_WRITTEN = {id(thing): name for name, thing in reversed(READABLE.items()) if name[0] != "torch.cuda" and name != ("torch", "UntypedStorage")}
_WRITTEN.update({id(Generator): ("torch._C", "Generator"), id(ops.dtype): ("torch", "dtype"), id(ops.layout): ("torch", "layout"), id(ops.memory_format): ("torch", "memory_format")})
_FUNCTIONAL = PACKAGE + ".nn.functional"
BLOCKED_MODULES = frozenset(("sys", "os", "posix", "nt", "subprocess"))


def current_name(module, name):
    """Names of Python 2, and our own package's, in today's form under `torch`."""
    compat = pickle._compat_pickle
    if (module, name) in compat.NAME_MAPPING:
        module, name = compat.NAME_MAPPING[(module, name)]
    else:
        module = compat.IMPORT_MAPPING.get(module, module)
    if module == PACKAGE or module.startswith(PACKAGE + "."):
        module = "torch" + module[len(PACKAGE):]
    return module, name


def written_name(thing, name=None):
    """(module, name) under which a pickle of ours names a class, function or constant.

    Raises
    ------
    pickle.PicklingError
        It cannot be found again under its own name.
    """
    known = _WRITTEN.get(id(thing))
    if known is not None:
        return known
    name = name or getattr(thing, "__qualname__", None) or thing.__name__
    module = pickle.whichmodule(thing, name)
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        raise pickle.PicklingError(f"Can't pickle {thing!r}: it's not found as {module}.{name}") from None
    if found is not thing:
        raise pickle.PicklingError(f"Can't pickle {thing!r}: it's not the same object as {module}.{name}")
    if module.startswith(_FUNCTIONAL + "."):  # several modules here, one there
        module = _FUNCTIONAL
    return current_name(module, name)


def find_trusted(module, name):
    """What a trusted file's name below `torch` stands for, or None for a name of somebody else.

    Raises
    ------
    AttributeError
        The package has no such thing.
    """
    module, name = current_name(module, name)
    for table in (READABLE, _TRUSTED):
        if (module, name) in table:
            return table[(module, name)]
    if module != "torch" and not module.startswith("torch."):
        return None
    try:
        found = importlib.import_module(PACKAGE + module[len("torch"):])
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise AttributeError(f"the file names {module}.{name}, which FrankenTorch does not have") from error
    return found
