"""Losses worked out by hand, against each other, and what they refuse."""
import math

import pytest

import frankentorch as ft
from frankentorch import ops


def close(expected, actual, tolerance=1e-6):
    assert pytest.approx(expected, abs=tolerance) == actual.tolist()


def test_distances_by_hand():
    x, y = ft.tensor([0.0, 0.5, 3.0]), ft.tensor([0.0, 0.0, 0.0])

    close([0, 0.25, 9], ops.mse_loss(x, y, 0))
    close(9.25 / 3, ops.mse_loss(x, y))
    close(3.5, ops.l1_loss(x, y, 2))
    close([0, 0.125, 2.5], ops.smooth_l1_loss(x, y, 0))
    close([0, 0.125, 4.0], ops.huber_loss(x, y, 0, 2.0))


def test_nll_loss_picks_weighs_and_ignores():
    x = ft.tensor([[-1.0, -2.0], [-3.0, -4.0], [-5.0, -6.0]])
    target, weight = ft.tensor([1, 0, 1]), ft.tensor([1.0, 3.0])

    close([2, 3, 6], ops.nll_loss(x, target, None, 0))
    close((3 * 2 + 3 + 3 * 6) / 7, ops.nll_loss(x, target, weight))
    close(3.0, ops.nll_loss(x, target, None, 1, 1))
    with pytest.raises(IndexError):
        ops.nll_loss(x, ft.tensor([0, 2, 0]))
    with pytest.raises((RuntimeError, ValueError)):
        ops.nll_loss_nd(x, ft.tensor([0, 1]))


def test_cross_entropy_of_equal_logits_is_log_of_the_classes():
    x = ft.zeros(2, 4, requires_grad=True)
    loss = ops.cross_entropy_loss(x, ft.tensor([0, 3]))
    loss.backward()

    close(math.log(4), loss)
    close([-0.375, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, -0.375], x.grad.reshape(-1))


def test_smoothed_classes_are_probabilities():
    """label_smoothing s puts 1 - s + s / C on the class and s / C on the others."""
    x = ft.tensor([[0.5, -1.0, 2.0], [0.1, 0.2, 0.3]])
    shares = ft.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])

    close(ops.cross_entropy_loss(x, shares).item(), ops.cross_entropy_loss(x, ft.tensor([0, 2]), label_smoothing=0.3))


def test_binary_cross_entropy_agrees_with_its_logits():
    x, target = ft.tensor([-1.0, 0.0, 2.0]), ft.tensor([0.0, 1.0, 0.3])

    close(ops.binary_cross_entropy(ops.sigmoid(x), target, None, 0).tolist(), ops.binary_cross_entropy_with_logits(x, target, None, None, 0))
    close([0.0, 100.0], ops.binary_cross_entropy(ft.tensor([1.0, 0.0]), ft.tensor([1.0, 1.0]), None, 0))
    with pytest.raises(RuntimeError):
        ops.binary_cross_entropy(ft.tensor([1.5]), ft.tensor([1.0]))


def test_margins_by_hand():
    close([0.0, 1.2], ops.margin_ranking_loss(ft.tensor([1.0, 0.0]), ft.tensor([0.0, 1.0]), ft.tensor([1.0, 1.0]), 0.2, 0))
    close([0.5, 0.75], ops.hinge_embedding_loss(ft.tensor([0.5, 0.25]), ft.tensor([1.0, -1.0]), 1.0, 0))
    close([0.0, 1.0], ops.cosine_embedding_loss(ft.tensor([[1.0, 0.0], [1.0, 0.0]]), ft.tensor([[2.0, 0.0], [3.0, 0.0]]), ft.tensor([1.0, -1.0]), 0.0, 0))
    close(0.5 / 3, ops.multi_margin_loss(ft.tensor([[1.0, 0.5, -1.0]]), ft.tensor([0])))
    close([1.0], ops.triplet_margin_loss(ft.zeros(1, 2), ft.tensor([[3.0, 4.0]]), ft.tensor([[0.0, 5.0]]), reduction=0), 1e-4)


def test_ctc_of_one_step_is_the_label_s_probability():
    """One step, one label: the only alignment is the label itself. Two steps: ab, a-, -a, with - blank."""
    log = ft.log(ft.tensor([[[0.2, 0.8]], [[0.6, 0.4]]]))

    close(-math.log(0.8), ft.ctc_loss(log[:1], ft.tensor([[1]]), (1,), (1,), reduction=2))
    close(-math.log(0.8 * 0.6 + 0.2 * 0.4 + 0.8 * 0.4), ft.ctc_loss(log, ft.tensor([[1]]), (2,), (1,), reduction=2))
    assert math.inf == ft.ctc_loss(log[:1], ft.tensor([[1, 1]]), (1,), (2,), reduction=2).item()
    assert 0.0 == ft.ctc_loss(log[:1], ft.tensor([[1, 1]]), (1,), (2,), reduction=2, zero_infinity=True).item()


def test_cosine_similarity_of_parallel_and_orthogonal():
    close([1.0, 0.0], ft.cosine_similarity(ft.tensor([[1.0, 2.0], [1.0, 0.0]]), ft.tensor([[2.0, 4.0], [0.0, 3.0]])))


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64])
def test_slopes_of_distances_by_hand(dtype):
    """Also at infinite differences, where the slope is finite."""
    x = ft.tensor([0.5, -0.5, 3.0, -4.0, math.inf, 0.0], dtype=dtype, requires_grad=True)
    y = ft.zeros(6, dtype=dtype, requires_grad=True)
    for loss, expected in ((ops.mse_loss(x, y, 2), [1, -1, 6, -8, math.inf, 0]), (ops.smooth_l1_loss(x, y, 2, 2.0), [0.25, -0.25, 1, -1, 1, 0]),
                           (ops.huber_loss(x, y, 2, 2.0), [0.5, -0.5, 2, -2, 2, 0])):
        slope, other = ft.autograd.grad(loss, (x, y))
        close(expected, slope)
        close([-v for v in expected], other)


@pytest.mark.parametrize("loss", [lambda x, y: ops.mse_loss(x, y, 2), lambda x, y: ops.smooth_l1_loss(x, y, 2, 2.0), lambda x, y: ops.huber_loss(x, y, 2, 2.0),
                                  lambda x, y: ops.logit(ops.sigmoid(x)).sum(), lambda x, y: ops.glu(ops.stack([x, y], 0), 0).sum()])
def test_one_pass_backward_agrees_with_its_graph(loss):
    """Slopes taken in one pass are those of the differentiable steps; their own slopes agree with differences."""
    x = ft.tensor([0.5, -0.7, 3.0, -4.0], dtype=ft.float64, requires_grad=True)
    y = ft.tensor([0.1, 0.2, 0.3, 0.4], dtype=ft.float64)
    plain, = ft.autograd.grad(loss(x, y), x)
    graph, = ft.autograd.grad(loss(x, y), x, create_graph=True)
    close(plain.tolist(), graph)

    assert ft.autograd.gradgradcheck(lambda x: loss(x, y), (x,))


def test_margins_of_labels_by_hand():
    """Labels 3 and 0 of x: the other classes are 1 and 2; what follows -1 does not count."""
    x = ft.tensor([0.1, 0.2, 0.4, 0.8], requires_grad=True)
    loss = ops.multilabel_margin_loss(x, ft.tensor([3, 0, -1, 1]))
    loss.backward()

    close((0.4 + 0.6 + 1.1 + 1.3) / 4, loss)
    close([-0.5, 0.5, 0.5, -0.5], x.grad)
    close(loss.item(), ops.multilabel_margin_loss(x.detach().half(), ft.tensor([3, 0, -1, 1])), 1e-3)
    with pytest.raises(IndexError):
        ops.multilabel_margin_loss(x, ft.tensor([4, -1, 0, 0]))


def test_nll_loss_over_places():
    x = ft.arange(-12.0, 0.0).reshape(2, 3, 2).requires_grad_(True)
    loss = ops.nll_loss_nd(x, ft.tensor([[0, 2], [1, -100]]))
    loss.backward()

    close((12 + 7 + 4) / 3, loss)
    close([-1 / 3, 0, 0, 0, 0, -1 / 3, 0, 0, -1 / 3, 0, 0, 0], x.grad.reshape(-1))


def test_terms_of_bfloat16_round_once():
    ft.manual_seed(0)
    x, y = (2 * ft.randn(300)).bfloat16().requires_grad_(), ft.randn(300).bfloat16()
    wide = x.detach().float().requires_grad_()
    found, expected = ops.smooth_l1_loss(x, y, 0, 0.7), ops.smooth_l1_loss(wide, y.float(), 0, 0.7)
    g = ft.randn(300).bfloat16()
    found.backward(g)
    expected.backward(g.float())

    assert ft.equal(expected.bfloat16(), found) and ft.equal(wide.grad.bfloat16(), x.grad)


@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16])
@pytest.mark.parametrize("kernel, groups", [(1, 1), (3, 1), (3, 6)])
def test_convolutions_of_halves_round_once(kernel, groups, dtype):
    ft.manual_seed(0)
    x, weight = ft.randn(2, 6, 9, 8).to(dtype), ft.randn(12, 6 // groups, kernel, kernel).to(dtype)
    expected = ft.conv2d(x.float(), weight.float(), None, 1, 1, 1, groups).to(dtype)

    assert ft.equal(expected, ft.conv2d(x, weight, None, 1, 1, 1, groups))
    assert ft.equal(expected, ft.conv2d(x, weight, ft.zeros(12, dtype=dtype), 1, 1, 1, groups))
