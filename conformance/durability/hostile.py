"""Files made to harm, `.ftc` and `.pt`: each refused, by CheckpointError, within the bounds of time and memory."""
import io
import os
import tempfile
import time

from conformance.durability import corpus
from conformance.durability.states import example, get, put
from frankentorch import checkpoint, serialization
from frankentorch.checkpoint import CheckpointError, sidecar

SECONDS, NBYTES_PER_SECOND, MEMORY = 1.0, 100e6, 64 << 20
READ = frozenset()


def resident(name="VmHWM"):
    """Bytes of memory in use, or the most that were since `forget`."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":")) * 1024


def forget():
    """Let the high-water mark begin anew (proc(5): 5 to clear_refs); bytes in use now."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return resident("VmRSS")


def refusals(cases, load):
    """The record of a corpus: (name, bytes, rules of which one must refuse it, bytes of tensors that are validated). None for any rule, an empty
    set where the file must be read."""
    record = {"files": 0, "refused": 0, "read": 0, "rules": {}, "wrong": [], "slowest_share_of_bound": 0.0, "largest_growth_nbytes": 0}
    for name, content, rules, *tensors in cases:
        record["files"] += 1
        before, begin = forget(), time.process_time()
        try:
            load(content)
            record["read"] += 1
            if rules != READ:
                record["wrong"].append(f"{name}: accepted")
        except CheckpointError as error:
            record["refused"] += 1
            record["rules"][error.rule] = record["rules"].get(error.rule, 0) + 1
            if rules is not None and error.rule not in rules:
                record["wrong"].append(f"{name}: refused by {error.rule}")
        except BaseException as error:  # anything else is the finding
            record["wrong"].append(f"{name}: {type(error).__name__}: {error}")
        seconds, growth, bound = time.process_time() - begin, max(0, resident() - before - sum(tensors)), SECONDS + len(content) / NBYTES_PER_SECOND
        record["slowest_share_of_bound"] = round(max(record["slowest_share_of_bound"], seconds / bound), 4)
        record["largest_growth_nbytes"] = max(record["largest_growth_nbytes"], growth)
        if seconds > bound or growth > MEMORY:
            record["wrong"].append(f"{name}: {seconds:.2f} s, {growth} bytes more")
    return record


def hostile(_=None):
    """Every `.ftc` file of the corpus: refused by the rule that is meant, or read by a documented rule; sidecars never change a byte wrongly."""
    record = {**refusals((*corpus.cases(), *corpus.accepted()), checkpoint.loads), "sidecars": 0, "sidecars_of_use": 0}
    with tempfile.TemporaryDirectory() as folder:
        hostile_sidecars(os.path.join(folder, "a.ftc"), record)
    return record


def heavy(_=None):
    """Files of the most values and tensors that there may be, whole and wrong at the end."""
    return refusals(corpus.heavy(), checkpoint.loads)


def hostile_pt(_=None):
    """Every `.pt`, pickle, zip, safetensors and `.npz` file of the corpus of the tests."""
    from tests.serialization import hostile as files

    return refusals(((f"{kind}: {label}", content, None) for kind, label, content in files.corpus()), lambda content: serialization.load(io.BytesIO(content)))


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
