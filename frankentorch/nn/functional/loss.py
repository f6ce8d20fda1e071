"""Loss functions. Each checks shapes and the name of the reduction, then calls one op.

`reduction` is "none" (the shape of the pointwise loss), "mean" or "sum" (0-d). `size_average` and `reduce` are the
deprecated way to say the same.
"""
import math
import warnings

from frankentorch import ops
from frankentorch.autograd import no_grad
from frankentorch.nn.functional._reduction import choose_reduction, legacy_reduction, reduction_enum


def _broadcast(input, target):
    """Both tensors at their common shape, with a warning when that is not the shape of each."""
    if target.size() != input.size():
        warnings.warn(f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). This "
                      "will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
                      stacklevel=3)
        return ops.broadcast_tensors(input, target)
    return input, target


def _weighted(op, input, target, reduction, weight, *args, divide_by_weight=True):
    """A pointwise loss times `weight`; its mean is over the sum of weights, or over the count."""
    if weight.size() != input.size():
        raise ValueError(f"Weights and input must have the same size. Got {tuple(weight.shape)} and {tuple(input.shape)}")
    loss = op(input, target, 0, *args) * weight
    if reduction == 0:
        return loss
    if reduction == 2:
        return loss.sum()
    return loss.sum() / weight.sum() if divide_by_weight else loss.mean()


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """(input - target) ** 2."""
    reduction = choose_reduction(size_average, reduce, reduction)
    input, target = _broadcast(input, target)
    if weight is not None:
        return _weighted(ops.mse_loss, input, target, reduction, weight)
    return ops.mse_loss(input, target, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """|input - target|."""
    reduction = choose_reduction(size_average, reduce, reduction)
    input, target = _broadcast(input, target)
    if weight is not None:
        return _weighted(ops.l1_loss, input, target, reduction, weight)
    return ops.l1_loss(input, target, reduction)


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """d * d / (2 * beta) where d = |input - target| < beta, else d - beta / 2 (Girshick 2015)."""
    reduction = choose_reduction(size_average, reduce, reduction)
    input, target = _broadcast(input, target)
    if beta == 0.0:
        return ops.l1_loss(input, target, reduction)
    return ops.smooth_l1_loss(input, target, reduction, beta)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """d * d / 2 where d = |input - target| < delta, else delta * (d - delta / 2) (Huber 1964)."""
    reduction = reduction_enum(reduction)
    input, target = _broadcast(input, target)
    if weight is not None:
        return _weighted(ops.huber_loss, input, target, reduction, weight, delta, divide_by_weight=False)
    return ops.huber_loss(input, target, reduction, delta)


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """Negative log-likelihood.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...) or (C,)
        Log-probabilities.
    target : int64 Tensor, shape (N, ...) or ()
        Class numbers; `ignore_index` counts for nothing.
    weight : Tensor, shape (C,), optional
        The mean is over the sum of the weights of the targets.
    """
    reduction = choose_reduction(size_average, reduce, reduction)
    return ops.nll_loss_nd(input, target, weight, reduction, ignore_index)


def cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean",
                  label_smoothing=0.0):
    """Negative log-likelihood of the softmax.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...) or (C,)
        Unnormalised logits.
    target : int64 Tensor, shape (N, ...) or (); or floating point, shape of `input`
        Class numbers, or class probabilities.
    weight : Tensor, shape (C,), optional
    ignore_index : int
        Only for class numbers.
    label_smoothing : float in [0, 1]
        Weight of the uniform distribution mixed into the target (Szegedy et al. 2016).
    """
    reduction = choose_reduction(size_average, reduce, reduction)
    return ops.cross_entropy_loss(input, target, weight, reduction, ignore_index, label_smoothing)


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-(t * log(x) + (1 - t) * log(1 - x)) for probabilities x; logarithms are cut at -100."""
    reduction = choose_reduction(size_average, reduce, reduction)
    if target.size() != input.size():
        raise ValueError(f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) is "
                         "deprecated. Please ensure they have the same size.")
    if weight is not None:
        weight = weight.expand(ops.broadcast_shapes(weight.size(), target.size()))
    return ops.binary_cross_entropy(input, target, weight, reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, reduction="mean",
                                     pos_weight=None):
    """`binary_cross_entropy` of sigmoid(input), computed stably; `pos_weight` multiplies the term of t."""
    reduction = choose_reduction(size_average, reduce, reduction)
    if target.size() != input.size():
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    return ops.binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction)


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """target * (log(target) - input), where `input` holds log-probabilities; "batchmean" divides the sum by N."""
    if size_average is not None or reduce is not None:
        code = reduction_enum(legacy_reduction(size_average, reduce))
    elif reduction == "batchmean":
        return ops.kl_div(input, target, 2, log_target=log_target) / input.size()[0]
    else:
        if reduction == "mean":
            warnings.warn("reduction: 'mean' divides the total loss by both the batch size and the support size."
                          "'batchmean' divides only by the batch size, and aligns with the KL div math definition.",
                          stacklevel=2)
        code = reduction_enum(reduction)
    return ops.kl_div(input, target, code, log_target=log_target)


def poisson_nll_loss(input, target, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None,
                     reduction="mean"):
    """exp(x) - t * x, or x - t * log(x + eps) without `log_input`; `full` adds Stirling's term."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    return ops.poisson_nll_loss(input, target, log_input, full, eps, reduction_enum(reduction))


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log(var) + (input - target) ** 2 / var) / 2 with var at least `eps`; `full` adds log(2 * pi) / 2.

    Parameters
    ----------
    input, target : Tensor
        Same shape, or one that broadcasts.
    var : Tensor or float
        Shape of `input`, or without its last dim, or with size 1 there.
    """
    if not hasattr(var, "size"):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * ops.ones_like(input)
    elif (var < 0).any():
        raise ValueError("var has negative entry/entries")
    if var.size() != input.size():
        if input.size()[:-1] == var.size():
            var = ops.unsqueeze(var, -1)
        elif not (input.size()[:-1] == var.size()[:-1] and var.size(-1) == 1):
            raise ValueError(f"var is of incorrect size {tuple(var.shape)} for input {tuple(input.shape)}")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    if full:
        loss += 0.5 * math.log(2 * math.pi)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """x where the target is 1, max(0, margin - x) where it is -1."""
    return ops.hinge_embedding_loss(input, target, margin, choose_reduction(size_average, reduce, reduction))


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-target * input)), target 1 or -1."""
    return ops.soft_margin_loss(input, target, choose_reduction(size_average, reduce, reduction))


def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """max(0, -target * (input1 - input2) + margin), target 1 or -1."""
    reduction = choose_reduction(size_average, reduce, reduction)
    if input1.dim() != input2.dim() or input1.dim() != target.dim():
        raise RuntimeError("margin_ranking_loss : All input tensors should have same dimension but got sizes: "
                           f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} ")
    return ops.margin_ranking_loss(input1, input2, target, margin, reduction)


def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1."""
    return ops.cosine_embedding_loss(input1, input2, target, margin, choose_reduction(size_average, reduce, reduction))


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, size_average=None, reduce=None,
                        reduction="mean"):
    """max(0, |anchor - positive| - |anchor - negative| + margin) (Balntas et al. 2016)."""
    reduction = choose_reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return ops.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction)


def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False,
                                      reduction="mean"):
    """`triplet_margin_loss` with any distance; the Euclidean one if none is given."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError("The anchor, positive, and negative tensors are expected to have the same number of "
                           f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
                           f"{negative.ndim}D inputs")
    distance = ops.pairwise_distance if distance_function is None else distance_function
    near = distance(anchor, positive)
    far = distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    loss = ops.clamp_min(margin + near - far, 0)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Sum over the wrong classes of max(0, margin - x[target] + x[class]) ** p, over the number of classes."""
    reduction = choose_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    return ops.multi_margin_loss(input, target, p, margin, weight, reduction)


def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """Multi-class margin loss with several right classes: the entries of `target` up to the first -1."""
    return ops.multilabel_margin_loss(input, target, choose_reduction(size_average, reduce, reduction))


def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Binary cross entropy with logits, averaged over the classes (the last dim)."""
    reduction = choose_reduction(size_average, reduce, reduction)
    loss = -(target * ops.log_sigmoid(input) + (1 - target) * ops.log_sigmoid(-input))
    if weight is not None:
        loss = loss * weight
    class_dim = input.dim() - 1
    loss = loss.sum(dim=class_dim) / input.size(class_dim)
    return loss if reduction == 0 else loss.mean() if reduction == 1 else loss.sum()


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """Connectionist temporal classification (Graves et al. 2006).

    Parameters
    ----------
    log_probs : Tensor, shape (T, N, C) or (T, C)
    targets : integer Tensor, shape (N, S) or (sum of target_lengths,)
    input_lengths, target_lengths : Tensor or tuple of int, shape (N,)
    zero_infinity : bool
        Samples that cannot be aligned count as 0 and have no gradient.
    """
    return ops.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, reduction_enum(reduction),
                        zero_infinity)
