"""Files made to harm, by class: (class, name, bytes). Everything is generated here; nothing in it is ever run.

Pickles are put together from opcodes; archives by a writer whose every field can be changed, so that a file is wrong in one thing only.
"""
import io
import json
import pickle
import struct
import tarfile
import zlib

MARKER = "frankentorch_hostile_file_was_run"   # what a payload would leave in the environment, would it run


# ---- pickles ----
def text(value):
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value):
    return b"\x8a" + (lambda raw: bytes([len(raw)]) + raw)(value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def tuple_of(*parts):
    return b"(" + b"".join(parts) + b"t"


def call(function, *arguments):
    return function + tuple_of(*arguments) + b"R"


def reference(kind=None, key="0", location="cpu", numel=None, first="storage", extra=b""):
    return tuple_of(text(first), kind or name("torch", "FloatStorage"), text(key), text(location), number(4) if numel is None else numel, extra) + b"Q"


HOOKS = name("collections", "OrderedDict") + b")R"


def tensor(storage=None, offset=number(0), size=None, stride=None, requires_grad=b"\x89", hooks=HOOKS, extra=b"", function="_rebuild_tensor_v2"):
    return call(name("torch._utils", function), storage or reference(), offset, size or tuple_of(number(4)), stride or tuple_of(number(1)), requires_grad, hooks, extra)


def many_nodes():
    """A tuple of two tuples of two tuples …, 60 deep, each written once."""
    return b")q\0" + b"".join(b"0h%ch%c\x86q%c" % (i, i, i + 1) for i in range(60))


def pickled(body):
    return b"\x80\x02" + body + b"."


# ---- archives ----
class Zip:
    """An archive whose fields are what the caller says."""

    def __init__(self, records, folder="archive/", **changes):
        self.out, self.entries, self.changes = io.BytesIO(), [], changes
        self.out.write(changes.get("prefix", b""))
        for place, (record, data) in enumerate(records):
            self.add(folder + record, data, changes.get(f"record{place}", {}))
        self.finish()

    def add(self, record, data, change):
        raw = change.get("raw_name", record.encode())
        at = self.out.tell()
        crc, method, flags = change.get("crc", zlib.crc32(data)), change.get("method", 0), change.get("flags", 0)
        stored = change.get("stored", data)
        nbytes, packed = change.get("nbytes", len(data)), change.get("packed", len(stored))
        local = change.get("local", {})
        local_name = local.get("name", raw)
        self.out.write(struct.pack("<4sHHHHHIIIHH", local.get("mark", b"PK\3\4"), 20, local.get("flags", flags), local.get("method", method), 0, 0,
                                   local.get("crc", crc), local.get("packed", packed), local.get("nbytes", nbytes), local.get("name_length", len(local_name)), local.get("extra_length", 0)))
        self.out.write(local_name + stored + change.get("after", b""))
        if not change.get("hidden"):
            self.entries.append((raw, crc, packed, nbytes, method, flags, change.get("at", at), change))

    def finish(self):
        changes, begin = self.changes, self.out.tell()
        for raw, crc, packed, nbytes, method, flags, at, change in self.entries * changes.get("repeat", 1):
            extra, comment = change.get("extra", b""), change.get("comment", b"")
            self.out.write(struct.pack("<4sHHHHHHIIIHHHHHII", change.get("mark", b"PK\1\2"), 20, 20, flags, method, 0, 0, crc, packed, nbytes, change.get("name_length", len(raw)),
                                       len(extra), len(comment), change.get("disk", 0), 0, 0, at) + raw + extra + comment)
        end, count = self.out.tell(), len(self.entries) * changes.get("repeat", 1)
        self.out.write(changes.get("before_end", b""))
        self.out.write(struct.pack("<4sHHHHIIH", b"PK\5\6", changes.get("disk", 0), 0, changes.get("here", changes.get("count", count)), changes.get("count", count),
                                   changes.get("size", end - begin), changes.get("begin", begin), len(changes.get("comment", b""))))
        self.out.write(changes.get("comment", b"") + changes.get("suffix", b""))


def archive(pickle_bytes, storages=((b"\0\0\x80?" * 4),), extra=(), **changes):
    """A `.pt` file; record 0 is the pickle, then the storages, then the version."""
    records = [("data.pkl", pickle_bytes), *((f"data/{i}", data) for i, data in enumerate(storages)), ("version", b"3\n"), *extra]
    return Zip(records, **changes).out.getvalue()


GOOD = pickled(tensor())


def good():
    return archive(GOOD)


# ---- 1. pickles ----
def _globals():
    payloads = [("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "eval"), ("builtins", "getattr"),
                ("builtins", "__import__"), ("builtins", "open"), ("builtins", "compile"), ("builtins", "type"), ("builtins", "object"), ("builtins", "setattr"), ("builtins", "breakpoint"), ("builtins", "print"),
                ("pickle", "loads"), ("marshal", "loads"), ("types", "FunctionType"), ("types", "CodeType"), ("functools", "partial"), ("operator", "attrgetter"), ("operator", "methodcaller"),
                ("importlib", "import_module"), ("runpy", "run_path"), ("ctypes", "CDLL"), ("shutil", "rmtree"), ("socket", "socket"), ("webbrowser", "open"), ("code", "interact"), ("timeit", "timeit"),
                ("torch", "load"), ("torch", "save"), ("torch.hub", "load"), ("torch", "nn.Module"), ("torch.nn.modules.linear", "Linear"), ("torch", "os.system"), ("torch.serialization", "os.system"),
                ("torch._utils", "__builtins__"), ("torch", "set_default_dtype"), ("frankentorch", "save"), ("frankentorch.serialization", "load"), ("collections", "OrderedDict.fromkeys"), ("numpy", "load"),
                ("numpy.core.multiarray", "_reconstruct"), ("", ""), ("torch", ""), ("\u00e9", "x"), ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"), ("_io", "FileIO"), ("torch", "qint8"), ("torch", "QInt8Storage")]
    command = text(f"import os; os.environ[{MARKER!r}] = '1'")
    for module, attribute in payloads:
        try:
            body = name(module, attribute)
            yield f"GLOBAL {module}.{attribute}", pickled(call(body, command))
        except UnicodeEncodeError:
            pass
    yield "STACK_GLOBAL", b"\x80\x04" + text("os") + text("system") + b"\x93" + tuple_of(command) + b"R."
    yield "STACK_GLOBAL of no names", b"\x80\x04K\1K\2\x93."
    yield "STACK_GLOBAL of a tuple", b"\x80\x04" + text("os") + b")\x93."
    yield "INST", b"(" + command + b"ios\nsystem\n."
    yield "OBJ", b"(" + name("os", "system") + command + b"o."
    for opcode in (b"\x82\x01", b"\x83\x01\0", b"\x84\x01\0\0\0"):
        yield f"EXT {opcode[0]:#x}", b"\x80\x02" + opcode + b"."
    yield "PERSID", b"Pstorage\n."
    yield "NEWOBJ of a class that is allowed as a function", pickled(name("torch", "Tensor") + b")\x81")
    yield "NEWOBJ of no class", pickled(text("os") + b")\x81")
    yield "NEWOBJ_EX", b"\x80\x04" + name("torch", "device") + b")}\x92."
    yield "NEXT_BUFFER", b"\x80\x05\x97."
    yield "READONLY_BUFFER", b"\x80\x05K\1\x98."


def _misuse():
    yield "REDUCE on text", pickled(text("os") + b")R")
    yield "REDUCE on None", pickled(b"N)R")
    yield "REDUCE on a dtype", pickled(name("torch", "float32") + b")R")
    yield "REDUCE on a storage type", pickled(name("torch", "FloatStorage") + tuple_of(number(1 << 40)) + b"R")
    yield "REDUCE on a tensor type", pickled(name("torch", "FloatTensor") + tuple_of(number(1 << 40)) + b"R")
    yield "REDUCE on Tensor", pickled(name("torch", "Tensor") + tuple_of(number(1 << 40)) + b"R")
    yield "REDUCE without a tuple", pickled(name("collections", "OrderedDict") + b"NR")
    yield "REDUCE with too few arguments", pickled(name("torch._utils", "_rebuild_tensor_v2") + b")R")
    yield "OrderedDict of a number", pickled(call(name("collections", "OrderedDict"), b"K\1"))
    yield "OrderedDict of no pairs", pickled(call(name("collections", "OrderedDict"), b"](K\1K\2e"))
    yield "Counter of text", pickled(call(name("collections", "Counter"), text("aab")))
    yield "set of text", pickled(call(name("builtins", "set"), text("aab")))
    yield "complex of text", pickled(call(name("builtins", "complex"), text("1e9")))
    yield "bytearray of a number", pickled(call(name("builtins", "bytearray"), number(1 << 40)))
    yield "bytearray of a list", pickled(call(name("builtins", "bytearray"), b"](K\1K\2e"))
    yield "Size of text", pickled(call(name("torch", "Size"), text("123")))
    yield "Size of floats", pickled(call(name("torch", "Size"), b"]G" + bytes(8) + b"a"))
    yield "device of a tuple", pickled(call(name("torch", "device"), b")"))
    yield "device of nonsense", pickled(call(name("torch", "device"), text("nonsense:x")))
    yield "Parameter of text", pickled(call(name("torch.nn.parameter", "Parameter"), text("x")))
    yield "layout of nonsense", pickled(call(name("torch.serialization", "_get_layout"), text("torch.load")))
    yield "layout of an attribute", pickled(call(name("torch.serialization", "_get_layout"), text("__loader__")))
    for codec in ("zip", "bz2", "idna", "punycode", "rot13", "utf-7", "unicode_escape"):
        yield f"codec {codec}", pickled(call(name("_codecs", "encode"), text("a"), text(codec)))
    yield "BUILD hides a method", pickled(HOOKS + b"}" + text("items") + b"K\1sb")
    yield "BUILD changes the class", pickled(HOOKS + b"}" + text("__class__") + name("torch", "Tensor") + b"sb")
    yield "BUILD of a number", pickled(HOOKS + b"K\1b")
    yield "BUILD of a key that is no name", pickled(HOOKS + b"}K\1K\1sb")
    yield "BUILD of slots", pickled(HOOKS + b"(N}" + text("x") + b"K\1stb")
    yield "BUILD on a dict", pickled(b"}}" + text("x") + b"K\1sb")
    yield "BUILD on a list", pickled(b"]}b")
    yield "BUILD on a tensor", pickled(tensor() + b"}" + text("add") + b"K\1sb")
    yield "BUILD on a class", pickled(name("torch", "Tensor") + b"}" + text("add") + b"K\1sb")
    yield "SETITEM on a list", pickled(b"]K\0K\1s")
    yield "SETITEM on a tensor", pickled(tensor() + b"K\0K\1s")
    yield "SETITEMS on a tuple", pickled(b")(K\0K\1u")
    yield "SETITEMS of three", pickled(b"}(K\0K\1K\2u")
    yield "APPEND on a dict", pickled(b"}K\1a")
    yield "APPENDS on a tuple", pickled(b")(K\1e")
    yield "APPEND on a tensor", pickled(tensor() + b"K\1a")
    yield "ADDITEMS on a list", b"\x80\x04](K\1\x90."
    yield "unhashable key", pickled(b"}]K\1s")
    yield "unhashable key in a tuple", pickled(b"}]\x85K\1s")
    yield "unhashable item of a set", b"\x80\x04\x8f(]\x90."
    yield "hooks", pickled(tensor(hooks=b"}K\1K\1s"))
    yield "metadata", pickled(tensor(extra=b"}" + text("view") + b"\x88s"))
    yield "metadata of no bool", pickled(tensor(extra=b"}" + text("conj") + b"K\1s"))
    yield "requires_grad is a number", pickled(tensor(requires_grad=b"K\1"))
    yield "requires_grad of integers", pickled(tensor(reference(name("torch", "IntStorage")), requires_grad=b"\x88"))
    yield "from_type with another function", pickled(call(name("torch._tensor", "_rebuild_from_type_v2"), name("torch", "Size"), name("torch", "Tensor"), b")", b"N"))
    yield "from_type with text", pickled(call(name("torch._tensor", "_rebuild_from_type_v2"), text("os"), name("torch", "Tensor"), b")", b"N"))
    yield "from_type of no tensor", pickled(call(name("torch._tensor", "_rebuild_from_type_v2"), name("torch._utils", "_rebuild_tensor_v2"), name("torch", "Size"), b")", b"N"))
    parts = tuple_of(reference(), number(0), tuple_of(number(4)), tuple_of(number(1)), b"\x89", HOOKS)
    yield "from_type hides a method", pickled(call(name("torch._tensor", "_rebuild_from_type_v2"), name("torch._utils", "_rebuild_tensor_v2"), name("torch", "Tensor"), parts, b"}" + text("add") + b"K\1s"))
    yield "parameter of text", pickled(call(name("torch._utils", "_rebuild_parameter"), text("x"), b"\x88", HOOKS))
    yield "parameter with hooks", pickled(call(name("torch._utils", "_rebuild_parameter"), tensor(), b"\x88", b"}K\1K\1s"))
    yield "parameter hides a method", pickled(call(name("torch._utils", "_rebuild_parameter_with_state"), tensor(), b"\x88", HOOKS, b"}" + text("backward") + b"K\1s"))
    for function in ("_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_nested_tensor"):
        yield function, pickled(call(name("torch._utils", function), b"N", b"N"))


def _machine():
    yield "no pickle", b""
    yield "only STOP", b"."
    yield "no STOP", b"\x80\x02N"
    yield "protocol 6", b"\x80\x06N."
    yield "protocol 255", b"\x80\xffN."
    yield "protocol in the middle", b"\x80\x02N\x80\x02."
    yield "trailing byte", GOOD + b"\0"
    yield "second stream", GOOD + GOOD
    yield "two objects", pickled(b"NN")
    yield "open mark", pickled(b"(N")
    yield "stack underflow", pickled(b"\x87")
    yield "pop of nothing", pickled(b"0")
    yield "below a mark", pickled(b"N(a")
    yield "no mark", pickled(b"t")
    yield "memo missing", pickled(b"h\5")
    yield "memo missing, long", pickled(b"j\xff\xff\xff\xff")
    yield "memo by text", pickled(b"g-1\n")
    yield "memo by endless text", pickled(b"Np" + b"9" * 1000 + b"\n")
    yield "unknown opcode", pickled(b"\xff")
    yield "text too long", pickled(b"X\xff\xff\xff\x7fabc")
    yield "text of 2^63", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 63) + b"."
    yield "bytes too long", b"\x80\x04B\xff\xff\xff\xff."
    yield "bytes of 2^64", b"\x80\x04\x8e" + b"\xff" * 8 + b"."
    yield "bytearray of 2^64", b"\x80\x05\x96" + b"\xff" * 8 + b"."
    yield "frame too long", b"\x80\x04\x95" + b"\xff" * 8 + b"."
    yield "int of 4 GiB", b"\x80\x02\x8b\xff\xff\xff\xff."
    yield "int of a million bytes", pickled(b"\x8b" + struct.pack("<I", 1 << 20) + b"\x7f" * (1 << 20))
    yield "int of a million digits", pickled(b"I" + b"9" * (1 << 20) + b"\n")
    yield "int of no digits", pickled(b"Ix\n")
    yield "float of nonsense", pickled(b"Fx\n")
    yield "text that is no UTF-8", pickled(b"X\2\0\0\0\xff\xfe")
    yield "old text that is no UTF-8", pickled(b"U\2\xff\xfe")
    yield "line without end", b"\x80\x02cos"
    yield "name that is no text", b"\x80\x02c\xff\nx\n."
    yield "cut after an opcode", b"\x80\x02G\0\0"
    yield "mark flood", b"\x80\x02" + b"(" * 100000 + b"N."
    yield "deep lists", b"\x80\x02" + b"]q\0" * 100000 + b"a" * 99999 + b"."
    yield "deep tuples", pickled(b")" + b"\x85q\0" * 100000)
    yield "deep tuple as a key", pickled(b"})" + b"\x85q\0" * 100000 + b"K\1s")
    yield "deep dicts", pickled(b"}" + b"K\1}q\0" * 50000 + b"s" * 50000)
    yield "key of 2^60 nodes", pickled(b"}" + many_nodes() + b"K\1s")
    yield "item of a set of 2^60 nodes", b"\x80\x04\x8f(" + many_nodes() + b"\x90."
    yield "set called on 2^60 nodes", pickled(call(name("builtins", "set"), b"](" + many_nodes() + b"e"))
    yield "colliding keys", pickled(b"}(" + b"".join(number(i * ((1 << 61) - 1)) + b"N" for i in range(1, 20001)) + b"u")
    yield "many empty lists", pickled(b"]" * 1000000)
    yield "many empty dicts", pickled(b"(" + b"}" * 1000000 + b"l")


# ---- 2. and 3. memory and layout ----
def _storages():
    yield "longer than its record", archive(pickled(tensor(reference(numel=number(5)))))
    yield "shorter than its record", archive(pickled(tensor(reference(numel=number(3)), size=tuple_of(number(3)))))
    for value, label in ((-1, "negative"), (1 << 62, "2^62"), (1 << 64, "2^64"), (1 << 200, "2^200")):
        yield f"numel {label}", archive(pickled(tensor(reference(numel=number(value)))))
    yield "numel is a float", archive(pickled(tensor(reference(numel=b"G\x40\x10\0\0\0\0\0\0"))))
    yield "numel is text", archive(pickled(tensor(reference(numel=text("4")))))
    yield "numel is a bool", archive(pickled(tensor(reference(numel=b"\x88"))))
    yield "no such record", archive(pickled(tensor(reference(key="1"))))
    yield "key is a path", archive(pickled(tensor(reference(key="../data.pkl"))))
    yield "key is empty", archive(pickled(tensor(reference(key=""))))
    yield "key is a dict", archive(pickled(tensor(tuple_of(text("storage"), name("torch", "FloatStorage"), b"}", text("cpu"), number(4)) + b"Q")))
    yield "location is a number", archive(pickled(tensor(tuple_of(text("storage"), name("torch", "FloatStorage"), text("0"), b"K\0", number(4)) + b"Q")))
    yield "another word", archive(pickled(tensor(reference(first="module"))))
    yield "four parts", archive(pickled(tensor(tuple_of(text("storage"), name("torch", "FloatStorage"), text("0"), text("cpu")) + b"Q")))
    yield "six parts", archive(pickled(tensor(reference(extra=b"N"))))
    yield "no tuple", archive(pickled(tensor(text("0") + b"Q")))
    yield "type is a dtype", archive(pickled(tensor(reference(kind=name("torch", "float32")))))
    yield "type is text", archive(pickled(tensor(reference(kind=text("FloatStorage")))))
    yield "one storage under two dtypes", archive(pickled(tuple_of(tensor(), tensor(reference(name("torch", "IntStorage"))))))
    yield "unknown device", archive(pickled(tensor(reference(location="tpu:0"))))
    yield "cuda without map_location", archive(pickled(tensor(reference(location="cuda:0"))))
    yield "bool of 2", archive(pickled(tensor(reference(name("torch", "BoolStorage")))), storages=(b"\0\1\2\0",))
    yield "v3 without a dtype", archive(pickled(tensor(reference(name("torch.storage", "UntypedStorage"), numel=number(16)), extra=text("uint16"), function="_rebuild_tensor_v3")))
    yield "tensor of no storage", archive(pickled(tensor(text("storage"))))
    yield "tensor of a tensor", archive(pickled(tensor(tensor())))


def _layouts():
    cases = {"offset past the end": dict(offset=number(1)), "offset negative": dict(offset=number(-1)), "offset of 2^62": dict(offset=number(1 << 62)), "offset of 2^70": dict(offset=number(1 << 70)),
             "offset is a float": dict(offset=b"G" + bytes(8)), "offset is a bool": dict(offset=b"\x89"),
             "offset of an empty tensor": dict(offset=number(1 << 40), size=tuple_of(number(0))),
             "size past the end": dict(size=tuple_of(number(5))), "size negative": dict(size=tuple_of(number(-4))), "size of 2^63": dict(size=tuple_of(number(1 << 63))),
             "size is a float": dict(size=tuple_of(b"G" + bytes(8))), "size is text": dict(size=text("4")), "size is a dict": dict(size=b"}"), "size is a bool": dict(size=tuple_of(b"\x88")),
             "stride past the end": dict(stride=tuple_of(number(2))), "stride negative": dict(stride=tuple_of(number(-1))), "stride of 2^62": dict(size=tuple_of(number(2)), stride=tuple_of(number(1 << 62))),
             "stride is text": dict(stride=text("1")), "more sizes than strides": dict(size=tuple_of(number(2), number(2))), "more strides than sizes": dict(stride=tuple_of(number(1), number(1))),
             "product overflows": dict(size=tuple_of(*[number(1 << 31)] * 3), stride=tuple_of(*[number(0)] * 3)),
             "empty product overflows": dict(size=tuple_of(number(0), number(1 << 62), number(4)), stride=tuple_of(*[number(1)] * 3)),
             "sum wraps to an allowed one": dict(size=tuple_of(number(2), number(2)), stride=tuple_of(number((1 << 63) - 1), number((1 << 63) - 1))),
             "65 dims": dict(size=tuple_of(*[number(1)] * 65), stride=tuple_of(*[number(1)] * 65))}
    for label, change in cases.items():
        yield label, archive(pickled(tensor(**change)))
    for label, sizes in {"meta negative": [-1], "meta overflow": [1 << 40, 1 << 40], "meta of 65 dims": [1] * 65}.items():
        shape = tuple_of(*map(number, sizes))
        yield label, archive(pickled(call(name("torch._utils", "_rebuild_meta_tensor_no_storage"), name("torch", "float32"), shape, shape, b"\x89")))


# ---- 4. zip ----
def _zips():
    yield "CRC of the pickle", archive(GOOD, record0={"crc": 1})
    yield "CRC of a storage", archive(GOOD, record1={"crc": 1})
    yield "CRC of the version", archive(GOOD, record2={"crc": 1})
    yield "CRC in the local header", archive(GOOD, record1={"local": {"crc": 1}})
    yield "local name differs", archive(GOOD, record1={"local": {"name": b"archive/data/1"}})
    yield "local name is shorter", archive(GOOD, record1={"local": {"name_length": 3}})
    yield "local method differs", archive(GOOD, record1={"local": {"method": 8}})
    yield "local flags differ", archive(GOOD, record1={"local": {"flags": 8}})
    yield "local size differs", archive(GOOD, record1={"local": {"nbytes": 15}})
    yield "local mark differs", archive(GOOD, record1={"local": {"mark": b"PK\3\5"}})
    yield "local extra reaches out", archive(GOOD, record1={"local": {"extra_length": 60000}})
    yield "encrypted", archive(GOOD, record1={"flags": 1})
    yield "strong encryption", archive(GOOD, record1={"flags": 0x41})
    yield "patch flag", archive(GOOD, record1={"flags": 0x20})
    yield "duplicate names", archive(GOOD, extra=[("data/0", bytes(16))])
    yield "names equal when folded", archive(GOOD, extra=[("DATA/0", bytes(16))])
    yield "names equal when normalised", archive(GOOD, extra=[("e\u0301", b""), ("\u00e9", b"")], record3={"flags": 0x800}, record4={"flags": 0x800})
    yield "directory twice", archive(GOOD, repeat=2)
    for label, raw in {"traversal": b"archive/../../etc/passwd", "absolute": b"/etc/passwd", "drive": b"C:/x", "backslash": b"archive\\data\\0", "NUL": b"archive/data/0\0.txt", "empty": b"", "dot": b"archive/./data/0",
                       "double slash": b"archive//data/0", "folder": b"archive/data/", "no UTF-8": b"archive/\xff"}.items():
        yield f"name: {label}", archive(GOOD, extra=[("x", b"")], record3={"raw_name": raw})
    yield "another folder", archive(GOOD, extra=[("x", b"")], record3={"raw_name": b"other/x"})
    yield "no folder", Zip([("data.pkl", GOOD), ("data/0", bytes(16)), ("version", b"3")], folder="").out.getvalue()
    yield "overlapping records", archive(GOOD, record1={"at": 0})
    yield "offset past the end", archive(GOOD, record1={"at": 1 << 20})
    yield "offset of 4 GiB", archive(GOOD, record1={"at": 0xFFFFFFFF})
    yield "size of 4 GiB", archive(GOOD, record1={"nbytes": 0xFFFFFFFF, "packed": 0xFFFFFFFF})
    yield "size past the end", archive(GOOD, record1={"nbytes": 1 << 20, "packed": 1 << 20})
    yield "sizes of a stored record differ", archive(GOOD, record1={"nbytes": 1 << 30})
    packed = (lambda maker: maker.compress(bytes(1 << 20)) + maker.flush())(zlib.compressobj(9, zlib.DEFLATED, -15))
    yield "compressed storage", archive(GOOD, record1={"method": 8, "stored": packed, "nbytes": 16})
    yield "compressed pickle", archive(GOOD, record0={"method": 8, "stored": packed, "nbytes": 1 << 20})
    yield "decompression bomb", archive(GOOD, record1={"method": 8, "stored": packed, "nbytes": 1 << 31})
    for method in (1, 9, 12, 14, 93, 99):
        yield f"method {method}", archive(GOOD, record1={"method": method})
    yield "bytes between records", archive(GOOD, record0={"after": b"hidden"})
    yield "hidden record", archive(GOOD, record1={"hidden": True})
    yield "bytes before the directory", archive(GOOD, record2={"after": b"hidden"})
    yield "bytes after the directory", archive(GOOD, before_end=b"hidden")
    yield "polyglot prefix", archive(GOOD, prefix=b"#!/bin/sh\nexit\n")
    yield "polyglot prefix of a zip", archive(GOOD, prefix=b"PK\3\4")
    yield "bytes after the end", archive(GOOD, suffix=b"\0")
    yield "archive after the end", good() + good()
    yield "comment of the archive", archive(GOOD, comment=b"PK\5\6")
    yield "comment of a record", archive(GOOD, record1={"comment": b"x"})
    yield "entry without a mark", archive(GOOD, record1={"mark": b"PK\1\3"})
    yield "name longer than the directory", archive(GOOD, record2={"name_length": 60000})
    yield "on another disk", archive(GOOD, record1={"disk": 1})
    yield "archive of two disks", archive(GOOD, disk=1)
    for count in (0, 2, 4, 0xFFFF):
        yield f"says {count} records", archive(GOOD, count=count)
    yield "two counts", archive(GOOD, here=2)
    for label, change in {"begin": {"begin": 0}, "begin past the end": {"begin": 1 << 31}, "begin of 4 GiB": {"begin": 0xFFFFFFFF}, "size 0": {"size": 0}, "size past the end": {"size": 1 << 31}}.items():
        yield f"directory: {label}", archive(GOOD, **change)
    yield "Zip64 field cut", archive(GOOD, record1={"nbytes": 0xFFFFFFFF, "packed": 0xFFFFFFFF, "extra": struct.pack("<HHQ", 1, 8, 16)})
    yield "Zip64 field of 2^63", archive(GOOD, record1={"nbytes": 0xFFFFFFFF, "packed": 0xFFFFFFFF, "extra": struct.pack("<HHQQ", 1, 16, 1 << 63, 1 << 63)})
    yield "TorchScript", archive(GOOD, extra=[("constants.pkl", GOOD), ("code/__torch__.py", b"")])
    yield "no data.pkl", Zip([("version", b"3\n")]).out.getvalue()
    yield "no version", Zip([("data.pkl", GOOD), ("data/0", bytes(16))]).out.getvalue()
    for version in (b"0", b"11", b"-3", b"three", b"", b"9" * 100):
        yield f"version {version[:10]!r}", Zip([("data.pkl", GOOD), ("data/0", bytes(16)), ("version", version)]).out.getvalue()
    for order in (b"middle", b"", b"LITTLE", b"little\0"):
        yield f"byteorder {order!r}", archive(GOOD, extra=[("byteorder", order)])
    yield "byteorder of a megabyte", archive(GOOD, extra=[("byteorder", bytes(1 << 20))])
    yield "no records", Zip([]).out.getvalue()


# ---- 5. others' formats ----
def _others():
    import gzip

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("storages")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"abcd"))
    yield "tar", made.getvalue()
    yield "gzip", gzip.compress(good())
    yield "text", b"hello, this is a text and no checkpoint"
    yield "web page", b"<!DOCTYPE html><html>404</html>"
    yield "Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    yield "nothing", b""
    yield "one byte", b"P"
    yield "zeros", bytes(1000)
    yield "npy", b"\x93NUMPY\1\0v\0" + bytes(200)
    yield "bare pickle", pickle.dumps({"a": 1}, 2)
    yield "bare hostile pickle", pickled(call(name("os", "system"), text("true")))
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    head = magic + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    six = tensor(reference(extra=b"N"))
    yield "legacy: other protocol", magic + pickle.dumps(1002, 2) + pickle.dumps({}, 2) + pickled(b"N") + pickled(b"]")
    yield "legacy: hostile object", head + pickled(call(name("os", "system"), text("true"))) + pickled(b"]")
    yield "legacy: hostile system", magic + pickle.dumps(1001, 2) + pickled(call(name("os", "system"), text("true"))) + pickled(b"N") + pickled(b"]")
    yield "legacy: no keys", head + pickled(six)
    yield "legacy: other keys", head + pickled(six) + pickle.dumps(["1"], 2) + struct.pack("<q", 4) + bytes(16)
    yield "legacy: keys are text", head + pickled(six) + pickle.dumps("0", 2) + struct.pack("<q", 4) + bytes(16)
    yield "legacy: key twice", head + pickled(six) + pickle.dumps(["0", "0"], 2) + (struct.pack("<q", 4) + bytes(16)) * 2
    yield "legacy: cut storage", head + pickled(six) + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(15)
    yield "legacy: other size", head + pickled(six) + pickle.dumps(["0"], 2) + struct.pack("<q", 5) + bytes(20)
    yield "legacy: negative size", head + pickled(six) + pickle.dumps(["0"], 2) + struct.pack("<q", -1) + bytes(20)
    yield "legacy: huge storage", head + pickled(tensor(reference(numel=number(1 << 50), extra=b"N"))) + pickle.dumps(["0"], 2) + struct.pack("<q", 1 << 50)
    yield "legacy: view of a storage", head + pickled(tensor(reference(extra=tuple_of(text("v"), number(0), number(2))))) + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16)
    yield "legacy: five parts", head + pickled(tensor()) + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16)
    yield "legacy: out of range", head + pickled(tensor(reference(extra=b"N"), size=tuple_of(number(5)))) + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16)


# ---- 7. safetensors ----
def safetensors(header, data=bytes(16), length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def _safetensors():
    def entry(dtype="F32", shape=(4,), offsets=(0, 16), **more):
        return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}
    yield "length past the end", safetensors({"a": entry()}, length=1 << 40)
    yield "length of 2^64", safetensors({"a": entry()}, length=(1 << 64) - 1)
    yield "length too short", safetensors({"a": entry()}, length=20)
    yield "no JSON", safetensors(b"{nonsense}      ")
    yield "a list", safetensors(b"[]      ")
    yield "duplicate names", safetensors(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}')
    yield "duplicate fields", safetensors(b'{"a":{"dtype":"F32","dtype":"I32","shape":[4],"data_offsets":[0,16]}}')
    yield "overlap", safetensors({"a": entry(), "b": entry(offsets=(8, 24))}, bytes(24))
    yield "same place", safetensors({"a": entry(), "b": entry()})
    yield "hole", safetensors({"a": entry(), "b": entry(offsets=(20, 36))}, bytes(36))
    yield "hole at the start", safetensors({"a": entry(offsets=(4, 20))}, bytes(20))
    yield "trailing bytes", safetensors({"a": entry()}, bytes(17))
    yield "cut", safetensors({"a": entry()}, bytes(15))
    yield "wrong shape", safetensors({"a": entry(shape=(5,))})
    yield "wrong dtype", safetensors({"a": entry("F64")})
    yield "unknown dtype", safetensors({"a": entry("F8_E4M3", (16,))})
    yield "dtype is a list", safetensors({"a": entry(["F32"])})
    yield "negative size", safetensors({"a": entry(shape=(-4,))})
    yield "sizes that overflow to the right product", safetensors({"a": entry(shape=(1 << 32, 1 << 32, 0), offsets=(0, 0))}, b"")
    yield "product of 2^64 + 4", safetensors({"a": entry(shape=(1 << 62, 4))})
    yield "size is a float", safetensors(b'{"a":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}}')
    yield "size is NaN", safetensors(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,16]}}')
    yield "size is a bool", safetensors(b'{"a":{"dtype":"BOOL","shape":[true],"data_offsets":[0,1]}}', b"\1")
    yield "size of a million digits", safetensors(b'{"a":{"dtype":"F32","shape":[' + b"9" * (1 << 20) + b'],"data_offsets":[0,16]}}')
    yield "offsets in reverse", safetensors({"a": entry(shape=(0,), offsets=(16, 0))})
    yield "offsets negative", safetensors({"a": entry(offsets=(-16, 0))})
    yield "three offsets", safetensors({"a": entry(offsets=(0, 8, 16))})
    yield "no dtype", safetensors({"a": {"shape": [4], "data_offsets": [0, 16]}})
    yield "another field", safetensors({"a": entry(more=1)})
    yield "entry is a list", safetensors({"a": [1]})
    yield "65 dims", safetensors({"a": entry(shape=[1] * 64 + [4])})
    yield "deep", safetensors(b'{"a":' + b"[" * 100000 + b"]" * 100000 + b"}")
    yield "deep metadata", safetensors(b'{"__metadata__":' + b'{"a":' * 50000 + b"1" + b"}" * 50000 + b"}", b"")
    yield "bool of 2", safetensors({"a": entry("BOOL", (1,), (0, 1))}, b"\2")
    yield "name with NUL", safetensors({"a\0b": entry()})
    yield "metadata is a number", safetensors({"__metadata__": 1, "a": entry()})
    yield "metadata of numbers", safetensors({"__metadata__": {"a": 1}, "a": entry()})
    yield "text after the object", safetensors(json.dumps({"a": entry()}).encode() + b" x ")
    yield "no UTF-8", safetensors(b'{"\xff":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}')


def _npz():
    def npy(descr="<f4", order=False, shape="(4,)", data=bytes(16), version=b"\1\0", header=None):
        head = (header or f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}").encode().ljust(117) + b"\n"
        return b"\x93NUMPY" + version + struct.pack("<H", len(head)) + head + data

    def npz(content, **changes):
        return Zip([("a.npy", content)], folder="", **changes).out.getvalue()
    yield "objects", npz(npy("|O", data=pickled(call(name("os", "system"), text("true")))))
    yield "records", npz(npy([("x", "<f4")]))
    yield "text", npz(npy("<U4"))
    yield "wrong shape", npz(npy(shape="(5,)"))
    yield "negative shape", npz(npy(shape="(-4,)"))
    yield "shape of a float", npz(npy(shape="(4.0,)"))
    yield "shape that overflows", npz(npy(shape=f"({1 << 62}, 4)"))
    yield "code in the header", npz(npy(shape="__import__('os').system('true')"))
    yield "deep header", npz(npy(header="(" * 110))
    yield "another version", npz(npy(version=b"\7\0"))
    yield "header past the end", npz(b"\x93NUMPY\1\0\xff\xff{}")
    yield "other byte order", npz(npy(">f4"))
    yield "bool of 2", npz(npy("|b1", data=b"\0\1\2\0"))
    yield "another field", npz(npy(header="{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'x': 1}"))
    yield "CRC", npz(npy(), record0={"crc": 1})
    packed = (lambda maker: maker.compress(bytes(1 << 20)) + maker.flush())(zlib.compressobj(9, zlib.DEFLATED, -15))
    yield "bomb", npz(npy(), record0={"method": 8, "stored": packed, "nbytes": 1 << 32 - 1})
    yield "larger than it says", npz(npy(), record0={"method": 8, "stored": packed, "nbytes": 100})
    yield "no deflate", npz(npy(), record0={"method": 8, "stored": b"\xff" * 100, "nbytes": 144})


def corpus():
    """Every file as (class, name, bytes)."""
    for kind, makers in {"pickle: globals": _globals, "pickle: misuse": _misuse, "pickle: machine": _machine}.items():
        for label, content in makers():
            yield kind, label, archive(content)
    for kind, makers in {"memory": _storages, "layout": _layouts, "zip": _zips, "format": _others, "safetensors": _safetensors, "npz": _npz}.items():
        for label, content in makers():
            yield kind, label, content
