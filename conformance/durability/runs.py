"""The runs. Each returns a record of counts; anything under "wrong" is a finding."""
import os
import random
import tempfile
import time

from conformance.durability import corpus
from conformance.durability.hostile import heavy, hostile, hostile_pt
from conformance.durability.kills import kills, kills_pt
from conformance.durability.states import example, get, numbered, put
from conformance.durability.syscalls import faults
from frankentorch import checkpoint, ops
from frankentorch._ext import threads
from frankentorch.checkpoint import CheckpointError, index, sidecar

KEPT = 5  # findings kept in a record


def outcome(content, judge):
    """None if the bytes are refused; else what `judge` finds wrong with the state, or the exception that should not be."""
    try:
        found = checkpoint.loads(content)
    except CheckpointError:
        return None
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return judge(found)


def refuses(content):
    """None if the bytes are refused, else what happened."""
    return outcome(content, lambda found: "accepted")


def flips(count=100_000, bursts=None, seed=0):
    """Single-bit flips, bursts and every truncation of small files: all refused."""
    rng = random.Random(seed)
    bursts = count // 10 if bursts is None else bursts
    record = {"flips": 0, "bursts": 0, "truncations": 0, "wrong": []}
    files = [checkpoint.dumps(example(), compression=codec) for codec in ("stored", "zstd")]
    for content in files:
        content = bytearray(content)
        for _ in range(count // len(files)):
            bit = rng.randrange(8 * len(content))
            content[bit // 8] ^= 1 << bit % 8
            note(record, "flips", refuses(content), f"bit {bit}")
            content[bit // 8] ^= 1 << bit % 8
        for _ in range(bursts // len(files)):
            length = rng.randrange(2, 200)
            at = rng.randrange(len(content) - length)
            noise = rng.randbytes(length)
            if noise != content[at:at + length]:
                note(record, "bursts", refuses(content[:at] + noise + content[at + length:]), f"burst {at}+{length}")
        for length in range(len(content)):
            note(record, "truncations", refuses(content[:length]), f"cut at {length}")
    return record


def note(record, key, problem, where):
    record[key] += 1
    if problem is not None and len(record["wrong"]) < KEPT:
        record["wrong"].append(f"{where}: {problem}")


def mutate(rng, content, others):
    """One to four random changes of bytes: overwrite, flip, delete, insert, repeat, splice, swap numbers."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, length = rng.randrange(len(content) + 1), rng.choice((1, 1, 2, 4, 8, 8, 16, 64))
        kind = rng.randrange(7)
        if kind == 0:
            content[at:at + length] = rng.randbytes(min(length, len(content) - at))
        elif kind == 1 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del content[at:at + length]
        elif kind == 3:
            content[at:at] = rng.randbytes(length)
        elif kind == 4:
            content[at:at] = content[at:at + length]
        elif kind == 5:
            other = rng.choice(others)
            begin = rng.randrange(len(other))
            content[at:at + length] = other[begin:begin + length]
        else:
            at -= at % 8
            content[at:at + 8] = rng.choice((0, 1, 2, 255, 1 << 31, 1 << 32, (1 << 62) - 1, 1 << 63, (1 << 64) - 1)).to_bytes(8, "little")[:len(content) - at]
        if not content:
            content = bytearray(b"\0")
    return bytes(content)


def mutations(count=1_000_000, seed=0):
    """Mutated files. Raw: refused, or equal to the original. Sealed again with right digests: refused, or the state that the file's root names."""
    rng = random.Random(seed)
    record = {"raw": 0, "sealed": 0, "sealed_accepted": 0, "unchanged": 0, "wrong": []}
    originals = [checkpoint.dumps(value, compression=codec) for codec in ("stored", "zstd") for value in (example(), [ops.ones(3)] * 2, {"a": {}, 3: (None, b"x")})]
    forges = [(codec, obj) for codec in ("stored", "zstd") for obj in (corpus.SMALL, example())]
    while record["raw"] + record["sealed"] < count:
        if rng.randrange(2):
            original = rng.choice(originals)
            changed = mutate(rng, original, originals)
            note(record, "raw", unequal(changed, original, record), "raw mutation")
        else:
            changed = resealed(rng, *rng.choice(forges), originals)
            note(record, "sealed", inconsistent(changed, record), "sealed mutation")
    return record


def unequal(changed, original, record):
    def judge(found):
        record["unchanged"] += 1
        return None if checkpoint.digest(found) == checkpoint.digest(checkpoint.loads(original)) else "another state was returned"
    return outcome(changed, judge)


def mutations_pt(count=1_000_000, seed=1):
    """Mutated `.pt` archives, older streams, pickles, `.npz` and safetensors files, by the changes of the tests: refused or, where there are checksums, equal."""
    import frankentorch
    from tests.serialization import fuzz

    record = {"files": count, "wrong": []}
    try:
        found = fuzz.run(frankentorch, count, seed)
    except AssertionError as error:
        return {**record, "wrong": [str(error)]}
    return {**record, "formats": {name: dict(zip(("refused", "equal", "other, in a format without checksums"), counts)) for name, counts in found.items()}}


FORGES = {}


def resealed(rng, codec, obj, others):
    """A file with one section mutated and all digests right."""
    key = codec, obj is corpus.SMALL
    if key not in FORGES:
        FORGES[key] = corpus.Forge(codec, obj)
    forge = FORGES[key]
    which = rng.randrange(4)
    saved = forge.tree, forge.state_edit, forge.layout_edit
    try:
        if which == 0:
            forge.tree = mutate(rng, forge.tree, others)
        elif which == 1:
            forge.layout_edit = lambda section: mutate(rng, section, others)
        else:
            forge.state_edit = lambda section: mutate(rng, section, others)
        return forge.seal()
    finally:
        forge.tree, forge.state_edit, forge.layout_edit = saved


def inconsistent(changed, record):
    def judge(found):
        record["sealed_accepted"] += 1
        footer = index.Footer.unpack(changed[-160:], len(changed))
        if changed[footer.state_at + 8:footer.state_at + 16] != index.CHUNK_NBYTES.to_bytes(8, "little"):
            return None  # cut otherwise than save cuts: another root for the same state
        return None if checkpoint.digest(found) == footer.root.hex() else "the state returned is not the one that the root names"
    return outcome(changed, judge)


def repairs(count=1000, seed=0):
    """Random damage to file and sidecar. Up to the capacity less two symbols: the very bytes come back; above: refused, ranges named, nothing
    changed, and tensors that are whole load by name."""
    rng = random.Random(seed)
    record = {"within": 0, "above": 0, "symbols_lost": 0, "records_lost": 0, "named_loads": 0, "wrong": []}
    state = {f"t{number:02d}": ops.full((500,), float(number)) for number in range(20)}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.ftc")
        for trial in range(count):
            above = trial % 5 == 4
            checkpoint.save(state, path, compression="stored" if above else rng.choice(("stored", "zstd")), repair=rng.choice((0.05, 0.1, 0.5)))
            whole, beside = get(path), bytearray(get(sidecar.path_of(path)))
            identity = sidecar.Sidecar(beside).identity
            plan, budget = identity.plan, identity.repair - sidecar.SPARE
            data = range(1, index.Footer.unpack(whole[-160:], len(whole)).state_at // plan.symbol)
            lost = sorted(rng.sample(data, identity.repair + 1) if above else rng.sample(range(plan.symbols), min(plan.symbols, rng.randrange(budget + 1))))
            damaged = bytearray(whole)
            for symbol in lost:
                at = rng.randrange(symbol * plan.symbol, min(len(whole), (symbol + 1) * plan.symbol))
                damaged[at] ^= 1 << rng.randrange(8)
            stride = sidecar.HEAD_NBYTES + plan.symbol
            gone = [] if above else rng.sample(range(identity.count), rng.randrange(max(0, budget - len(lost)) + 1))
            for number in gone:
                beside[number * stride + rng.randrange(stride)] ^= 1 << rng.randrange(8)
            put(path, damaged)
            put(sidecar.path_of(path), beside)
            problem = too_much(path, damaged, state, record) if above else comes_back(path, whole)
            note(record, "above" if above else "within", problem, f"trial {trial}")
            record["symbols_lost"] += len(lost)
            record["records_lost"] += len(gone)
    return record


def comes_back(path, whole):
    try:
        report = checkpoint.repair(path, log=False)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return None if report.ok and get(path) == whole and checkpoint.scrub(path).ok else "not the same bytes"


def too_much(path, damaged, state, record):
    try:
        checkpoint.repair(path, log=False)
        return "repaired beyond its capacity"
    except CheckpointError as error:
        if error.rule != "unrecoverable" or "lost ranges: " not in str(error) or get(path) != damaged:
            return f"refused otherwise: {error}"
    hurt = set(checkpoint.verify(path).tensors)
    for name in state:
        try:
            found = checkpoint.load(path, names=name)[name]
        except CheckpointError:
            continue
        record["named_loads"] += 1
        if name in hurt or checkpoint.digest(found) != checkpoint.digest(state[name]):
            return f"{name} was loaded from damaged bytes"
    return None


def determinism(count=100, seed=0):
    """The same state again and again: thread counts, orders of dicts, copies at other addresses, other processes and CPU levels."""
    import subprocess
    import sys

    rng = random.Random(seed)
    record = {"runs": 0, "processes": 0, "files": {}, "wrong": []}
    items = list(numbered(7).items()) + [(f"k{number}", number / 3) for number in range(20)] + [("large", ops.arange(1_500_000, dtype=ops.float32).sqrt())]
    before = threads.get_num_threads()
    for codec in ("stored", "zstd"):
        found = set()
        for _ in range(count // 2):
            threads.set_num_threads(rng.choice((1, 2, 3, 8)))
            rng.shuffle(items)
            found.add(index.blake3(checkpoint.dumps({key: value.clone() if hasattr(value, "clone") else value for key, value in items}, compression=codec)).hex())
            record["runs"] += 1
        record["files"][codec] = sorted(found)
    threads.set_num_threads(before)
    program = ("from conformance.durability.states import numbered\nfrom frankentorch import checkpoint, ops\nfrom frankentorch.checkpoint.index import blake3\n"
               "state = {**numbered(7), **{f'k{n}': n / 3 for n in range(20)}, 'large': ops.arange(1_500_000, dtype=ops.float32).sqrt()}\n"
               "for codec in ('stored', 'zstd'): print(blake3(checkpoint.dumps(state, compression=codec)).hex())")
    for hash_seed, level in ((1, ""), (2, "baseline"), (3, "avx2")):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                              env={**os.environ, "PYTHONHASHSEED": str(hash_seed), **({"FRANKENTORCH_CPU": level} if level else {})})
        record["processes"] += 1
        for codec, line in zip(("stored", "zstd"), done.stdout.split() or [done.stderr[-300:]] * 2):
            record["files"][codec] = sorted({*record["files"][codec], line})
    record["wrong"] = [f"{codec}: {len(files)} different files" for codec, files in record["files"].items() if len(files) != 1]
    return record


def speed(megabytes=200):
    """Repair symbols of a state of this size, on one core: MB of file per second of processor time and of the wall clock, best of five."""
    import io

    threads.set_num_threads(1)
    content = memoryview(random.Random(0).randbytes(megabytes * 1_000_000))
    plan = sidecar.Plan(len(content), sidecar.choose_symbol(len(content)))
    count, held = sidecar.repair_count(plan, 0.05), {}

    def best(function):
        times = []
        for _ in range(5):
            begin = time.process_time(), time.perf_counter()
            function()
            times.append((time.process_time() - begin[0], time.perf_counter() - begin[1]))
        return {clock: round(len(content) / 1e6 / min(column), 1) for clock, column in zip(("processor", "wall"), zip(*times))}

    def encoding(encode):
        return best(lambda: [encode(number) for number in range(plan.objects)])

    return {"nbytes": len(content), "symbol_nbytes": plan.symbol, "repair_symbols_per_object": count, "objects": plan.objects, "load": os.getloadavg()[0],
            "encoding_mb_per_second": encoding(lambda number: sidecar.repair_symbols(content, plan, number, count, held)),
            "encoding_by_the_library_alone_mb_per_second": encoding(lambda number: sidecar.encode(plan.source(content, number), plan.symbol, count, held)),
            "whole_sidecar_mb_per_second": best(lambda: sidecar.write_records(content, lambda *records: io.BytesIO().writelines(records), 0.05)), "wrong": []}


RUNS = {"speed": (speed, 200), "hostile": (hostile, None), "hostile-pt": (hostile_pt, None), "heavy": (heavy, None), "flips": (flips, 100_000), "mutations": (mutations, 1_000_000),
        "mutations-pt": (mutations_pt, 1_000_000), "kills": (kills, 1000), "kills-pt": (kills_pt, 1000), "repairs": (repairs, 1000), "determinism": (determinism, 100), "faults": (faults, None)}
