"""Adaptive softmax for many classes of very different frequency (Grave et al. 2017)."""
from collections import namedtuple

from frankentorch import ops
from frankentorch.nn import functional as F
from frankentorch.nn.modules.container import ModuleList, Sequential
from frankentorch.nn.modules.linear import Linear
from frankentorch.nn.modules.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax in two steps: the head decides among frequent classes and clusters, a tail within its cluster.

    Parameters
    ----------
    in_features, n_classes : int
    cutoffs : sequence of int
        Where the head ends and each cluster but the last ends; increasing, below `n_classes`.
    div_value : float
        The width of cluster i is in_features // div_value ** (i + 1).
    head_bias : bool
    """

    def __init__(self, in_features, n_classes, cutoffs, div_value=4.0, head_bias=False, device=None, dtype=None):
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (cutoffs != sorted(cutoffs) or min(cutoffs) <= 0 or max(cutoffs) > n_classes - 1
                or len(set(cutoffs)) != len(cutoffs) or any(int(each) != each for each in cutoffs)):
            raise ValueError("cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                             "where each value is between 1 and n_classes-1")
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = cutoffs + [n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        factory = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **factory)
        self.tail = ModuleList()
        for cluster in range(self.n_clusters):
            width = int(in_features // div_value ** (cluster + 1))
            classes = self.cutoffs[cluster + 1] - self.cutoffs[cluster]
            self.tail.append(Sequential(Linear(in_features, width, bias=False, **factory),
                                        Linear(width, classes, bias=False, **factory)))

    def reset_parameters(self):
        """Draw new initial weights."""
        self.head.reset_parameters()
        for to_width, to_classes in self.tail:
            to_width.reset_parameters()
            to_classes.reset_parameters()

    def forward(self, input_, target_):
        """Log-probability of each target, shape (N,) or (), and the mean of their negatives."""
        if target_.dim() == 1:
            if input_.size(0) != target_.size(0):
                raise RuntimeError("Input and target should have the same size in the batch dimension.")
            if input_.dim() != 2:
                raise RuntimeError("1D target tensor expects 2D input tensors, but found inputs with size",
                                   input_.size())
        elif target_.dim() == 0:
            if input_.dim() != 1:
                raise RuntimeError("0D target tensor expects 1D input tensors, but found inputs with size",
                                   input_.size())
        else:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        is_batched = target_.dim() > 0
        input = input_ if is_batched else input_.unsqueeze(0)
        target = target_ if is_batched else target_.unsqueeze(0)
        used_rows = 0
        output = input.new_zeros(target.size(0))
        head_class = target.new_empty(target.size(0))
        bounds = [0, *self.cutoffs]
        for low, high, cluster in zip(bounds, bounds[1:], range(-1, self.n_clusters)):
            in_cluster = (target >= low) & (target < high)
            rows = in_cluster.nonzero().squeeze()
            if rows.numel() == 0:
                continue
            if cluster < 0:
                head_class.index_copy_(0, rows, target[in_cluster])
            else:
                scores = self.tail[cluster](input.index_select(0, rows))
                head_class.index_fill_(0, rows, self.shortlist_size + cluster)
                within = (target[in_cluster] - low).unsqueeze(1)
                output.index_copy_(0, rows, F.log_softmax(scores, dim=1).gather(1, within).squeeze(1))
            used_rows += rows.numel()
        if used_rows != target.size(0):
            raise RuntimeError(f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                               f"[{target.min().item()}, {target.max().item()}] were found. ")
        head = F.log_softmax(self.head(input), dim=1)
        output = output + head.gather(1, head_class.unsqueeze(1)).squeeze()
        loss = (-output).mean()
        return _ASMoutput(output if is_batched else output.squeeze(0), loss)

    def log_prob(self, input):
        """Log-probabilities of all classes: (N, n_classes)."""
        return self._all_log_probabilities(input, self.head(input))

    def _all_log_probabilities(self, input, head_scores):
        head = F.log_softmax(head_scores, dim=1)
        parts = [head[:, :self.shortlist_size]]
        for cluster, tail in enumerate(self.tail):
            position = self.shortlist_size + cluster
            parts.append(F.log_softmax(tail(input), dim=1) + head[:, position].unsqueeze(1))
        return ops.cat(parts, dim=1)

    def predict(self, input):
        """The most probable class of each row; clusters are only looked at where the head points to them."""
        scores = self.head(input)
        best = ops.argmax(scores, dim=1)
        in_tail = best >= self.shortlist_size
        if not in_tail.any():
            return best
        if in_tail.all():
            return ops.argmax(self._all_log_probabilities(input, scores), dim=1)
        best[in_tail] = ops.argmax(self._all_log_probabilities(input[in_tail], scores[in_tail]), dim=1)
        return best
