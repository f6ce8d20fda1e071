"""Every entry × dtype × layout: what one call gives, all other ways to make the same call give, bit by bit.

No oracle is needed: a library is compared with itself. Samples are the recorded ones (cases.py), so
an entry that is added to the record is covered here with no new code. What artifacts/parity.json
lists as not agreeing yet is left out, for a refused call has no bits to compare.
"""
import pytest

pytest.importorskip("numpy")
pytest.importorskip("zstandard")

from conformance.adapters import find_call  # noqa: E402
from conformance.carrier import Sequence, TensorSpec, dtype_name, tree_tensors  # noqa: E402
from conformance.check import Backward, attempt, flatten, flatten_values, on_copy, quiet, with_out  # noqa: E402
from conformance.compare import Comparison, Seen, brief, observe  # noqa: E402
from conformance.record import plain_cotangent  # noqa: E402
from tests.ops import cases  # noqa: E402
from tests.ops.test_recorded import agreed  # noqa: E402

THREADS = (1, 2, 8)


@pytest.fixture(params=cases.keys())
def key(request, subject_name):
    key = request.param
    if subject_name == "frankentorch" and not any(agreed(key, dtype) for dtype in cases.dtypes(key)):
        pytest.skip(f"artifacts/parity.json lists no agreement for {key}")
    return key


def samples(key, ft):
    for dtype in cases.dtypes(key):
        if ft.__name__ == "frankentorch" and not agreed(key, dtype):
            continue
        for number, sample in cases.answered(key, dtype):
            yield f"{dtype} sample {number}", sample


def call_of(key, ft):
    return find_call(ft, cases.name_of(key), cases.variant_of(key))


def bits(answer, gradients=None):
    """Result and gradients as values only: layouts of inputs may show in strides, not in numbers."""
    if answer.error is not None:
        return brief(answer.error)
    seen = [answer.seen(True)]
    if gradients is not None:
        seen += gradients
    return Sequence("list", seen)


def unequal(expected, actual):
    """First difference in structure, dtype, shape or bits; None when equal."""
    if isinstance(expected, str) or isinstance(actual, str):
        return None if expected == actual else f"{actual}, expected {expected}"
    for check, message in Comparison(exact=True).trees(expected, actual):
        if check in ("structure", "dtype", "shape", "value"):
            return f"{check}: {message}"
    return None


def ask(ft, call, args, kwargs):
    """Forward, and backward where something requires a gradient."""
    answer = attempt(ft, call, args, kwargs)
    if answer.error is not None:
        return bits(answer)
    side = Backward(ft, answer, lambda value: value)
    if side.error is not None or not side.outs or not side.leaves:
        return bits(answer)
    with quiet():
        ran = side.run([plain_cotangent(dtype_name(out.dtype), tuple(out.shape)) for out in side.outs], False)
    if not ran:
        return bits(answer, [brief(side.error)])
    return bits(answer, [observe(ft, grad) for grad in side.grads])


def test_bits_do_not_depend_on_layout(ft, key):
    name = cases.name_of(key)
    if name in cases.LAYOUT_IS_THE_ANSWER | cases.UNDEFINED_VALUES | cases.UNIFORM:
        pytest.skip("the answer is a matter of layout")
    call = call_of(key, ft)
    failures = []
    for label, sample in samples(key, ft):
        args, kwargs = sample["args"], sample["kwargs"]
        plain = ask(ft, call, *(cases.laid_out(tree, cases.contiguous) for tree in (args, kwargs)))
        for layout, function in cases.LAYOUTS.items():
            wrong = unequal(plain, ask(ft, call, *(cases.laid_out(tree, function) for tree in (args, kwargs))))
            if wrong:
                failures.append((label, layout, wrong))
        expanded, full = zip(*map(cases.first_rows_expanded, (args, kwargs)))
        wrong = unequal(ask(ft, call, *full), ask(ft, call, *expanded))
        if wrong:
            failures.append((label, "expanded", wrong))

    assert failures == []


def test_bits_do_not_depend_on_threads(ft, key):
    if cases.name_of(key) in cases.UNDEFINED_VALUES:
        pytest.skip("memory is undefined")
    call = call_of(key, ft)
    answers = {}
    for threads in THREADS:
        ft.set_num_threads(threads)
        for label, sample in samples(key, ft):
            answers.setdefault(label, []).append(ask(ft, call, sample["args"], sample["kwargs"]))

    failures = [(label, wrong) for label, (first, *others) in answers.items() for other in others
                if (wrong := unequal(first, other))]

    assert failures == []


def test_in_place_form_gives_the_same_bits(ft, key):
    name = cases.name_of(key)
    form = f"{name}_"
    if not cases.plain_function(name) or not hasattr(ft.Tensor, form):
        pytest.skip("no in-place form")
    failures = []
    for label, sample in samples(key, ft):
        args, kwargs, result = sample["args"], sample["kwargs"], sample["result"]
        first = args.items[0] if args.items else None
        if not isinstance(first, TensorSpec) or not isinstance(result, Seen):
            continue
        if (first.dtype, first.sizes) != (result.dtype, result.sizes):
            continue
        expected = attempt(ft, call_of(key, ft), args, kwargs)
        actual = attempt(ft, on_copy(lambda copy, *rest, **named: getattr(copy, form)(*rest, **named)), args, kwargs)
        if expected.error is not None or actual.error is not None:
            failures.append((label, brief(expected.error or actual.error)))
            continue
        result, copy = actual.value
        if result is not copy:
            failures.append((label, "does not return the tensor it was called on"))
        wrong = unequal(observe(ft, expected.value), observe(ft, result))
        if wrong:
            failures.append((label, wrong))

    assert failures == []


def has_out(key):
    """Whether the table says that the op has an out= form."""
    optable = pytest.importorskip("frankentorch.optable")
    name = cases.name_of(key).rpartition(".")[2]
    return any("out" in row.forms for row in optable.find(name))


def test_out_form_gives_the_same_bits(ft, key):
    if not cases.plain_function(cases.name_of(key)) or not has_out(key):
        pytest.skip("no out= form")
    if cases.name_of(key) in cases.UNDEFINED_VALUES:
        pytest.skip("memory is undefined")
    failures = []
    for label, sample in samples(key, ft):
        args, kwargs = (without_gradients(sample[part]) for part in ("args", "kwargs"))
        expected = sample["result"]
        if not all(isinstance(item, Seen) for item in flatten(expected)):
            continue
        plain = attempt(ft, call_of(key, ft), args, kwargs)
        answer = attempt(ft, with_out(ft, call_of(key, ft), expected), args, kwargs)
        if answer.error is not None:
            failures.append((label, brief(answer.error)))
            continue
        result, given = answer.value
        if not all(a is b for a, b in zip(flatten_values(result), given)):
            failures.append((label, "result is not the tensor given as out"))
        wrong = unequal(Sequence("list", flatten(plain.seen(True))), observe(ft, given))
        if wrong:
            failures.append((label, wrong))

    assert failures == []


def without_gradients(tree):
    from conformance.carrier import rewrite
    from conformance.check import without_grad

    return rewrite(tree, without_grad)


def test_meta_gives_shape_dtype_and_strides_of_cpu(ft, key):
    if cases.name_of(key) in cases.DATA_DEPENDENT:
        pytest.skip("the shape depends on values")
    if cases.name_of(key) == "to":
        pytest.skip("its samples name the cpu, where a meta tensor cannot go")
    call = call_of(key, ft)
    failures = []
    for label, sample in samples(key, ft):
        args, kwargs = sample["args"], sample["kwargs"]
        if not any(True for tree in (args, kwargs) for _ in tree_tensors(tree)) or names_a_device(args, kwargs):
            continue
        if counts_a_mask(key, args):
            continue
        cpu = attempt(ft, call, args, kwargs)
        meta = attempt(ft, lambda *given, **named: call(*to_meta(ft, given), **to_meta(ft, named)), args, kwargs)
        if meta.error is not None:
            failures.append((label, brief(meta.error)))
            continue
        for ours, theirs in zip(flatten_values(meta.value), flatten_values(cpu.value)):
            if facts(ours) != facts(theirs):
                failures.append((label, f"meta {facts(ours)}, cpu {facts(theirs)}"))
            if isinstance(ours, ft.Tensor) and str(ours.device) != "meta":
                failures.append((label, f"result on {ours.device}"))

    assert failures == []


def names_a_device(args, kwargs):
    from conformance.carrier import Named

    return "device" in kwargs or any(isinstance(item, Named) and item.kind == "device" for item in args.items)


def counts_a_mask(key, args):
    """Indexing by a mask: the number of results is the number of ones in it."""
    masks = [spec for spec in list(tree_tensors(args))[1:] if spec.dtype in ("bool", "uint8")]
    return cases.name_of(key) == "__getitem__" and bool(masks)


def to_meta(ft, value):
    if isinstance(value, ft.Tensor):
        made = ft.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
        return made.requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {name: to_meta(ft, item) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, ft.Size):
        return type(value)(to_meta(ft, item) for item in value)
    return value


def facts(value):
    """Shape, dtype and strides; for anything but a tensor the value itself."""
    if not hasattr(value, "stride"):
        return value
    strides = () if 0 in value.shape else [s for size, s in zip(value.shape, value.stride()) if size > 1]
    return str(value.dtype), list(value.shape), list(strides)
