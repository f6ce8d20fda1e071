"""The runs. Each returns a record of counts; anything under "wrong" is a finding."""
import os
import random
import signal
import tempfile
import time

from conformance.durability import corpus
from conformance.durability.faults import Plan, faulty
from frankentorch import checkpoint, ops
from frankentorch._ext import threads
from frankentorch.checkpoint import CheckpointError, index, sidecar

SECONDS, NBYTES_PER_SECOND, MEMORY = 1.0, 100e6, 64 << 20
KEPT = 5  # findings kept in a record


def example():
    return {"model": {"w": ops.arange(60, dtype=ops.float32).reshape(6, 10), "tied": ops.ones(4), "flags": ops.tensor([True, False])}, "steps": [1, -300, None, "x", 2.5], "lr": 0.1}


def resident(name="VmHWM"):
    """Bytes of memory in use, or the most that were since `forget`."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":")) * 1024


def forget():
    """Let the high-water mark begin anew (proc(5): 5 to clear_refs); bytes in use now."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return resident("VmRSS")


def hostile(_=None):
    """Every file of the corpus: refused by the rule that is meant, in time and memory; sidecars never change a byte wrongly."""
    record = {"files": 0, "refused": 0, "rules": {}, "sidecars": 0, "sidecars_of_use": 0, "wrong": [], "slowest_share_of_bound": 0.0, "largest_growth_nbytes": 0}
    for name, content, rules in corpus.cases():
        record["files"] += 1
        before, begin = forget(), time.process_time()
        try:
            checkpoint.loads(content)
            record["wrong"].append(f"{name}: accepted")
        except CheckpointError as error:
            record["refused"] += 1
            record["rules"][error.rule] = record["rules"].get(error.rule, 0) + 1
            if error.rule not in rules:
                record["wrong"].append(f"{name}: refused by {error.rule}")
        except BaseException as error:  # anything else is the finding
            record["wrong"].append(f"{name}: {type(error).__name__}: {error}")
        seconds, growth = time.process_time() - begin, resident() - before
        record["slowest_share_of_bound"] = round(max(record["slowest_share_of_bound"], seconds / (SECONDS + len(content) / NBYTES_PER_SECOND)), 4)
        record["largest_growth_nbytes"] = max(record["largest_growth_nbytes"], growth)
        if seconds > SECONDS + len(content) / NBYTES_PER_SECOND or growth > MEMORY:
            record["wrong"].append(f"{name}: {seconds:.2f} s, {growth} bytes more")
    for name, content in corpus.accepted():
        checkpoint.loads(content)
    with tempfile.TemporaryDirectory() as folder:
        hostile_sidecars(os.path.join(folder, "a.ftc"), record)
    return record


def hostile_sidecars(path, record):
    whole = checkpoint.dumps(example(), compression="stored")
    damaged = bytearray(whole)
    for at in range(80, 90):
        damaged[at] ^= 0xFF
    damaged = bytes(damaged)
    for name, beside in corpus.sidecar_cases(whole):
        record["sidecars"] += 1
        for content in (whole, damaged):
            put(path, content)
            put(sidecar.path_of(path), beside)
            begin = time.process_time()
            try:
                checkpoint.scrub(path)
                record["sidecars_of_use"] += checkpoint.repair(path, log=False).ok and content is damaged
            except CheckpointError:
                pass
            except BaseException as error:
                record["wrong"].append(f"sidecar {name}: {type(error).__name__}: {error}")
            if get(path) not in (content, whole):
                record["wrong"].append(f"sidecar {name}: the file was changed to something else")
            if time.process_time() - begin > SECONDS + len(beside) / NBYTES_PER_SECOND:
                record["wrong"].append(f"sidecar {name}: {time.process_time() - begin:.2f} s")


def put(path, content):
    with open(path, "wb") as file:
        file.write(content)


def get(path):
    with open(path, "rb") as file:
        return file.read()


def refuses(content):
    """None if the bytes are refused, else what happened."""
    try:
        checkpoint.loads(content)
    except CheckpointError:
        return None
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


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
    forges = [(codec, obj) for codec in ("stored", "zstd") for obj in (None, example())]
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
    try:
        found = checkpoint.loads(changed)
    except CheckpointError:
        return None
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    record["unchanged"] += 1
    return None if checkpoint.digest(found) == checkpoint.digest(checkpoint.loads(original)) else "another state was returned"


FORGES = {}


def resealed(rng, codec, obj, others):
    """A file with one section mutated and all digests right."""
    key = codec, obj is None
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
    try:
        found = checkpoint.loads(changed)
    except CheckpointError:
        return None
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    record["sealed_accepted"] += 1
    footer = index.Footer.unpack(changed[-160:], len(changed))
    if changed[footer.state_at + 8:footer.state_at + 16] != index.CHUNK_NBYTES.to_bytes(8, "little"):
        return None  # cut otherwise than save cuts: another root for the same state
    return None if checkpoint.digest(found) == footer.root.hex() else "the state returned is not the one that the root names"


def kills(count=1000, seed=0):
    """kill -9 at random moments of overwriting saves: the file loads, whole, and is one of those that were saved."""
    rng = random.Random(seed)
    record = {"kills": 0, "saves_seen": 0, "sidecar_intact": 0, "sidecar_other": 0, "temporary_files": 0, "wrong": []}
    threads.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.ftc")
        checkpoint.save(numbered(0), path, compression="stored")
        last = 0
        for _ in range(count):
            child = os.fork()
            if not child:
                saving(path, last)
            time.sleep(rng.uniform(0.0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            problem, last = loads_whole(path, last, record)
            note(record, "kills", problem, f"after save {last}")
            state = checkpoint.scrub(path).sidecar
            record["sidecar_intact" if state == "intact" else "sidecar_other"] += 1
            for name in os.listdir(folder):
                if name.endswith(".tmp"):
                    record["temporary_files"] += 1
                    os.unlink(os.path.join(folder, name))
    return record


def numbered(number):
    return {"number": number, "w": ops.full((20_000,), float(number)), "v": ops.full((7,), number, dtype=ops.int64)}


def saving(path, number):
    try:
        while True:
            number += 1
            checkpoint.save(numbered(number), path, compression="stored" if number % 2 else "zstd")
    finally:
        os._exit(1)


def loads_whole(path, last, record):
    """(problem or None, the number found)."""
    try:
        found = checkpoint.load(path)
    except BaseException as error:
        return f"{type(error).__name__}: {error}", last
    number = found["number"]
    record["saves_seen"] += number > last
    same = number >= last and checkpoint.digest(found) == checkpoint.digest(numbered(number))
    return (None if same else f"state {number} after {last} is not what was saved"), number


def faults(_=None):
    """A fault at every system call of a save, a scrub and a repair, of several kinds: old or new, bit by bit, every time."""
    record = {"save": 0, "scrub": 0, "repair": 0, "calls": {}, "wrong": []}
    threads.set_num_threads(1)
    old, new = numbered(1), numbered(2)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.ftc")
        allowed = {checkpoint.dumps(state, compression="stored") for state in (old, new)}
        for mode in ("strict", "hardened"):
            for plan in every_fault(lambda: checkpoint.save(new, path, compression="stored", mode=mode), lambda: checkpoint.save(old, path, compression="stored"), record, f"save {mode}"):
                problem = None if get(path) in allowed and checkpoint.loads(get(path)) else "the file is neither the old nor the new one"
                left = [name for name in os.listdir(folder) if name.endswith(".tmp")]
                if left and plan.kind != "kill" and plan.call != "unlink":
                    problem = problem or f"left {left}"
                note(record, "save", problem, str(plan))
                for name in left:
                    os.unlink(os.path.join(folder, name))
        checkpoint.save(old, path, compression="stored")
        whole, beside = get(path), get(sidecar.path_of(path))
        damaged = whole[:5000] + bytes(500) + whole[5500:]

        def damage():
            put(path, damaged)
            put(sidecar.path_of(path), beside)

        for plan in every_fault(lambda: checkpoint.scrub(path), damage, record, "scrub"):
            note(record, "scrub", None if (get(path), get(sidecar.path_of(path))) == (damaged, beside) else "scrub changed something", str(plan))
        for plan in every_fault(lambda: checkpoint.repair(path), damage, record, "repair"):
            problem = None if get(path) in (damaged, whole) else "the file is neither the damaged nor the whole one"
            try:
                checkpoint.repair(path)
                problem = problem or (None if get(path) == whole else "a second repair does not give the whole file")
            except BaseException as error:
                problem = problem or f"a second repair fails: {type(error).__name__}: {error}"
            note(record, "repair", problem, str(plan))
    return record


def every_fault(action, prepare, record, name):
    """Run `action` once for each of its system calls and each kind of fault; yields the plan after each."""
    prepare()
    with faulty(Plan(-1, "count")) as counter:
        action()
    record["calls"][name] = counter.seen
    for kind in ("EIO", "ENOSPC", "short", "kill"):
        for at in range(counter.seen):
            prepare()
            plan = Plan(at, kind)
            if kind == "kill":
                child = os.fork()
                if not child:
                    try:
                        with faulty(plan):
                            action()
                    finally:
                        os._exit(0)
                os.waitpid(child, 0)
            else:
                try:
                    with faulty(plan):
                        action()
                except (OSError, CheckpointError) as error:
                    plan.outcome = type(error).__name__
                except BaseException as error:
                    record["wrong"].append(f"{name} {plan}: {type(error).__name__}: {error}")
            yield plan


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
    program = ("from conformance.durability import runs\nfrom frankentorch import checkpoint, ops\nfrom frankentorch.checkpoint.index import blake3\n"
               "state = {**runs.numbered(7), **{f'k{n}': n / 3 for n in range(20)}, 'large': ops.arange(1_500_000, dtype=ops.float32).sqrt()}\n"
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
    """Repair symbols of a state of this size, on one core: MB of file per second of processor time, best of five."""
    import io

    threads.set_num_threads(1)
    content = memoryview(random.Random(0).randbytes(megabytes * 1_000_000))
    plan = sidecar.Plan(len(content), sidecar.choose_symbol(len(content)))
    sources = [plan.source(content, number) for number in range(plan.objects)]
    count, held = sidecar.repair_count(plan, 0.05), {}

    def best(function):
        times = []
        for _ in range(5):
            begin = time.process_time()
            function()
            times.append(time.process_time() - begin)
        return round(len(content) / 1e6 / min(times), 1)

    return {"nbytes": len(content), "symbol_nbytes": plan.symbol, "repair_symbols_per_object": count, "objects": plan.objects,
            "encoding_mb_per_second": best(lambda: [sidecar.encode(source, plan.symbol, count, held) for source in sources]),
            "whole_sidecar_mb_per_second": best(lambda: sidecar.write_records(content, lambda *records: io.BytesIO().writelines(records), 0.05)), "wrong": []}


RUNS = {"speed": (speed, 200), "hostile": (hostile, None), "flips": (flips, 100_000), "mutations": (mutations, 1_000_000), "kills": (kills, 1000), "repairs": (repairs, 1000), "determinism": (determinism, 100), "faults": (faults, None)}
