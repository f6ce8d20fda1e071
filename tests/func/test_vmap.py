"""vmap: sides of arguments and results, what a function of one example may do, randomness, chunks, nesting."""
import pytest


@pytest.fixture
def x(ft):
    return ft.tensor([[1., 2., 3.], [4., 5., 6.]])


def test_a_function_of_one_example_runs_on_all(ft, x):
    assert ft.vmap(ft.dot)(x, x).tolist() == [14.0, 77.0]


def test_in_dims_say_which_dim_counts_examples(ft, x):
    assert ft.vmap(lambda column: column.sum(), in_dims=1)(x).tolist() == [5.0, 7.0, 9.0]
    assert ft.vmap(lambda column: column.sum(), in_dims=-1)(x).tolist() == [5.0, 7.0, 9.0]
    assert ft.vmap(lambda row, v: row @ v, in_dims=(0, None))(x, ft.tensor([1., 0., 1.])).tolist() == [4.0, 10.0]


def test_in_dims_follow_nested_arguments(ft, x):
    def weighed(batch, scale):
        return batch["a"] * scale[0] + batch["b"]
    found = ft.vmap(weighed, in_dims=({"a": 0, "b": None}, (0,)))({"a": x, "b": ft.ones(3)}, (ft.tensor([1., 10.]),))

    assert found.tolist() == [[2.0, 3.0, 4.0], [41.0, 51.0, 61.0]]


def test_out_dims_say_where_examples_go(ft, x):
    one, two, same = ft.vmap(lambda row: (row, row.sum(), ft.ones(2)), out_dims=(1, 0, None))(x)

    assert one.tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    assert two.tolist() == [6.0, 15.0]
    assert same.tolist() == [1.0, 1.0]


def test_what_is_the_same_for_all_is_spread(ft, x):
    assert ft.vmap(lambda row: ft.ones(2))(x).tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_inside_a_tensor_looks_like_one_example(ft, x):
    seen = []

    def look(row):
        seen.append((tuple(row.shape), row.dim(), row.stride(), len(row), row.dtype, row.requires_grad, row.device.type, row.is_meta, row.numel()))
        return row
    ft.vmap(look)(x.requires_grad_())

    assert seen == [((3,), 1, (1,), 3, ft.float32, False, "cpu", False, 3)]


def test_results_keep_their_nesting(ft, x):
    found = ft.vmap(lambda row: {"largest": row.max(0), "rest": [row, (row,)]})(x)

    assert found["largest"].values.tolist() == [3.0, 6.0] and found["largest"].indices.tolist() == [2, 2]
    assert isinstance(found["rest"], list) and isinstance(found["rest"][1], tuple)


def test_keyword_arguments_are_the_same_for_all(ft, x):
    assert tuple(ft.vmap(lambda row, table=None: row + table)(x, table=x).shape) == (2, 2, 3)


def test_several_threads(ft, x):
    import threading
    found = {}

    def run(name):
        for _ in range(10):
            found[name] = ft.vmap(ft.func.grad(lambda row: (row ** 2).sum()))(x).tolist()
    threads = [threading.Thread(target=run, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(found.values()) == [[[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]] * 4


def test_nested_vmaps(ft, x):
    table = ft.vmap(ft.vmap(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None))(x[0], x[1])

    assert table.tolist() == [[4.0, 5.0, 6.0], [8.0, 10.0, 12.0], [12.0, 15.0, 18.0]]


def test_indexing_and_writing_an_example(ft, x):
    def shifted(row, place):
        out = ft.zeros_like(row)
        out[1:] = row[:-1]
        out[0] = row[place]
        out.mul_(2)
        return out, row[ft.tensor([2, 0])], row[place]
    out, picked, one = ft.vmap(shifted)(x, ft.tensor([2, 0]))

    assert out.tolist() == [[6.0, 2.0, 4.0], [8.0, 8.0, 10.0]]
    assert picked.tolist() == [[3.0, 1.0], [6.0, 4.0]]
    assert one.tolist() == [3.0, 4.0]


def test_in_place_writes_reach_the_argument(ft, x):
    ft.vmap(lambda row: row.add_(1))(x)

    assert x.tolist() == [[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]]


def test_promotion_counts_an_example_of_no_dims_as_such(ft):
    one, two = ft.tensor([1., 2.], dtype=ft.float64), ft.ones(2, 3)

    assert ft.vmap(lambda a, b: a * b)(one, two).dtype is ft.float32
    assert ft.vmap(lambda a: a * ft.ones((), dtype=ft.float64))(ft.ones(2)).dtype is ft.float64


def test_choices_are_by_where(ft, x):
    assert ft.vmap(lambda row: ft.where(row.sum() > 10, row, -row))(x).tolist() == [[-1.0, -2.0, -3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize("function, phrase", [
    (lambda ft, row: row.sum().item(), r"calling .item\(\) on a Tensor"),
    (lambda ft, row: float(row.sum()), r"calling .item\(\) on a Tensor"),
    (lambda ft, row: row if row.sum() > 0 else -row, "data-dependent control flow"),
    (lambda ft, row: row.tolist(), "Cannot access data pointer"),
    (lambda ft, row: row.numpy(), "Cannot access data pointer"),
    (lambda ft, row: ft.tensor([row[0], row[1]]), r"calling .item\(\) on a Tensor"),
    (lambda ft, row: row.data, "not allowed"),
    (lambda ft, row: row.nonzero(), "dynamic shape"),
    (lambda ft, row: row.unique(), "dynamic shape"),
    (lambda ft, row: row[row > 0], "boolean mask"),
    (lambda ft, row: ft.equal(row, row), "Batching rule not implemented for aten::equal"),
    (lambda ft, row: ft.add(row, row, out=ft.empty(3)), "Batching rule not implemented for aten::add.out"),
    (lambda ft, row: ft.zeros(3).copy_(row), "inplace arithmetic"),
    (lambda ft, row: ft.zeros(3).scatter_(0, ft.tensor([0]), row[:1]), "is not possible because there exists a Tensor"),
    (lambda ft, row: row + ft.rand(3), "randomness error mode"),
    (lambda ft, row: ft.nn.functional.dropout(row), "randomness error mode")])
def test_what_has_no_answer_is_refused(ft, x, function, phrase):
    with pytest.raises(RuntimeError, match=phrase):
        ft.vmap(lambda row: function(ft, row))(x)


@pytest.mark.parametrize("make, phrase", [
    (lambda ft, x: ft.vmap(lambda a: a, in_dims=(0, 0))(x), "in_dims is not compatible with the structure"),
    (lambda ft, x: ft.vmap(lambda a: a, in_dims=3)(x), "Tensor of dimensionality 2"),
    (lambda ft, x: ft.vmap(lambda a: a, in_dims="a")(x), "expected `in_dims` to be int"),
    (lambda ft, x: ft.vmap(lambda a: a, in_dims=None)(x), "expected `in_dims` to be int"),
    (lambda ft, x: ft.vmap(lambda a: a, in_dims=(0.5,))(x), "must be either an integer dimension or None"),
    (lambda ft, x: ft.vmap(lambda a, b: a)(x, 3), "We cannot vmap over non-Tensor arguments"),
    (lambda ft, x: ft.vmap(lambda: 1)(), "got no inputs"),
    (lambda ft, x: ft.vmap(lambda a, b: a + b)(x, x.t()), "same size in the mapped dimension"),
    (lambda ft, x: ft.vmap(lambda a: None)(x), "must only return Tensors"),
    (lambda ft, x: ft.vmap(lambda a: (a, 3))(x), "must only return Tensors"),
    (lambda ft, x: ft.vmap(lambda a: (a, a), out_dims=(0, 0, 0))(x), "out_dims is not compatible"),
    (lambda ft, x: ft.vmap(lambda a: a, out_dims="a")(x), "`out_dims` must be an int"),
    (lambda ft, x: ft.vmap(lambda a: a, out_dims=None)(x), "can not return a BatchedTensor"),
    (lambda ft, x: ft.vmap(lambda a: a)(ft.tensor(1.)), "Tensor of dimensionality 0"),
    (lambda ft, x: ft.vmap(lambda a: a, chunk_size=0)(x), "chunk_size should be None or greater than 0")])
def test_sides_that_do_not_fit(ft, x, make, phrase):
    with pytest.raises(ValueError, match=phrase):
        make(ft, x)


def test_other_errors(ft, x):
    with pytest.raises(RuntimeError, match="Only allowed values for randomness"):
        ft.vmap(lambda a: a, randomness="foo")
    with pytest.raises(IndexError, match="out of range"):
        ft.vmap(lambda a: a, out_dims=4)(x)
    with pytest.raises(IndexError, match="out of bounds"):
        ft.vmap(lambda a: a[5])(x)


def test_an_error_inside_leaves_nothing_behind(ft, x):
    with pytest.raises(ZeroDivisionError):
        ft.vmap(lambda a: 1 / 0)(x)

    assert (x + 1).tolist()[0] == [2.0, 3.0, 4.0]


def test_same_draws_once_and_different_draws_all(ft, x):
    ft.manual_seed(3)
    same = ft.vmap(lambda row: ft.rand(2), randomness="same")(x)
    ft.manual_seed(3)
    different = ft.vmap(lambda row: ft.rand(2), randomness="different")(x)
    ft.manual_seed(3)
    drawn = ft.rand(2, 2)

    assert same.tolist() == [drawn[0].tolist()] * 2
    assert different.tolist() == drawn.tolist()


def test_random_numbers_are_the_oracles(ft, oracle):
    draws = [lambda lib, row: lib.randn(3) + row, lambda lib, row: lib.rand_like(row), lambda lib, row: lib.nn.functional.dropout(row),
             lambda lib, row: lib.randint(0, 9, (3,)), lambda lib, row: lib.randperm(5), lambda lib, row: lib.zeros_like(row).uniform_()]
    for mode in ("same", "different"):
        for draw in draws:
            found = []
            for lib in (ft, oracle):
                lib.manual_seed(7)
                found.append(lib.vmap(lambda row, lib=lib: draw(lib, row), randomness=mode)(lib.ones(4, 3)).tolist())
            assert found[0] == found[1]


def test_writing_random_numbers_into_what_all_share(ft, x):
    with pytest.raises(RuntimeError, match="different inplace randomness on an unbatched tensor"):
        ft.vmap(lambda row: row + ft.zeros(3).uniform_(), randomness="different")(x)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7])
def test_chunks_give_the_whole(ft, chunk_size):
    batch = ft.arange(14.).reshape(7, 2)

    assert ft.vmap(lambda row: (row * 2, row.sum()), chunk_size=chunk_size, out_dims=(1, 0))(batch)[0].tolist() == (batch * 2).t().tolist()


def test_gradients_flow_through_vmap(ft, x):
    x.requires_grad_()
    ft.vmap(lambda row: (row ** 2).sum())(x).sum().backward()

    assert x.grad.tolist() == [[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]


def test_backward_inside_may_not_sum_examples_into_one_leaf(ft, x):
    shared = ft.ones(3, requires_grad=True)

    def run(row):
        (row * shared).sum().backward()
        return row
    with pytest.raises(RuntimeError, match="gradient per example"):
        ft.vmap(run)(x)


def test_grads_batched(ft):
    a = ft.tensor([1., 2., 3.], requires_grad=True)
    found, = ft.autograd.grad(a * a, a, ft.eye(3), is_grads_batched=True)

    assert found.tolist() == [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]


def test_batches_of_no_examples(ft):
    assert tuple(ft.vmap(lambda row: (row * 2).sum())(ft.ones(0, 3)).shape) == (0,)
    assert tuple(ft.vmap(lambda row: row.reshape(3, 1))(ft.ones(0, 3)).shape) == (0, 3, 1)


def test_printing_an_example_shows_the_batch(ft, x):
    seen = []
    ft.vmap(lambda row: (seen.append(repr(row)), row)[1])(x)

    assert seen[0].startswith("BatchedTensor(lvl=") and "[1., 2., 3.]" in seen[0]
