"""`python -m conformance determinism`: do the bits depend on anything but the call?

Cases are samples of every portable entry of the operator database (or, without the oracle, of the recorded file), forward and
backward; large inputs that are cut among threads (`large.py`); and four trainings (`steady.py`). Each case gives a digest
of its result and gradients, NaN payloads left out. Digests are compared along the axes

    threads   1, 2, 3, 4, 8 and 16 in one process          repeats   again and again in one process
    levels    a new process for each CPU level              fork      a child forked after threaded work
    spawn     another new process at the same level         layouts   the inputs transposed, stepped, at an offset, channels_last, expanded
    batches   row i of a batch of 32 against that row alone

This process only starts the others and compares; a child (`--child`) computes at the level its environment names.
"""
import collections
import hashlib
import importlib
import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile

from conformance.carrier import Sequence, dtype_name, rewrite, tree_tensors, TensorSpec

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "artifacts" / "golden.json"
LEVELS = ("baseline", "avx2", "avx512")
THREADS = (1, 2, 3, 4, 8, 16)
DTYPES = ("float32", "float64", "bfloat16", "int64", "complex64")
# Elements are drawn in the order of memory, as the oracle draws them: a layout is an argument here.
DRAWN = frozenset("""
    bernoulli normal uniform exponential cauchy geometric log_normal randn_like rand_like randint_like multinomial
    nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d nn.functional.alpha_dropout
    nn.functional.feature_alpha_dropout nn.functional.rrelu nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d
    nn.functional.scaled_dot_product_attention nn.functional.multi_head_attention_forward svd_lowrank pca_lowrank
""".split())
# The layout is what they ask about or change.
ABOUT_LAYOUT = frozenset("""
    as_strided as_strided_copy as_strided_scatter as_strided.partial_views view view_as view_copy resize_ resize_as_ unsafe_chunk
    view_as_complex empty empty_like empty_strided empty_permuted new_empty new_empty_strided contiguous is_contiguous
""".split())


# ---- digests ------------------------------------------------------------------------------------


def canonical(raw, name):
    """The bytes with one NaN for all."""
    if name not in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128"):
        return raw
    import numpy

    size = {"complex64": 4, "complex128": 8, "float32": 4, "float64": 8}.get(name, 2)
    words = numpy.frombuffer(raw, f"<u{size}").copy()
    mantissa = {"float16": 10, "bfloat16": 7}.get(name, {4: 23, 8: 52}[size] if size > 2 else 0)
    exponent = (1 << (8 * size - 1)) - (1 << mantissa)
    words[(words & ((1 << (8 * size - 1)) - 1)) > exponent] = exponent + 1
    return words.tobytes()


def absorb(hasher, value):
    """A tree of `Seen` results into a digest: kind, dtype, sizes and elements, not strides."""
    if isinstance(value, Sequence):
        hasher.update(f"{value.kind}{len(value.items)}".encode())
        for item in value.items:
            absorb(hasher, item)
    elif hasattr(value, "raw"):
        hasher.update(f"{value.dtype}{tuple(value.sizes)}".encode())
        hasher.update(canonical(value.raw, value.dtype) if value.raw is not None else b"-")
    else:
        hasher.update(repr(value).encode())


def sample_digest(lib, name, variant, packed):
    """Digest of one call and its gradients, or the name of what it raised."""
    from conformance.adapters import UNDEFINED_VALUES, find_call
    from conformance.check import attempt
    from conformance.record import backward

    args, kwargs = packed
    try:
        call = find_call(lib, name, variant)
    except (AttributeError, ImportError):
        return "missing"
    answer = attempt(lib, call, args, kwargs)
    if answer.error is not None:
        return f"raised {type(answer.error).__name__}"
    hasher = hashlib.sha256()
    absorb(hasher, answer.seen(name not in UNDEFINED_VALUES))
    if any(spec.requires_grad for spec in tree_tensors(args)) or any(spec.requires_grad for spec in tree_tensors(kwargs)):
        from conformance.compare import observe

        gradients = backward(lib, answer)
        if isinstance(gradients, Exception):
            return f"raised {type(gradients).__name__} in backward"
        for gradient in gradients or ():
            absorb(hasher, None if gradient is None else observe(lib, gradient))
    return hasher.hexdigest()[:32]


class Cases:
    """Named thunks: `digest(lib, name)`."""

    def __init__(self, samples, large=(), trainings=()):
        self.samples = samples          # {case: (name, variant, packed)}
        self.large = tuple(large)
        self.trainings = tuple(trainings)

    def names(self):
        return [*self.samples, *(f"large: {name}" for name in self.large), *(f"train: {name}" for name in self.trainings)]

    def digest(self, lib, case):
        if case.startswith("large: "):
            from conformance import large

            return large.digest(lib, case[7:])[:32]
        if case.startswith("train: "):
            from conformance import steady

            return steady.digest(lib, case[7:])
        return sample_digest(lib, *self.samples[case])


def database_samples(pattern, limit, dtypes):
    """Samples of every entry of the oracle's database, or of the recorded file where there is no oracle."""
    import re

    matches = re.compile(pattern).fullmatch if pattern else (lambda key: True)
    found = {}
    try:
        from conformance.entries import database

        entries = database()
    except ImportError:
        from conformance.record import Recorded

        recorded = Recorded()
        for key, entry in recorded.entries.items():
            for dtype in dtypes:
                if dtype in entry["dtypes"] and matches(key):
                    for number, sample in enumerate(recorded.samples(key, dtype)):
                        if number < limit and "error" not in sample:
                            found[f"{key} {dtype} {number}"] = (entry["name"], entry["variant"], (sample["args"], sample["kwargs"]))
        return found
    for key, entry in entries.items():
        if not matches(key):
            continue
        supported = entry.dtypes()
        for dtype in [dtype for dtype in dtypes if dtype in supported] or [name for name in supported if name != "errors"][:1]:
            try:
                for number, packed, _ in entry.samples(dtype, 3 * limit):
                    if packed is not None and sum(spec.numel for tree in packed for spec in tree_tensors(tree)) < 40_000:
                        found[f"{key} {dtype} {number}"] = (entry.name, entry.variant, packed)
                    if sum(case.startswith(f"{key} {dtype} ") for case in list(found)[-limit:]) >= limit:
                        break
            except Exception as error:  # noqa: BLE001 - a sampler that needs what this machine lacks
                print(f"no samples of {key} {dtype}: {error}", file=sys.stderr)
    return found


# ---- layouts and batches ------------------------------------------------------------------------


def relaid(packed, layout):
    """The arguments in another layout, or None if none of them has it."""
    from conformance import layouts

    changed = []
    specs = [spec for tree in packed for spec in tree_tensors(tree)]
    shared = collections.Counter(id(spec.storage) for spec in specs)
    done = {}

    def leaf(value):
        if not isinstance(value, TensorSpec) or not value.storage.raw or shared[id(value.storage)] > 1 or value.numel < 2:
            return value
        if id(value) not in done:
            made = layout(value)
            if made is not None:
                changed.append(made)
            done[id(value)] = made or layouts.contiguous(value)
        return done[id(value)]

    made = tuple(rewrite(tree, leaf) for tree in packed)
    return made if changed else None


def layout_differences(lib, cases):
    """(pairs compared, [(case, layout)] that differ)."""
    from conformance import layouts

    compared, differing = 0, []
    for case, (name, variant, packed) in cases.samples.items():
        if name in DRAWN or name in ABOUT_LAYOUT:
            continue
        dense = relaid(packed, layouts.contiguous)
        if dense is None:
            continue
        expected = sample_digest(lib, name, variant, dense)
        for label, layout in layouts.LAYOUTS.items():
            other = relaid(packed, layout)
            if other is None or expected.startswith(("raised", "missing")):
                continue
            compared += 1
            if sample_digest(lib, name, variant, other) != expected:
                differing.append((case, label))
        spread = relaid(packed, layouts.expanded)
        twin = None if spread is None else relaid(spread, layouts.contiguous)
        if twin is not None:
            expected = sample_digest(lib, name, variant, twin)
            if not expected.startswith(("raised", "missing")):
                compared += 1
                if sample_digest(lib, name, variant, spread) != expected:
                    differing.append((case, "expanded"))
    return compared, differing


# ---- children -----------------------------------------------------------------------------------


def subject(name):
    if name == "unsteady":
        from conformance import unsteady

        return unsteady.library()
    return importlib.import_module(name)


def child(path):
    """What a fresh process computes: one JSON object on standard output."""
    plan = pickle.loads(pathlib.Path(path).read_bytes())
    lib, cases = subject(plan["subject"]), plan["cases"]
    found = {"axes": {}}

    def digests():
        return {case: cases.digest(lib, case) for case in cases.names()}

    lib.set_num_threads(1)
    found["base"] = base = digests()

    def compare(axis, label, others):
        line = found["axes"].setdefault(axis, [0, []])
        line[0] += len(others)
        line[1] += [[case, label] for case in others if others[case] != base[case]]

    if plan["full"]:
        for threads in plan["threads"][1:]:
            lib.set_num_threads(threads)
            compare("threads", f"{threads} threads", digests())
        lib.set_num_threads(1)
        for number in range(plan["repeats"]):
            once = {case: cases.digest(lib, case) for case in cases.names() if not case.startswith("train")}
            compare("repeats", f"repeat {number + 1}", once)
        found["axes"]["layouts"] = list(layout_differences(lib, cases))
        found["axes"]["batches"] = list(batch_differences(lib))
        lib.set_num_threads(2)
        compare("fork", "forked child", forked(lib, cases))
    json.dump(found, sys.stdout)
    return 0


def forked(lib, cases):
    """Digests of a child forked after threaded work."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            with os.fdopen(write, "w") as pipe:
                json.dump({case: cases.digest(lib, case) for case in cases.names() if not case.startswith("train")}, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else {"fork": "the child died"}


def batch_differences(lib):
    from conformance import steady

    compared, differing = 0, []
    for name in steady.LAYERS:
        for row, same in enumerate(steady.rows_agree(lib, name)):
            compared += 1
            if not same:
                differing.append([name, f"row {row} of 32"])
    return compared, differing


def spawn(plan, level=None):
    """Run a child; its findings."""
    with tempfile.NamedTemporaryFile(suffix=".plan") as file:
        file.write(pickle.dumps(plan))
        file.flush()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        environment.pop("FRANKENTORCH_CPU", None)
        if level is not None:
            environment["FRANKENTORCH_CPU"] = level
        done = subprocess.run([sys.executable, "-m", "conformance", "determinism", "--child", file.name], cwd=ROOT,
                              env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"the child at level {level or 'of the host'} ended with {done.returncode}")
    return json.loads(done.stdout)


def host_levels():
    """CPU levels this host has, best last."""
    from frankentorch._ext import cpu

    return LEVELS[:LEVELS.index(cpu.host_level_name()) + 1]


# ---- the command --------------------------------------------------------------------------------


def survey(plan):
    """{axis: (pairs compared, [[case, where]])} and the digests at one thread of the host's best level."""
    first = spawn({**plan, "full": True})
    base, axes = first["base"], first["axes"]
    axes["spawn"] = difference(base, {"another process": spawn({**plan, "full": False})["base"]})
    axes["levels"] = difference(base, {level: spawn({**plan, "full": False}, level)["base"] for level in host_levels()})
    return axes, base


def difference(base, others):
    compared, differing = 0, []
    for label, digests in others.items():
        compared += len(digests)
        differing += [[case, label] for case in base if digests.get(case) != base[case]]
    return compared, differing


def portable(samples):
    """The samples whose ops promise the same bits on every machine, by asking a ledger that refuses the others."""
    import frankentorch
    from frankentorch.runtime.ledger import LedgerError, record

    from conformance.adapters import find_call
    from conformance.check import attempt

    kept, machine = {}, set()
    with tempfile.TemporaryDirectory() as folder:
        for case, (name, variant, packed) in samples.items():
            try:
                call = find_call(frankentorch, name, variant)
            except (AttributeError, ImportError):
                continue
            refused = []

            def watched(*args, **kwargs):
                try:
                    return call(*args, **kwargs)
                except LedgerError as error:
                    refused.append(error.rule)
                    raise

            try:
                with record(os.path.join(folder, "ledger"), level="node", portable_only=True):
                    attempt(frankentorch, watched, *packed)
            except LedgerError as error:
                refused.append(error.rule)
            if "portable" in refused:              # other refusals are the ledger's own limits
                machine.add(name)
            else:
                kept[case] = (name, variant, packed)
    return {case: item for case, item in kept.items() if item[0] not in machine}, sorted(machine)


def command(options):
    if options.child:
        return child(options.child)
    from conformance import large, steady

    samples = database_samples(options.op, options.samples, DTYPES)
    machine = []
    if options.subject == "frankentorch":
        samples, machine = portable(samples)
    whole = options.op is None
    cases = Cases(samples, large.CASES if whole else (), steady.TRAININGS if whole else ())
    plan = {"subject": options.subject, "cases": cases, "threads": THREADS, "repeats": options.repeats}
    axes, base = survey(plan)
    missing = sum(digest == "missing" for digest in base.values())
    entries = len({item[0] for item in samples.values()})
    print(f"{entries} portable entries, {len(samples)} samples, {len(cases.large)} large cases, {len(cases.trainings)} trainings; "
          f"{missing} missing; left to their machine: {', '.join(machine) or 'none'}")
    print(f"{'axis':<10} {'compared':>9} {'differ':>7}")
    for axis in ("threads", "levels", "repeats", "fork", "spawn", "layouts", "batches"):
        compared, differing = axes[axis]
        print(f"{axis:<10} {compared:>9} {len(differing):>7}")
    for axis, (_, differing) in axes.items():
        for case, where in differing[:options.show]:
            print(f"DIFFERS {axis}: {case}: {where}")
    if options.golden:
        golden = {case: base[case] for case in base if case.startswith(("large: ", "train: "))}
        GOLDEN.write_text(json.dumps({"command": "python -m conformance determinism --golden", "digests": golden}, indent=1) + "\n")
        print(f"wrote {GOLDEN.relative_to(ROOT)}: {len(golden)} digests")
    return 1 if any(differing for _, differing in axes.values()) else 0
