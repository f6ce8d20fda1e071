"""Every row that has a batching rule against the loop over examples, over samples made from the row's own arguments."""
import pytest

from frankentorch import batching, ops
from frankentorch.ops.registry import overloads
from frankentorch.optable import batch

SAMPLES = {
    "sum": [((2, 3),)], "sum.dim_IntList": [((2, 3), (1,)), ((2, 3), (-1,), True), ((), ()), ((2, 3), None)], "mean.dim": [((2, 3), (0,))], "amax": [((2, 3), ()), ((2, 3), (1,))],
    "argmax": [((2, 3), None, True), ((2, 3), 1)], "cumsum": [((2, 3), -1), ((), 0)], "sort": [((2, 3), 0, True)], "topk": [((4,), 2)], "softmax": [((2, 3), 1), ((), 0)],
    "permute": [((2, 3, 4), (2, 0, 1))], "transpose": [((2, 3), 0, -1)], "t": [((2, 3),), ((2,),)], "select": [((2, 3), 1, -1)], "slice": [((5,), 0, 1, 5, 2)], "squeeze": [((1, 3, 1),)],
    "squeeze.dim": [((1, 3), 0)], "unsqueeze": [((3,), -1), ((3,), 0)], "expand": [((1, 3), (4, 2, 3)), ((3,), (2, -1))], "view": [((2, 6), (3, -1)), ((), (1,))],
    "diagonal": [((3, 3), 1), ((2, 3, 3), 0, 1, 2)], "unfold": [((6,), 0, 2, 2)], "flip": [((2, 3), (0, -1))], "_rolled": [((2, 3), 1, -1)], "tril": [((3, 3), -1)], "unbind": [((2, 3), 1)], "split": [((5,), 2, 0)],
    "diag_embed": [((3,),)], "constant_pad_nd": [((2, 3), (1, 0, 0, 2), 5)], "as_strided": [((6,), (2, 2), (2, 1), 1)], "clone": [((2, 3),)],
    "mm": [((2, 3), (3, 4))], "bmm": [((2, 2, 3), (2, 3, 4))], "mv": [((2, 3), (3,))], "dot": [((3,), (3,))], "addmm": [((4,), (2, 3), (3, 4))], "linear": [((2, 3), (4, 3), (4,)), ((3,), (4, 3))],
    "add": [((2, 3), (3,)), ((), (2, 3)), ((3,), ())], "addcmul": [((3,), (2, 1), (3,))], "_where": [], "atan2": [((2, 3), (1,))],
    "convolution": [((2, 4, 5), (6, 2, 3), (6,), (1,), (1,), (1,), False, (0,), 2), ((2, 4, 5), (4, 3, 3), None, (2,), (1,), (1,), True, (1,), 2)],
    "max_pool2d_with_indices": [((2, 4, 4), (2, 2)), ((3, 2, 4, 4), (2, 2))], "avg_pool1d": [((2, 6), (2,))], "_layer_norm": [((2, 3), (3,), (3,), (3,), 1e-5)],
    "_group_norm": [((2, 4, 3), 2, (4,), (4,), 1e-5)], "_batch_norm_train": [((3, 2, 2), (2,), (2,), None, None, 0.1, 1e-5)], "_attention": [((2, 3, 4), (2, 5, 4), (2, 5, 4), None, 0.5, False)],
    "select_scatter": [((2, 3), (2,), 1, 0)], "slice_scatter": [((4,), (2,), 0, 1, 3)], "diagonal_scatter": [((3, 3), (3,))], "linalg_inv": [((2, 2),)],
    "cat": [], "stack": [],
}
CASES = [(name, number) for name, cases in SAMPLES.items() for number in range(len(cases))]


def build(argument, seed):
    shape = tuple(argument)
    count = 1
    for n in shape:
        count *= n
    values = [((17 * k + 5 * seed) % 23) / 7 - 1.3 for k in range(count)]
    return ops.reshape(ops.tensor(values, dtype=ops.float64), shape)


def is_tensor_kind(overload, i):
    kinds = [argument[1] for argument in overload.row[2]]
    return kinds[i] in (0, 1, 4, 5)


def spread(overload, sample):
    """(argument is a tensor, batches or the value itself) for each argument given."""
    out = []
    for i, value in enumerate(sample):
        if is_tensor_kind(overload, i) and isinstance(value, tuple):
            out.append((True, ops.stack([build(value, 3 * i + k) for k in range(3)])))
        else:
            out.append((False, value))
    return out


def positional(overload, given):
    """All arguments of the row: those given, then defaults."""
    defaults = [argument[4] for argument in overload.row[2]]
    return tuple(given) + tuple(defaults[len(given):])


def leaves(value):
    return [item for item in (value if isinstance(value, (tuple, list)) else (value,)) if item is not None]


@pytest.mark.parametrize("name, number", CASES)
def test_rule_equals_the_loop(name, number):
    """With all tensors batched, and with each of them the same for all."""
    from frankentorch._ext import dispatch
    overload = overloads[name]
    sample = spread(overload, SAMPLES[name][number])
    tensors = [i for i, (is_tensor, _) in enumerate(sample) if is_tensor]
    for shared in [None, *(tensors if len(tensors) > 1 else ())]:
        expected = []
        for k in range(3):
            args = [value[0 if i == shared else k].clone() if is_tensor else value for i, (is_tensor, value) in enumerate(sample)]
            expected.append(leaves(dispatch.run_overload(overload, positional(overload, args), 0, None)))
        with batching.Level(3) as level:
            args = [(value[0] if i == shared else level.wrap(value)) if is_tensor else value for i, (is_tensor, value) in enumerate(sample)]
            found = [level.whole(item) for item in leaves(dispatch.run_overload(overload, positional(overload, args), 0, None))]
        for j, item in enumerate(found):
            whole = ops.stack([row[j] for row in expected])
            assert tuple(item.shape) == tuple(whole.shape)
            assert item.dtype is whole.dtype
            assert ops.allclose(item.to(ops.float64), whole.to(ops.float64), 1e-9, 1e-12), (name, shared, j)


def test_each_row_with_a_rule_of_its_own_has_one_and_no_other():
    own = {overload.full_name for overload in overloads.values() if overload.batch == "own"}

    assert own == set(batching.NAMED)


def test_the_loop_over_examples_is_a_rule_for_every_row():
    """A row without a mark: `cdist`-like rows run example by example."""
    value = ops.reshape(ops.arange(24, dtype=ops.float64), (2, 3, 4))
    with batching.Level(2) as level:
        found = level.whole(ops.put(level.wrap(value), ops.tensor([0, 5]), ops.tensor([1., 2.], dtype=ops.float64)))

    assert ops.reshape(found, (2, 12))[:, 5].tolist() == [2.0, 2.0]


def test_marks_name_rows_of_the_table():
    class Row:
        def __init__(self, name):
            self.full_name, self.batch = name, ""
    with pytest.raises(Exception, match="no row has this name"):
        batch.mark([Row("nothing")])


def test_a_kernel_that_is_handed_an_example_reads_nothing():
    """Whatever bypasses the door makes a tensor without data, and the next op says so."""
    from frankentorch._ext import create
    with batching.Level(2) as level:
        stray = create.cast_copy(level.wrap(ops.ones((2, 3))), None, 0)
        with pytest.raises(RuntimeError, match="without data beside examples"):
            ops.add(level.wrap(ops.ones((2, 3))), stray)
