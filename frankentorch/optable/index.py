"""Rows of indexing: reading and writing by index tensors. Contributions are added in ascending order of their source."""
from .family import NONE, table

ROWS, op = table()

op("index(Tensor self, Tensor?[] indices) -> Tensor", forms="internal", kernel="_ext.indexing:index", jvp="linear", grad={"self": "index_backward(g, self_sizes, self_dtype, indices)"})
op("index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor", forms="function method inplace", kernel="_ext.indexing:index_put", write="self",
   jvp="linear", grad={"self": "index_put_backward_self(g, indices, accumulate)", "values": "index_put_backward_values(g, indices, values_sizes)"}, doc="self[indices] = values, or += with accumulate.")

BOTH = "function method"
PLAIN = "function method inplace out"
WRITTEN = "function method out"         # the in-place form is a row of its own: a composite's would write a copy and copy it back

# ---- along a dim ----
op("gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor", forms=BOTH + " out", out="apart", kernel="_ext.index_ops:gather", jvp="linear",
   grad={"self": "scatter_add(zeros_of(g, self_sizes), dim, index, g)"}, doc="self at the positions of index along dim.")
op("_scatter(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", forms="internal inplace", kernel="ops.indexing:scatter_write", write="self",
   jvp="linear", grad={"self": "scatter(g, dim, index, 0)", "src": "gather_to(g, dim, index, src_sizes)"}, node="ScatterBackward0")
op("_scatter_fill(Tensor self, int dim, Tensor index, Scalar value) -> Tensor", forms="internal inplace", kernel="ops.indexing:scatter_write", write="self",
   grad={"self": "scatter(g, dim, index, 0)"}, node="ScatterBackward1")
op("_scatter_combine(Tensor self, int dim, Tensor index, Operand src, str reduce) -> Tensor", forms="internal inplace", kernel="ops.indexing:scatter_combine", write="self", grad=NONE)
op("scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", forms=WRITTEN, body="ops.indexing:scatter_src",
   doc="self with src or value written at the positions of index along dim; of equal positions the last stays.")
op("scatter(Tensor self, int dim, Tensor index, Scalar value) -> Tensor", forms=WRITTEN, body="ops.indexing:scatter_value", doc="self with value or src written at the positions of index along dim.")
op("scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor", forms=WRITTEN, body="ops.indexing:scatter_reduced")
op("scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor", forms=WRITTEN, body="ops.indexing:scatter_reduced")
op("scatter_.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", forms="method", body="ops.indexing:scatter_src_in_place", doc="scatter in place.")
op("scatter_(Tensor self, int dim, Tensor index, Scalar value) -> Tensor", forms="method", body="ops.indexing:scatter_value_in_place", doc="scatter in place.")
op("scatter_.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor", forms="method", body="ops.indexing:scatter_reduced_in_place")
op("scatter_.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor", forms="method", body="ops.indexing:scatter_reduced_in_place")
op("scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", forms=PLAIN, kernel="ops.indexing:scatter_add", write="self",
   jvp="linear", grad={"self": "g", "src": "gather_to(g, dim, index, src_sizes)"}, doc="self with src added at the positions of index along dim, in ascending order of src.")
op("scatter_reduce(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor", forms=PLAIN, kernel="ops.indexing:scatter_reduce", write="self",
   grad={"self,src": "scatter_reduce_backward(g, self, dim, index, src, reduce, include_self, out)"}, doc="self combined with src at the positions of index: sum, prod, mean, amax or amin.")
op("index_select(Tensor self, int dim, Tensor index) -> Tensor", forms=BOTH + " out", out="apart", kernel="_ext.index_ops:index_select",
   jvp="linear", grad={"self": "index_add(zeros_of(g, self_sizes), dim, index, g)"}, doc="The slices along dim that index names.")
op("_index_write(Tensor self, int dim, Tensor index, Tensor source, int how) -> Tensor", forms="internal inplace", kernel="_ext.index_ops:index_write", write="self",
   jvp="linear", grad={"self": "g if how == 2 else index_fill(g, dim, index, 0)", "source": "index_write_source(g, dim, index, source_sizes)"}, node="IndexAddBackward0")
op("index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor", forms=WRITTEN, body="ops.indexing:index_add", doc="self with alpha * source added to the slices that index names, in order.")
op("index_add_(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor", forms="method", body="ops.indexing:index_add_in_place", doc="index_add in place.")
op("index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor", forms=WRITTEN, body="ops.indexing:index_copy", doc="self with the slices that index names replaced.")
op("index_copy_(Tensor self, int dim, Tensor index, Tensor source) -> Tensor", forms="method", body="ops.indexing:index_copy_in_place", doc="index_copy in place.")
op("index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True) -> Tensor", forms=PLAIN, body="ops.indexing:index_reduce",
   doc="self combined with source's slices at the positions of index: prod, mean, amax or amin.")
op("index_fill(Tensor self, int dim, Tensor index, Operand value) -> Tensor", forms="function method inplace", kernel="_ext.index_ops:index_fill", write="self",
   jvp="linear", grad={"self": "index_fill(g, dim, index, 0)", "value": "index_fill_value(g, dim, index)"}, doc="self with the slices that index names set to value.")
op("take(Tensor self, Tensor index) -> Tensor", forms=BOTH + " out", kernel="_ext.index_ops:take", jvp="linear", grad={"self": "put(zeros_of(g, self_sizes), index, g, True)"}, doc="Elements by their row-major number.")
op("put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor", forms="function method inplace", kernel="_ext.index_ops:put", write="self",
   jvp="linear", grad={"self": "g if accumulate else put(g, index, zeros_of(g, source_sizes))", "source": "g.take(index).reshape(source_sizes)"}, doc="self with elements written by their row-major number.")
op("take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor", forms=BOTH + " out", body="ops.indexing:take_along_dim", doc="gather with broadcasting.")

# ---- masks ----
op("_masked_fill(Tensor self, Tensor mask, Operand value) -> Tensor", forms="internal inplace", kernel="_ext.index_ops:masked_fill", write="self",
   jvp="linear", grad={"self": "masked_fill(g, mask, 0)", "value": "masked_fill_value(g, mask)"}, node="MaskedFillBackward0")
op("masked_fill(Tensor self, Tensor mask, Operand value) -> Tensor", forms=BOTH, body="ops.indexing:masked_fill", doc="self with value where mask is set.")
op("masked_fill_(Tensor self, Tensor mask, Operand value) -> Tensor", forms="method", body="ops.indexing:masked_fill_in_place", doc="masked_fill in place.")
op("masked_select(Tensor self, Tensor mask) -> Tensor", forms=BOTH + " out", kernel="_ext.index_ops:masked_select", jvp="linear", grad={"self": "masked_select_backward(g, self_sizes, mask)"}, doc="The elements where mask is set.")
op("_masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor", forms="internal inplace", kernel="_ext.index_ops:masked_scatter", write="self",
   jvp="linear", grad={"self": "masked_fill(g, mask, 0)", "source": "masked_scatter_source(g, mask, source_sizes)"}, node="MaskedScatterBackward0")
op("masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor", forms=BOTH, body="ops.indexing:masked_scatter", doc="self with source's elements, in order, where mask is set.")
op("masked_scatter_(Tensor self, Tensor mask, Tensor source) -> Tensor", forms="method", body="ops.indexing:masked_scatter_in_place", doc="masked_scatter in place.")
op("_nonzero(Tensor self) -> Tensor", forms="internal", kernel="_ext.index_ops:nonzero", grad=NONE)
op("nonzero(Tensor self, *, bool as_tuple=False) -> Tensor", forms=BOTH + " out", out="apart", body="ops.indexing:nonzero", doc="Coordinates of the nonzero elements, a row each.")
op("argwhere(Tensor self) -> Tensor", forms=BOTH, body="ops.indexing:argwhere", doc="nonzero, with its rows contiguous in meaning.")

# ---- parts written back ----
op("select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor", forms=BOTH, kernel="ops.indexing:select_scatter",
   jvp="linear", grad={"self": "select_scatter(g, zeros_of(g, src_sizes), dim, index)", "src": "g.select(dim, index)"}, doc="self with one position of a dim replaced.")
op("slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor", forms=BOTH + " out", kernel="ops.indexing:slice_scatter",
   jvp="linear", grad={"self": "slice_scatter(g, zeros_of(g, src_sizes), dim, start, end, step)", "src": "slice(g, dim, start, end, step)"}, doc="self with a slice of a dim replaced.")
op("diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor", forms=BOTH, kernel="ops.indexing:diagonal_scatter",
   jvp="linear", grad={"self": "diagonal_scatter(g, zeros_of(g, src_sizes), offset, dim1, dim2)", "src": "g.diagonal(offset, dim1, dim2)"}, doc="self with a diagonal replaced.")
op("diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor", forms=BOTH, kernel="ops.indexing:diag_embed", jvp="linear", grad={"self": "g.diagonal(offset, dim1, dim2)"}, doc="Matrices with self's last dim on a diagonal.")
op("diag(Tensor self, int diagonal=0) -> Tensor", forms=BOTH + " out", body="ops.indexing:diag", doc="The diagonal of a matrix, or a matrix with a vector on it.")
op("diagflat(Tensor self, int offset=0) -> Tensor", forms=BOTH, body="ops.indexing:diagflat", doc="A matrix with all elements on a diagonal.")
op("trace(Tensor self) -> Tensor", forms=BOTH, body="ops.indexing:trace", doc="Sum of the diagonal of a matrix.")
op("tril_indices(int row, int col, int offset=0, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=False) -> Tensor", forms="function", body="ops.indexing:tril_indices",
   doc="Coordinates of the lower triangle, (2, n).")
op("triu_indices(int row, int col, int offset=0, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=False) -> Tensor", forms="function", body="ops.indexing:triu_indices",
   doc="Coordinates of the upper triangle, (2, n).")
op("one_hot(Tensor self, int num_classes=-1) -> Tensor", forms="nn", body="ops.indexing:one_hot", doc="A last dim with 1 at each element's class.")
op("repeat_interleave(Tensor repeats, *, int? output_size=None) -> Tensor", forms=BOTH, body="ops.indexing:repeat_indices", doc="Elements repeated next to themselves.")
op("repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, int? output_size=None) -> Tensor", forms=BOTH, body="ops.indexing:repeat_interleave")
op("repeat_interleave.self_int(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor", forms=BOTH, body="ops.indexing:repeat_interleave")
