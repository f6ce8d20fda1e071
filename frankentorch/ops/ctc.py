"""ctc_loss: lengths, the form without a batch, and the reductions around the kernel."""
import math

from frankentorch import ops
from frankentorch.ops.loss import masked


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity):
    lengths = [tuple(ops.reshape(v, (-1,)).tolist()) if isinstance(v, ops.Tensor) else v for v in (input_lengths, target_lengths)]
    single = log_probs.dim() == 2
    if single:
        log_probs = ops.unsqueeze(log_probs, 1)
        targets = ops.unsqueeze(targets, 0) if targets.dim() == 1 else targets
    loss = ops._ctc_loss(log_probs, targets, lengths[0], lengths[1], blank, zero_infinity)[0]
    if zero_infinity:
        loss = masked(loss, loss == math.inf, 0)
    if reduction == 1:
        return ops.mean(loss / ops.clamp_min(ops.tensor(lengths[1], dtype=loss.dtype, device=loss.device), 1))
    if reduction == 2:
        return ops.sum(loss)
    return ops.reshape(loss, ()) if single else loss
