"""Forward mode of one entry in one dtype: the tangents of every sample, against the oracle's.

Checks: jvp (tangents of the results, of dual tensors in place of every argument that may require a gradient), jvp_inplace (of the
in-place form: the tangent of the tensor written), jvp_rule (every op that ran by a kind or a rule of its own gave the tangent that the
transposed gradient gives; in double precision, on the first samples), jvp_grad (forward over reverse: tangents of the gradients, likewise
in double precision on the first samples). A sample is passed over where the oracle itself has no forward
mode. A tangent that is absent counts as zeros, on either side.
"""
import contextlib

from conformance.adapters import SEED
from conformance.carrier import Builder, Packer, Sequence, rewrite, tree_tensors
from conformance.check import WIDER, Checker, CannotBuild, arrays, flatten_values, inplace_call, on_copy, quiet, widen
from conformance.compare import brief, observe

DTYPES = ("float32", "float64", "complex64", "complex128")
RULE_SAMPLES = 3
# rows whose tangent is not the adjoint of their gradient, by the oracle's choice
APART = {"_embedding": "the row of padding_idx has no gradient, but it has a tangent", "embedding_dense_backward": "likewise",
         "_scatter": "of equal positions the last stays, but each has the gradient", "_linalg_cholesky": "the gradient is that of a symmetric matrix"}


class DualBuilder(Builder):
    """Builds dual tensors in place of those that require a gradient, which the duals require in turn when `follow`."""

    def __init__(self, lib, tangents, follow=False):
        super().__init__(lib)
        self.tangents = tangents
        self.follow = follow
        self.duals = []

    def tensor(self, spec):
        if id(spec) in self.by_spec or id(spec) not in self.tangents:
            return super().tensor(spec)
        made = super().tensor(spec).detach()
        dual = self.lib.autograd.forward_ad.make_dual(made, Builder(self.lib).build(self.tangents[id(spec)])).requires_grad_(self.follow)
        self.by_spec[id(spec)] = dual
        self.duals.append(dual)
        return dual


class ForwardChecker(Checker):
    """Runs samples of one entry and dtype with dual tensors on the oracle and the subject."""

    def run(self, limit=None, only=None, reference=False):
        if self.dtype not in DTYPES or not self.entry.op.supports_forward_ad or not self.entry.differentiable(self.dtype):
            return self.result
        if self.missing:
            self.result.note("jvp", f"no such function: {self.missing}", 0)
            return self.result
        return super().run(limit, only, reference)

    def sample(self, number, args, kwargs, sample):
        self.number = number
        self.step("jvp")
        process = sample.output_process_fn_grad or (lambda value: value)
        specs = [spec for tree in (args, kwargs) for spec in tree_tensors(tree) if spec.requires_grad]
        if not specs:
            return
        tangents = make_tangents(self.oracle, specs, number)
        self.compare("jvp", args, kwargs, tangents, self.entry.op.op, self.call, process)
        if number < RULE_SAMPLES - 1 and self.dtype in ("float64", "complex128") and self.entry.op.supports_fwgrad_bwgrad:
            self.step("jvp_grad")
            self.compare("jvp_grad", args, kwargs, tangents, self.entry.op.op, self.call, process)
        if self.entry.op.inplace_variant is not None and getattr(args.items[0], "requires_grad", False):
            self.step("jvp_inplace")
            self.compare("jvp_inplace", args, kwargs, tangents, on_copy(inplace_call(self.oracle, self.entry)), on_copy(inplace_call(self.subject, self.entry)),
                         lambda value: value[1])

    @contextlib.contextmanager
    def rules_watched(self):
        """Compare every rule with the transposed gradient meanwhile."""
        if self.number >= RULE_SAMPLES or self.dtype not in ("float64", "complex128") or self.subject.__name__ != "frankentorch":
            yield
            return
        from frankentorch.autograd import rules_forward

        plain = rules_forward.tangent

        def watched(overload, args, tangents, out):
            found = plain(overload, args, tangents, out)
            if overload.differentiable and overload.forward not in ("", "none") and overload.full_name not in APART:
                wrong = rule_differs(rules_forward, overload, args, tangents, out, found)
                self.note("jvp_rule", wrong and f"{overload.full_name} ({overload.forward}): {wrong}")
            return found
        rules_forward.tangent = watched
        try:
            yield
        finally:
            rules_forward.tangent = plain

    def compare(self, check, args, kwargs, tangents, their_call, our_call, process):
        derive = differentiate if check == "jvp_grad" else slopes
        expected, error = derive(self.oracle, their_call, args, kwargs, tangents, process)
        if error is not None:
            return                               # the oracle has no tangent here: nothing to agree with
        with self.rules_watched():
            actual, error = derive(self.subject, our_call, args, kwargs, tangents, process)
        if error is not None:
            return self.note(check, f"raised {brief(error)}")

        def truth():
            if self.dtype not in WIDER:
                return None
            storages, wide = {}, {}

            def widened(leaf):
                made = widen(leaf, self.oracle, storages)
                if id(leaf) in tangents:
                    wide[id(made)] = widen(tangents[id(leaf)], self.oracle, storages)
                return made
            trees = [rewrite(tree, widened) for tree in (args, kwargs)]
            found, error = derive(self.oracle, their_call, *trees, wide, process)
            return None if error is not None else arrays(found)
        expected, actual = (Sequence("list", [self.ties.arranged(item, args) for item in side.items]) for side in (expected, actual))
        if self.explain:
            self.explain(check, expected, actual)
        self.note(check, self.values_differ(expected, actual, truth=truth))


def rule_differs(rules, overload, args, tangents, out, found):
    """What sets a rule's tangent apart from the transposed gradient's, or None."""
    try:
        other = rules.transposed(overload, args, tangents, out)
    except Exception:  # noqa: BLE001 - a gradient that cannot be differentiated again says nothing
        return None
    several = isinstance(out, (tuple, list))
    for value, ours, theirs in zip(out if several else [out], found if several else [found], other if several else [other]):
        if ours is None or theirs is None or not value.is_floating_point() and not value.is_complex():
            continue
        ours, theirs = (t.expand(value.shape) if t.shape != value.shape else t for t in (ours, theirs))
        apart = (ours - theirs).abs()
        if bool((apart > 1e-6 * (1 + theirs.abs())).any()):
            return f"differs by {float(apart.max()):.3g}"
    return None


def make_tangents(oracle, specs, seed):
    """A random tangent for each tensor, drawn once by the oracle for both sides: {id(spec): neutral tensor}."""
    generator = oracle.Generator().manual_seed(2000 + seed)
    made = {}
    for spec in specs:
        value = oracle.randn(spec.sizes, generator=generator, dtype=oracle.float64)
        if spec.dtype.startswith("complex"):
            value = oracle.complex(value, oracle.randn(spec.sizes, generator=generator, dtype=oracle.float64))
        made[id(spec)] = Packer(oracle).pack(value.to(getattr(oracle, spec.dtype)))
    return made


def slopes(lib, call, args, kwargs, tangents, process):
    """(tangents of the continuous results as a neutral list, None), or (None, the exception)."""
    return attempt(lib, tangents, False, lambda builder: [
        observe(lib, lib.zeros_like(value) if tangent is None else tangent) for value, tangent in results(lib, builder, call, args, kwargs, process)])


def differentiate(lib, call, args, kwargs, tangents, process):
    """As `slopes`, for the tangents of the gradients."""
    def gradients(builder):
        found = [value for value, _ in results(lib, builder, call, args, kwargs, process) if value.requires_grad]
        if not found:
            return []
        grads = lib.autograd.grad(found, builder.duals, [lib.ones_like(value) for value in found], allow_unused=True)
        slopes = [None if grad is None else lib.autograd.forward_ad.unpack_dual(grad).tangent for grad in grads]
        return [observe(lib, lib.zeros_like(dual).detach() if slope is None else slope) for dual, slope in zip(builder.duals, slopes)]
    return attempt(lib, tangents, True, gradients)


def results(lib, builder, call, args, kwargs, process):
    """(value, tangent or None) of each continuous result."""
    try:
        given, named = builder.build(args), builder.build(kwargs)
    except Exception as error:  # noqa: BLE001 - a library that cannot take the arguments fails
        raise CannotBuild(brief(error), error) from None
    if hasattr(lib, "manual_seed"):
        lib.manual_seed(SEED)
    found = []
    for value in flatten_values(process(call(*given, **named))):
        if isinstance(value, lib.Tensor) and (value.is_floating_point() or value.is_complex()):
            found.append((value, lib.autograd.forward_ad.unpack_dual(value).tangent))
    return found


def attempt(lib, tangents, follow, ask):
    """(what `ask(builder)` lists within a dual level, None), or (None, the exception)."""
    try:
        with quiet(), lib.autograd.forward_ad.dual_level():
            return Sequence("list", ask(DualBuilder(lib, tangents, follow))), None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the library raises is the observation
        error.__traceback__ = None
        return None, error
