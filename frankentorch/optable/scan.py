"""Running reductions along one dim."""
from .family import table

ROWS, op = table()
PLAIN = "function method out"

op("cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN + " inplace", out="follow", kernel="_ext.reduce_ops:cumsum", jvp="linear", grad={"self": "reverse_cumsum(g, dim)"}, doc="Running sum; integers in int64.")
op("cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor", forms=PLAIN + " inplace", out="follow", kernel="_ext.reduce_ops:cumprod", grad={"self": "cumprod_backward(g, self, out, dim)"},
   doc="Running product; integers in int64.")
for name, word in (("cummax", "Greatest"), ("cummin", "Least")):
    op(f"{name}(Tensor self, int dim) -> (Tensor values, Tensor indices)", forms=PLAIN, kernel=f"_ext.reduce_ops:{name}", jvp="picked", grad={"self": "cumulative_extreme_backward(g0, self_sizes, dim, indices)"},
       doc=f"{word} so far and its last position.")
op("_logcumsumexp(Tensor self, int dim) -> Tensor", forms="internal", kernel="_ext.reduce_ops:logcumsumexp", jvp="logcumsumexp", grad={"self": "_logcumsumexp_backward(g, self, out, dim)"}, node="LogcumsumexpBackward0")
op("_logcumsumexp_backward(Tensor grad, Tensor self, Tensor result, int dim) -> Tensor", forms="internal", kernel="ops.reduction:logcumsumexp_backward",
   grad={"grad,self": "logcumsumexp_twice(g, grad, self, result, dim, wants(0), wants(1))"})
op("_logcumsumexp_average(Tensor values, Tensor self, Tensor result, int dim) -> Tensor", forms="internal", kernel="ops.reduction:logcumsumexp_average",
   grad={"values,self": "logcumsumexp_average_backward(g, values, self, result, dim, wants(0), wants(1))"})
op("logcumsumexp(Tensor self, int dim) -> Tensor", forms=PLAIN, body="ops.reduction:logcumsumexp", doc="log of the running sum of exponentials.")
op("diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor", forms=PLAIN, body="ops.reduction:diff", doc="n-th difference of neighbours along a dim.")
