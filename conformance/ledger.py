"""`python -m conformance ledger`: does the evidence hold on many runs?

graphs     random graphs are recorded at level full and replayed in new processes at other thread counts and CPU levels: every digest equal
trainings  the same for two steps of whole trainings
damages    damaged copies of a ledger of each level: each must be found and named
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "artifacts" / "ledger.json"
KINDS = ("byte", "delete", "repeat", "swap", "cut", "block delete", "block repeat", "block swap")
ELSEWHERE = ({"FRANKENTORCH_NUM_THREADS": "3"}, {"FRANKENTORCH_NUM_THREADS": "1", "FRANKENTORCH_CPU": "baseline"}, {"FRANKENTORCH_NUM_THREADS": "2", "FRANKENTORCH_CPU": "avx2"})
TRAININGS = {"MLP": "train_mlp", "LeNet": "train_lenet", "char-GPT": "train_gpt", "LSTM": "train_lstm"}
BATCH = 100
REPLAY = """
import sys
from frankentorch.runtime import LedgerError, replay
for name in sys.argv[1:]:
    try:
        assert replay(name, in_process=True).ok
    except (LedgerError, AssertionError) as error:
        print(name, error)
"""


def damages(content, rng, count=200):
    """Damaged copies of a ledger's bytes: one byte changed, bytes or blocks deleted, repeated, swapped, a tail cut off."""
    from frankentorch.runtime.ledger.file import MAGIC

    blocks, at = [], len(MAGIC)
    while at < len(content):
        size = 4 + int.from_bytes(content[at:at + 4], "little") + 32
        blocks.append((at, at + size))
        at += size
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        a, b = sorted(rng.sample(range(len(content)), 2))
        first, second = sorted(rng.sample(range(len(blocks)), 2))
        (p, q), (r, s) = blocks[first], blocks[second]
        if kind == "byte":
            yield kind, content[:a] + bytes([content[a] ^ rng.randrange(1, 256)]) + content[a + 1:]
        elif kind == "delete":
            yield kind, content[:a] + content[min(b, a + rng.randrange(1, 50)):]
        elif kind == "repeat":
            end = a + rng.randrange(1, 50)
            yield kind, content[:end] + content[a:end] + content[end:]
        elif kind == "swap":
            changed = bytearray(content)
            while changed[a] == changed[b]:
                a, b = sorted(rng.sample(range(len(content)), 2))
            changed[a], changed[b] = changed[b], changed[a]
            yield kind, bytes(changed)
        elif kind == "cut":
            yield kind, content[:b]
        elif kind == "block delete":
            yield kind, content[:p] + content[q:]
        elif kind == "block repeat":
            yield kind, content[:q] + content[p:q] + content[q:]
        else:
            yield kind, content[:p] + content[r:s] + content[q:r] + content[p:q] + content[s:]


def replayed_elsewhere(paths):
    """Lines that say what did not replay equal, over every other place."""
    wrong = []
    for words in ELSEWHERE:
        done = subprocess.run([sys.executable, "-c", REPLAY, *map(str, paths)], cwd=ROOT, env={**os.environ, **words}, capture_output=True, text=True)
        wrong += [f"{words}: {line}" for line in done.stdout.splitlines()]
        if done.returncode:
            wrong.append(f"{words}: exit {done.returncode}: {done.stderr[-500:]}")
    return wrong


def run_graphs(count):
    from conformance.graphs import random_program
    from frankentorch.runtime import record

    wrong, size = [], 0
    for start in range(0, count, BATCH):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for seed in range(start, min(start + BATCH, count)):
                paths.append(pathlib.Path(folder) / str(seed))
                run = random_program(seed)
                with record(paths[-1], level="full"):
                    run()
                size += paths[-1].stat().st_size
            wrong += replayed_elsewhere(paths)
    return {"graphs": count, "places": len(ELSEWHERE), "unequal": len(wrong), "bytes": size}, wrong


def run_trainings():
    import frankentorch
    from bench import trainings
    from frankentorch.runtime import record

    wrong = []
    for name, maker in TRAININGS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / name
            step = getattr(trainings, maker)(frankentorch)
            with record(path, level="full"):
                for _ in range(2):
                    step()
            wrong += replayed_elsewhere([path])
    return {"trainings": sorted(TRAININGS), "places": len(ELSEWHERE), "unequal": len(wrong)}, wrong


def run_damages(count):
    import frankentorch
    from frankentorch.runtime import LedgerError, record, verify

    wrong, made = [], 0
    for level in ("step", "node", "full"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / level
            frankentorch.manual_seed(0)
            model = frankentorch.nn.Sequential(frankentorch.nn.Linear(8, 16), frankentorch.nn.Tanh(), frankentorch.nn.Linear(16, 1))
            optimizer = frankentorch.optim.Adam(model.parameters())
            with record(path, level=level):
                for _ in range(6):
                    optimizer.zero_grad()
                    model(frankentorch.rand(4, 8)).square().mean().backward()
                    optimizer.step()
            content = path.read_bytes()
            for kind, changed in damages(content, random.Random(0), count):
                if changed == content:
                    continue
                made += 1
                path.write_bytes(changed)
                try:
                    verify(path)
                    wrong.append(f"{level}: {kind} unnoticed")
                except LedgerError as error:
                    if error.record is None or error.offset is None:
                        wrong.append(f"{level}: {kind} not named: {error}")
    return {"damages": made, "kinds": list(KINDS), "unnoticed": len(wrong)}, wrong


def command(options):
    """Run what was chosen; 1 when something does not hold."""
    runs = {"graphs": lambda: run_graphs(options.graphs), "trainings": run_trainings, "damages": lambda: run_damages(options.damages)}
    found, status = {}, 0
    for name in options.run or runs:
        begun = time.monotonic()
        found[name], wrong = runs[name]()
        print(f"{name}: {json.dumps(found[name])}   {time.monotonic() - begun:.0f} s")
        for line in wrong[:20]:
            print("  " + line)
        status |= bool(wrong)
    if options.update:
        before = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        RECORD.write_text(json.dumps({**before, **found}, indent=1) + "\n")
        print(f"wrote {RECORD}")
    return status
