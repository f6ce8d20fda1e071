"""The layers and what they are fed, as data: class, arguments, inputs by shape.

An input is a shape for standard normal float64 values, or a function of the oracle that makes anything else.
"""
from dataclasses import dataclass, field


@dataclass
class Case:
    name: str
    args: tuple = ()
    kwargs: dict = field(default_factory=dict)
    inputs: tuple = ()
    differentiable: bool = True

    @property
    def id(self):
        words = [str(each) for each in self.args] + [f"{key}={value}" for key, value in self.kwargs.items()]
        shapes = "x".join(str(each) if isinstance(each, tuple) else "made" for each in self.inputs)
        return f"{self.name}({', '.join(words)}) on {shapes}"


def case(name, *args, on=(), differentiable=True, **kwargs):
    inputs = on if isinstance(on, list) else [on]
    return Case(name, args, kwargs, tuple(inputs), differentiable)


def integers(high, *shape):
    return lambda torch: torch.randint(high, shape)


def positive(*shape):
    return lambda torch: torch.rand(shape, dtype=torch.float64) * 0.9 + 0.05


def signs(*shape):
    return lambda torch: (torch.randint(2, shape) * 2 - 1).double()


def log_probabilities(*shape):
    return lambda torch: torch.randn(shape, dtype=torch.float64).log_softmax(-1)


def probabilities(*shape):
    return lambda torch: torch.randn(shape, dtype=torch.float64).softmax(-1)


ACTIVATIONS = [case(name, on=(3, 4)) for name in (
    "CELU ELU GELU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid Mish ReLU ReLU6 SELU SiLU Sigmoid "
    "Softplus Softshrink Softsign Tanh Tanhshrink Identity PReLU").split()] + [
    case("CELU", 0.5, on=(5,)), case("ELU", alpha=2.0, on=(5,)), case("GELU", "tanh", on=(5,)),
    case("GLU", on=(3, 4)), case("GLU", 0, on=(4, 3)), case("Hardshrink", 0.2, on=(9,)),
    case("Hardtanh", -0.3, 0.6, on=(9,)), case("LeakyReLU", 0.2, on=(9,)), case("PReLU", 4, 0.1, on=(3, 4)),
    case("RReLU", on=(3, 4)), case("Softmax", 1, on=(3, 4)), case("LogSoftmax", dim=0, on=(3, 4)),
    case("Softmin", -1, on=(3, 4)), case("Softmax2d", on=(2, 3, 2, 2)), case("Softmax2d", on=(3, 2, 2)),
    case("Softplus", 2, 1, on=(9,)), case("Softshrink", 0.1, on=(9,)), case("Threshold", 0.1, -3.0, on=(9,)),
]

LINEAR = [
    case("Linear", 3, 4, on=(2, 3)), case("Linear", 3, 4, bias=False, on=(2, 5, 3)), case("Linear", 3, 4, on=(3,)),
    case("Bilinear", 2, 3, 4, on=[(5, 2), (5, 3)]), case("Bilinear", 2, 3, 4, bias=False, on=[(5, 2), (5, 3)]),
    case("Flatten", on=(2, 3, 4)), case("Flatten", 0, 1, on=(2, 3, 4)), case("Unflatten", 1, (2, 3), on=(4, 6)),
    case("CosineSimilarity", on=[(3, 4), (3, 4)]), case("CosineSimilarity", dim=0, eps=1e-4, on=[(3, 4), (3, 4)]),
    case("PairwiseDistance", on=[(3, 4), (3, 4)]), case("PairwiseDistance", 1.0, 1e-3, True, on=[(3, 4), (3, 4)]),
    case("Embedding", 5, 3, on=integers(5, 2, 4)), case("Embedding", 5, 3, 1, on=integers(5, 9)),
    case("Embedding", 5, 3, -1, scale_grad_by_freq=True, on=integers(5, 9)),
    case("Embedding", 5, 3, max_norm=0.5, norm_type=1.0, on=integers(5, 9)),
    case("EmbeddingBag", 5, 3, on=integers(5, 2, 4)), case("EmbeddingBag", 5, 3, mode="sum", on=integers(5, 2, 4)),
    case("EmbeddingBag", 5, 3, mode="max", padding_idx=2, on=integers(5, 2, 4)),
    case("EmbeddingBag", 5, 3, on=[integers(5, 6), lambda torch: torch.tensor([0, 2, 2])]),
    case("EmbeddingBag", 5, 3, include_last_offset=True, mode="sum",
         on=[integers(5, 6), lambda torch: torch.tensor([0, 2, 6])]),
]

CONV = [
    case("Conv1d", 2, 4, 3, on=(2, 2, 8)), case("Conv1d", 2, 4, 3, padding="same", dilation=2, on=(2, 8)),
    case("Conv2d", 2, 4, 3, on=(2, 2, 6, 5)), case("Conv2d", 4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2, on=(2, 4, 7, 6)),
    case("Conv2d", 2, 4, 3, padding="valid", bias=False, on=(2, 2, 6, 5)),
    case("Conv2d", 2, 4, (3, 4), padding="same", on=(2, 2, 6, 5)),
    case("Conv2d", 2, 4, 3, padding=(1, 2), padding_mode="reflect", on=(2, 2, 6, 5)),
    case("Conv2d", 2, 4, 3, padding=2, padding_mode="replicate", on=(2, 2, 6, 5)),
    case("Conv2d", 2, 4, 3, padding=1, padding_mode="circular", on=(2, 2, 6, 5)),
    case("Conv2d", 2, 4, (3, 4), padding="same", padding_mode="circular", on=(2, 2, 6, 5)),
    case("Conv2d", 2, 4, 3, padding="valid", padding_mode="circular", on=(2, 2, 6, 5)),
    case("Conv3d", 2, 3, 2, stride=(1, 2, 1), on=(1, 2, 4, 5, 3)), case("Conv3d", 2, 2, 2, groups=2, on=(2, 4, 5, 3)),
    case("ConvTranspose1d", 2, 4, 3, 2, 1, 1, on=(2, 2, 5)),
    case("ConvTranspose2d", 4, 6, (3, 2), (2, 1), (1, 0), (1, 0), 2, False, on=(2, 4, 4, 3)),
    case("ConvTranspose2d", 2, 4, 3, dilation=2, on=(2, 4, 3)), case("ConvTranspose3d", 2, 3, 2, 2, on=(1, 2, 3, 2, 3)),
    case("Fold", (4, 5), (2, 2), on=(2, 12, 12)), case("Unfold", (2, 3), 1, 1, 2, on=(2, 3, 5, 6)),
    case("PixelShuffle", 2, on=(1, 8, 2, 3)), case("PixelUnshuffle", 2, on=(1, 2, 4, 6)),
    case("ChannelShuffle", 2, on=(1, 4, 2, 2)),
]

POOLING = [
    case("MaxPool1d", 3, on=(2, 3, 9)), case("MaxPool1d", 3, 2, 1, 2, ceil_mode=True, on=(3, 9)),
    case("MaxPool1d", 3, return_indices=True, on=(2, 3, 9)),
    case("MaxPool2d", 2, on=(2, 3, 5, 6)), case("MaxPool2d", (3, 2), (2, 1), (1, 0), (1, 2), ceil_mode=True, on=(3, 7, 6)),
    case("MaxPool2d", 2, return_indices=True, on=(2, 3, 5, 6)), case("MaxPool3d", 2, on=(1, 2, 4, 5, 4)),
    case("MaxPool3d", 2, return_indices=True, on=(1, 2, 4, 5, 4)),
    case("AvgPool1d", 3, 2, 1, on=(2, 3, 9)), case("AvgPool1d", 2, ceil_mode=True, count_include_pad=False, on=(3, 9)),
    case("AvgPool2d", 2, on=(2, 3, 5, 6)), case("AvgPool2d", (3, 2), 2, 1, True, False, 3, on=(2, 3, 5, 6)),
    case("AvgPool3d", 2, on=(1, 2, 4, 5, 4)), case("AvgPool3d", (2, 1, 3), 1, (1, 0, 1), divisor_override=2,
                                                   on=(1, 2, 4, 5, 4)),
    case("AdaptiveAvgPool1d", 4, on=(2, 3, 9)), case("AdaptiveAvgPool2d", (3, None), on=(2, 3, 7, 5)),
    case("AdaptiveAvgPool2d", 1, on=(3, 7, 5)), case("AdaptiveAvgPool3d", (2, 3, None), on=(1, 2, 4, 5, 3)),
    case("AdaptiveMaxPool1d", 4, on=(2, 3, 9)), case("AdaptiveMaxPool2d", (3, None), True, on=(2, 3, 7, 5)),
    case("AdaptiveMaxPool2d", 2, on=(3, 7, 5)), case("AdaptiveMaxPool3d", 2, on=(1, 2, 4, 5, 3)),
    case("LPPool1d", 2, 3, on=(2, 3, 9)), case("LPPool2d", 2, (3, 2), stride=(2, 1), on=(2, 3, 5, 6)),
    case("LPPool3d", 2, 2, on=(1, 2, 4, 5, 4)),
    case("FractionalMaxPool2d", 2, output_ratio=0.5, on=(2, 3, 8, 8)),
    case("FractionalMaxPool2d", 2, (3, 4), return_indices=True, on=(2, 3, 8, 8)),
    case("FractionalMaxPool3d", 2, output_size=(2, 3, 4), on=(1, 2, 6, 6, 8)),
    case("Upsample", size=7, on=(2, 3, 4)), case("Upsample", scale_factor=2, on=(2, 3, 4, 5)),
    case("Upsample", scale_factor=(1.5, 2.3), mode="bilinear", on=(2, 3, 4, 5)),
    case("Upsample", size=(7, 3), mode="bilinear", align_corners=True, on=(2, 3, 4, 5)),
    case("Upsample", scale_factor=1.7, mode="bicubic", recompute_scale_factor=True, on=(1, 2, 4, 5)),
    case("Upsample", size=9, mode="linear", on=(1, 2, 4)), case("Upsample", scale_factor=2.0, mode="trilinear",
                                                                on=(1, 2, 2, 3, 2)),
    case("Upsample", scale_factor=1.3, mode="nearest-exact", on=(1, 2, 5, 7)),
    case("Upsample", scale_factor=0.5, mode="area", on=(1, 2, 5, 7)),
    case("UpsamplingNearest2d", scale_factor=2, on=(1, 2, 3, 4)), case("UpsamplingBilinear2d", (5, 6), on=(1, 2, 3, 4)),
]

PADDING = [case(f"{kind}Pad{ndim}d", *([1] if ndim != 2 else [(1, 0, 2, 1)]), *([3.5] if kind == "Constant" else []),
                on=(2, 3, 4, 5, 6)[:ndim + 2])
           for kind in ("Circular", "Constant", "Reflection", "Replication", "Zero") for ndim in (1, 2, 3)]

NORM = [
    case("BatchNorm1d", 3, on=(5, 3)), case("BatchNorm1d", 3, momentum=None, on=(5, 3, 2)),
    case("BatchNorm2d", 3, 1e-3, 0.3, on=(2, 3, 4, 2)), case("BatchNorm2d", 3, affine=False, on=(2, 3, 4, 2)),
    case("BatchNorm2d", 3, track_running_stats=False, bias=False, on=(2, 3, 4, 2)),
    case("BatchNorm3d", 3, on=(2, 3, 4, 2, 2)),
    case("InstanceNorm1d", 3, on=(2, 3, 4)), case("InstanceNorm1d", 3, affine=True, on=(3, 4)),
    case("InstanceNorm2d", 3, affine=True, track_running_stats=True, on=(2, 3, 4, 2)),
    case("InstanceNorm3d", 3, on=(2, 3, 4, 2, 2)),
    case("LayerNorm", 4, on=(2, 3, 4)), case("LayerNorm", (3, 4), 1e-3, on=(2, 3, 4)),
    case("LayerNorm", [4], elementwise_affine=False, on=(2, 3, 4)), case("LayerNorm", 4, bias=False, on=(2, 3, 4)),
    case("RMSNorm", 4, on=(2, 3, 4)), case("RMSNorm", (3, 4), 1e-3, False, on=(2, 3, 4)),
    case("GroupNorm", 2, 4, on=(2, 4, 3)), case("GroupNorm", 1, 4, affine=False, on=(2, 4)),
    case("GroupNorm", 4, 4, bias=False, on=(2, 4, 3, 2)),
    case("LocalResponseNorm", 2, on=(2, 5, 3)), case("LocalResponseNorm", 3, 0.1, 0.5, 2.0, on=(2, 5, 3, 2)),
    # the oracle's gradient is not the derivative of its forward (its gradcheck fails); ours is
    case("CrossMapLRN2d", 3, 0.1, 0.5, 2.0, on=(2, 5, 3, 2), differentiable=False),
]

DROPOUT = [
    case("Dropout", on=(6, 7)), case("Dropout", 0.2, True, on=(6, 7)), case("Dropout1d", 0.3, on=(2, 5, 3)),
    case("Dropout1d", on=(5, 3)), case("Dropout2d", on=(2, 5, 3, 2)), case("Dropout3d", on=(2, 5, 3, 2, 2)),
    case("Dropout3d", on=(5, 3, 2, 2)), case("AlphaDropout", on=(6, 7)), case("FeatureAlphaDropout", on=(4, 5, 3)),
]

RECURRENT = [
    case("RNN", 3, 4, on=(5, 2, 3)), case("RNN", 3, 4, 2, "relu", on=(5, 2, 3)), case("RNN", 3, 4, on=(5, 3)),
    case("RNN", 3, 4, 2, nonlinearity="relu", bidirectional=True, batch_first=True, on=(2, 5, 3)),
    case("LSTM", 3, 4, on=(5, 2, 3)), case("LSTM", 3, 4, 2, False, True, on=(2, 5, 3)),
    case("LSTM", 3, 4, 2, bidirectional=True, proj_size=2, on=(5, 2, 3)), case("LSTM", 3, 4, bidirectional=True, on=(5, 3)),
    case("LSTM", 3, 4, 2, dropout=0.4, on=(5, 2, 3)),
    case("GRU", 3, 4, on=(5, 2, 3)), case("GRU", 3, 4, num_layers=2, bias=False, bidirectional=True, on=(5, 2, 3)),
    case("GRU", 3, 4, 2, dropout=0.5, batch_first=True, on=(2, 5, 3)), case("GRU", 3, 4, on=[(5, 2, 3), (1, 2, 4)]),
    case("LSTM", 3, 4, on=[(5, 2, 3), lambda torch: (torch.randn(1, 2, 4, dtype=torch.float64),
                                                     torch.randn(1, 2, 4, dtype=torch.float64))]),
    case("RNNCell", 3, 4, on=(2, 3)), case("RNNCell", 3, 4, False, "relu", on=[(3,), (4,)]),
    case("LSTMCell", 3, 4, on=(2, 3)), case("LSTMCell", 3, 4, bias=False, on=[(3,), lambda torch: (
        torch.randn(4, dtype=torch.float64), torch.randn(4, dtype=torch.float64))]),
    case("GRUCell", 3, 4, on=(2, 3)), case("GRUCell", 3, 4, on=[(2, 3), (2, 4)]),
]

ATTENTION = [
    case("MultiheadAttention", 8, 2, on=[(5, 2, 8)] * 3), case("MultiheadAttention", 8, 2, bias=False, on=[(5, 8)] * 3),
    case("MultiheadAttention", 8, 4, 0.3, on=[(5, 2, 8)] * 3),
    case("MultiheadAttention", 8, 2, add_bias_kv=True, add_zero_attn=True, kdim=3, vdim=4, batch_first=True,
         on=[(2, 5, 8), (2, 6, 3), (2, 6, 4)]),
    case("TransformerEncoderLayer", 8, 2, 16, 0.0, on=(5, 2, 8)),
    case("TransformerEncoderLayer", 8, 2, 16, activation="gelu", batch_first=True, norm_first=True, bias=False,
         on=(2, 5, 8)),
    case("TransformerDecoderLayer", 8, 2, 16, on=[(5, 2, 8), (6, 2, 8)]),
    case("TransformerDecoderLayer", 8, 2, 16, norm_first=True, on=[(5, 8), (6, 8)]),
    case("Transformer", 8, 2, 2, 1, 16, 0.2, on=[(5, 2, 8), (3, 2, 8)]),
    case("AdaptiveLogSoftmaxWithLoss", 8, 12, [3, 6], div_value=2.0, on=[(7, 8), integers(12, 7)]),
    case("AdaptiveLogSoftmaxWithLoss", 8, 12, [3], head_bias=True, on=[(8,), lambda torch: torch.tensor(9)]),
]


def _reductions(name, *args, on, **kwargs):
    return [case(name, *args, reduction=reduction, on=on, **kwargs) for reduction in ("none", "mean", "sum")]


LOSSES = [
    *_reductions("L1Loss", on=[(3, 4), (3, 4)]), *_reductions("MSELoss", on=[(3, 4), (3, 4)]),
    *_reductions("SmoothL1Loss", on=[(3, 4), (3, 4)]), case("SmoothL1Loss", beta=0.0, on=[(3, 4), (3, 4)]),
    *_reductions("HuberLoss", delta=0.5, on=[(3, 4), (3, 4)]),
    *_reductions("CrossEntropyLoss", on=[(5, 4), integers(4, 5)]),
    *_reductions("CrossEntropyLoss", label_smoothing=0.1, ignore_index=2, on=[(5, 4, 3), integers(4, 5, 3)]),
    *_reductions("CrossEntropyLoss", label_smoothing=0.2, on=[(5, 4), probabilities(5, 4)]),
    case("CrossEntropyLoss", on=[(4,), lambda torch: torch.tensor(2)]),
    *_reductions("NLLLoss", ignore_index=1, on=[log_probabilities(5, 4), integers(4, 5)]),
    case("NLLLoss", on=[(2, 4, 3, 2), integers(4, 2, 3, 2)]),
    *_reductions("BCELoss", on=[positive(3, 4), positive(3, 4)]),
    *_reductions("BCEWithLogitsLoss", on=[(3, 4), positive(3, 4)]),
    *_reductions("KLDivLoss", on=[log_probabilities(3, 4), probabilities(3, 4)]),
    case("KLDivLoss", reduction="batchmean", log_target=True, on=[log_probabilities(3, 4), log_probabilities(3, 4)]),
    *_reductions("PoissonNLLLoss", full=True, on=[(3, 4), lambda torch: torch.randint(5, (3, 4)).double()]),
    case("PoissonNLLLoss", log_input=False, on=[positive(3, 4), positive(3, 4)]),
    *_reductions("GaussianNLLLoss", full=True, on=[(3, 4), (3, 4), positive(3, 4)]),
    case("GaussianNLLLoss", on=[(3, 4), (3, 4), positive(3, 1)]),
    case("GaussianNLLLoss", on=[(3, 4), (3, 4), positive(3)]),
    *_reductions("HingeEmbeddingLoss", margin=0.7, on=[(3, 4), signs(3, 4)]),
    *_reductions("SoftMarginLoss", on=[(3, 4), signs(3, 4)]),
    *_reductions("MarginRankingLoss", margin=0.2, on=[(5,), (5,), signs(5)]),
    *_reductions("CosineEmbeddingLoss", margin=0.1, on=[(5, 3), (5, 3), signs(5)]),
    *_reductions("TripletMarginLoss", swap=True, on=[(5, 3), (5, 3), (5, 3)]),
    *_reductions("TripletMarginWithDistanceLoss", swap=True, margin=0.4, on=[(5, 3), (5, 3), (5, 3)]),
    *_reductions("MultiMarginLoss", on=[(5, 4), integers(4, 5)]),
    case("MultiMarginLoss", 2, 0.5, on=[(5, 4), integers(4, 5)]),
    *_reductions("MultiLabelMarginLoss", on=[(2, 4), lambda torch: torch.tensor([[3, 0, -1, 1], [1, -1, 2, 0]])]),
    *_reductions("MultiLabelSoftMarginLoss", on=[(3, 4), lambda torch: torch.randint(2, (3, 4)).double()]),
    *_reductions("CTCLoss", zero_infinity=True, on=[
        log_probabilities(9, 2, 4), lambda torch: torch.randint(1, 4, (2, 3)), lambda torch: torch.tensor([9, 7]),
        lambda torch: torch.tensor([3, 2])]),
]

LAYERS = [*ACTIVATIONS, *LINEAR, *CONV, *POOLING, *PADDING, *NORM, *DROPOUT, *RECURRENT, *ATTENTION, *LOSSES]
