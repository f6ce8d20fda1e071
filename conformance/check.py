"""One entry in one dtype: every sample, every check.

Checks: forward (values), dtype, shape, strides, alias, requires_grad, inputs (what the call did to
its arguments), grad, grad2, inplace, out, method, noncontiguous, error. A library that raises where
the oracle does not, or the other way round, fails `forward`.
"""
import contextlib
import warnings
from collections import Counter

from conformance import ties
from conformance.adapters import EXACT, INPLACE_KEYWORD, SEED, UNDEFINED_VALUES, find_call, walk
from conformance.carrier import Builder, Named, Packer, Sequence, TensorSpec, rewrite, tree_tensors
from conformance.drift import KNOWN_VALUES, WRONG_GRADIENTS
from conformance.compare import (META_CHECKS, Comparison, Seen, brief, decode, observe, raw_values, same_exception)

SIDE_SAMPLES = 8          # method, alias names and noncontiguous are looked at on the first samples only
SECOND_ORDER_SAMPLES = 3
INEXACT_COMPLEX = frozenset("mul __rmul__ sqrt abs sign round floor_divide".split())
INEXACT_HALF = frozenset(["arange"])      # the oracle rounds the first element of each vector, then counts on from it
WIDER = {"float16": "float64", "bfloat16": "float64", "float32": "float64", "complex64": "complex128"}


class Result:
    """Counts per check, the first failure of each, the greatest ulp distance."""

    def __init__(self):
        self.passed = Counter()
        self.failed = Counter()
        self.first = {}
        self.samples = 0
        self.max_ulp = 0.0
        self.saved_by_truth = 0
        self.drift = Counter()           # answers that differ as the drift ledger says they may

    def note(self, check, message=None, sample=None):
        if message is None:
            self.passed[check] += 1
        else:
            self.failed[check] += 1
            self.first.setdefault(check, [sample, message])

    def as_dict(self):
        return {"samples": self.samples, "passed": dict(self.passed), "failed": dict(self.failed),
                "first": self.first, "max_ulp": self.max_ulp, "saved_by_truth": self.saved_by_truth, "drift": dict(self.drift)}


class Checker:
    """Runs samples of one entry and dtype on the oracle and the subject."""

    def __init__(self, entry, dtype, oracle, subject, progress=lambda text: None, explain=None):
        self.entry = entry
        self.dtype = dtype
        self.oracle = oracle
        self.subject = subject
        self.progress = progress
        self.explain = explain            # called with (label, expected, actual) when someone is looking
        self.result = Result()
        self.exact = (entry.name in EXACT and not (dtype.startswith("complex") and entry.name in INEXACT_COMPLEX)
                      and not (dtype in ("float16", "bfloat16") and entry.name in INEXACT_HALF))
        self.values = entry.name not in UNDEFINED_VALUES
        self.ties = ties.Ties(entry.name, oracle)
        self.known_name, self.known = KNOWN_VALUES.get(entry.name, (None, None))
        self.missing = None
        try:
            self.call = find_call(subject, entry.name, entry.variant)
        except (AttributeError, ImportError) as error:
            self.missing = brief(error)

    def run(self, limit=None, only=None, reference=False):
        if self.missing:
            self.result.note("forward", f"no such function: {self.missing}", 0)
            return self.result
        for number, packed, sample in self.entry.samples(self.dtype, limit, reference):
            if only is not None and number != only:
                continue
            if packed is not None:
                self.result.samples += 1
                self.sample(number, *packed, sample)
        return self.result

    # ---- one sample -------------------------------------------------------------------------

    def sample(self, number, args, kwargs, sample):
        self.number = number
        self.args, self.kwargs = args, kwargs
        self.step("forward")
        expected = attempt(self.oracle, self.entry.op.op, args, kwargs)
        actual = attempt(self.subject, self.call, args, kwargs)
        if not self.agree_on_raising("forward", expected, actual):
            return
        if expected.error is not None:
            return
        expected_seen = expected.seen(self.values)
        actual_seen = self.aligned(expected_seen, actual.seen(self.values), args, kwargs)
        if self.forward(expected_seen, actual_seen, args, kwargs):
            self.inputs(expected, actual)
        self.gradients(expected, actual, sample)
        self.inplace(args, kwargs)
        self.out(args, kwargs, expected_seen)
        if number < SIDE_SAMPLES:
            self.method(args, kwargs, expected_seen)
            self.noncontiguous(sample)

    def aligned(self, expected, actual, args, kwargs):
        """Our answer, with what the oracle leaves open read as the oracle chose."""
        before = self.ties.accepted
        actual = self.ties.align(expected, actual, args, kwargs)
        if self.ties.accepted > before:
            self.result.drift[ties.NAME] += 1
        return actual

    def step(self, check):
        self.progress(f"{self.number} {check}")

    def note(self, check, message=None):
        self.result.note(check, message, self.number)

    def agree_on_raising(self, check, expected, actual):
        """Both answered, or both refused with the same type. The pair is settled when this is False."""
        if isinstance(expected.error, CannotBuild):
            raise expected.error
        if expected.error is None and actual.error is None:
            return True
        if expected.error is None:
            self.note(check, f"raised {brief(actual.error)}")
        elif actual.error is None:
            self.note(check, f"did not raise, expected {brief(expected.error)}")
        elif same_exception(expected.error, actual.error):
            self.note(check)
            return True
        else:
            self.note(check, f"raised {brief(actual.error)}; expected {brief(expected.error)}")
        return False

    def forward(self, expected, actual, args, kwargs):
        """Values and everything observable; True when values agree."""
        comparison = Comparison(self.exact_here(kwargs), lambda: self.truth(args, kwargs), self.known)
        comparison.trees(expected, actual)
        self.take(comparison)
        if self.explain:
            self.explain("forward", expected, actual)
        found = dict(reversed(comparison.differences))
        wrong = found.get("structure") or found.get("value")
        self.note("forward", wrong)
        if "structure" not in found and holds_tensor(expected):
            for check in META_CHECKS:
                self.note(check, found.get(check))
        return wrong is None

    def exact_here(self, kwargs):
        return self.exact or (self.entry.name in ("add", "sub", "div") and not kwargs
                              and not self.dtype.startswith("complex"))

    def take(self, comparison):
        self.result.max_ulp = max(self.result.max_ulp, comparison.max_ulp)
        self.result.saved_by_truth += comparison.saved_by_truth
        if comparison.known_used:
            self.result.drift[self.known_name] += comparison.known_used

    def values_differ(self, expected, actual, exact=False, strict=(), truth=None):
        """First difference in structure, dtype, shape or value (or what `strict` adds), or None."""
        comparison = Comparison(exact, truth, self.known)
        comparison.trees(expected, actual)
        self.take(comparison)
        for check, message in comparison.differences:
            if check in ("structure", "dtype", "shape", "value") or check in strict:
                return f"{check}: {message}"
        return None

    def truth(self, args, kwargs):
        """The oracle's answer to the same question in double precision: arrays, or None."""
        answer = self.wide_answer(args, kwargs)
        return None if answer is None or answer.error is not None else arrays(answer.seen(True))

    def wide_answer(self, args, kwargs):
        if self.dtype not in WIDER:
            return None
        storages = {}
        wide_args, wide_kwargs = (rewrite(tree, lambda leaf: widen(leaf, self.oracle, storages))
                                  for tree in (args, kwargs))
        return attempt(self.oracle, self.entry.op.op, wide_args, wide_kwargs)

    def true_gradients(self, process, positions, cotangents):
        """The oracle's gradients of the same question and the same cotangents in double precision: arrays, or None."""
        answer = self.wide_answer(self.args, self.kwargs)
        if answer is None or answer.error is not None:
            return None
        wide = Backward(self.oracle, answer, process, positions=positions)
        storages = {}
        if wide.error is not None or not wide.run([widen(one, self.oracle, storages) for one in cotangents], False):
            return None
        return arrays(Sequence("list", [self.ties.arranged(observe(self.oracle, grad), self.args) for grad in wide.grads]))

    def inputs(self, expected, actual):
        """What the call left in its arguments, running statistics for example."""
        ours, theirs = dict_by_spec(actual), dict_by_spec(expected)
        for spec_id, (spec, tensor) in theirs.items():
            left = Seen(spec.dtype, spec.sizes, spec.strides, False, None, raw_values(tensor))
            other = ours[spec_id][1]
            ours_left = Seen(spec.dtype, spec.sizes, spec.strides, False, None, raw_values(other))
            wrong = self.values_differ(left, ours_left)
            if wrong:
                return self.note("inputs", wrong)
        self.note("inputs")

    # ---- gradients --------------------------------------------------------------------------

    def gradients(self, expected, actual, sample):
        if not self.entry.differentiable(self.dtype):
            return
        if self.entry.name in WRONG_GRADIENTS:
            return self.differences()
        process = sample.output_process_fn_grad or (lambda value: value)
        self.step("grad")
        theirs = Backward(self.oracle, expected, process)
        if theirs.error is not None or not theirs.outs:
            return
        ours = Backward(self.subject, actual, process, positions=theirs.positions)
        if ours.error is not None:
            return self.note("grad", f"raised {brief(ours.error)}")
        second = (self.entry.op.supports_gradgrad and self.dtype in ("float64", "complex128")
                  and self.number < SECOND_ORDER_SAMPLES)
        cotangents = make_cotangents(self.oracle, theirs.outs, self.number, second)
        if not self.one_order("grad", theirs, ours, cotangents, second, lambda: self.true_gradients(process, theirs.positions, cotangents)):
            return
        if second and theirs.advance():
            self.step("grad2")
            if not ours.advance(theirs.positions):
                return self.note("grad2", "first gradient cannot be differentiated")
            self.one_order("grad2", theirs, ours, make_cotangents(self.oracle, theirs.outs, self.number + 1), False)

    def differences(self):
        """Where the oracle's derivatives are wrong, ours are held to differences; in double precision, where they are fine enough."""
        if self.dtype not in ("float64", "complex128"):
            return
        builder = Builder(self.subject)
        given, named = builder.build(self.args), builder.build(self.kwargs)
        leaves = [value for value in given if isinstance(value, self.subject.Tensor) and value.requires_grad]
        for check, judge in (("grad", self.subject.autograd.gradcheck), ("grad2", self.subject.autograd.gradgradcheck)):
            self.step(check)
            with quiet():
                try:
                    judge(lambda *_: self.call(*given, **named), leaves)
                    self.note(check)
                except Exception as error:  # noqa: BLE001
                    self.note(check, f"differences: {brief(error)}")
        self.result.drift[WRONG_GRADIENTS[self.entry.name]] += 1

    def one_order(self, check, theirs, ours, cotangents, create_graph, truth=None):
        if not theirs.run(cotangents, create_graph):
            return False                 # the oracle has no derivative here: nothing to agree with
        if not ours.run(cotangents, create_graph):
            self.note(check, f"raised {brief(ours.error)}")
            return False
        expected = Sequence("list", [self.ties.expected_gradient(observe(self.oracle, grad)) for grad in theirs.grads])
        actual = Sequence("list", [observe(self.subject, grad) for grad in ours.grads])
        expected, actual = (Sequence("list", [self.ties.arranged(item, self.args) for item in side.items]) for side in (expected, actual))
        if self.explain:
            self.explain(check, expected, actual)
        wrong = self.values_differ(expected, actual, truth=truth)
        self.note(check, wrong)
        return wrong is None

    # ---- other ways to call -----------------------------------------------------------------

    def inplace(self, args, kwargs):
        variant = self.entry.op.inplace_variant
        if variant is None or not isinstance(args.items[0], TensorSpec):
            return
        self.step("inplace")
        ours = inplace_call(self.subject, self.entry)
        theirs = inplace_call(self.oracle, self.entry)
        expected = attempt(self.oracle, on_copy(theirs), args, kwargs)
        actual = attempt(self.subject, on_copy(ours), args, kwargs)
        if not self.agree_on_raising("inplace", expected, actual) or expected.error is not None:
            return
        if actual.value[0] is not actual.value[1]:
            return self.note("inplace", "result is not the tensor it was called on")
        expected_seen, actual_seen = (side.seen(True, first=True) for side in (expected, actual))
        wrong = self.values_differ(expected_seen, actual_seen, self.exact_here(kwargs), ("strides", "requires_grad"),
                                   lambda: self.truth(args, kwargs))
        if wrong is None and self.entry.differentiable(self.dtype):
            wrong = self.inplace_gradient(expected, actual)
        self.note("inplace", wrong)

    def inplace_gradient(self, expected, actual):
        expected.value, actual.value = expected.value[0], actual.value[0]
        theirs = Backward(self.oracle, expected, lambda value: value)
        if theirs.error is not None or not theirs.outs:
            return None
        ours = Backward(self.subject, actual, lambda value: value, positions=theirs.positions)
        cotangents = make_cotangents(self.oracle, theirs.outs, self.number)
        if not theirs.run(cotangents, False):
            return None
        if ours.error is not None or not ours.run(cotangents, False):
            return f"gradient raised {brief(ours.error)}"
        pair = [Sequence("list", [observe(lib, grad) for grad in side.grads])
                for lib, side in ((self.oracle, theirs), (self.subject, ours))]
        wrong = self.values_differ(*pair, truth=lambda: self.true_gradients(lambda value: value, theirs.positions, cotangents))
        return wrong and f"gradient {wrong}"

    def out(self, args, kwargs, expected):
        if not self.entry.op.supports_out:
            return
        flat = flatten(expected)
        if not flat or not all(isinstance(item, Seen) for item in flat):
            return
        self.step("out")
        answers = []
        # the oracle refuses out= while a gradient is wanted, so both are asked about values alone
        plain_args, plain_kwargs = (rewrite(tree, without_grad) for tree in (args, kwargs))
        calls = ((self.oracle, self.entry.op.op), (self.subject, self.call))
        for lib, call in calls:
            answers.append(attempt(lib, with_out(lib, call, expected), plain_args, plain_kwargs))
        theirs, ours = answers
        if not self.agree_on_raising("out", theirs, ours) or theirs.error is not None:
            return
        result, given = ours.value
        if not all(a is b for a, b in zip(result if isinstance(result, (list, tuple)) else [result], given)):
            if all(a is b for a, b in zip(*map(as_list, theirs.value))):
                return self.note("out", "result is not the tensor given as out")
        pair = [observe(lib, as_list(side.value[1]), values=self.values)
                for lib, side in ((self.oracle, theirs), (self.subject, ours))]
        pair[1] = self.aligned(*pair, args, kwargs)
        self.note("out", self.values_differ(*pair, self.exact_here(kwargs), ("strides",), lambda: self.truth(plain_args, plain_kwargs)))

    def method(self, args, kwargs, expected):
        """The method and the aliases of an entry give what the function gives."""
        op = self.entry.op
        names = [variant_name(op.method_variant)]
        calls = {}
        if isinstance(args.items[0], TensorSpec):
            calls = {f"Tensor.{name}": (method_call(name), method_call(name)) for name in names if name}
        for alias in op.aliases:
            try:
                calls[alias.name] = walk(self.subject, alias.name.removeprefix("torch.")), alias.op
            except (AttributeError, ImportError):
                self.note("method", f"no such function: {alias.name}")
        if not calls:
            return
        self.step("method")
        for label, (call, their_call) in calls.items():
            actual = attempt(self.subject, call, args, kwargs)
            if actual.error is not None:
                theirs = attempt(self.oracle, their_call, args, kwargs)
                if theirs.error is not None and same_exception(theirs.error, actual.error):
                    continue                     # this form does not take the sample's arguments
                self.note("method", f"{label} raised {brief(actual.error)}")
            else:
                seen = self.aligned(expected, actual.seen(self.values), args, kwargs)
                wrong = self.values_differ(expected, seen, self.exact_here(kwargs), truth=lambda: self.truth(args, kwargs))
                self.note("method", wrong and f"{label} {wrong}")

    def noncontiguous(self, sample):
        """The oracle's own strided rewriting of the sample: same question, other layout."""
        from conformance.entries import pack_sample

        self.step("noncontiguous")
        packed = pack_sample(sample.noncontiguous())
        if packed is None:
            return
        expected = attempt(self.oracle, self.entry.op.op, *packed)
        actual = attempt(self.subject, self.call, *packed)
        if not self.agree_on_raising("noncontiguous", expected, actual) or expected.error is not None:
            return
        exact = self.exact_here(packed[1])
        expected = expected.seen(self.values)
        pair = expected, self.aligned(expected, actual.seen(self.values), *packed)
        self.note("noncontiguous", self.values_differ(*pair, exact, ("strides", "alias"), lambda: self.truth(*packed)))


class ErrorChecker(Checker):
    """Samples that the oracle refuses; ours must refuse them with the same type."""

    def run(self, limit=None, only=None, reference=False):
        if self.missing:
            self.result.note("error", f"no such function: {self.missing}", 0)
            return self.result
        for number, packed, error in self.entry.error_samples(limit):
            if packed is None or (only is not None and number != only):
                continue
            self.number = number
            self.step("error")
            expected = attempt(self.oracle, self.entry.op.op, *packed)
            if expected.error is None:
                continue
            self.result.samples += 1
            actual = attempt(self.subject, self.call, *packed)
            if self.explain:
                self.explain("error", brief(expected.error), brief(actual.error) if actual.error else actual.value)
            if self.too_deep(packed, expected.error, actual.error):
                self.result.drift["rank-64"] += 1
                self.note("error")
            else:
                self.agree_on_raising("error", expected, actual)
        return self.result

    @staticmethod
    def too_deep(packed, expected, actual):
        """A tensor of more than 64 dims: we refuse it where it is made, the oracle where it is used, with one type."""
        deep = any(len(spec.sizes) > 64 for tree in packed for spec in tree_tensors(tree))
        return deep and isinstance(actual, CannotBuild) and same_exception(expected, actual.args[1])


# ---- running one call ---------------------------------------------------------------------------


class CannotBuild(Exception):
    """The library cannot even be given the arguments; never equal to what a call raises."""


class Answer:
    """What a call gave: a value or an exception, and the inputs as they were built."""

    def __init__(self, lib, builder, value=None, error=None):
        self.lib = lib
        self.builder = builder
        self.value = value
        self.error = error

    def seen(self, values, first=False):
        value = self.value[0] if first else self.value
        return observe(self.lib, value, None if first else self.builder, values)


def attempt(lib, call, args, kwargs):
    """Build the arguments in `lib`, call, and catch what a caller could catch."""
    builder = Builder(lib)
    with quiet():
        try:
            given, named = builder.build(args), builder.build(kwargs)
            if hasattr(lib, "manual_seed"):      # without a generator only the random entries fail
                lib.manual_seed(SEED)
        except Exception as error:  # noqa: BLE001 - a library that cannot take the arguments fails every check
            return Answer(lib, builder, error=CannotBuild(brief(error), error))
        try:
            return Answer(lib, builder, call(*given, **named))
        except MemoryError:
            raise                        # the worker's limit, reported as such for the whole job
        except Exception as error:  # noqa: BLE001 - whatever the library raises is the observation
            error.__traceback__ = None
            return Answer(lib, builder, error=error)


@contextlib.contextmanager
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Backward:
    """Outputs of one side that can be differentiated, and the leaves to differentiate by."""

    def __init__(self, lib, answer, process, positions=None):
        self.lib = lib
        self.error = None
        self.leaves = answer.builder.leaves()
        self.outs = self.positions = ()
        try:
            flat = flatten_values(process(answer.value))
        except Exception as error:  # noqa: BLE001
            self.error = error
            return
        self.choose(flat, positions)

    def choose(self, flat, positions):
        if positions is None:
            positions = [k for k, item in enumerate(flat) if isinstance(item, self.lib.Tensor) and item.requires_grad]
        self.positions = positions
        self.outs = [flat[k] for k in positions]

    def run(self, cotangents, create_graph):
        cotangents = [Builder(self.lib).build(spec) for spec in cotangents]
        try:
            with quiet():
                self.grads = self.lib.autograd.grad(self.outs, self.leaves, cotangents, allow_unused=True,
                                                    create_graph=create_graph)
            if create_graph:             # the second order is by the incoming gradients too: also of a linear op
                self.leaves = list(self.leaves) + cotangents
        except Exception as error:  # noqa: BLE001
            error.__traceback__ = None
            self.error = error
            return False
        return True

    def advance(self, positions=None):
        """The gradients become the outputs; False when nothing in them can be differentiated."""
        try:
            self.choose(list(self.grads), positions)
            return bool(self.outs) and all(item is not None and item.requires_grad for item in self.outs)
        except (AttributeError, IndexError):
            return False


def make_cotangents(oracle, outs, seed, requires_grad=False):
    """Random incoming gradients, drawn once by the oracle for both sides."""
    generator = oracle.Generator().manual_seed(1000 + seed)
    made = []
    for out in outs:
        real = oracle.randn(out.shape, generator=generator, dtype=oracle.float64)
        if out.dtype.is_complex:
            real = oracle.complex(real, oracle.randn(out.shape, generator=generator, dtype=oracle.float64))
        made.append(Packer(oracle).pack(real.to(out.dtype).requires_grad_(requires_grad)))
    return made


def variant_name(variant):
    """Public name of a bound form; None for a lambda, which has no name."""
    name = getattr(variant, "__name__", None)
    return name if name and name.replace("_", "").isalnum() else None


def method_call(name):
    return lambda input, *args, **kwargs: getattr(input, name)(*args, **kwargs)


def inplace_call(lib, entry):
    name = variant_name(entry.op.inplace_variant)
    if name:
        return method_call(name)
    if entry.name in INPLACE_KEYWORD:
        call = find_call(lib, entry.name, entry.variant)
        return lambda *args, **kwargs: call(*args, **{**kwargs, "inplace": True})
    raise LookupError(f"in-place form of {entry.key} has no adapter")


def on_copy(call):
    """Run an in-place form on a copy, so that leaves may require gradients; gives (result, copy)."""
    def run(input, *args, **kwargs):
        copy = input.clone()
        return call(copy, *args, **kwargs), copy
    return run


def with_out(lib, call, expected):
    """Call with out= tensors of the right shape that hold rubbish; gives (result, [given])."""
    def run(*args, **kwargs):
        given = []
        for item in flatten(expected):
            tensor = lib.empty_strided(item.sizes, item.strides, dtype=getattr(lib, item.dtype))
            given.append(tensor.fill_(1))
        single = isinstance(expected, Seen)
        result = call(*args, **kwargs, out=given[0] if single else tuple(given))
        return result, given
    return run


# ---- trees --------------------------------------------------------------------------------------


def flatten(tree):
    if isinstance(tree, Sequence):
        return [leaf for item in tree.items for leaf in flatten(item)]
    return [tree]


def flatten_values(value):
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flatten_values(item)]
    return [value]


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def arrays(tree):
    """NumPy arrays of the tensors in a tree, in order."""
    return [decode(item.raw, item.dtype) for item in flatten(tree) if isinstance(item, Seen)]


def holds_tensor(tree):
    return any(isinstance(item, Seen) for item in flatten(tree))


def dict_by_spec(answer):
    return {id(spec): (spec, tensor) for spec, tensor in answer.builder.tensors}


def without_grad(leaf):
    if isinstance(leaf, TensorSpec) and leaf.requires_grad:
        return TensorSpec(leaf.dtype, leaf.sizes, leaf.strides, leaf.offset, leaf.storage)
    return leaf


def widen(leaf, oracle, storages):
    """A tensor or dtype in double precision; everything else as it is."""
    if isinstance(leaf, Named) and leaf.kind == "dtype":
        return Named("dtype", WIDER.get(leaf.name, leaf.name))
    if not isinstance(leaf, TensorSpec) or leaf.dtype not in WIDER:
        return leaf
    key = id(leaf)
    if key not in storages:
        wide = Builder(oracle).build(leaf).detach().to(getattr(oracle, WIDER[leaf.dtype])).requires_grad_(leaf.requires_grad)
        storages[key] = Packer(oracle).pack(wide)
    return storages[key]
