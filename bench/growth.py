"""How cost grows: memory of whole trainings, and time against size.

Memory: every training in a process of its own, on each side. Its figure is the most that is resident while it trains, above what is resident after the
import of the library and three steps of the tiny MLP, which load what is loaded when first used. Then ours goes on until there were STEPS steps or
SECONDS seconds of processor time; what is resident at the end stands beside what was after the first WARM_STEPS.

Time: each op at sizes that double, large enough for the work to outweigh the call. Its figure is the slope of time against work, what one more unit
costs; the exponent of the power of the work that the time grows by stands beside it. Both by least squares over the minima of interleaved runs.
"""
import json
import math
import subprocess
import sys

STEPS, SECONDS, WARM_STEPS = 10_000, 10.0, 50
PAGE_NBYTES = 4096  # the least that is told apart, where nothing was added
FEW_STEPS = 20
ROUNDS = 11

TRAIN = """
import gc, importlib, json, sys, time
name, module, steps, seconds, warm = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
lib = importlib.import_module(module)
from bench import trainings
from bench.cases import GROUPS
lib.set_num_threads(1)

def resident(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":")) * 1024

small = GROUPS["train"]["tiny MLP"](lib)   # what is imported when first used, and the libraries' own buffers
for _ in range(3):
    small()
del small
gc.collect()
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")                      # proc(5): the high-water mark begins anew
before = resident("VmRSS")
step = GROUPS["train"][name](lib)
begun, done, first = time.process_time(), 0, None
while done < steps and (done < 2 * warm or time.process_time() - begun < seconds):
    step()
    done += 1
    if done == warm:
        first = resident("VmRSS")
print(json.dumps({"peak": resident("VmHWM") - before, "steps": done, "growth": None if first is None else resident("VmRSS") - first}))
"""


def train(name, module, steps, seconds):
    """Peak above the import, steps done, and growth after the first WARM_STEPS of them (None if there were fewer), of one training in a new process."""
    done = subprocess.run([sys.executable, "-c", TRAIN, name, module, str(steps), str(seconds), str(WARM_STEPS)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-1000:])
    return json.loads(done.stdout)


def memory_rows(names, sides, steps=STEPS, seconds=SECONDS):
    """{case: row} of peaks, with the growth of ours beside."""
    rows = {}
    for name in names:
        few = {side: train(name, module, FEW_STEPS, math.inf) for side, module in sides.items()}
        long = train(name, sides["ours"], steps, seconds)
        rows[name] = {**{side: figure(max(found["peak"], PAGE_NBYTES), "bytes") for side, found in few.items()}, "growth of ours": {"nbytes": long["growth"], "steps": long["steps"], "after": WARM_STEPS}}
    return rows


def figure(value, unit):
    return {"median": value, "min": value, "unit": unit}


def gemm(lib, n):
    a, b = lib.rand(n, n), lib.rand(n, n)
    return lambda: a @ b


def add(lib, n):
    a, b = lib.rand(n), lib.rand(n)
    return lambda: a + b


def total(lib, n):
    a = lib.rand(n)
    return lambda: a.sum()


def sort(lib, n):
    a = lib.rand(n)
    return lambda: a.sort()


def step(lib, n):
    """A step of an MLP with a batch of n."""
    from bench.cases import mlp
    from bench.trainings import classify

    lib.manual_seed(0)
    return classify(lib, mlp(lib, (256, 256, 128, 10)), lib.randn(n, 256), 10, "Adam", lr=1e-3)


# (maker, sizes, units of work of a size)
SLOPES = {
    "GEMM": (gemm, (128, 192, 256, 384, 512, 768), lambda n: 2 * n ** 3),
    "add": (add, tuple(1 << k for k in range(17, 24)), lambda n: n),
    "sum": (total, tuple(1 << k for k in range(17, 24)), lambda n: n),
    "sort": (sort, tuple(1 << k for k in range(13, 20)), lambda n: n),
    "training step": (step, (128, 256, 512, 1024, 2048), lambda n: n),
}


def slope_rows(sides, pattern=None):
    """{case: row} of the cost of one more unit of work, with exponents beside; `sides` are modules."""
    from bench.timing import interleave

    rows = {}
    for name, (maker, sizes, work) in SLOPES.items():
        if pattern and not pattern(name):
            continue
        times = {side: [] for side in sides}
        for n in sizes:
            found = interleave({side: maker(lib, n) for side, lib in sides.items()}, ROUNDS)
            for side, seconds in found.items():
                times[side].append(min(seconds))
        units = [work(n) for n in sizes]
        row = rows[name] = {side: figure(1e9 * marginal(units, seconds), "ns") for side, seconds in times.items()}
        row["exponent"] = {side: exponent(units, seconds) for side, seconds in times.items()}
        row["seconds"] = {side: dict(zip(map(str, sizes), seconds)) for side, seconds in times.items()}
    return rows


def exponent(units, seconds):
    """Slope of log time against log work."""
    return line([math.log(n) for n in units], [math.log(t) for t in seconds])


def marginal(units, seconds):
    """Seconds per unit of work: the slope of a line through the times, each weighed by the inverse of its square, since errors are relative."""
    return line(units, seconds, [1 / t ** 2 for t in seconds])


def line(x, y, weights=None):
    weights = weights or [1.0] * len(x)
    all_of = sum(weights)
    x_mean, y_mean = (sum(w * v for w, v in zip(weights, values)) / all_of for values in (x, y))
    return sum(w * (a - x_mean) * (b - y_mean) for w, a, b in zip(weights, x, y)) / sum(w * (a - x_mean) ** 2 for w, a in zip(weights, x))
