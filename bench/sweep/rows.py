"""The softmax family, norms and losses: rows short and long, images in both memory formats."""
from bench.sweep.case import FLOATS, Input, case

SHAPES = (((1000, 1000), 1), ((1000, 1000), 0), ((10_000, 10), 1), ((4096, 65), 1), ((100, 10_000), 1), ((4, 100), 1), ((8, 21, 64, 64), 1), ((3, 100_000), 0))
ALONG = {"softmax": "x.softmax(dim)", "log_softmax": "x.log_softmax(dim)", "softmin": "F.softmin(x, dim)", "normalize": "F.normalize(x, dim=dim)", "glu": "F.glu(x, dim)",
         "cosine_similarity": "F.cosine_similarity(x, y, dim)", "renorm": "x.renorm(2, dim, 1.0)"}
PLAIN = (((512, 768), "contiguous"), ((4096, 64), "contiguous"), ((100, 10_000), "contiguous"), ((4, 100), "contiguous"), ((512, 768), "strided"))
NORMS = {                    # over x of shape (rows, width), weight v and bias b of the width
    "layer_norm": "F.layer_norm(x, v.shape, v, b)", "layer_norm plain": "F.layer_norm(x, v.shape)", "rms_norm": "F.rms_norm(x, v.shape, v)", "rms_norm plain": "F.rms_norm(x, v.shape)",
    "batch_norm training": "F.batch_norm(x, None, None, v, b, training=True)", "batch_norm inference": "F.batch_norm(x, b, p, v, b)",
}
IMAGES = ((8, 64, 28, 28), (16, 128, 7, 7), (2, 32, 112, 112), (4, 8, 4, 4))
IMAGE_NORMS = {
    **{name: NORMS[name] for name in ("batch_norm training", "batch_norm inference")}, "group_norm": "F.group_norm(x, 8, v, b)", "group_norm plain": "F.group_norm(x, 4)",
    "instance_norm": "F.instance_norm(x)", "local_response_norm": "F.local_response_norm(x, 5)", "dropout": "F.dropout(x, 0.5)", "dropout2d": "F.dropout2d(x, 0.5)",
}
LOSSES = {                   # of x and y
    "mse_loss": "F.mse_loss(x, y)", "mse_loss none": "F.mse_loss(x, y, reduction='none')", "l1_loss": "F.l1_loss(x, y)", "smooth_l1_loss": "F.smooth_l1_loss(x, y)", "huber_loss": "F.huber_loss(x, y)",
    "binary_cross_entropy": "F.binary_cross_entropy(p, q)", "binary_cross_entropy_with_logits": "F.binary_cross_entropy_with_logits(x, q)", "kl_div": "F.kl_div(x, q)",
    "poisson_nll_loss": "F.poisson_nll_loss(x, q)", "gaussian_nll_loss": "F.gaussian_nll_loss(x, y, q)", "hinge_embedding_loss": "F.hinge_embedding_loss(x, s)",
    "margin_ranking_loss": "F.margin_ranking_loss(x, y, s)", "triplet_margin_loss": "F.triplet_margin_loss(x, y, p)", "soft_margin_loss": "F.soft_margin_loss(x, s)",
    "multilabel_soft_margin_loss": "F.multilabel_soft_margin_loss(x, q)", "pairwise_distance": "F.pairwise_distance(x, y)", "cross_entropy": "F.cross_entropy(x, t)",
    "cross_entropy smoothed": "F.cross_entropy(x, t, label_smoothing=0.1)", "nll_loss": "F.nll_loss(x, t)", "multi_margin_loss": "F.multi_margin_loss(x, t)",
}
LOSS_SHAPES = ((512, 1000), (10_000, 10), (32, 10))


def rows():
    for dtype in FLOATS:
        for label, expression in ALONG.items():
            for shape, dim in SHAPES:
                yield case(label, expression, dtype, shape, f"dim {dim}", x=Input(shape, dtype), y=Input(shape, dtype, "contiguous", "positive"), dim=str(dim))
            yield case(label, expression, dtype, (1000, 1000), "dim 1 strided", x=Input((1000, 1000), dtype, "strided"), y=Input((1000, 1000), dtype, "strided", "positive"), dim="1")
        for label, expression in NORMS.items():
            for shape, layout in PLAIN:
                yield normed(label, expression, dtype, shape, layout, shape[1])
        for label, expression in IMAGE_NORMS.items():
            for shape in IMAGES:
                for layout in ("contiguous", "channels_last"):
                    yield normed(label, expression, dtype, shape, layout, shape[1])
        for label, expression in LOSSES.items():
            for shape in LOSS_SHAPES:
                positive = Input(shape, dtype, "contiguous", "positive")
                yield case(label, expression, dtype, shape, x=Input(shape, dtype), y=positive, p="(y - 0.5).clamp(0.01, 0.99)", q="p.flip(0)", s="x.sign()",
                           t=f"torch.arange({shape[0]}) % {shape[1]}")


def normed(label, expression, dtype, shape, layout, width):
    return case(label, expression, dtype, shape, layout, x=Input(shape, dtype, layout), v=Input((width,), dtype), b="v.flip(0)", p=Input((width,), dtype, "contiguous", "positive"))
