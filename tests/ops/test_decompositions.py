"""Singular values and norms of matrices, by values worked out by hand; derivatives by differences."""
import math

import pytest

import frankentorch as ft

pytest.importorskip("numpy")


def matrix(values, **options):
    return ft.tensor(values, dtype=ft.float64, **options)


def test_singular_values_of_a_diagonal_are_its_sizes_in_order():
    assert [4.0, 3.0] == ft.linalg.svdvals(matrix([[-3.0, 0.0], [0.0, 4.0]])).tolist()


def test_parts_multiply_to_the_matrix_and_lie_column_by_column():
    A = matrix([[1.0, 2, 3], [4, 5, 7]])
    U, S, Vh = ft.linalg.svd(A, full_matrices=False)

    assert (U * S @ Vh - A).abs().max() < 1e-14
    assert ((2, 2), (1, 2)) == (tuple(U.shape), U.stride()) and ((2, 3), (1, 2)) == (tuple(Vh.shape), Vh.stride())
    assert (3, 3) == tuple(ft.linalg.svd(A)[2].shape)


@pytest.mark.parametrize("ord, expected", [("fro", 5.0), ("nuc", 7.0), (2, 4.0), (-2, 3.0), (1, 4.0), (-1, 3.0), (math.inf, 4.0), (-math.inf, 3.0)])
def test_norms_of_a_diagonal(ord, expected):
    A = matrix([[-3.0, 0.0], [0.0, 4.0]])

    assert expected == pytest.approx(ft.linalg.matrix_norm(A, ord).item(), abs=1e-14)
    assert expected == pytest.approx(ft.linalg.norm(A, ord).item(), abs=1e-14)
    assert (1, 1) == tuple(ft.linalg.matrix_norm(A, ord, keepdim=True).shape)


def test_gradient_of_the_nuclear_norm_is_the_orthogonal_part():
    """For a positive diagonal, U V^H is the unit matrix."""
    A = matrix([[2.0, 0.0], [0.0, 5.0]], requires_grad=True)
    ft.norm(A, "nuc").backward()

    assert (A.grad - ft.eye(2, dtype=ft.float64)).abs().max() < 1e-14


@pytest.mark.parametrize("dtype", [ft.float64, ft.complex128])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_derivative_of_the_parts_agrees_with_differences(dtype, shape):
    """A function of U, S and Vh that does not depend on the vectors' phases."""
    generator = ft.Generator().manual_seed(1)
    A, along, left, right = (ft.randn(shape, dtype=dtype, generator=generator) for _ in range(4))

    def value(A):
        U, S, Vh = ft.linalg.svd(A, full_matrices=False)
        first = U[:, :1] @ Vh[:1]
        return (first * left).abs().sum() + (U[:, 1:] @ Vh[1:] * right).abs().sum() + (S * S).sum()

    grad, = ft.autograd.grad(value(A.requires_grad_()), A)
    slope = ft.real(ft.conj(grad) * along).sum().item()
    with ft.no_grad():
        difference = (value(A + 1e-6 * along) - value(A - 1e-6 * along)).item() / 2e-6

    assert slope == pytest.approx(difference, rel=1e-6)


def test_a_matrix_that_is_not_finite_is_refused():
    with pytest.raises(ft.linalg.LinAlgError, match="non-finite"):
        ft.linalg.svd(matrix([[math.nan]]))
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        ft.linalg.svdvals(matrix([1.0]))


def test_abs_of_complex_numbers_has_no_place_in_them():
    with pytest.raises(RuntimeError, match="In-place abs is not supported for complex"):
        ft.tensor([3 + 4j]).abs_()


def test_silu_of_a_complex_number():
    z = 1 + 2j
    expected = z / (1 + complex(math.e) ** -z)

    assert abs(ft.nn.functional.silu(ft.tensor([z], dtype=ft.complex128)).item() - expected) < 1e-15


def test_ends_of_integer_ranges_are_cut_before_the_points_are_found():
    assert [0, 0, 1, 2, 3] == ft.linspace(0, 3.7, 5, dtype=ft.int64).tolist()
    assert [1, 1, 2, 4, 8] == ft.logspace(0, 3.7, 5, 2, dtype=ft.int64).tolist()


def test_step_of_arange_must_be_a_number_beside_zero():
    for step in (0, 0.0, math.nan):
        with pytest.raises(RuntimeError, match="step must be nonzero"):
            ft.arange(0, 5, step)
    with pytest.raises(ValueError, match="step must be nonzero"):
        ft.arange(0, 5, 0.3, dtype=ft.int64)


# ---- systems of equations ----
def test_inverse_determinant_and_solution_of_a_small_system():
    """[[2, 1], [1, 1]] has the determinant 1 and the inverse [[1, -1], [-1, 2]]."""
    A = matrix([[2.0, 1.0], [1.0, 1.0]])

    assert pytest.approx([1.0, -1.0, -1.0, 2.0]) == ft.linalg.inv(A).flatten().tolist()
    assert pytest.approx(1.0) == ft.linalg.det(A).item()
    assert pytest.approx([1.0, 3.0]) == ft.linalg.solve(A, matrix([5.0, 4.0])).tolist()
    assert pytest.approx([-1.0, 0.0]) == [part.item() for part in ft.linalg.slogdet(matrix([[0.0, 1.0], [1.0, 0.0]]))]


def test_triangular_factor():
    """[[4, 2], [2, 5]] is the square of [[2, 0], [1, 2]]."""
    A = matrix([[4.0, 2.0], [2.0, 5.0]])

    assert [[2.0, 0.0], [1.0, 2.0]] == ft.linalg.cholesky(A).tolist()
    assert [[2.0, 1.0], [0.0, 2.0]] == ft.linalg.cholesky(A, upper=True).tolist()


def test_derivatives_of_inverse_and_determinant():
    """d det = the cofactors; of a diagonal inverse, -1 / a^2."""
    A = matrix([[2.0, 3.0], [5.0, 7.0]], requires_grad=True)
    cofactors, = ft.autograd.grad(ft.linalg.det(A), A)
    singular = matrix([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    of_singular, = ft.autograd.grad(ft.linalg.det(singular), singular)
    D = matrix([[2.0, 0.0], [0.0, 4.0]], requires_grad=True)
    slopes, = ft.autograd.grad(ft.linalg.inv(D).trace(), D)

    assert pytest.approx([7.0, -5.0, -3.0, 2.0]) == cofactors.flatten().tolist()
    assert pytest.approx([4.0, -2.0, -2.0, 1.0]) == of_singular.flatten().tolist()
    assert pytest.approx([-0.25, 0.0, 0.0, -0.0625]) == slopes.flatten().tolist()


@pytest.mark.parametrize("call, words", [
    (lambda: ft.linalg.inv(ft.zeros(2, 2)), "singular"),
    (lambda: ft.linalg.solve(ft.zeros(2, 2), ft.ones(2)), "singular"),
    (lambda: ft.linalg.cholesky(-ft.eye(2)), "positive-definite"),
])
def test_matrices_that_cannot_be_factored_are_refused(call, words):
    with pytest.raises(ft.linalg.LinAlgError, match=words):
        call()
