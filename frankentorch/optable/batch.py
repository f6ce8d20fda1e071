"""How rows run on all examples of a vmap at once: one line per kind, beside the families so that each kind reads as a list.

A loop row is elementwise unless it says otherwise. What is not listed runs example by example, which is right for every row whose results
are tensors; a row that composes others needs no rule, since theirs are used. The rules are in `frankentorch/batching`:

elementwise   dims of examples aligned at the right
reduce        an argument `dim` that may be missing, None or empty
dims          arguments `dim` or `dims`; every tensor spread to all examples
direct        the same row with a dim more at the left
each          example by example, of a row that composes others but reads values
random        as the vmap's randomness says; a row that composes others but draws is listed too
refuse        the shape of the result depends on the values, or it is no tensor
own           a rule under the row's own name
"""
from .schema import SchemaError

KINDS = {
    "elementwise": "round.decimals div.Tensor_mode complex isclose _copy gelu _binary_cross_entropy",
    "reduce": "sum.dim_IntList nansum mean.dim prod.dim_int count_nonzero max.dim amax min.dim amin any.dim any.dims all.dim all.dims _spread _vector_norm _logsumexp",
    "dims": "_rolled _glu_halves cumsum cumprod cummax cummin _logcumsumexp sort _sort_stable topk kthvalue median.dim nanmedian.dim mode softmax _softmax_backward log_softmax "
            "_log_softmax_backward fft_c2c fft_r2c fft_c2r",
    "direct": "real imag view_as_real view_as_complex view.dtype linalg_qr _linalg_svd linalg_inv _linalg_cholesky linalg_det linalg_slogdet zero _cdist",
    "each": "linspace logspace one_hot histogram histogram.bins histogramdd searchsorted bucketize nonzero_static argwhere repeat_interleave",
    "refuse": "equal allclose _nonzero _unique2 unique unique_consecutive",
    "random": "uniform normal.fill random random.from random.to exponential cauchy geometric log_normal bernoulli bernoulli.p bernoulli.Tensor_ bernoulli.float_ rand randn randint "
              "randint.low randperm rand_like randn_like randint_like randint_like.low normal normal.Tensor_float normal.float_Tensor normal.float_float multinomial native_dropout _noise",
    "own": "sum mean prod max min any all median nanmedian argmax argmin masked_select "
           "alias detach view as_strided expand permute transpose t select slice squeeze squeeze.dim squeeze.dims unsqueeze diagonal unfold split split.sizes unsafe_split "
           "unsafe_split_with_sizes unbind flip tril triu clone _to_copy cat stack diag_embed select_scatter slice_scatter diagonal_scatter constant_pad_nd fill _masked_fill "
           "empty_like zeros_like ones_like full_like new_empty new_zeros new_ones new_full new_empty_strided full "
           "gather _scatter _scatter_fill _scatter_combine scatter_add scatter_reduce index_select _index_write index_fill take index index_put "
           "_matmul mm bmm mv dot vdot addmm baddbmm addmv linear _linalg_solve convolution convolution_backward im2col col2im _resample _resample_backward "
           "_layer_norm _layer_norm_backward _group_norm _group_norm_backward _batch_norm_train _batch_norm_eval _batch_norm_backward _embedding embedding_dense_backward _attention "
           "nll_loss_forward nll_loss_backward "
           + " ".join(name.format(n) for n in (1, 2, 3) for name in (
               "max_pool{}d_with_indices", "adaptive_max_pool{}d", "_max_pool{}d_backward", "_adaptive_max_pool{}d_backward", "avg_pool{}d", "_avg_pool{}d_backward",
               "_adaptive_avg_pool{}d", "_adaptive_avg_pool{}d_backward", "reflection_pad{}d", "_reflection_pad{}d_backward", "replication_pad{}d", "_replication_pad{}d_backward")),
}


def mark(rows):
    """Give each row its kind. SchemaError for a name that no row has, or that stands twice."""
    by_name = {row.full_name: row for row in rows}
    seen = set()
    for kind, names in KINDS.items():
        for name in names.split():
            if name not in by_name or name in seen:
                raise SchemaError(f"{name}: listed as {kind} in optable/batch.py, but {'listed twice' if name in seen else 'no row has this name'}")
            seen.add(name)
            by_name[name].batch = kind
