"""Rows of indexing: reading and writing by index tensors. Contributions are added in ascending order of their source."""
from .family import table

ROWS, op = table()

op("index(Tensor self, Tensor?[] indices) -> Tensor", forms="internal", kernel="_ext.indexing:index", grad={"self": "index_backward(g, self_sizes, self_dtype, indices)"})
op("index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor", forms="function method inplace", kernel="_ext.indexing:index_put", write="self",
   grad={"self": "index_put_backward_self(g, indices, accumulate)", "values": "index_put_backward_values(g, indices, values_sizes)"}, doc="self[indices] = values, or += with accumulate.")
