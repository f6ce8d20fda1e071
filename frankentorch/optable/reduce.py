"""Reductions. dim None or () is every dim (any and all excepted: () reduces nothing there); results are contiguous over the kept dims.

Sums follow one tree whatever the layout and the number of threads (`_ext/fold.pxd`).
"""
from .family import NONE, table

ROWS, op = table()
BOTH = "function method"
PLAIN = "function method out"

# ---- sums ----
op("sum(Tensor self, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN, out="follow", kernel="_ext.reduce_ops:sum_", jvp="linear", grad={"self": "g.expand(self_sizes)"},
   doc="Sum of the elements, over all dims or those given; integers are summed in int64.")
op("sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN, out="follow", kernel="_ext.reduce_ops:sum_dims",
   jvp="linear", grad={"self": "spread_back(g, self_sizes, dim, keepdim)"})
op("nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN, out="follow", kernel="_ext.reduce_ops:nansum",
   grad={"self": "nansum_backward(g, self, dim, keepdim)"}, doc="sum with NaN as 0.")
op("mean(Tensor self, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN, out="follow", kernel="_ext.reduce_ops:mean", jvp="linear", grad={"self": "g.expand(self_sizes) / max_of(self_numel, 1)"},
   doc="Mean of the elements, over all dims or those given.")
op("mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN, out="follow", kernel="_ext.reduce_ops:mean_dims",
   jvp="linear", grad={"self": "mean_backward(g, self_sizes, dim, keepdim)"})
op("nanmean(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN, out="follow", body="ops.reduction:nanmean", doc="Mean of the elements that are not NaN.")
op("prod(Tensor self, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN, out="follow", kernel="_ext.reduce_ops:prod", grad={"self": "prod_backward(g, self, out)"},
   doc="Product of the elements, over all dims or one; integers in int64.")
op("prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN, out="follow", kernel="_ext.reduce_ops:prod_dim",
   grad={"self": "prod_dim_backward(g, self, out, dim, keepdim)"})
op("count_nonzero(Tensor self, int[1]? dim=None) -> Tensor", forms=BOTH, kernel="_ext.reduce_ops:count_nonzero", grad=NONE, doc="Number of nonzero elements.")

# ---- extremes ----
for name, word in (("max", "Greatest"), ("min", "Least")):
    op(f"{name}(Tensor self) -> Tensor", forms=PLAIN, out="cast", kernel=f"_ext.reduce_ops:{name}_", grad={"self": "extreme_all_backward(g, self, out)"},
       doc=f"{word} element; with a dim, values and first indices along it; with a tensor, {name}imum of both. NaN wins.")
    op(f"{name}.other(Tensor self, Tensor other) -> Tensor", forms=PLAIN, out="cast", body=f"ops.reduction:{name}_other")
    op(f"{name}.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)", forms=PLAIN, kernel=f"_ext.reduce_ops:{name}_dim",
       jvp="picked", grad={"self": "at_index_backward(g0, self_sizes, dim, keepdim, indices)"}, node=f"{name.title()}Backward0")
    op(f"a{name}(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor", forms=PLAIN, kernel=f"_ext.reduce_ops:a{name}",
       grad={"self": "extreme_dims_backward(g, self, out, dim, keepdim)"}, doc=f"{word} over the given dims; equals share the gradient.")
    op(f"arg{name}(Tensor self, int? dim=None, bool keepdim=False) -> Tensor", forms=PLAIN, kernel=f"_ext.reduce_ops:arg{name}", grad=NONE,
       doc=f"First position of the {word.lower()} element.")
op("aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)", forms=PLAIN, body="ops.reduction:aminmax", doc="Least and greatest together.")

# ---- truth ----
for name, word in (("any", "some"), ("all", "every")):
    op(f"{name}(Tensor self) -> Tensor", forms=PLAIN, out="mask", kernel=f"_ext.reduce_ops:{name}_", grad=NONE, doc=f"Whether {word} element is nonzero.")
    op(f"{name}.dim(Tensor self, int dim, bool keepdim=False) -> Tensor", forms=PLAIN, out="mask", kernel=f"_ext.reduce_ops:{name}_dim", grad=NONE)
    op(f"{name}.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor", forms=PLAIN, out="mask", kernel=f"_ext.reduce_ops:{name}_dims", grad=NONE)
op("equal(Tensor self, Tensor other) -> bool", forms=BOTH, kernel="_ext.reduce_ops:equal", grad=NONE, doc="Whether shapes and elements are equal.")
op("isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> Tensor", forms=BOTH, kernel="ops.reduction:isclose", grad=NONE,
   doc="Whether |self - other| <= atol + rtol * |other|, element by element.")
op("allclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> bool", forms=BOTH, kernel="ops.reduction:allclose", grad=NONE, doc="Whether isclose holds everywhere.")

# ---- spreads and norms ----
op("_spread(Tensor self, int[]? dim, float correction, bool keepdim, bool root) -> Tensor", forms="internal", kernel="_ext.reduce_ops:spread",
   grad={"self": "spread_backward(g, self, out, dim, correction, keepdim, root)"}, node="VarBackward0")
for name, text in (("var", "Variance"), ("std", "Standard deviation")):
    op(f"{name}(Tensor self, bool unbiased=True) -> Tensor", forms=PLAIN, out="cast", body=f"ops.reduction:{name}_all", doc=f"{text}: squared distances from the mean over n - correction.")
    op(f"{name}.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor", forms=PLAIN, out="cast", body=f"ops.reduction:{name}_dim")
    op(f"{name}.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor", forms=PLAIN, out="cast", body=f"ops.reduction:{name}_correction")
    op(f"{name}_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)", forms="function", body=f"ops.reduction:{name}_mean_all", doc=f"{text} and mean.")
    op(f"{name}_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, Tensor)", forms="function", body=f"ops.reduction:{name}_mean_dim")
    op(f"{name}_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)", forms="function",
       body=f"ops.reduction:{name}_mean_correction")
op("_vector_norm(Tensor self, float ord, int[]? dim, bool keepdim, ScalarType? dtype) -> Tensor", forms="internal", kernel="_ext.reduce_ops:vector_norm",
   grad={"self": "vector_norm_backward(g, self, out, ord, dim, keepdim)"}, node="LinalgVectorNormBackward0")
op("linalg_vector_norm(Tensor x, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", forms="internal out", body="ops.reduction:vector_norm",
   doc="Norm of the elements as one vector, over all dims or those given.")
op("norm(Tensor self, Any p='fro', Any dim=None, bool keepdim=False, ScalarType? dtype=None) -> Tensor", forms=PLAIN, body="ops.reduction:norm", doc="Vector or matrix norm (kept for old callers; see linalg).")
op("_logsumexp(Tensor self, int[] dim, bool keepdim) -> Tensor", forms="internal", kernel="_ext.reduce_ops:logsumexp", grad={"self": "logsumexp_backward(g, self, out, dim, keepdim)"}, node="LogsumexpBackward0")
op("logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor", forms=PLAIN, out="cast", body="ops.reduction:logsumexp", doc="log(sum(exp(self))) without overflow.")
