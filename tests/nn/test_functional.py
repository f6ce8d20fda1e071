"""nn.functional: names, signatures, what the layers do not reach, and what goes wrong."""
import inspect
import types
import warnings

import pytest

from frankentorch import nn
from frankentorch.nn import functional as F
from tests.nn.oracle import assert_close, leaves, outcome, to_subject

# Names of the oracle's module that are not part of its interface, or of ours yet.
NOT_PUBLIC = {"handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic",
              "boolean_dispatch", "assert_int_or_pair", "Optional", "Callable", "Tensor", "DType", "ScalingType",
              "SwizzleType", "TYPE_CHECKING", "overload", "Literal"}
MISSING = {"linear_cross_entropy", "scaled_grouped_mm", "scaled_mm", "grouped_mm"}


def _floats(torch, *shape):
    return torch.randn(shape, dtype=torch.float64)


# (F, torch) -> tensors. Functions not reached by a layer of the same name, and arguments the layers never pass.
CALLS = {
    "relu inplace": lambda F, torch: F.relu(_floats(torch, 5), inplace=True),
    "relu_": lambda F, torch: F.relu_(_floats(torch, 5)),
    "relu6 inplace": lambda F, torch: F.relu6(_floats(torch, 5) * 9, True),
    "elu inplace": lambda F, torch: F.elu(_floats(torch, 5), 0.5, True),
    "elu_": lambda F, torch: F.elu_(_floats(torch, 5), 0.5),
    "selu inplace": lambda F, torch: F.selu(_floats(torch, 5), True),
    "celu inplace": lambda F, torch: F.celu(_floats(torch, 5), 2.0, True),
    "silu inplace": lambda F, torch: F.silu(_floats(torch, 5), True),
    "mish inplace": lambda F, torch: F.mish(_floats(torch, 5), True),
    "hardswish inplace": lambda F, torch: F.hardswish(_floats(torch, 5), True),
    "hardsigmoid inplace": lambda F, torch: F.hardsigmoid(_floats(torch, 5), True),
    "hardtanh inplace": lambda F, torch: F.hardtanh(_floats(torch, 5), -0.2, 0.3, True),
    "leaky_relu inplace": lambda F, torch: F.leaky_relu(_floats(torch, 5), 0.3, True),
    "threshold inplace": lambda F, torch: F.threshold(_floats(torch, 5), 0.1, 7.0, True),
    "rrelu training": lambda F, torch: F.rrelu(_floats(torch, 5), training=True),
    "rrelu inplace": lambda F, torch: F.rrelu(_floats(torch, 5), 0.1, 0.2, False, True),
    "softmax of a dtype": lambda F, torch: F.softmax(_floats(torch, 2, 3), 1, dtype=torch.float32),
    "log_softmax of a dtype": lambda F, torch: F.log_softmax(_floats(torch, 2, 3).float(), -1, dtype=torch.float64),
    "softmin of a dtype": lambda F, torch: F.softmin(_floats(torch, 2, 3), 0, dtype=torch.float32),
    "softmax without dim, 1-d": lambda F, torch: F.softmax(_floats(torch, 3)),
    "log_softmax without dim, 2-d": lambda F, torch: F.log_softmax(_floats(torch, 2, 3)),
    "softmin without dim, 3-d": lambda F, torch: F.softmin(_floats(torch, 2, 3, 2)),
    "gumbel_softmax": lambda F, torch: F.gumbel_softmax(_floats(torch, 2, 3), tau=0.5),
    "gumbel_softmax hard": lambda F, torch: F.gumbel_softmax(_floats(torch, 2, 3), hard=True, dim=0),
    "gumbel_softmax eps": lambda F, torch: F.gumbel_softmax(_floats(torch, 2, 3), eps=1e-3),
    "logsigmoid": lambda F, torch: F.logsigmoid(_floats(torch, 5)),
    "softplus": lambda F, torch: F.softplus(_floats(torch, 5), beta=2, threshold=1),
    "glu of a scalar": lambda F, torch: F.glu(_floats(torch)),
    "hardtanh order": lambda F, torch: F.hardtanh(_floats(torch, 2), 2, 1),
    "dropout inplace": lambda F, torch: F.dropout(_floats(torch, 9), 0.3, inplace=True),
    "dropout probability": lambda F, torch: F.dropout(_floats(torch, 9), 2),
    "dropout not training": lambda F, torch: F.dropout(_floats(torch, 9), 0.9, False),
    "dropout1d inplace": lambda F, torch: F.dropout1d(_floats(torch, 9, 2), 0.3, inplace=True),
    "dropout2d of 2-d": lambda F, torch: F.dropout2d(_floats(torch, 9, 2)),
    "dropout3d of 4-d": lambda F, torch: F.dropout3d(_floats(torch, 9, 2, 2, 2)),
    "alpha_dropout": lambda F, torch: F.alpha_dropout(_floats(torch, 9), 0.3, True),
    "alpha_dropout inplace": lambda F, torch: F.alpha_dropout(_floats(torch, 9), 0.3, True, True),
    "feature_alpha_dropout": lambda F, torch: F.feature_alpha_dropout(_floats(torch, 2, 9, 2), 0.3, True),
    "normalize": lambda F, torch: F.normalize(_floats(torch, 3, 4)),
    "normalize p": lambda F, torch: F.normalize(_floats(torch, 3, 4), 1.0, 0, 10.0),
    "normalize out": lambda F, torch: F.normalize(_floats(torch, 3, 4), out=_floats(torch, 3, 4)),
    "one_hot": lambda F, torch: F.one_hot(torch.tensor([0, 2]), 4),
    "pdist": lambda F, torch: F.pdist(_floats(torch, 4, 3)),
    "local_response_norm 2-d": lambda F, torch: F.local_response_norm(_floats(torch, 2, 2), 2),
    "local_response_norm of nothing": lambda F, torch: F.local_response_norm(_floats(torch, 0, 2, 2), 2),
    "group_norm 1-d": lambda F, torch: F.group_norm(_floats(torch, 2), 1),
    "instance_norm one value": lambda F, torch: F.instance_norm(_floats(torch, 1, 2, 1)),
    "batch_norm without statistics": lambda F, torch: F.batch_norm(_floats(torch, 2, 2), None, None),
    "embedding padding": lambda F, torch: F.embedding(torch.tensor([1]), _floats(torch, 2, 2), padding_idx=3),
    "embedding_bag weights": lambda F, torch: F.embedding_bag(
        torch.tensor([[1, 0]]), _floats(torch, 2, 2), mode="sum", per_sample_weights=_floats(torch, 1, 2)),
    "embedding_bag max_norm": lambda F, torch: F.embedding_bag(torch.tensor([[1, 0]]), _floats(torch, 2, 2), max_norm=0.1),
    "embedding_bag without offsets": lambda F, torch: F.embedding_bag(torch.tensor([1]), _floats(torch, 2, 2)),
    "embedding_bag with offsets": lambda F, torch: F.embedding_bag(
        torch.tensor([[1]]), _floats(torch, 2, 2), torch.tensor([0])),
    "embedding_bag 3-d": lambda F, torch: F.embedding_bag(torch.tensor([[[1]]]), _floats(torch, 2, 2)),
    "embedding_bag mode": lambda F, torch: F.embedding_bag(torch.tensor([[1]]), _floats(torch, 2, 2), mode="x"),
    "embedding_bag sparse max": lambda F, torch: F.embedding_bag(
        torch.tensor([[1]]), _floats(torch, 2, 2), mode="max", sparse=True),
    "embedding_bag mean weights": lambda F, torch: F.embedding_bag(
        torch.tensor([[1]]), _floats(torch, 2, 2), per_sample_weights=_floats(torch, 1, 1)),
    "embedding_bag weights shape": lambda F, torch: F.embedding_bag(
        torch.tensor([[1]]), _floats(torch, 2, 2), mode="sum", per_sample_weights=_floats(torch, 1)),
    "embedding_bag offsets dims": lambda F, torch: F.embedding_bag(
        torch.tensor([1]), _floats(torch, 2, 2), torch.tensor([[0]])),
    "mse_loss broadcast": lambda F, torch: F.mse_loss(_floats(torch, 2), _floats(torch, 2, 1)),
    "l1_loss broadcast": lambda F, torch: F.l1_loss(_floats(torch, 2), _floats(torch, 2, 1)),
    "smooth_l1_loss broadcast": lambda F, torch: F.smooth_l1_loss(_floats(torch, 2), _floats(torch, 2, 1)),
    "huber_loss broadcast": lambda F, torch: F.huber_loss(_floats(torch, 2), _floats(torch, 2, 1)),
    "mse_loss old flags": lambda F, torch: F.mse_loss(_floats(torch, 2), _floats(torch, 2), size_average=False),
    "l1_loss old flags": lambda F, torch: F.l1_loss(_floats(torch, 2), _floats(torch, 2), reduce=False),
    "mse_loss reduction": lambda F, torch: F.mse_loss(_floats(torch, 2), _floats(torch, 2), reduction="x"),
    "elementwise_mean": lambda F, torch: F.mse_loss(_floats(torch, 2), _floats(torch, 2), reduction="elementwise_mean"),
    "mse_loss weight shape": lambda F, torch: F.mse_loss(_floats(torch, 2), _floats(torch, 2), weight=_floats(torch, 3)),
    "smooth_l1_loss beta": lambda F, torch: F.smooth_l1_loss(_floats(torch, 2), _floats(torch, 2), beta=-1),
    "binary_cross_entropy shape": lambda F, torch: F.binary_cross_entropy(torch.ones(2), torch.ones(2, 1)),
    "binary_cross_entropy weight": lambda F, torch: F.binary_cross_entropy(
        torch.rand(2, 3), torch.rand(2, 3), torch.rand(3)),
    "binary_cross_entropy_with_logits shape": lambda F, torch: F.binary_cross_entropy_with_logits(
        torch.ones(2), torch.ones(2, 1)),
    "binary_cross_entropy_with_logits weights": lambda F, torch: F.binary_cross_entropy_with_logits(
        _floats(torch, 2, 3), torch.rand(2, 3).double(), torch.rand(3).double(), pos_weight=torch.rand(3).double()),
    "kl_div mean": lambda F, torch: F.kl_div(_floats(torch, 2), torch.rand(2).double()),
    "kl_div reduction": lambda F, torch: F.kl_div(_floats(torch, 2), torch.rand(2).double(), reduction="x"),
    "poisson_nll_loss reduction": lambda F, torch: F.poisson_nll_loss(torch.ones(2), torch.ones(2), reduction="x"),
    "gaussian_nll_loss reduction": lambda F, torch: F.gaussian_nll_loss(*[torch.ones(2)] * 3, reduction="x"),
    "gaussian_nll_loss negative": lambda F, torch: F.gaussian_nll_loss(torch.ones(2), torch.ones(2), -torch.ones(2)),
    "gaussian_nll_loss negative number": lambda F, torch: F.gaussian_nll_loss(torch.ones(2), torch.ones(2), -1.0),
    "gaussian_nll_loss number": lambda F, torch: F.gaussian_nll_loss(torch.ones(2), torch.zeros(2), 2.0),
    "gaussian_nll_loss shape": lambda F, torch: F.gaussian_nll_loss(torch.ones(2), torch.ones(2), torch.ones(3)),
    "margin_ranking_loss dims": lambda F, torch: F.margin_ranking_loss(torch.ones(2), torch.ones(2, 1), torch.ones(2)),
    "multi_margin_loss p": lambda F, torch: F.multi_margin_loss(torch.ones(2, 2), torch.tensor([0, 1]), p=3),
    "multi_margin_loss weight": lambda F, torch: F.multi_margin_loss(
        torch.ones(2, 2), torch.tensor([0, 1]), weight=torch.ones(2, 2)),
    "triplet_margin_loss margin": lambda F, torch: F.triplet_margin_loss(*[torch.ones(2, 2)] * 3, margin=0),
    "triplet_margin_with_distance_loss reduction": lambda F, torch: F.triplet_margin_with_distance_loss(
        *[torch.ones(2)] * 3, reduction="x"),
    "triplet_margin_with_distance_loss margin": lambda F, torch: F.triplet_margin_with_distance_loss(
        *[torch.ones(2)] * 3, margin=0),
    "triplet_margin_with_distance_loss dims": lambda F, torch: F.triplet_margin_with_distance_loss(
        torch.ones(2), torch.ones(2, 2), torch.ones(2)),
    "multilabel_soft_margin_loss weight": lambda F, torch: F.multilabel_soft_margin_loss(
        _floats(torch, 2, 3), torch.ones(2, 3), torch.rand(3)),
    "ctc_loss reduction": lambda F, torch: F.ctc_loss(torch.ones(2, 1, 2), torch.tensor([[1]]), (2,), (1,), reduction="x"),
    "ctc_loss of tuples": lambda F, torch: F.ctc_loss(
        _floats(torch, 5, 1, 3).log_softmax(-1), torch.tensor([[1, 2]]), (5,), (2,)),
    "cross_entropy weight": lambda F, torch: F.cross_entropy(
        _floats(torch, 3, 2), torch.tensor([0, 1, 1]), torch.tensor([0.2, 0.7]).double(), label_smoothing=0.1),
    "nll_loss old flags": lambda F, torch: F.nll_loss(_floats(torch, 2, 2), torch.tensor([0, 1]), size_average=False),
    "interpolate by nothing": lambda F, torch: F.interpolate(torch.ones(1, 1, 2)),
    "interpolate by both": lambda F, torch: F.interpolate(torch.ones(1, 1, 2), 2, 2.0),
    "interpolate sizes": lambda F, torch: F.interpolate(torch.ones(1, 1, 2), (2, 2)),
    "interpolate scales": lambda F, torch: F.interpolate(torch.ones(1, 1, 2), scale_factor=(2.0, 2)),
    "interpolate dims": lambda F, torch: F.interpolate(torch.ones(1, 1, 2), 2, mode="bilinear"),
    "interpolate mode": lambda F, torch: F.interpolate(torch.ones(1, 1, 2), 2, mode="x"),
    "interpolate 2-d": lambda F, torch: F.interpolate(torch.ones(1, 2), 2),
    "interpolate align_corners": lambda F, torch: F.interpolate(torch.ones(1, 1, 2), 2, align_corners=True),
    "interpolate recompute": lambda F, torch: F.interpolate(torch.ones(1, 1, 2), 2, recompute_scale_factor=True),
    "interpolate antialias 1-d": lambda F, torch: F.interpolate(torch.ones(1, 1, 2), 2, antialias=True),
    "interpolate float size": lambda F, torch: F.interpolate(torch.ones(1, 1, 2, 2), 2.5),
    "interpolate antialias bilinear": lambda F, torch: F.interpolate(
        _floats(torch, 1, 2, 9, 8), (4, 3), mode="bilinear", antialias=True),
    "interpolate antialias bicubic": lambda F, torch: F.interpolate(
        _floats(torch, 1, 2, 9, 8), scale_factor=0.4, mode="bicubic", antialias=True),
    "interpolate lanczos": lambda F, torch: F.interpolate(_floats(torch, 1, 2, 9, 8), (4, 3), mode="lanczos",
                                                          antialias=True),
    "interpolate area 1-d": lambda F, torch: F.interpolate(_floats(torch, 1, 2, 9), 4, mode="area"),
    "interpolate area 3-d": lambda F, torch: F.interpolate(_floats(torch, 1, 2, 4, 4, 4), scale_factor=0.5, mode="area"),
    "interpolate nearest-exact 1-d": lambda F, torch: F.interpolate(_floats(torch, 1, 2, 5), 3, mode="nearest-exact"),
    "interpolate nearest 3-d": lambda F, torch: F.interpolate(_floats(torch, 1, 1, 2, 3, 2), scale_factor=1.5),
    "upsample": lambda F, torch: F.upsample(_floats(torch, 1, 1, 2), 4),
    "upsample_nearest": lambda F, torch: F.upsample_nearest(_floats(torch, 1, 1, 2), scale_factor=2),
    "upsample_bilinear": lambda F, torch: F.upsample_bilinear(_floats(torch, 1, 1, 2, 3), 4),
    "grid_sample": lambda F, torch: F.grid_sample(_floats(torch, 1, 2, 4, 5), torch.rand(1, 3, 3, 2).double() * 2 - 1),
    "grid_sample nearest": lambda F, torch: F.grid_sample(
        _floats(torch, 1, 2, 4, 5), _floats(torch, 1, 3, 3, 2), "nearest", "border", True),
    "grid_sample bicubic": lambda F, torch: F.grid_sample(
        _floats(torch, 1, 2, 4, 5), _floats(torch, 1, 3, 3, 2), "bicubic", "reflection", False),
    "grid_sample mode": lambda F, torch: F.grid_sample(torch.ones(1, 1, 2, 2), torch.ones(1, 2, 2, 2), "x"),
    "grid_sample padding": lambda F, torch: F.grid_sample(
        torch.ones(1, 1, 2, 2), torch.ones(1, 2, 2, 2), padding_mode="x"),
    "affine_grid": lambda F, torch: F.affine_grid(_floats(torch, 1, 2, 3), (1, 1, 2, 3)),
    "affine_grid 3-d": lambda F, torch: F.affine_grid(_floats(torch, 1, 3, 4), (1, 1, 2, 3, 2), True),
    "affine_grid shape": lambda F, torch: F.affine_grid(torch.ones(1, 2, 2), (1, 1, 2, 2)),
    "affine_grid dtype": lambda F, torch: F.affine_grid(torch.ones(1, 2, 3, dtype=torch.int32), (1, 1, 2, 2)),
    "affine_grid size": lambda F, torch: F.affine_grid(torch.ones(1, 2, 3), (1, 1, 2)),
    "affine_grid size 0": lambda F, torch: F.affine_grid(torch.ones(1, 2, 3), (1, 1, 2, 0)),
    "pad": lambda F, torch: F.pad(_floats(torch, 2, 3), (1, -1, 2, 0), value=4.0),
    "pad mode": lambda F, torch: F.pad(torch.ones(2), (1, 1), mode="x"),
    "pad length": lambda F, torch: F.pad(torch.ones(2), (1,)),
    "fold size": lambda F, torch: F.fold(torch.ones(2, 3), 2, 2),
    "adaptive_avg_pool2d dims": lambda F, torch: F.adaptive_avg_pool2d(torch.ones(1, 2, 2), (1, 2, 3)),
    "adaptive_max_pool2d with indices": lambda F, torch: F.adaptive_max_pool2d(_floats(torch, 1, 4, 4), 2, True),
    "max_pool1d_with_indices": lambda F, torch: F.max_pool1d_with_indices(_floats(torch, 1, 6), 2),
    "max_unpool1d": lambda F, torch: F.max_unpool1d(*F.max_pool1d(_floats(torch, 1, 7), 2, return_indices=True), 2),
    "max_unpool1d size": lambda F, torch: F.max_unpool1d(
        *F.max_pool1d(_floats(torch, 1, 2, 7), 2, return_indices=True), 2, output_size=(1, 2, 7)),
    "max_unpool1d wrong size": lambda F, torch: F.max_unpool1d(
        *F.max_pool1d(_floats(torch, 1, 2, 7), 2, return_indices=True), 2, output_size=(9,)),
    "max_unpool1d size dims": lambda F, torch: F.max_unpool1d(
        *F.max_pool1d(_floats(torch, 1, 2, 7), 2, return_indices=True), 2, output_size=(9, 9)),
    "max_unpool2d": lambda F, torch: F.max_unpool2d(
        *F.max_pool2d(_floats(torch, 1, 5, 6), 2, return_indices=True), 2, output_size=(5, 6)),
    "max_unpool3d": lambda F, torch: F.max_unpool3d(*F.max_pool3d(_floats(torch, 1, 4, 4, 4), 2, return_indices=True), 2),
    "lp_pool2d": lambda F, torch: F.lp_pool2d(_floats(torch, 1, 4, 5), 3, (2, 1), ceil_mode=True),
    "fractional_max_pool2d size": lambda F, torch: F.fractional_max_pool2d(torch.ones(1, 4, 4), 2),
    "scaled_dot_product_attention": lambda F, torch: F.scaled_dot_product_attention(
        *[_floats(torch, 2, 4, 8) for _ in range(3)], is_causal=True),
    "conv_tbc": lambda F, torch: F.conv_tbc(_floats(torch, 5, 2, 3), _floats(torch, 2, 3, 4), _floats(torch, 4), 1),
    "bilinear": lambda F, torch: F.bilinear(_floats(torch, 2, 3), _floats(torch, 2, 4), _floats(torch, 5, 3, 4)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_call_agrees(call, oracle):
    """Same values, or the same exception type; the same categories of warnings."""
    import frankentorch as ft

    outcomes = []
    for library, function in ((oracle, oracle.nn.functional), (ft, F)):
        library.manual_seed(3)
        outcomes.append(outcome(lambda: call(function, library)))
    ((expected_kind, expected), expected_warnings), ((actual_kind, actual), actual_warnings) = outcomes

    assert (expected_kind, expected_warnings) == (actual_kind, actual_warnings), (expected, actual)
    if expected_kind == "raises":
        assert type(expected) is type(actual), (expected, actual)
    else:
        assert len(leaves(expected)) == len(leaves(actual)) > 0
        for one, other in zip(leaves(expected), leaves(actual)):
            assert_close(one, other, oracle, rtol=1e-6 if one.dtype == oracle.float32 else 1e-10)


def test_names_are_complete(oracle):
    """Every public callable of the oracle's module is here, or in the list of gaps."""
    names = {name for name in dir(oracle.nn.functional)
             if not name.startswith("_") and callable(getattr(oracle.nn.functional, name))}

    assert set() == {name for name in names - NOT_PUBLIC - MISSING if not hasattr(F, name)}
    assert set() == {name for name in MISSING if hasattr(F, name)}


def _python_functions():
    return sorted(name for name, value in vars(F).items() if isinstance(value, types.FunctionType) and name[0] != "_")


@pytest.mark.parametrize("name", _python_functions())
def test_signature_agrees(name, oracle):
    """Arguments have the oracle's names, order and defaults."""
    theirs = getattr(oracle.nn.functional, name)
    expected = inspect.signature(theirs).parameters
    if "kwargs" in expected:
        expected = inspect.signature(getattr(oracle.nn.functional, name + "_with_indices")).parameters
    actual = inspect.signature(getattr(F, name)).parameters

    assert ([(each.name, each.kind, each.default) for each in expected.values()]
            == [(each.name, each.kind, each.default) for each in actual.values()])


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_weighted_loss_agrees(loss, reduction, oracle):
    values = [oracle.randn(3, 4, dtype=oracle.float64) for _ in range(2)]
    weight = oracle.rand(3, 4, dtype=oracle.float64)
    expected = getattr(oracle.nn.functional, loss)(*values, reduction=reduction, weight=weight)
    actual = getattr(F, loss)(*to_subject(values, oracle), reduction=reduction, weight=to_subject(weight, oracle))

    assert_close(expected, actual, oracle)


MASKS = {
    "none": {},
    "causal": {"attn_mask": lambda torch: torch.ones(5, 5).triu(1).bool()},
    "added": {"attn_mask": lambda torch: torch.arange(25.0).reshape(5, 5).double() / 10},
    "per head": {"attn_mask": lambda torch: torch.arange(100.0).reshape(4, 5, 5).double() / 10},
    "padding": {"key_padding_mask": lambda torch: torch.tensor([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1]]).bool()},
    "both": {"attn_mask": lambda torch: torch.ones(5, 5).triu(1).bool(),
             "key_padding_mask": lambda torch: torch.tensor([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1]]).bool()},
    "causal hint": {"attn_mask": lambda torch: torch.full((5, 5), float("-inf")).triu(1).double(),
                    "is_causal": lambda torch: True},
    "causal hint and padding": {"attn_mask": lambda torch: torch.full((5, 5), float("-inf")).triu(1).double(),
                                "key_padding_mask": lambda torch: torch.zeros(2, 5).double(),
                                "is_causal": lambda torch: True},
}


@pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("options", [{}, {"need_weights": False}, {"average_attn_weights": False}], ids=str)
@pytest.mark.parametrize("settings", [{}, {"add_bias_kv": True, "add_zero_attn": True}], ids=["plain", "extra keys"])
def test_attention_masks_agree(masks, options, settings, oracle):
    """Every mask with every form of output."""
    import frankentorch as ft

    results = []
    oracle.manual_seed(1)
    query = oracle.randn(5, 2, 8, dtype=oracle.float64)
    for library, library_nn, x in ((oracle, oracle.nn, query), (ft, nn, to_subject(query, oracle))):
        library.manual_seed(0)
        layer = library_nn.MultiheadAttention(8, 2, **settings).double()
        made = {name: make(library) for name, make in masks.items()}
        results.append(layer(x, x, x, **made, **options))
    (expected, expected_weights), (actual, actual_weights) = results

    assert_close(expected, actual, oracle)
    assert (expected_weights is None) == (actual_weights is None)
    if expected_weights is not None:
        assert_close(expected_weights, actual_weights, oracle)


def test_static_keys_agree(oracle):
    """Projected keys and values given from outside."""
    arguments = [oracle.randn(5, 2, 8, dtype=oracle.float64) for _ in range(3)]
    weights = [oracle.randn(24, 8, dtype=oracle.float64), oracle.randn(24, dtype=oracle.float64)]
    out = [oracle.randn(8, 8, dtype=oracle.float64), oracle.randn(8, dtype=oracle.float64)]
    static = [oracle.randn(4, 6, 4, dtype=oracle.float64) for _ in range(2)]

    def call(function, convert):
        return function(*map(convert, arguments), 8, 2, *map(convert, weights), None, None, False, 0.0,
                        *map(convert, out), static_k=convert(static[0]), static_v=convert(static[1]))

    expected = call(oracle.nn.functional.multi_head_attention_forward, lambda each: each)
    actual = call(F.multi_head_attention_forward, lambda each: to_subject(each, oracle))

    for one, other in zip(expected, actual):
        assert_close(one, other, oracle)


def test_missing_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'no_such_function'"):
        F.no_such_function


def test_cross_entropy_by_hand():
    """Two equal logits: log 2 whichever the class."""
    import frankentorch as ft

    loss = F.cross_entropy(ft.zeros(3, 2), ft.tensor([0, 1, 0]), reduction="none")

    assert [0.6931471824645996] * 3 == loss.tolist()


def test_implicit_softmax_dim_warns_and_is_right():
    """Dim 0 for 1-d input, 1 for 2-d."""
    import frankentorch as ft

    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        out = F.softmax(ft.zeros(1, 2))

    assert [[0.5, 0.5]] == out.tolist()


def test_explicit_dim_does_not_warn():
    import frankentorch as ft

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.softmax(ft.zeros(1, 2), 1)
        F.mse_loss(ft.zeros(2), ft.zeros(2))
