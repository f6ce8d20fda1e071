"""What the tests save: objects made by either library from the same text, and a description of them that both can be asked for."""
import collections

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
LAYOUTS = ("plain", "transposed", "sliced", "offset", "expanded", "zero_d", "empty", "shared")
CONTAINERS = ("bare", "list", "tuple", "dict", "ordered", "nested")


def elements(lib, dtype, count=12):
    """Small numbers, exact in every dtype."""
    made = lib.tensor([n % 2 if dtype == "bool" else n for n in range(count)], dtype=lib.int64)
    made = made.to(getattr(lib, dtype))
    return made + made * 2j if dtype == "complex64" or dtype == "complex128" else made


def laid_out(lib, dtype, layout):
    """Tensors of one layout, as a list."""
    x = elements(lib, dtype)
    return {"plain": lambda: [x.reshape(3, 4)], "transposed": lambda: [x.reshape(3, 4).t()], "sliced": lambda: [x.reshape(3, 4)[:, ::2]],
            "offset": lambda: [x[5:]], "expanded": lambda: [x[:3].reshape(3, 1).expand(3, 4)], "zero_d": lambda: [x[7]],
            "empty": lambda: [x[:0].reshape(0, 3), lib.empty(0, dtype=getattr(lib, dtype))], "shared": lambda: [x, x.reshape(3, 4), x[2:4]]}[layout]()


def contained(lib, tensors, container):
    """The tensors inside a container."""
    first = tensors[0]
    return {"bare": lambda: first, "list": lambda: list(tensors), "tuple": lambda: (1, *tensors, "text"), "dict": lambda: {"a": first, 3: tensors, "n": None},
            "ordered": lambda: collections.OrderedDict((f"layer.{i}", t) for i, t in enumerate(tensors)),
            "nested": lambda: {"state": [{"step": 3, "avg": (t, [t])} for t in tensors], "lr": 1e-3, "flags": [True, False], "big": 10**25}}[container]()


def training(lib):
    """A model's and optimizer's state after two steps."""
    lib.manual_seed(0)
    model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.Linear(4, 2))
    optimizer = lib.optim.Adam(model.parameters(), lr=0.01, amsgrad=True)
    scheduler = lib.optim.lr_scheduler.StepLR(optimizer, 1)
    x = (lib.arange(15.) / 8).reshape(5, 3)
    for _ in range(2):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
        scheduler.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "epoch": 2, "rng": lib.get_rng_state()}


def miscellany(lib):
    """One of each other thing."""
    named = lib.zeros(2)
    named.note = "attribute"
    parameter = lib.nn.Parameter(lib.arange(4.), requires_grad=False)
    marked = lib.nn.Parameter(lib.arange(3.))
    marked.shard = 1
    tied = lib.nn.Parameter(lib.ones(2, 2))
    return {"size": lib.Size([2, 3]), "dtypes": [lib.float16, lib.bool], "device": lib.device("cpu"), "named": named, "parameter": parameter, "marked": marked,
            "tied": [tied, tied], "leaf": lib.zeros(2, requires_grad=True), "meta": lib.empty(2, 3, device="meta"), "bytes": b"\0\xff", "set": {1, 2},
            "complex": 1 - 2j, "counter": collections.Counter("aab"), "floats": [0.1, float("inf"), -0.0], "ints": [-1, 255, 256, 65536, -(1 << 31), 1 << 40],
            "text": "\u00e4\u4e2d\U0001f600", "storage": lib.arange(3, dtype=lib.uint8).untyped_storage(), "array": bytearray(b"abc"), "layout": lib.strided}


def describe(lib, value, seen=None):
    """Everything about an object that must survive, as JSON: types, values, bits, geometry, and which tensors share memory."""
    seen = {"storages": {}, "things": {}} if seen is None else seen
    again = seen["things"].get(id(value))
    if again is not None and not isinstance(value, (int, float, str, bytes, bool, tuple, type(None))):
        return f"the same as {again}"
    seen["things"][id(value)] = len(seen["things"])
    seen.setdefault("kept", []).append(value)
    if isinstance(value, lib.Tensor):
        return describe_tensor(lib, value, seen)
    if isinstance(value, dict):
        found = [type(value).__name__, *([describe(lib, key, seen), describe(lib, item, seen)] for key, item in value.items())]
        extra = {name: describe(lib, item, seen) for name, item in getattr(value, "__dict__", {}).items()}
        return [*found, extra] if extra else found
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(describe(lib, item, seen) for item in value)]
    if isinstance(value, (set, frozenset)):
        return [type(value).__name__, *sorted(map(repr, value))]
    if type(value).__name__ == "UntypedStorage":
        return ["storage", value.tolist()]
    return [type(value).__name__, repr(value)]


def describe_tensor(lib, t, seen):
    facts = [type(t).__name__, str(t.dtype), list(t.shape), list(t.stride()), t.requires_grad, str(t.device)]
    if not t.is_meta:
        storage = t.untyped_storage()
        number = seen["storages"].setdefault(storage._cdata, len(seen["storages"]))
        seen["kept"].append(storage)
        plain = t.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
        facts += [t.storage_offset(), number, storage.nbytes(), bytes(plain.view(lib.uint8).tolist()).hex() if plain.numel() else ""]
    attributes = {name: describe(lib, item, seen) for name, item in t.__dict__.items()}
    return [*facts, attributes] if attributes else facts
