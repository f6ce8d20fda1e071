"""`python -m conformance vmap`: is an op the same inside vmap? Entry by entry, over batches made of the database's samples.

A sample becomes a batch of three: floating-point tensors are scaled a little from example to example, integers and masks are rolled where
the op takes that. Several choices of in_dims are tried. What must hold for each:

loop      vmap of ours equals ours on one example after the other
oracle    vmap of ours equals the oracle's vmap, where that one answers; where it refuses, so may ours
grad      vmap(grad) of ours equals the gradients of one example after the other
outer     so does the gradient of the sum over vmap
jacfwd    directions by vmap give what one direction after the other gives; hessian: forward over reverse gives what reverse over reverse gives
inplace   the in-place form inside vmap equals the function

An entry passes when every check of every sample holds. Random entries are compared with the oracle's streams, for both kinds of randomness.
"""
import contextlib
import json
import pathlib
import signal

from conformance.adapters import SEEDED, UNDEFINED_VALUES, find_call
from conformance.carrier import Builder, rewrite, Sequence, TensorSpec, tree_tensors
from conformance.check import quiet
from conformance.compare import brief
from conformance.entries import select

BATCH = 3
RTOL, ATOL = 1e-6, 1e-7
SECONDS = 20
# forward and reverse differ by intent: gradients go to both triangles of a symmetric argument, tangents are read from one; subgradients
APART = frozenset(("linalg.cholesky", "cholesky", "linalg.norm.subgradients_at_zero"))
PATH = pathlib.Path(__file__).resolve().parent.parent / "artifacts" / "vmap.json"


class TooSlow(Exception):
    """An entry took longer than it may."""


@contextlib.contextmanager
def at_most(seconds):
    def stop(*_):
        raise TooSlow(f"took more than {seconds} s")
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def leaves_of(lib, value):
    """Tensors of a result, in order; None for a result that holds anything else."""
    if isinstance(value, lib.Tensor):
        return [value]
    if isinstance(value, (list, tuple)) and not isinstance(value, lib.Size):
        found = []
        for item in value:
            inner = leaves_of(lib, item)
            if inner is None:
                return None
            found += inner
        return found
    return None


class Batch:
    """The tensors of one sample, a batch of each, and the call with examples in their place."""

    def __init__(self, lib, call, args, kwargs, varied):
        builder = Builder(lib)
        tree = Sequence("tuple", [args, kwargs])
        self.lib, self.call, self.args, self.kwargs = lib, call, args, kwargs
        self.specs = []
        for spec in tree_tensors(tree):
            if not any(spec is other for other in self.specs):
                self.specs.append(spec)
        self.singles = [builder.build(spec).detach() for spec in self.specs]
        self.batches = [self.batch_of(t, varied) for t in self.singles]

    def batch_of(self, t, varied):
        lib = self.lib
        parts = []
        for k in range(BATCH):
            if t.is_floating_point() or t.is_complex():
                parts.append(t * (1 + k / 64) if k else t * 1)
            elif varied and t.dim() and k:
                parts.append(lib.roll(t, k, 0))
            else:
                parts.append(t.clone())
        return lib.stack(parts)

    def run(self, tensors):
        """The call with these in the place of the sample's tensors; its results as a list of tensors."""
        by_spec = {id(spec): t for spec, t in zip(self.specs, tensors)}
        builder = Builder(self.lib)

        def put(leaf):
            return Held(by_spec[id(leaf)]) if isinstance(leaf, TensorSpec) else leaf
        args, kwargs = unheld(builder, rewrite(self.args, put)), unheld(builder, rewrite(self.kwargs, put))
        out = leaves_of(self.lib, self.call(*args, **kwargs))
        if out is None or not out:
            raise NoTensors("the result is no tensor")
        return out


class NoTensors(Exception):
    """The op's result is not what vmap can return."""


class Held:
    def __init__(self, value):
        self.value = value


def unheld(builder, tree):
    if isinstance(tree, Held):
        return tree.value
    if isinstance(tree, Sequence):
        items = [unheld(builder, item) for item in tree.items]
        return builder.lib.Size(items) if tree.kind == "size" else items if tree.kind == "list" else tuple(items)
    if isinstance(tree, dict):
        return {key: unheld(builder, item) for key, item in tree.items()}
    return builder.build(tree)


def choices(count):
    """Which tensors are batched, and along which dim: all first, all last, one of them, all but one."""
    found = [[0] * count]
    if count:
        found.append([-1] * count)
    if count > 1:
        found += [[0] + [None] * (count - 1), [None] + [0] * (count - 1)]
    if count > 2:
        found += [[None] * (count - 1) + [0]]
    return found


def placed(batches, singles, dims):
    return [s if d is None else b.movedim(0, -1) if d else b for b, s, d in zip(batches, singles, dims)]


def to_numpy(t):
    t = t.detach()
    if hasattr(t, "resolve_conj"):
        t = t.resolve_conj().resolve_neg()
    return (t.float() if "bfloat16" in str(t.dtype) else t).numpy()


def differs(actual, expected, places=None):
    """What is wrong with `actual`, or None."""
    import numpy

    if len(actual) != len(expected):
        return f"{len(actual)} results, expected {len(expected)}"
    for i, (a, e) in enumerate(zip(actual, expected)):
        if tuple(a.shape) != tuple(e.shape):
            return f"result {i} has shape {tuple(a.shape)}, expected {tuple(e.shape)}"
        if str(a.dtype).rpartition(".")[2] != str(e.dtype).rpartition(".")[2]:
            return f"result {i} has dtype {a.dtype}, expected {e.dtype}"
        if str(a.device) != "cpu":
            return f"result {i} is on {a.device}"
        x, y = to_numpy(a), to_numpy(e)
        rtol, atol = (RTOL, ATOL) if x.dtype.itemsize >= 8 and x.dtype.kind in "fc" and x.dtype != numpy.complex64 else (1e-3, 1e-4)
        with numpy.errstate(all="ignore"):
            if not numpy.allclose(x, y, rtol=rtol, atol=atol * max(1.0, float(numpy.nanmax(numpy.abs(numpy.where(numpy.isfinite(y), y, 0)))) if y.size and y.dtype.kind in "fc" else 1.0), equal_nan=True):
                return f"result {i} of {tuple(a.shape)} has other values"
    return None


class Examined:
    """One entry: checks held and failed, the first failure, what the oracle refuses."""

    def __init__(self, entry):
        self.entry, self.held, self.failures, self.refused = entry, 0, [], 0

    def note(self, check, number, message):
        if message is None:
            self.held += 1
        else:
            self.failures.append(f"sample {number} {check}: {message}")

    @property
    def verdict(self):
        return "fails" if self.failures else "passes" if self.held else "nothing to compare"


def examine(entry, lib, oracle, samples=4, dtype="float64"):
    seen = Examined(entry)
    try:
        call, theirs = find_call(lib, entry.name, entry.variant), entry.op.op
    except (AttributeError, ImportError):
        return None
    dtypes = entry.dtypes()
    dtype = next((name for name in (dtype, "float32", "complex128", "int64", "bool") if name in dtypes), None)
    if dtype is None:
        return None
    random = entry.name in SEEDED or f"{entry.name}.{entry.variant}" in SEEDED
    taken = 0
    try:
        with at_most(SECONDS), quiet():
            for number, packed, _ in entry.samples(dtype):
                if packed is None or taken >= samples:
                    continue
                if random:
                    taken += examine_random(seen, number, entry, lib, oracle, call, *packed)
                else:
                    taken += examine_sample(seen, number, entry, lib, oracle, call, theirs, *packed)
    except TooSlow as error:
        if not seen.held:
            seen.failures.append(str(error))
    return seen


def examine_sample(seen, number, entry, lib, oracle, call, theirs, args, kwargs):
    """1 when the sample could be used."""
    used = 0
    for varied in (True, False):
        ours = Batch(lib, call, args, kwargs, varied)
        if not ours.singles:
            return 0
        try:
            for k in range(BATCH):
                ours.run([b[k].clone() for b in ours.batches])
            break
        except NoTensors:
            return 0
        except Exception:  # noqa: BLE001 - the rolled sample is not one the op takes
            if not varied:
                return 0
    other = Batch(oracle, theirs, args, kwargs, varied)
    for dims in choices(len(ours.singles)):
        label = f"in_dims={dims}"
        try:
            expected = None
            columns = [ours.run([(s if d is None else b[k]).clone() for b, s, d in zip(ours.batches, ours.singles, dims)]) for k in range(BATCH)]
            expected = [lib.stack(column) for column in zip(*columns)]
        except Exception:  # noqa: BLE001 - examples of different shapes, or a mix the op refuses
            continue
        used = 1
        try:
            found = oracle.vmap(lambda *ts: tuple(other.run(ts)), in_dims=tuple(dims))(*placed([b.clone() for b in other.batches], [s.clone() for s in other.singles], dims))
        except Exception:  # noqa: BLE001 - the oracle has no rule here
            found = None
            seen.refused += 1
        try:
            actual = lib.vmap(lambda *ts: tuple(ours.run(ts)), in_dims=tuple(dims))(*placed([b.clone() for b in ours.batches], [s.clone() for s in ours.singles], dims))
        except TooSlow:
            raise
        except Exception as error:  # noqa: BLE001
            if found is not None:
                seen.note(f"vmap {label}", number, f"raised {brief(error)}")
            continue
        values = entry.name not in UNDEFINED_VALUES
        seen.note(f"loop {label}", number, differs(actual, expected) if values else None)
        if found is not None and values and differs(expected, [t for t in found]) is None:
            seen.note(f"oracle {label}", number, differs(actual, found))
        if values and dims[0] is not None:
            inplace(seen, number, lib, ours, dims, label)
        if values and entry.op.supports_autograd and dims[0] == 0:
            gradients(seen, number, lib, ours, dims, label, found is not None)
    return used


def inplace(seen, number, lib, ours, dims, label):
    """``x.op_(…)`` on a copy of each example, where the function's in-place form takes the sample at all."""
    name = getattr(seen.entry.op.inplace_variant, "__name__", None)
    if name is None or name.startswith("__") or not hasattr(lib.Tensor, name):
        return

    def write(*ts):
        args = list(ts)
        args[0] = args[0].clone()
        form = Batch.__new__(Batch)
        form.__dict__.update(ours.__dict__, call=lambda input, *rest, **named: getattr(input, name)(*rest, **named))
        return tuple(form.run(args))
    rows = []
    try:
        for k in range(BATCH):
            rows.append(write(*[(s if d is None else b[k]).clone() for b, s, d in zip(ours.batches, ours.singles, dims)]))
        expected = [lib.stack(column) for column in zip(*rows)]
    except Exception:  # noqa: BLE001 - no in-place form for this sample
        return
    try:
        actual = lib.vmap(write, in_dims=tuple(dims))(*placed([b.clone() for b in ours.batches], [s.clone() for s in ours.singles], dims))
        seen.note(f"inplace {label}", number, differs(list(actual), expected))
    except TooSlow:
        raise
    except Exception as error:  # noqa: BLE001
        seen.note(f"inplace {label}", number, f"raised {brief(error)}")


def weighed(lib, outs):
    """One number of all differentiable results, each element weighed otherwise."""
    total = None
    for out in outs:
        if not (out.is_floating_point() or out.is_complex()) or not out.numel():
            continue
        out = lib.view_as_real(out) if out.is_complex() else out
        weights = lib.arange(1, out.numel() + 1, dtype=out.dtype).cos().reshape(out.shape)
        part = (out * weights).sum()
        total = part if total is None else total + part
    return total


def gradients(seen, number, lib, ours, dims, label, asked):
    wanted = [i for i, (t, d) in enumerate(zip(ours.singles, dims)) if t.is_floating_point() and d is not None]
    if not wanted:
        return

    def value(*ts):
        return weighed(lib, ours.run(ts))
    try:
        rows = []
        for k in range(BATCH):
            ts = [(s if d is None else b[k]).detach().clone() for b, s, d in zip(ours.batches, ours.singles, dims)]
            for i in wanted:
                ts[i].requires_grad_()
            out = value(*ts)
            if out is None or not out.requires_grad:
                return
            rows.append(lib.autograd.grad(out, [ts[i] for i in wanted], allow_unused=True, materialize_grads=True))
        expected = [lib.stack(column) for column in zip(*rows)]
    except Exception:  # noqa: BLE001 - no derivative
        return
    given = placed([b.clone() for b in ours.batches], [s.clone() for s in ours.singles], dims)
    try:
        actual = lib.vmap(lib.func.grad(value, argnums=tuple(wanted)), in_dims=tuple(dims))(*given)
        seen.note(f"grad {label}", number, differs(list(actual), expected))
    except TooSlow:
        raise
    except Exception as error:  # noqa: BLE001
        seen.note(f"grad {label}", number, f"raised {brief(error)}")
    if all(d is not None for d in dims):
        forward(seen, number, lib, value, wanted, [b[0] for b in ours.batches])
    try:
        actual = lib.func.grad(lambda *ts: lib.vmap(value, in_dims=tuple(dims))(*ts).sum(), argnums=tuple(wanted))(*given)
        seen.note(f"outer {label}", number, differs(list(actual), expected))
    except TooSlow:
        raise
    except Exception as error:  # noqa: BLE001
        seen.note(f"outer {label}", number, f"raised {brief(error)}")


def directions(lib, value, i, given):
    """The slope along each element of argument i, one jvp after the other."""
    slopes = []
    for k in range(given[i].numel()):
        along = lib.zeros(given[i].numel(), dtype=given[i].dtype)
        along[k] = 1
        slopes.append(lib.func.jvp(lambda t: value(*[t if j == i else other for j, other in enumerate(given)]), (given[i],), (along.reshape(given[i].shape),))[1])
    return lib.stack(slopes).reshape(given[i].shape)


def forward(seen, number, lib, value, wanted, given):
    """jacfwd, which maps its directions, against one direction after the other; and the Hessian of the first argument both ways."""
    if not 0 < sum(given[i].numel() for i in wanted) <= 40 or not all(given[i].numel() for i in wanted):
        return
    try:
        actual = lib.func.jacfwd(value, argnums=tuple(wanted))(*[t.clone() for t in given])
        seen.note("jacfwd", number, differs(list(actual), [directions(lib, value, i, given) for i in wanted]))
    except NotImplementedError:
        return
    except TooSlow:
        raise
    except Exception as error:  # noqa: BLE001
        seen.note("jacfwd", number, f"raised {brief(error)}")
        return
    try:
        if seen.entry.key in APART:
            return
        twice = lib.func.jacrev(lib.func.jacrev(value, argnums=wanted[0]), argnums=wanted[0])(*[t.clone() for t in given])
    except Exception:  # noqa: BLE001 - no second derivative
        return
    try:
        seen.note("hessian", number, differs([lib.func.hessian(value, argnums=wanted[0])(*[t.clone() for t in given])], [twice]))
    except NotImplementedError:
        return
    except TooSlow:
        raise
    except Exception as error:  # noqa: BLE001
        seen.note("hessian", number, f"raised {brief(error)}")


def examine_random(seen, number, entry, lib, oracle, call, args, kwargs):
    theirs = find_call(oracle, entry.name, entry.variant)
    ours, other = Batch(lib, call, args, kwargs, False), Batch(oracle, theirs, args, kwargs, False)
    for mode in ("same", "different"):
        for batched in (True, False):
            extra = lib.zeros(BATCH), oracle.zeros(BATCH)
            dims = (0, *((0 if batched else None) for _ in ours.singles))
            answers = []
            for side, module, clock in ((other, oracle, extra[1]), (ours, lib, extra[0])):
                given = [b.clone() if batched else s.clone() for b, s in zip(side.batches, side.singles)]
                try:
                    answers.append(module.vmap(lambda _, *ts: tuple(side.run(ts)), in_dims=dims, randomness=mode)(clock, *given))
                except TooSlow:
                    raise
                except Exception as error:  # noqa: BLE001
                    answers.append(error)
            label = f"{mode} {'batched' if batched else 'unbatched'}"
            if isinstance(answers[0], Exception):
                seen.refused += 1
                continue
            seen.note(label, number, f"raised {brief(answers[1])}" if isinstance(answers[1], Exception) else None if entry.name in UNDEFINED_VALUES else differs(answers[1], answers[0]))
    return 1


def command(options):
    import torch

    torch.set_num_threads(1)
    import frankentorch as lib
    reasons = {}
    verdicts = {"passes": [], "fails": [], "nothing to compare": [], "not implemented": []}
    for entry in select(options.tier, options.op):
        try:
            seen = examine(entry, lib, torch, options.samples, options.dtype[0] if options.dtype else "float64")
        except Exception as error:  # noqa: BLE001 - a sample the harness cannot make
            print(f"{entry.key}: harness: {brief(error)}")
            continue
        verdict = "not implemented" if seen is None else seen.verdict
        verdicts[verdict].append(entry.key)
        if verdict == "fails":
            reasons[entry.key] = seen.failures[0]
            print(f"{entry.key}: {len(seen.failures)} of {seen.held + len(seen.failures)} checks fail; {seen.failures[0] if not options.verbose else chr(10).join(seen.failures)}", flush=True)
        elif options.verbose and seen is not None:
            print(f"{entry.key}: {verdict}, {seen.held} checks, {seen.refused} refused by the oracle", flush=True)
    compared = len(verdicts["passes"]) + len(verdicts["fails"])
    for verdict, names in verdicts.items():
        print(f"{verdict}: {len(names)}" + (f" ({', '.join(names)})" if verdict == "nothing to compare" and names else ""))
    if compared:
        print(f"{len(verdicts['passes'])} of {compared} entries with results to compare pass: {100 * len(verdicts['passes']) / compared:.1f} %")
    if options.update:
        kept = json.loads(PATH.read_text()) if PATH.exists() else {}
        kept[f"tier{options.tier}"] = {"samples": options.samples, "passes": len(verdicts["passes"]), "fails": reasons,
                                       "nothing to compare": verdicts["nothing to compare"], "not implemented": len(verdicts["not implemented"])}
        PATH.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    return 1 if verdicts["fails"] else 0
