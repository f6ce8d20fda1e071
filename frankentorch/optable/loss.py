"""Rows of the losses. `reduction` is 0 none, 1 mean, 2 sum."""
from .family import FLOAT, FULL, table

ROWS, op = table()

# ---- distances ----
for schema, doc in (
    ("mse_loss(Tensor self, Tensor target, int reduction=1)", "Squared differences."),
    ("l1_loss(Tensor self, Tensor target, int reduction=1)", "Absolute differences."),
    ("smooth_l1_loss(Tensor self, Tensor target, int reduction=1, float beta=1.0)", "Quadratic below beta, linear above, slope 1."),
    ("huber_loss(Tensor self, Tensor target, int reduction=1, float delta=1.0)", "Quadratic below delta, linear above, slope delta."),
    ("soft_margin_loss(Tensor self, Tensor target, int reduction=1)", "log(1 + exp(-target * self))."),
    ("multi_margin_loss(Tensor self, Tensor target, Scalar p=1, Scalar margin=1, Tensor? weight=None, int reduction=1)", "Hinge of each class against the target's."),
    ("multilabel_margin_loss(Tensor self, Tensor target, int reduction=1)", "Hinge of each class against each of the target's."),
    ("binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=1)", "Cross entropy of a probability."),
    ("cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, int ignore_index=-100, float label_smoothing=0.0)",
     "Cross entropy of logits against classes or probabilities."),
    ("nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, int ignore_index=-100)", "Minus the log-probability of the target class."),
    ("nll_loss_nd(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, int ignore_index=-100)", "nll_loss over any number of dims."),
):
    op(f"{schema} -> Tensor", forms="internal", body=f"ops.loss:{schema.partition('(')[0]}", doc=doc)
op("nll_loss2d(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, int ignore_index=-100) -> Tensor", forms="internal", body="ops.loss:nll_loss")
for schema, doc in (
    ("binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1)", "Cross entropy of a probability given by its logit."),
    ("kl_div(Tensor self, Tensor target, int reduction=1, *, bool log_target=False)", "Divergence of the target from exp(self)."),
    ("poisson_nll_loss(Tensor input, Tensor target, bool log_input, bool full, float eps, int reduction)", "Minus the log-likelihood of a Poisson count."),
    ("hinge_embedding_loss(Tensor self, Tensor target, float margin=1.0, int reduction=1)", "self where target is 1, hinge of the margin where it is -1."),
    ("margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, int reduction=1)", "Hinge of the order of two scores."),
    ("cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, int reduction=1)", "1 - cosine for like pairs, hinge of it for others."),
    ("triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1.0, float p=2, float eps=1e-06, bool swap=False, int reduction=1)",
     "Hinge of the distances to a like and an unlike point."),
    ("pairwise_distance(Tensor x1, Tensor x2, float p=2, float eps=1e-06, bool keepdim=False)", "p-norm of the difference of rows."),
    ("cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08)", "Cosine of the angle between vectors along dim."),
):
    op(f"{schema} -> Tensor", forms="function", body=f"ops.loss:{schema.partition('(')[0]}", doc=doc)
op("ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank=0, int reduction=1, bool zero_infinity=False) -> Tensor", forms="function",
   body="ops.ctc:ctc_loss", doc="Minus the log-probability of a labelling summed over its alignments.", source="Graves et al. 2006")
op("ctc_loss.IntList(Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, int blank=0, int reduction=1, bool zero_infinity=False) -> Tensor", forms="function",
   body="ops.ctc:ctc_loss")

# ---- with derivatives of their own ----
op("_logit_cross_entropy(Tensor self, Tensor target) -> Tensor", forms="internal", loop={FLOAT: "(<T> 1 - y) * x - (minimum(x, 0) - log1p(exp(-abs(x))))"},
   node="BinaryCrossEntropyWithLogitsBackward0", grad={"self": "_logit_cross_entropy_backward(g, self, target)", "target": "-(g * self)"})
op("_logit_cross_entropy_backward(Tensor grad, Tensor self, Tensor target) -> Tensor", forms="internal", loop={FLOAT: "x * (<T> 1 - z) - x * sigmoid(-y)"},
   node="BinaryCrossEntropyWithLogitsBackwardBackward0",
   grad={"grad": "_logit_cross_entropy_backward(g, self, target)", "self": "_sigmoid_backward(g * grad, sigmoid(-self))", "target": "-(g * grad)"})
for name, arg, expression, curve in (
        ("mse", "", "(x - y) * (x - y)", "2 * (g * grad)"), ("smooth_l1", "beta", "smooth_l1(x, y, beta)", "loss_curve(g * grad, self, target, beta) / (beta or 1)"),
        ("huber", "delta", "huber(x, y, delta)", "loss_curve(g * grad, self, target, delta)")):
    scalar, value = (f", Scalar {arg}", f", {arg}") if arg else ("", "")
    title = {"mse": "MseLoss", "smooth_l1": "SmoothL1Loss", "huber": "HuberLoss"}[name]
    back = f"_{name}_terms_backward(g, self, target{value})"
    codes = FLOAT if name == "smooth_l1" else FULL      # PyTorch rounds terms of bfloat16 once
    op(f"_{name}_terms(Tensor self, Tensor target{scalar}) -> Tensor", forms="internal", loop={codes: expression}, grad={"self": back, "target": "-" + back}, node=f"{title}Backward0")
    op(f"_{name}_terms_backward(Tensor grad, Tensor self, Tensor target{scalar}) -> Tensor", forms="internal", grad={"grad": back, "self": curve, "target": f"-({curve})"},
       loop={codes: f"{name}_backward(x, y, z{value})" if arg else "x * (y - z) + x * (y - z)"}, node=f"{title}BackwardBackward0")
op("_binary_cross_entropy(Tensor self, Tensor target) -> Tensor", forms="internal", kernel="ops.loss:binary_terms", node="BinaryCrossEntropyBackward0",
   grad={"self": "_binary_cross_entropy_backward(g, self, target)", "target": "binary_cross_entropy_backward_target(g, self)"})
op("_binary_cross_entropy_backward(Tensor grad, Tensor self, Tensor target) -> Tensor", forms="internal",      # (x - t) / (x (1 - x)), the divisor held above 1e-12
   loop={FLOAT: "x * (y - z) / (y * (<T> 1 - y) if y * (<T> 1 - y) > <T> 1e-12 else <T> 1e-12)"}, node="BinaryCrossEntropyBackwardBackward0",
   grad={"grad": "_binary_cross_entropy_backward(g, self, target)", "self": "binary_cross_entropy_curve(g * grad, self, target)",
         "target": "-(g * grad) / clamp(self * (1 - self), min=1e-12)"})
op("nll_loss_forward(Tensor self, Tensor target, Tensor? weight, int reduction, int ignore_index) -> (Tensor output, Tensor total_weight)", forms="internal",
   kernel="_ext.rows_ops:nll_loss", node="NllLossBackward0", grad={"self": "nll_loss_backward(g0, self, target, weight, reduction, ignore_index, total_weight)"})
op("nll_loss_backward(Tensor grad_output, Tensor self, Tensor target, Tensor? weight, int reduction, int ignore_index, Tensor total_weight) -> Tensor", forms="internal",
   kernel="_ext.rows_ops:nll_loss_backward", grad={"grad_output": "nll_loss(g, target, weight, reduction, ignore_index)", "self": "zeros_like(g)"})
op("_multilabel_terms(Tensor self, Tensor target) -> Tensor", forms="internal", kernel="_ext.rows_ops:multilabel_terms", node="MultilabelMarginLossBackward0",
   grad={"self": "multilabel_terms_backward(g, self, target)"})
op("_ctc_loss(Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, int blank=0, bool zero_infinity=False) -> (Tensor out0, Tensor out1)", forms="internal",
   kernel="_ext.ctc_ops:ctc_loss", grad={"log_probs": "_ctc_loss_backward(g0, log_probs, targets, input_lengths, target_lengths, out0, out1, blank, zero_infinity)"})
op("_ctc_loss_backward(Tensor grad, Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, Tensor loss, Tensor log_alpha, int blank, bool zero_infinity) -> Tensor",
   forms="internal", kernel="_ext.ctc_ops:ctc_loss_backward", grad={"grad,log_probs": "ctc_loss_twice(g)"})
