"""Bodies of the loss rows. `reduction` is 0 none, 1 mean, 2 sum everywhere."""
import math

from frankentorch import ops
from frankentorch._ext.tensor import batch_level

FULL = (ops.float32, ops.float64)
WIDEST = 1e38               # parameters of a loop fit its dtype


def reduced(values, reduction):
    if reduction == 1:
        return ops.mean(values)
    return ops.sum(values) if reduction == 2 else values


def masked(values, mask, value=0):
    """values, with `value` where the mask holds."""
    return ops.where(mask, ops.full((), value, dtype=values.dtype, device=values.device), values)


def floating(self, name):
    if not (self.is_floating_point() or self.is_complex()):
        raise NotImplementedError(f'"{name}" not implemented for {self.dtype}')


def in_full(self, target):
    """Whether one loop takes the terms of a loss: of halves and complex numbers each step is rounded."""
    return self.dtype in FULL and target.dtype in FULL


def mse_loss(self, target, reduction):
    if in_full(self, target):
        return reduced(ops._mse_terms(self, target), reduction)
    difference = self - target
    floating(difference, "mse_cpu")
    return reduced(difference * difference, reduction)


def l1_loss(self, target, reduction):
    return reduced(ops.abs(self - target), reduction)


def smooth_l1_loss(self, target, reduction, beta):
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    if beta == 0:
        return l1_loss(self, target, reduction)
    if (in_full(self, target) or self.dtype is target.dtype is ops.bfloat16) and beta < WIDEST:
        return reduced(ops._smooth_l1_terms(self, target, beta), reduction)
    size = ops.abs(self - target)
    floating(size, "smooth_l1_cpu")
    return reduced(ops.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta), reduction)


def huber_loss(self, target, reduction, delta):
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    if in_full(self, target) and delta < WIDEST:
        return reduced(ops._huber_terms(self, target, delta), reduction)
    size = ops.abs(self - target)
    floating(size, "huber_cpu")
    return reduced(ops.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta)), reduction)


# ---- probabilities ----
def binary_terms(self, target):
    """-(t log x + (1 - t) log(1 - x)), logarithms held above -100."""
    log, other = ops.clamp(ops.log(self), min=-100), ops.clamp(ops.log1p(-self), min=-100)
    return (target - 1) * other - target * log


def binary_cross_entropy(self, target, weight, reduction):
    if self.shape != target.shape:
        raise ValueError(f"Using a target size ({list(target.shape)}) that is different to the input size ({list(self.shape)}) is deprecated. Please ensure they have the same size.")
    floating(self, "binary_cross_entropy")
    if self.dtype is not target.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {self.dtype}")
    if not self.is_meta and self.numel() and not batch_level(self):
        inside = ops.logical_and(self.detach() >= 0, self.detach() <= 1)
        if not ops.all(inside).item():
            raise RuntimeError("all elements of input should be between 0 and 1")
    loss = ops._binary_cross_entropy(self, target)
    return reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(self, target, weight, pos_weight, reduction):
    """(1 - t) x - (1 + (p - 1) t) log sigmoid(x)."""
    if pos_weight is None and self.dtype is target.dtype and self.is_floating_point():
        loss = ops._logit_cross_entropy(self, target)
    else:
        log = ops.log_sigmoid(self)
        loss = (1 - target) * self - (log if pos_weight is None else ((pos_weight - 1) * target + 1) * log)
    return reduced(loss if weight is None else loss * weight, reduction)


def kl_div(self, target, reduction, log_target):
    if self.is_complex() or target.is_complex():
        raise RuntimeError("kl_div: Complex inputs are not supported.")
    loss = ops.exp(target) * (target - self) if log_target else ops.xlogy(target, target) - target * self
    return reduced(loss, reduction)


def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    loss = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:                                   # Stirling's formula for log(target!), where target > 1
        term = target * ops.log(target) - target + 0.5 * ops.log(2 * math.pi * target)
        loss = loss + masked(term, target <= 1, 0)
    return reduced(loss, reduction)


def soft_margin_loss(self, target, reduction):
    if target.requires_grad and ops.is_grad_enabled():
        raise RuntimeError("The function 'soft_margin_loss' is not differentiable with respect to argument 'target'. This input cannot have requires_grad True.")
    return reduced(ops.log1p(ops.exp(-target * self)), reduction)


def hinge_embedding_loss(self, target, margin, reduction):
    zero = ops.zeros_like(self)
    return reduced(ops.where(target != 1, ops.clamp_min(margin - self, 0), zero) + ops.where(target != -1, self, zero), reduction)


# ---- pairs and triplets ----
def margin_ranking_loss(input1, input2, target, margin, reduction):
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(f"margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: {list(input1.shape)}, input2: {list(input2.shape)}, target: {list(target.shape)}")
    return reduced(ops.clamp_min(-target * (input1 - input2) + margin, 0), reduction)


def cosine_embedding_loss(input1, input2, target, margin, reduction):
    if target.dim() not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.dim() != target.dim() + 1 or input2.dim() != target.dim() + 1:
        raise RuntimeError(f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found inputs with sizes {list(input1.shape)} and {list(input2.shape)}.")
    dim = target.dim()
    eps = 1e-12
    size = ops.sqrt((ops.sum(input1 * input1, (dim,)) + eps) * (ops.sum(input2 * input2, (dim,)) + eps))
    cosine = ops.sum(input1 * input2, (dim,)) / size
    zero = ops.zeros_like(cosine)
    return reduced(ops.where(target == 1, 1 - cosine, zero) + ops.where(target == -1, ops.clamp_min(cosine - margin, 0), zero), reduction)


def triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction):
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(f"The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor {anchor.dim()}D, positive {positive.dim()}D, "
                           f"and negative {negative.dim()}D inputs")
    near, far = pairwise_distance(anchor, positive, p, eps, False), pairwise_distance(anchor, negative, p, eps, False)
    if swap:
        far = ops.minimum(far, pairwise_distance(positive, negative, p, eps, False))
    return reduced(ops.clamp_min(margin + near - far, 0), reduction)


def pairwise_distance(x1, x2, p, eps, keepdim):
    return ops.norm(x1 - x2 + eps, p, max(x1.dim(), x2.dim()) - 1, keepdim)


def cosine_similarity(x1, x2, dim, eps):
    """x1 . x2 over the product of their lengths, each held above eps."""
    if not (x1.is_floating_point() or x1.is_complex()) and not (x2.is_floating_point() or x2.is_complex()):
        raise RuntimeError("cosine_similarity: expected common dtype to be floating point")
    common = x1 + x2 if x1.shape != x2.shape else x1
    x1, x2 = ops.expand(x1, tuple(common.shape)), ops.expand(x2, tuple(common.shape))
    lengths = [ops.clamp_min(ops.linalg_vector_norm(x, 2, dim, True), eps) for x in (x1, x2)]
    return ops.sum(x1 / lengths[0] * (x2 / lengths[1]), (dim,))


# ---- classes ----
def as_rows(self, target, name):
    """(rows of scores, target rows, whether a single row was given)."""
    if self.dim() > 2 or self.dim() and self.size(-1) == 0:
        raise RuntimeError(f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(self.shape)}")
    scores = ops.reshape(self, (1, -1)) if self.dim() < 2 else self
    return scores, self.dim() < 2


def multi_margin_loss(self, target, p, margin, weight, reduction):
    if p not in (1, 2):
        raise RuntimeError("only p == 1 and p == 2 supported")
    scores, single = as_rows(self, target, "multi_margin_loss")
    if target.dim() > 1 or target.numel() != scores.size(0):
        raise RuntimeError(f"multi_margin_loss: inconsistent target size, expected {scores.size(0)} but got {list(target.shape)}")
    if weight is not None and (weight.dim() != 1 or weight.numel() != scores.size(1)):
        raise RuntimeError(f"multi_margin_loss: inconsistent weight size, expected {scores.size(1)} but got {list(weight.shape)}")
    target_ndim, target = target.dim(), ops.reshape(target, (-1, 1))
    if not target.is_meta and target.numel() and not batch_level(target) and not ops.all(ops.logical_and(target >= 0, target < scores.size(1))).item():
        raise RuntimeError(f"target out of range: multi_margin_loss has {scores.size(1)} classes")
    rows = ops.arange(scores.size(0), device=self.device).unsqueeze(1)
    terms = ops.clamp_min(margin - ops.index(scores, (rows, target)) + scores, 0)
    terms = terms if p == 1 else terms * terms
    if weight is not None:
        terms = terms * ops.index(weight, (target,))
    own = ops.arange(scores.size(1), device=self.device) == target
    loss = ops.sum(masked(terms, own, 0), (1,)) / scores.size(1)
    return reduced(ops.reshape(loss, ()) if single and target_ndim == 0 else loss, reduction)


def multilabel_margin_loss(self, target, reduction):
    """Sum over own labels j (up to the first -1) and other classes i of max(0, 1 - (x_j - x_i)), over the number of classes."""
    scores, single = as_rows(self, target, "multilabel_margin_loss")
    if tuple(target.shape) != tuple(self.shape):
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for multilabel_margin_loss of input {list(self.shape)}")
    target = ops.reshape(target, tuple(scores.shape))
    loss = ops.sum(multilabel_terms(scores, target), (1, 2)) / scores.size(1)
    return reduced(ops.reshape(loss, ()) if single else loss, reduction)


def multilabel_terms(scores, target):
    """max(0, 1 - (x_j - x_i)) of every label j and class i, 0 where they do not count."""
    if scores.dtype in FULL and target.dtype is ops.int64 and not (scores.is_meta or target.is_meta or batch_level(scores) or batch_level(target)):
        try:
            return ops._multilabel_terms(scores, target)
        except IndexError:
            pass                                         # indexing says which label it is
    places, keep = multilabel_places(target)
    picked = ops.index(scores, (ops.arange(scores.size(0), device=scores.device).unsqueeze(1), places))
    return masked(ops.clamp_min(1 - picked.unsqueeze(2) + scores.unsqueeze(1), 0), ops.logical_not(keep), 0)


def multilabel_places(target):
    """The class of each label, 0 from the first negative on; and which pairs of a label and a class count."""
    valid = ops.cumsum((target < 0).to(ops.int64), 1) == 0
    places = ops.where(valid, target, ops.zeros_like(target))
    classes = ops.arange(target.size(1), device=target.device)
    own = ops.any(ops.logical_and(places.unsqueeze(2) == classes, valid.unsqueeze(2)), 1)
    return places, ops.logical_and(valid.unsqueeze(2), ops.logical_not(own).unsqueeze(1))


def nll_loss(self, target, weight, reduction, ignore_index):
    return ops.nll_loss_forward(self, target, weight, reduction, ignore_index)[0]


def nll_loss_nd(self, target, weight, reduction, ignore_index):
    if self.dim() < 1:
        raise ValueError(f"Expected 1 or more dimensions (got {self.dim()})")
    if self.dim() != 1 and self.size(0) != (target.size(0) if target.dim() else 1):
        raise ValueError(f"Expected input batch_size ({self.size(0)}) to match target batch_size ({target.size(0) if target.dim() else 1}).")
    if self.dim() > 4:                                   # more dims of places: one is enough
        if tuple(target.shape) != (self.size(0), *self.shape[2:]):
            raise RuntimeError(f"Expected target size {[self.size(0), *self.shape[2:]]}, got {list(target.shape)}")
        flat = ops.nll_loss_forward(ops.reshape(self, (self.size(0), self.size(1), -1)), ops.reshape(target, (target.size(0), -1)), weight, reduction, ignore_index)[0]
        return ops.reshape(flat, tuple(target.shape)) if reduction == 0 else flat
    if self.dim() > 2 and tuple(target.shape) != (self.size(0), *self.shape[2:]):
        raise RuntimeError(f"Expected target size {[self.size(0), *self.shape[2:]]}, got {list(target.shape)}")
    return ops.nll_loss_forward(self, target, weight, reduction, ignore_index)[0]


def cross_entropy_loss(self, target, weight, reduction, ignore_index, label_smoothing):
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    axis = 0 if self.dim() == 1 else 1
    if self.shape == target.shape:
        return cross_entropy_of_probabilities(self, target, weight, reduction, label_smoothing, axis)
    if target.is_floating_point():
        raise RuntimeError(f"expected scalar type Long but found {target.dtype}: cross_entropy target of shape {list(target.shape)} beside input {list(self.shape)}")
    log = ops.log_softmax(self, axis)
    loss = nll_loss_nd(log, target, weight, reduction, ignore_index)
    if not label_smoothing:
        return loss
    # every class takes an equal share of label_smoothing
    classes = self.size(axis)
    ignored = target == ignore_index
    spread = -ops.sum(log if weight is None else log * along(weight, log, axis), (axis,))
    spread = masked(spread, ignored, 0)
    if reduction == 1:
        if weight is None:
            spread = ops.sum(spread) / ops.sum(ops.logical_not(ignored)).to(spread.dtype)
        else:
            chosen = ops.index(weight, (masked(target, ignored),))
            spread = ops.sum(spread) / ops.sum(masked(chosen, ignored))
    elif reduction == 2:
        spread = ops.sum(spread)
    return (1 - label_smoothing) * loss + spread * (label_smoothing / classes)


def along(weight, t, axis):
    shape = [1] * t.dim()
    shape[axis] = weight.numel()
    return ops.reshape(weight, tuple(shape))


def cross_entropy_of_probabilities(self, target, weight, reduction, label_smoothing, axis):
    if not target.is_floating_point():
        raise RuntimeError(f"Expected floating point type for target with class probabilities, got {target.dtype}")
    if weight is not None and (weight.dim() != 1 or weight.numel() != self.size(axis)):
        raise RuntimeError(f"cross_entropy: weight tensor should be defined either for all {self.size(axis)} classes or no classes but got weight tensor of shape: {list(weight.shape)}")
    classes = self.size(axis)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    log = ops.log_softmax(self, axis)
    if weight is not None:
        log = log * along(weight, log, axis)
    if reduction == 0:
        return -ops.sum(log * target, (axis,))
    total = -ops.sum(log * target)
    return total if reduction == 2 else total / (self.numel() / classes)
