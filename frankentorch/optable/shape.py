"""Views, copies, joins: rows that move elements or only look at them otherwise."""
from .family import NONE, table

ROWS, op = table()
BOTH = "function method"

# ---- views ----
op("alias(Tensor self) -> Tensor", forms="internal", kernel="_ext.views:alias", view="single", grad={"self": "g"})
op("detach(Tensor self) -> Tensor", forms=BOTH, kernel="_ext.views:detach", jvp="none", grad=NONE, doc="The same elements without history.")
op("view(Tensor self, int[] size) -> Tensor", forms="method", kernel="_ext.views:view", view="single", grad={"self": "g.reshape(self_sizes)"}, doc="Alias in another shape.")
op("view.dtype(Tensor self, ScalarType dtype) -> Tensor", forms="method", kernel="_ext.views:view_dtype", view="single", grad=NONE)
op("view_as_real(Tensor self) -> Tensor", forms="function", kernel="_ext.views:view_as_real", view="single", grad={"self": "view_as_complex(g.contiguous())"}, doc="(…, 2) real view of a complex tensor.")
op("view_as_complex(Tensor self) -> Tensor", forms="function", kernel="_ext.views:view_as_complex", view="single", grad={"self": "view_as_real(g.contiguous())"}, doc="Complex view of a real (…, 2) tensor.")
op("real(Tensor self) -> Tensor", forms="function", kernel="ops.shape:real", view="single", grad={"self": "real_backward(g, self_dtype, 0)"}, doc="Real part as a view; a real tensor itself.")
op("imag(Tensor self) -> Tensor", forms="function", kernel="ops.shape:imag", view="single", grad={"self": "real_backward(g, self_dtype, 1)"}, doc="Imaginary part as a view.")
op("as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor", forms=BOTH, kernel="_ext.views:as_strided", view="single", jvp="as_strided",
   grad={"self": "as_strided_backward(g, self_sizes, self_strides, self_offset, size, stride, storage_offset)"}, doc="Any view of the storage that fits inside it.")
op("expand(Tensor self, int[] size, *, bool implicit=False) -> Tensor", forms="method", kernel="_ext.views:expand", view="single", grad={"self": "sum_to(g, self_sizes)"}, doc="Dims of size 1 repeated without a copy.")
op("permute(Tensor self, int[] dims) -> Tensor", forms=BOTH, kernel="_ext.views:permute", view="single", grad={"self": "g.permute(inverse_permutation(dims))"}, doc="Dims in another order.")
op("transpose(Tensor self, int dim0, int dim1) -> Tensor", forms=BOTH, aliases="swapaxes swapdims", kernel="_ext.views:transpose", view="single",
   grad={"self": "g.transpose(dim0, dim1)"}, doc="Two dims swapped.")
op("t(Tensor self) -> Tensor", forms=BOTH, kernel="_ext.views:t", view="single", grad={"self": "g.t()"}, doc="Transpose of a matrix.")
op("select(Tensor self, int dim, int index) -> Tensor", forms=BOTH, kernel="_ext.views:select", view="single", grad={"self": "select_backward(g, self_sizes, dim, index)"}, doc="One position of one dim.")
op("slice(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor", forms="internal", kernel="_ext.views:slice_", view="single",
   grad={"self": "slice_backward(g, self_sizes, dim, start, end, step)"})
op("narrow(Tensor self, int dim, Operand start, int length) -> Tensor", forms=BOTH, body="ops.shape:narrow", doc="`length` positions of one dim from `start`.")
op("squeeze(Tensor self) -> Tensor", forms=BOTH, kernel="ops.shape:squeeze_all", view="single", grad={"self": "g.reshape(self_sizes)"}, doc="Without the dims of size 1.")
op("squeeze.dim(Tensor self, int dim) -> Tensor", forms=BOTH, kernel="ops.shape:squeeze_dim", view="single", grad={"self": "g.reshape(self_sizes)"})
op("squeeze.dims(Tensor self, int[] dim) -> Tensor", forms=BOTH, kernel="ops.shape:squeeze_dims", view="single", grad={"self": "g.reshape(self_sizes)"})
op("unsqueeze(Tensor self, int dim) -> Tensor", forms=BOTH, kernel="_ext.views:unsqueeze", view="single", grad={"self": "g.squeeze(dim)"}, doc="A dim of size 1 put in.")
op("diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor", forms=BOTH, kernel="_ext.views:diagonal", view="single",
   grad={"self": "diagonal_backward(g, self_sizes, offset, dim1, dim2)"}, doc="The diagonal of two dims as a last dim.")
op("unfold(Tensor self, int dimension, int size, int step) -> Tensor", forms="method", kernel="_ext.views:unfold", view="single",
   grad={"self": "unfold_backward(g, self_sizes, dimension, size, step)"}, doc="Windows along a dim as a last dim.")
op("split(Tensor self, int split_size, int dim=0) -> Tensor[]", forms=BOTH, doc="Consecutive pieces of a length (or of given lengths).", kernel="_ext.views:split", view="multi", grad={"self": "split_backward(g, self_sizes, self_dtype, dim)"})
op("split.sizes(Tensor self, int[] split_size, int dim=0) -> Tensor[]", forms=BOTH, kernel="_ext.views:split_sizes", view="multi", grad={"self": "split_backward(g, self_sizes, self_dtype, dim)"}, node="SplitWithSizesBackward0")
op("split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]", forms=BOTH, body="ops.shape:split_with_sizes", doc="Consecutive pieces of given lengths.")
op("chunk(Tensor self, int chunks, int dim=0) -> Tensor[]", forms=BOTH, body="ops.shape:chunk", doc="At most `chunks` pieces of equal length, the last one shorter.")
op("tensor_split(Tensor self, Any indices_or_sections, int dim=0) -> Tensor[]", forms=BOTH, body="ops.shape:tensor_split", doc="Pieces at given places, or a number of nearly equal ones.")
op("unbind(Tensor self, int dim=0) -> Tensor[]", forms=BOTH, kernel="_ext.views:unbind", view="multi", grad={"self": "unbind_backward(g, self_sizes, self_dtype, dim)"}, doc="Every position of one dim.")
op("reshape(Tensor self, int[] shape) -> Tensor", forms=BOTH, body="ops.shape:reshape", doc="The elements in another shape; a view when the strides allow.")
op("flatten(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor", forms=BOTH, body="ops.shape:flatten", doc="Dims start_dim to end_dim made one.")
op("unflatten(Tensor self, int dim, int[] sizes) -> Tensor", forms=BOTH, body="ops.shape:unflatten", doc="One dim made several.")
op("movedim(Tensor self, int[1] source, int[1] destination) -> Tensor", forms=BOTH, aliases="moveaxis", body="ops.shape:movedim", doc="Dims moved to other places, the rest in order.")
op("ravel(Tensor self) -> Tensor", forms=BOTH, body="ops.shape:ravel", doc="Contiguous 1-d version.")
op("view_as(Tensor self, Tensor other) -> Tensor", forms="method", body="ops.shape:view_as", doc="view in the shape of other.")
op("expand_as(Tensor self, Tensor other) -> Tensor", forms="method", body="ops.shape:expand_as", doc="expand to the shape of other.")
op("reshape_as(Tensor self, Tensor other) -> Tensor", forms="method", body="ops.shape:reshape_as", doc="reshape to the shape of other.")
op("broadcast_to(Tensor self, int[] size) -> Tensor", forms=BOTH, body="ops.shape:broadcast_to", doc="expand as a function.")
op("conj(Tensor self) -> Tensor", forms=BOTH, body="ops.shape:conj", doc="Complex conjugate; a real tensor itself.")
op("resolve_conj(Tensor self) -> Tensor", forms=BOTH, body="ops.shape:itself", doc="The tensor itself: conjugates are stored resolved.")
op("resolve_neg(Tensor self) -> Tensor", forms=BOTH, body="ops.shape:itself", doc="The tensor itself: negatives are stored resolved.")
op("adjoint(Tensor self) -> Tensor", forms=BOTH, body="ops.shape:adjoint", doc="Conjugate transpose of the last two dims.")

op("transpose_(Tensor self, int dim0, int dim1) -> Tensor", forms="method", aliases="swapaxes_ swapdims_", body="ops.shape:transpose_", doc="transpose, of the tensor object itself.")
op("t_(Tensor self) -> Tensor", forms="method", body="ops.shape:t_", doc="t, of the tensor object itself.")
op("squeeze_(Tensor self, int[1]? dim=None) -> Tensor", forms="method", body="ops.shape:squeeze_", doc="squeeze, of the tensor object itself.")
op("unsqueeze_(Tensor self, int dim) -> Tensor", forms="method", body="ops.shape:unsqueeze_", doc="unsqueeze, of the tensor object itself.")
op("as_strided_(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor", forms=BOTH, body="ops.shape:as_strided_", doc="as_strided, of the tensor object itself.")

# ---- copies ----
op("clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", forms=BOTH, kernel="ops.shape:clone", jvp="linear", grad={"self": "g"}, doc="A copy with its own bytes.")
op("contiguous(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", forms="method", body="ops.shape:contiguous", doc="The tensor itself when dense in the format, else a copy.")
op("_to_copy(Tensor self, *, ScalarType? dtype=None, Device? device=None, MemoryFormat? memory_format=None) -> Tensor", forms="internal", kernel="ops.shape:to_copy", jvp="linear", grad={"self": "to_backward(g, self_dtype, self_device)"},
   node="ToCopyBackward0")
op("to(Tensor self, ScalarType dtype, bool non_blocking=False, bool copy=False, *, MemoryFormat? memory_format=None) -> Tensor", forms="method", body="ops.shape:to_dtype", doc="The tensor in another dtype or on another device; itself when nothing changes.")
op("to.device(Tensor self, Device? device=None, ScalarType? dtype=None, bool non_blocking=False, bool copy=False, *, MemoryFormat? memory_format=None) -> Tensor", forms="method", body="ops.shape:to_device")
op("to.other(Tensor self, Tensor other, bool non_blocking=False, bool copy=False, *, MemoryFormat? memory_format=None) -> Tensor", forms="method", body="ops.shape:to_other")
op("copy_(Tensor self, Tensor src, bool non_blocking=False) -> Tensor", forms="method", body="ops.shape:copy_", doc="self[...] = src in place, broadcast and cast.")
op("_copy(Tensor self, Tensor src) -> Tensor", forms="internal inplace", kernel="_ext.create:copy", jvp="linear", grad={"self": "g * 0", "src": "g"}, node="CopyBackwards")
op("fill(Tensor self, Operand value) -> Tensor", forms="function inplace method", kernel="ops.shape:fill", write="self", jvp="linear", grad={"self": "g * 0", "value": "g.sum()"}, doc="Every element set to value.")
op("zero(Tensor self) -> Tensor", forms="internal inplace method", kernel="ops.shape:zero", write="self", jvp="linear", grad={"self": "g * 0"})
op("repeat(Tensor self, int[] repeats) -> Tensor", forms="method", body="ops.shape:repeat", doc="The tensor tiled.")
op("tile(Tensor self, int[] dims) -> Tensor", forms=BOTH, body="ops.shape:tile", doc="The tensor tiled, dims counted from the last.")
op("cat(Tensor[] tensors, int dim=0) -> Tensor", forms="function out", out="join", aliases="concat concatenate", kernel="_ext.join_ops:cat", jvp="linear", grad={"tensors": "cat_backward(g, tensors_sizes, tensors_dtype, dim)"}, doc="Tensors joined along a dim.")
op("stack(Tensor[] tensors, int dim=0) -> Tensor", forms="function out", out="join", kernel="_ext.join_ops:stack", jvp="linear", grad={"tensors": "g.unbind(dim)"}, doc="Tensors joined along a new dim.")
op("flip(Tensor self, int[] dims) -> Tensor", forms=BOTH, kernel="ops.shape:flip", jvp="linear", grad={"self": "g.flip(dims)"}, doc="Order of some dims reversed.")
op("_rolled(Tensor self, int shift, int dim) -> Tensor", forms="internal", kernel="_ext.join_ops:rolled", jvp="linear", grad={"self": "_rolled(g, -shift, dim)"}, node="RollBackward0")
op("roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor", forms=BOTH, body="ops.shape:roll", doc="Elements shifted around a dim.")
op("tril(Tensor self, int diagonal=0) -> Tensor", forms=BOTH + " inplace out", kernel="ops.shape:tril", jvp="linear", grad={"self": "g.tril(diagonal)"}, doc="Lower triangle, zeros above.")
op("triu(Tensor self, int diagonal=0) -> Tensor", forms=BOTH + " inplace out", kernel="ops.shape:triu", jvp="linear", grad={"self": "g.triu(diagonal)"}, doc="Upper triangle, zeros below.")
op("broadcast_tensors(Tensor[] tensors) -> Tensor[]", forms="function variadic", body="ops.shape:broadcast_tensors", doc="Tensors expanded to their common shape.")
op("block_diag(Tensor[] tensors) -> Tensor", forms="function variadic", body="ops.shape:block_diag", doc="Matrices along a diagonal, zeros elsewhere.")
op("cartesian_prod(Tensor[] tensors) -> Tensor", forms="function variadic", body="ops.shape:cartesian_prod", doc="Every combination of elements, one per row.")
for n in (1, 2, 3):
    op(f"atleast_{n}d(Tensor self) -> Tensor", forms="function", body=f"ops.shape:atleast_{n}d", doc=f"A view with at least {n} dims.")
    op(f"atleast_{n}d.Sequence(Tensor[] tensors) -> Tensor[]", forms="function variadic", body=f"ops.shape:atleast_{n}d_all")
for name, alias, where in (("hstack", "", "columns"), ("vstack", "row_stack", "rows"), ("dstack", "", "depth")):
    op(f"{name}(Tensor[] tensors) -> Tensor", forms="function out", out="join", aliases=alias, body=f"ops.shape:{name}", doc=f"Tensors joined along {where}.")
