"""Products: values worked out by hand, shapes, errors, gradients, and bits that do not depend on the batch."""
import pytest

import frankentorch as ft
from frankentorch import ops

A = [[1.0, 2.0], [3.0, 4.0]]
B = [[5.0, 6.0], [7.0, 8.0]]


def leaf(data):
    return ft.tensor(data, dtype=ft.float64, requires_grad=True)


def spread(sizes, dtype=ft.float32):
    n = 1
    for size in sizes:
        n *= size
    return ft.sin(ft.arange(n, dtype=ft.float64) * 0.7).reshape(sizes).to(dtype)


def test_mm_multiplies_rows_by_columns():
    assert [[19.0, 22.0], [43.0, 50.0]] == ft.mm(ft.tensor(A), ft.tensor(B)).tolist()


@pytest.mark.parametrize("left, right, result", [
    ((3,), (3,), ()), ((2, 3), (3,), (2,)), ((3,), (3, 4), (4,)), ((2, 3), (3, 4), (2, 4)), ((5, 2, 3), (3,), (5, 2)), ((3,), (5, 3, 4), (5, 4)),
    ((5, 2, 3), (3, 4), (5, 2, 4)), ((2, 3), (5, 3, 4), (5, 2, 4)), ((6, 1, 2, 3), (5, 3, 4), (6, 5, 2, 4)), ((0, 3), (3, 4), (0, 4)), ((2, 0), (0, 4), (2, 4))])
def test_matmul_takes_the_form_of_its_dims(left, right, result):
    found = ft.matmul(ft.ones(left), ft.ones(right))

    assert result == tuple(found.shape)
    assert all(value == left[-1] for value in found.reshape(-1).tolist())
    assert result == tuple(ft.matmul(ft.ones(left, device="meta"), ft.ones(right, device="meta")).shape)


def test_a_slice_of_a_batch_has_the_bits_of_the_whole():
    x, w = spread((7, 33, 65)), spread((65, 19))
    whole = x @ w

    for i in range(7):
        assert whole[i].tolist() == (x[i] @ w).tolist()


def test_gradients_of_mm():
    a, b = leaf(A), leaf(B)
    ft.mm(a, b).backward(ft.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=ft.float64))

    assert [[5.0, 7.0], [12.0, 16.0]] == a.grad.tolist()        # g B^T
    assert [[1.0, 6.0], [2.0, 8.0]] == b.grad.tolist()          # A^T g


def test_linear_adds_the_bias_and_differentiates():
    x, w, b = leaf([[1.0, 2.0]]), leaf([[3.0, 4.0], [5.0, 6.0]]), leaf([10.0, 20.0])
    out = ops.linear(x, w, b)
    out.backward(ft.tensor([[1.0, 2.0]], dtype=ft.float64))

    assert [[21.0, 37.0]] == out.tolist()
    assert [[13.0, 16.0]] == x.grad.tolist()
    assert [[1.0, 2.0], [2.0, 4.0]] == w.grad.tolist()
    assert [1.0, 2.0] == b.grad.tolist()


def test_second_derivative_of_a_product():
    a, b = leaf([[3.0]]), leaf([[5.0]])
    (first,) = ft.autograd.grad(ft.mm(ft.mm(a, b), a), a, create_graph=True)        # a b a: 2 a b
    (second,) = ft.autograd.grad(first, a)

    assert [[30.0]] == first.tolist()
    assert [[10.0]] == second.tolist()


def test_addmm_weighs_both_parts():
    out = ft.addmm(ft.tensor([1.0, 2.0]), ft.tensor(A), ft.tensor(B), beta=10, alpha=2)

    assert [[48.0, 64.0], [96.0, 120.0]] == out.tolist()


def test_beta_zero_does_not_look_at_the_addend():
    out = ft.addmm(ft.full((2,), float("nan")), ft.tensor(A), ft.tensor(B), beta=0)

    assert [[19.0, 22.0], [43.0, 50.0]] == out.tolist()


def test_vdot_conjugates_its_first_operand():
    x, y = ft.tensor([1 + 2j, 3j]), ft.tensor([2 - 1j, 1 + 1j])

    assert (1 - 2j) * (2 - 1j) + (-3j) * (1 + 1j) == ft.vdot(x, y).item()


@pytest.mark.parametrize("call, phrase", [
    (lambda: ft.mm(ft.ones(2, 3), ft.ones(4, 5)), r"shapes cannot be multiplied \(2x3 and 4x5\)"),
    (lambda: ops.linear(ft.ones(2, 3), ft.ones(4, 5)), r"shapes cannot be multiplied \(2x3 and 5x4\)"),
    (lambda: ft.matmul(ft.ones(()), ft.ones(3)), "at least 1D"),
    (lambda: ft.dot(ft.ones(3), ft.ones(4)), "inconsistent tensor size"),
    (lambda: ft.bmm(ft.ones(2, 3, 4), ft.ones(2, 5, 6)), r"\[2, 4\] but got: \[2, 5\]"),
    (lambda: ft.mm(ft.ones(2, 2), ft.ones(2, 2, dtype=ft.float64)), "same dtype"),
    (lambda: ft.einsum("ij,jk", ft.ones(2, 3), ft.ones(4, 5)), "does not broadcast"),
    (lambda: ft.einsum("i?", ft.ones(2)), "invalid subscript")])
def test_errors_name_what_does_not_fit(call, phrase):
    with pytest.raises(RuntimeError, match=phrase):
        call()


@pytest.mark.parametrize("equation, operands, expected", [
    ("ii", (A,), 5.0), ("ii->i", (A,), [1.0, 4.0]), ("ij->ji", (A,), [[1.0, 3.0], [2.0, 4.0]]), ("ij->", (A,), 10.0), ("ij->j", (A,), [4.0, 6.0]),
    ("ij,jk", (A, B), [[19.0, 22.0], [43.0, 50.0]]), ("ij,ij->i", (A, B), [17.0, 53.0]), ("i,j->ij", ([1.0, 2.0], [3.0, 4.0]), [[3.0, 4.0], [6.0, 8.0]]),
    ("...j,j->...", (A, [1.0, 10.0]), [21.0, 43.0]), ("ij,jk,k->i", (A, B, [1.0, 1.0]), [41.0, 93.0])])
def test_einsum(equation, operands, expected):
    assert expected == ft.einsum(equation, *(ft.tensor(data) for data in operands)).tolist()


def test_einsum_takes_sublists():
    assert [[19.0, 22.0], [43.0, 50.0]] == ft.einsum(ft.tensor(A), [0, 1], ft.tensor(B), [1, 2], [0, 2]).tolist()


def test_tensordot_over_pairs_of_dims():
    assert 70.0 == ft.tensordot(ft.tensor(A), ft.tensor(B), 2).item()
    assert [[17.0, 23.0], [39.0, 53.0]] == ft.tensordot(ft.tensor(A), ft.tensor(B), ([1], [1])).tolist()


def test_kron_and_cross():
    assert [[3.0, 6.0], [4.0, 8.0]] == ft.kron(ft.tensor([[1.0, 2.0]]), ft.tensor([[3.0], [4.0]])).tolist()
    assert [-3.0, 6.0, -3.0] == ft.cross(ft.tensor([1.0, 2.0, 3.0]), ft.tensor([4.0, 5.0, 6.0]), dim=0).tolist()


def test_distances_of_all_pairs():
    x = ft.tensor([[0.0, 0.0], [3.0, 4.0]])

    assert [[0.0, 5.0], [5.0, 0.0]] == ft.cdist(x, x).tolist()
    assert [[0.0, 7.0], [7.0, 0.0]] == ft.cdist(x, x, p=1.0).tolist()


@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16], ids=str)
@pytest.mark.parametrize(("m", "n", "k"), [(1, 40, 700), (5, 33, 70), (30, 500, 300), (70, 3, 9), (4, 1, 300), (2, 5, 0)])
def test_a_product_of_halves_with_an_addend_rounds_once(dtype, m, n, k):
    ft.manual_seed(0)
    a, w, z = ft.randn(m, k).to(dtype), ft.randn(n, k).to(dtype), ft.randn(n).to(dtype)
    exact = ft.addmm(z.float(), a.float(), w.float().t())
    scaled = ft.addmm(z.float(), a.float(), w.float().t(), beta=0.5, alpha=2)

    assert ft.nn.functional.linear(a, w, z).equal(exact.to(dtype))
    assert ft.addmm(z, a, w.t()).equal(exact.to(dtype))
    assert ft.addmm(z, a.t().contiguous().t(), w.t().contiguous(), beta=0.5, alpha=2).equal(scaled.to(dtype))
    assert ft.baddbmm(z, a[None].expand(3, m, k), w.t()[None].expand(3, k, n))[1].equal(exact.to(dtype))
    assert ft.addmv(z, w, a[0]).equal(ft.addmv(z.float(), w.float(), a[0].float()).to(dtype))
    assert ft.addmv(z, w, a.t().contiguous()[:, 0]).equal(ft.addmv(z.float(), w.float(), a[0].float()).to(dtype))
