"""Rows that put elements elsewhere: columns, splits, mirrors, scatters, and copies of what the views show. Composites of `shape` and `index`."""
from .family import table

ROWS, op = table()
BOTH = "function method"
PLACE = "ops.arrange:"

op("column_stack(Tensor[] tensors) -> Tensor", forms="function out", out="join", body=PLACE + "column_stack", doc="Tensors joined along dim 1; 0-d and 1-d ones become columns.")
for _letter, _dim in (("h", "columns"), ("v", "rows"), ("d", "depth")):
    op(f"{_letter}split(Tensor self, Any indices_or_sections) -> Tensor[]", forms=BOTH, body=PLACE + f"{_letter}split", doc=f"Pieces along {_dim}: so many equal ones, or cut at given places.")
op("fliplr(Tensor self) -> Tensor", forms=BOTH, body=PLACE + "fliplr", doc="Dim 1 in reverse.")
op("flipud(Tensor self) -> Tensor", forms=BOTH, body=PLACE + "flipud", doc="Dim 0 in reverse.")
op("rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor", forms=BOTH, body=PLACE + "rot90", doc="Quarter turns in the plane of two dims, from the first towards the second.")
op("combinations(Tensor input, int r=2, bool with_replacement=False) -> Tensor", forms="function", body=PLACE + "combinations", doc="Every choice of r elements of a 1-d tensor, one per row.")
op("vander(Tensor x, int? N=None, bool increasing=False) -> Tensor", forms="function", body=PLACE + "vander", doc="Powers of x as columns, the highest first.")
op("unravel_index(Tensor indices, Any shape) -> Tensor[]", forms="function", body=PLACE + "unravel_index", doc="Coordinates of flat positions in a shape.")
op("sum_to_size(Tensor self, int[] size) -> Tensor", forms="method", body=PLACE + "sum_to_size", doc="Summed over the dims along which `size` was broadcast to self's shape.")
op("as_strided_scatter(Tensor self, Tensor src, int[] size, int[] stride, int? storage_offset=None) -> Tensor", forms=BOTH, body=PLACE + "as_strided_scatter",
   doc="A copy of self with src written where as_strided(size, stride, storage_offset) looks.")
op("fill_diagonal_(Tensor self, Scalar fill_value, bool wrap=False) -> Tensor", forms="method", body=PLACE + "fill_diagonal_", doc="One value along the diagonal, in place; `wrap` starts again below it in tall matrices.")
op("resize_as_(Tensor self, Tensor the_template, *, MemoryFormat? memory_format=None) -> Tensor", forms=BOTH, body=PLACE + "resize_as_", doc="resize_ to the shape of another tensor.")
op("new_empty_strided(Tensor self, int[] size, int[] stride, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=False, bool requires_grad=False) -> Tensor",
   forms="method", body=PLACE + "new_empty_strided", doc="Uninitialised tensor of given strides with the dtype and device of self.")
op("empty_permuted(int[] size, int[] physical_layout, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=False, bool requires_grad=False) -> Tensor",
   forms="function", body=PLACE + "empty_permuted", doc="Uninitialised dense tensor whose dims lie in memory in a given order, the slowest first.")
op("nonzero_static(Tensor self, *, int size, int fill_value=-1) -> Tensor", forms=BOTH, body=PLACE + "nonzero_static", doc="The first `size` rows of nonzero, filled up when there are fewer.")
op("unsafe_chunk(Tensor self, int chunks, int dim=0) -> Tensor[]", forms=BOTH, body=PLACE + "unsafe_chunk", doc="chunk, whose pieces do not count as views of each other.")
op("unsafe_split(Tensor self, int split_size, int dim=0) -> Tensor[]", forms=BOTH, kernel="_ext.views:split", jvp="linear", grad={"self": "split_backward(g, self_sizes, self_dtype, dim)"}, doc="split, whose pieces do not count as views of each other.")
op("unsafe_split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]", forms=BOTH, kernel="_ext.views:split_sizes", jvp="linear", grad={"self": "split_backward(g, self_sizes, self_dtype, dim)"}, doc="split_with_sizes, whose pieces do not count as views of each other.")

# ---- copies of what a view shows; the name without _copy says what ----
for _name, _args in (
        ("alias", ""), ("as_strided", ", int[] size, int[] stride, int? storage_offset=None"), ("detach", ""), ("diagonal", ", int offset=0, int dim1=0, int dim2=1"),
        ("expand", ", int[] size, *, bool implicit=False"), ("narrow", ", int dim, int start, int length"), ("permute", ", int[] dims"), ("select", ", int dim, int index"),
        ("slice", ", int dim=0, int? start=None, int? end=None, int step=1"), ("t", ""), ("transpose", ", int dim0, int dim1"), ("unfold", ", int dimension, int size, int step"),
        ("unsqueeze", ", int dim"), ("view", ", int[] size"), ("view_as_complex", ""), ("view_as_real", "")):
    op(f"{_name}_copy(Tensor self{_args}) -> Tensor", forms="function method out" if _name == "narrow" else "function out", body=f"{PLACE}{_name}_copy",
       doc=f"A copy of what {_name} shows.")
op("view_copy.dtype(Tensor self, ScalarType dtype) -> Tensor", forms="function out", body=PLACE + "view_dtype_copy")
op("squeeze_copy(Tensor self) -> Tensor", forms="function out", body=PLACE + "squeeze_copy", doc="A copy of what squeeze shows.")
op("squeeze_copy.dim(Tensor self, int dim) -> Tensor", forms="function out", body=PLACE + "squeeze_dim_copy")
op("squeeze_copy.dims(Tensor self, int[] dim) -> Tensor", forms="function out", body=PLACE + "squeeze_dim_copy")
for _name, _args in (("split", ", int split_size, int dim=0"), ("split_with_sizes", ", int[] split_sizes, int dim=0"), ("unbind", ", int dim=0")):
    op(f"{_name}_copy(Tensor self{_args}) -> Tensor[]", forms="function out", body=f"{PLACE}{_name}_copy", doc=f"Copies of what {_name} shows.")
