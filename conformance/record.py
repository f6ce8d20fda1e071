"""Recorded answers: a few samples per entry and dtype, so that the comparison runs without the oracle.

File: 8 bytes of magic, then one zstandard frame of: u64 length of the JSON part, JSON, blobs. The JSON
holds trees; bytes of storages and results are (start, length) in the blobs, each distinct run of
bytes once. Nothing in the file is executable: it is numbers, strings and names of dtypes.

Incoming gradients are not stored: `plain_cotangent` makes them of small dyadic numbers, which every
floating dtype holds exactly.
"""
import json
import pathlib
import struct

from conformance.carrier import Named, Sequence, StorageSpec, TensorSpec, tree_tensors
from conformance.compare import Comparison, Seen, brief, first_builtin, observe

MAGIC = b"FTREC01\n"
PATH = pathlib.Path(__file__).with_name("recorded") / "tier1.ftrec"
LEVEL = 19
LARGEST_FILE = 1 << 20
LARGEST_DECODED = 64 << 20
# How many samples of a dtype and how many bytes for each; float32 and int64 carry the variety
PLENTY, FEW = (5, 1600), (1, 800)
SAMPLES = {"float32": PLENTY, "int64": (2, 1000), "errors": (8, 8000)}
LARGEST_SAMPLE = 20000         # where none is small, the smallest is taken, up to this


def plain_cotangent(dtype, sizes):
    """Incoming gradient ((7k mod 17) - 8) / 8 for element k; imaginary parts ((5k mod 13) - 6) / 4."""
    count = TensorSpec(dtype, tuple(sizes), (), 0, None).numel
    real = [((7 * k) % 17 - 8) / 8 for k in range(count)]
    if dtype.startswith("complex"):
        imaginary = [((5 * k) % 13 - 6) / 4 for k in range(count)]
        real = [part for pair in zip(real, imaginary) for part in pair]
    code = {"float16": "e", "float32": "f", "float64": "d", "complex64": "f", "complex128": "d"}.get(dtype)
    if code:
        raw = struct.pack(f"<{len(real)}{code}", *real)
    else:                                                    # bfloat16: the upper half of a float32
        wide = struct.pack(f"<{len(real)}f", *real)
        raw = b"".join(wide[k + 2:k + 4] for k in range(0, len(wide), 4))
    strides, step = [], 1
    for size in reversed(sizes):
        strides.append(step)
        step *= max(size, 1)
    return TensorSpec(dtype, tuple(sizes), tuple(strides[::-1]), 0, StorageSpec(raw))


# ---- trees as JSON ------------------------------------------------------------------------------


class Encoder:
    def __init__(self):
        self.blobs = bytearray()
        self.places = {}

    def blob(self, raw):
        if raw not in self.places:
            self.places[raw] = [len(self.blobs), len(raw)]
            self.blobs += raw
        return self.places[raw]

    def encode(self, value):
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, complex):
            return {"complex": [value.real.hex(), value.imag.hex()]}
        if value is Ellipsis:
            return {"ellipsis": True}
        if isinstance(value, slice):
            return {"slice": [self.encode(part) for part in (value.start, value.stop, value.step)]}
        if isinstance(value, Named):
            return {"named": [value.kind, value.name]}
        if isinstance(value, Sequence):
            return {value.kind: [self.encode(item) for item in value.items]}
        if isinstance(value, dict):
            return {"dict": {key: self.encode(item) for key, item in value.items()}}
        if isinstance(value, TensorSpec):
            return {"tensor": [value.dtype, value.sizes, value.strides, value.offset, int(value.requires_grad),
                               id(value.storage), self.blob(value.storage.raw)]}
        if isinstance(value, Seen):
            return {"seen": [value.dtype, value.sizes, value.strides, int(value.requires_grad), value.alias,
                             None if value.raw is None else self.blob(value.raw)]}
        raise TypeError(f"no encoding for {type(value).__name__}")


class Decoder:
    """One decoder per sample: tensors with the same storage number share one storage again."""

    def __init__(self, blobs):
        self.blobs = blobs
        self.storages = {}

    def blob(self, place):
        start, length = place
        if not 0 <= start <= start + length <= len(self.blobs):
            raise ValueError(f"recorded answers: bytes {start}+{length} lie outside {len(self.blobs)}")
        return bytes(self.blobs[start:start + length])

    def decode(self, value):
        if not isinstance(value, dict):
            return value
        (kind, content), = value.items()
        if kind == "float":
            return float.fromhex(content)
        if kind == "complex":
            return complex(*map(float.fromhex, content))
        if kind == "ellipsis":
            return Ellipsis
        if kind == "slice":
            return slice(*map(self.decode, content))
        if kind == "named":
            return Named(*content)
        if kind == "dict":
            return {key: self.decode(item) for key, item in content.items()}
        if kind == "tensor":
            dtype, sizes, strides, offset, requires_grad, storage, place = content
            if storage not in self.storages:
                self.storages[storage] = StorageSpec(self.blob(place))
            return TensorSpec(dtype, tuple(sizes), tuple(strides), offset, self.storages[storage], bool(requires_grad))
        if kind == "seen":
            dtype, sizes, strides, requires_grad, alias, place = content
            return Seen(dtype, tuple(sizes), tuple(strides), bool(requires_grad), alias and tuple(alias),
                        None if place is None else self.blob(place))
        if kind in ("list", "tuple", "size"):
            return Sequence(kind, [self.decode(item) for item in content])
        raise ValueError(f"recorded answers: unknown kind {kind!r}")


# ---- writing ------------------------------------------------------------------------------------


def write(options):
    """Ask the oracle and write the file; refuses to write one larger than LARGEST_FILE."""
    import torch
    import zstandard

    from conformance.entries import select

    torch.set_num_threads(1)
    encoder = Encoder()
    entries, count = {}, 0
    for entry in select(options.tier, options.op):
        recorded = {}
        for dtype in entry.dtypes():
            if options.dtype and dtype not in options.dtype:
                continue
            samples = [encoder_sample(encoder, item) for item in answers(entry, dtype, torch)]
            if samples:
                recorded[dtype] = samples
                count += len(samples)
        if recorded:
            entries[entry.key] = {"name": entry.name, "variant": entry.variant, "dtypes": recorded}
    head = json.dumps({"oracle": torch.__version__.partition("+")[0], "entries": entries}, separators=(",", ":")).encode()
    payload = struct.pack("<Q", len(head)) + head + bytes(encoder.blobs)
    packed = MAGIC + zstandard.ZstdCompressor(level=LEVEL).compress(payload)
    path = pathlib.Path(options.path or PATH)
    print(f"{len(entries)} entries, {count} samples, {len(payload)} bytes, {len(packed)} compressed")
    if len(packed) >= LARGEST_FILE:
        print(f"conformance: refuses to write {len(packed)} bytes, the limit is {LARGEST_FILE}")
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)
    print(f"wrote {path}")
    return 0


def encoder_sample(encoder, item):
    """A recorded sample in JSON; storage numbers are small and count from 0 in each sample."""
    text = {key: value if key == "error" else encoder.encode(value) for key, value in item.items()}
    numbers = {}

    def renumber(value):
        if isinstance(value, dict):
            for kind, content in value.items():
                if kind == "tensor":
                    content[5] = numbers.setdefault(content[5], len(numbers))
                else:
                    renumber(content)
        elif isinstance(value, list):
            for content in value:
                renumber(content)
    renumber(text)
    return text


def answers(entry, dtype, torch):
    """The chosen samples of an entry with the oracle's answers."""
    from conformance.adapters import UNDEFINED_VALUES, find_call
    from conformance.entries import ERRORS

    wanted, largest = SAMPLES.get(dtype, FEW)
    refused = dtype == ERRORS
    samples = entry.error_samples() if refused else entry.samples(dtype)
    given = [packed for _, packed, _ in samples if packed is not None]
    fitting = given if refused else [packed for packed in given if tells(packed) <= largest]
    if not fitting and given:
        smallest = min(given, key=tells)
        fitting = [smallest] if tells(smallest) <= LARGEST_SAMPLE else []
    chosen = [fitting[k * len(fitting) // wanted] for k in range(min(wanted, len(fitting)))] if fitting else []
    call = find_call(torch, entry.name, entry.variant)
    for args, kwargs in dict((id(item), item) for item in chosen).values():
        yield from one_answer(torch, call, args, kwargs, entry.name not in UNDEFINED_VALUES,
                              not refused and entry.differentiable(dtype), refused)


def tree_list(packed):
    return [spec for tree in packed for spec in tree_tensors(tree)]


def tells(packed):
    """Bytes of the argument tensors; too many where all are empty, which would teach nothing."""
    specs = tree_list(packed)
    nbytes = sum(len(spec.storage.raw) for spec in specs)
    return nbytes if nbytes or not specs else LARGEST_DECODED


def one_answer(lib, call, args, kwargs, values, differentiable, refused):
    from conformance.check import attempt

    answer = attempt(lib, call, args, kwargs)
    item = {"args": args, "kwargs": kwargs}
    if answer.error is not None:
        yield {**item, "error": [first_builtin(answer.error).__name__, type(answer.error).__name__]}
        return
    if refused:
        return                          # the oracle accepts it when called by its public name
    item["result"] = answer.seen(values)
    gradients = backward(lib, answer) if differentiable else None
    if gradients is not None and not isinstance(gradients, Exception):
        item["grads"] = Sequence("list", [observe(lib, grad) for grad in gradients])
    yield item


def backward(lib, answer):
    """Gradients of the leaves for plain cotangents; None when nothing requires one; or the exception."""
    from conformance.carrier import dtype_name
    from conformance.check import Backward, quiet

    side = Backward(lib, answer, lambda value: value)
    if side.error is not None or not side.outs or not side.leaves:
        return side.error
    with quiet():
        ran = side.run([plain_cotangent(dtype_name(out.dtype), tuple(out.shape)) for out in side.outs], False)
    return side.grads if ran else side.error


# ---- reading and replaying ----------------------------------------------------------------------


class Recorded:
    """The file, decoded lazily sample by sample."""

    def __init__(self, path=PATH):
        import zstandard

        packed = pathlib.Path(path).read_bytes()
        if not packed.startswith(MAGIC):
            raise ValueError(f"{path}: not a file of recorded answers")
        payload = zstandard.ZstdDecompressor().decompress(packed[len(MAGIC):], max_output_size=LARGEST_DECODED)
        (length,) = struct.unpack_from("<Q", payload)
        if length > len(payload) - 8:
            raise ValueError(f"{path}: cut short")
        head = json.loads(payload[8:8 + length])
        self.oracle = head["oracle"]
        self.entries = head["entries"]
        self.blobs = memoryview(payload)[8 + length:]

    def samples(self, key, dtype):
        for sample in self.entries[key]["dtypes"][dtype]:
            decoder = Decoder(self.blobs)
            yield {name: decoder.decode(value) if name != "error" else value for name, value in sample.items()}


def replay(recorded, key, dtype, lib):
    """Failures of `lib` on the recorded samples of one entry and dtype, as [(sample, check, message)]."""
    from conformance.adapters import EXACT, UNDEFINED_VALUES, find_call
    from conformance.check import INEXACT_COMPLEX, attempt
    from conformance.ties import Ties

    entry = recorded.entries[key]
    name = entry["name"]
    try:
        call = find_call(lib, name, entry["variant"])
    except (AttributeError, ImportError) as error:
        return [(0, "forward", f"no such function: {error}")]
    exact = name in EXACT and not (dtype.startswith("complex") and name in INEXACT_COMPLEX)
    failures = []
    ties = Ties(name, lib)
    for number, sample in enumerate(recorded.samples(key, dtype)):
        answer = attempt(lib, call, sample["args"], sample["kwargs"])
        found = check_sample(lib, answer, sample, exact, name not in UNDEFINED_VALUES, ties)
        failures += [(number, *difference) for difference in found]
    return failures


def check_sample(lib, answer, sample, exact, values, ties):
    """[(check, message)] of one answer; `ties` reads ours as the oracle's where the order of equals is free."""
    if "error" in sample:
        builtin, own = sample["error"]
        if answer.error is None:
            return [("error", f"did not raise, expected {own}")]
        if type(answer.error).__name__ == "CannotBuild" and any(len(spec.sizes) > 64 for spec in tree_tensors(sample["args"])):
            answer.error = answer.error.args[1]          # drift "rank-64": refused where it is made
        same = first_builtin(answer.error).__name__ == builtin and (own == builtin or type(answer.error).__name__ == own)
        return [] if same else [("error", f"raised {brief(answer.error)}; expected {own}")]
    if answer.error is not None:
        return [("forward", f"raised {brief(answer.error)}")]
    comparison = Comparison(exact)
    found = list(comparison.trees(sample["result"], ties.align(sample["result"], answer.seen(values), sample["args"], sample["kwargs"])))
    if "grads" in sample:
        gradients = backward(lib, answer)
        if gradients is None or isinstance(gradients, Exception):
            found.append(("grad", f"raised {brief(gradients)}" if gradients else "nothing requires a gradient"))
        else:
            moved = Sequence("list", [ties.expected_gradient(grad) for grad in sample["grads"].items])
            expected = [(check, message) for check, message in Comparison().trees(moved, Sequence("list", [observe(lib, grad) for grad in gradients]))
                if check in ("structure", "dtype", "shape", "value")]
            found += [("grad", f"{check}: {message}") for check, message in expected]
    return found
