"""Order: sorting, selection, distinct values, search, histograms. NaN is the greatest; equals keep the order of their positions."""
from .family import NONE, table

ROWS, op = table()
BOTH = "function method"
PLAIN = "function method out"
BACK = {"self": "at_index_backward(g0, self_sizes, dim, True, indices)"}

op("sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)", forms=PLAIN, kernel="_ext.sort_ops:sort", jvp="picked", grad=BACK, doc="Values in order along a dim, and where they came from. Stable.")
op("_sort_stable(Tensor self, int dim, bool descending) -> (Tensor values, Tensor indices)", forms="internal", kernel="_ext.sort_ops:sort", jvp="picked", grad=BACK, node="SortBackward0")
op("sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)", forms=PLAIN, body="ops.sorting:sort_stable")
op("argsort(Tensor self, int dim=-1, bool descending=False, bool stable=False) -> Tensor", forms=BOTH, body="ops.sorting:argsort", doc="The indices of sort.")
op("msort(Tensor self) -> Tensor", forms=PLAIN, body="ops.sorting:msort", doc="Values in order along the first dim.")
op("topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)", forms=PLAIN, kernel="_ext.sort_ops:topk", jvp="picked", grad=BACK, doc="The k greatest or least along a dim, in order.")
op("kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)", forms=PLAIN, out="apart", kernel="_ext.sort_ops:kthvalue",
   jvp="picked", grad={"self": "at_index_backward(g0, self_sizes, dim, keepdim, indices)"}, doc="The k-th least along a dim, counted from 1.")
for name, text in (("median", "The lower of the two middle values; NaN if there is one."), ("nanmedian", "The lower of the two middle values that are not NaN.")):
    op(f"{name}(Tensor self) -> Tensor", forms=BOTH, kernel=f"ops.sorting:{name}", grad={"self": "extreme_all_backward(g, self, out)"}, doc=text)
    op(f"{name}.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)", forms=PLAIN, kernel=f"ops.sorting:{name}_dim",
       jvp="picked", grad={"self": "at_index_backward(g0, self_sizes, dim, keepdim, indices)"}, node=f"{name.title()}Backward1")
op("mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)", forms=PLAIN, kernel="_ext.sort_ops:mode", jvp="picked", grad={"self": "at_index_backward(g0, self_sizes, dim, keepdim, indices)"},
   doc="The most frequent value along a dim, the least of equals.")

op("unique(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False, int? dim=None) -> Tensor[]", forms=BOTH, body="ops.sorting:unique",
   doc="Distinct values in ascending order, with where each element went and how many there are.")
op("unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None) -> Tensor[]", forms=BOTH, body="ops.sorting:unique_consecutive", doc="Values with repeats next to each other dropped.")
op("_unique2(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)", forms="internal", kernel="_ext.sort_ops:unique", grad=NONE)
op("searchsorted(Tensor sorted_sequence, Operand self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor", forms="function out", body="ops.sorting:searchsorted",
   doc="First places where values would keep ascending lines in order.")
op("bucketize(Operand self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor", forms="function out", body="ops.sorting:bucketize", doc="The bucket of each element between ascending boundaries.")
op("bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor", forms=BOTH, kernel="ops.sorting:bincount", grad=NONE, doc="How often each non-negative integer occurs, or the sum of its weights.")
op("histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor", forms=PLAIN, kernel="ops.sorting:histc", grad=NONE, doc="Counts in equal bins; min == max takes the range of the data.")
for name in ("quantile", "nanquantile"):
    op(f"{name}(Tensor self, Operand q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor", forms=PLAIN, body=f"ops.sorting:{name}", doc="Values below which given fractions lie.")
