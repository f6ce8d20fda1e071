"""Softmax, normalisations, embedding and attention. Kernels are in _ext/rows_ops.pyx; second derivatives are composed."""
from .family import FULL, NONE, table

ROWS, op = table()

# ---- softmax ----
for name in ("softmax", "log_softmax"):
    op(f"{name}(Tensor self, int dim, ScalarType? dtype=None) -> Tensor", forms="function method out", kernel=f"_ext.rows_ops:{name}", aliases=f"special_{name}", jvp=name,
       grad={"self": f"_{name}_backward(g, out, dim)"}, doc="Exponentials over their sum along dim." if name == "softmax" else "Logarithm of softmax.")
    op(f"_{name}_backward(Tensor grad, Tensor output, int dim) -> Tensor", forms="internal", kernel=f"_ext.rows_ops:{name}_backward",
       grad={"grad": f"{name}_backward_grad(g, output, dim)", "output": f"{name}_backward_output(g, grad, output, dim)"})
    op(f"_{name}(Tensor self, int dim, bool half_to_float) -> Tensor", forms="function", body=f"ops.normalization:_{name}", doc=f"{name}, with results in float32 for halves.")
op("softmin(Tensor self, int dim, ScalarType? dtype=None) -> Tensor", forms="internal", body="ops.normalization:softmin")

# ---- normalisations ----
op("_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor out0, Tensor out1, Tensor out2)", forms="internal",
   kernel="_ext.rows_ops:layer_norm", node="NativeLayerNormBackward0", grad={"input,weight,bias": "layer_norm_backward(g0, input, normalized_shape, out1, out2, weight, bias, eps, wants(0), wants(1), wants(2))"})
op("native_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor out0, Tensor out1, Tensor out2)", forms="function",
   body="ops.normalization:native_layer_norm", doc="layer_norm with its means and reciprocal deviations, which carry no gradient.")
op("layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enable=True) -> Tensor", forms="function",
   body="ops.normalization:layer_norm", doc="Mean 0 and variance 1 over the trailing dims, then weight and bias.", source="Ba et al. 2016")
op("_layer_norm_backward(Tensor grad, Tensor input, int axis, Tensor mean, Tensor rstd, Tensor? weight, Tensor? bias, float eps, bool want_input, bool want_weight, bool want_bias)"
   " -> (Tensor out0, Tensor out1, Tensor out2)", forms="internal", kernel="_ext.rows_ops:layer_norm_backward",
   grad={"grad,input,weight": "layer_norm_twice(g0, g1, g2, grad, input, axis, weight, bias, eps, want_input, want_weight, want_bias, wants(0), wants(1), wants(2))"})
op("_group_norm(Tensor input, int groups, Tensor? weight, Tensor? bias, float eps) -> (Tensor out0, Tensor out1, Tensor out2)", forms="internal",
   kernel="_ext.rows_ops:group_norm", grad={"input,weight,bias": "group_norm_backward(g0, g1, g2, input, groups, out1, out2, weight, bias, eps, wants(0), wants(1), wants(2))"},
   node="NativeGroupNormBackward0")
op("_group_norm_backward(Tensor grad, Tensor input, int groups, Tensor mean, Tensor rstd, Tensor? weight, Tensor? bias, float eps, bool want_input, bool want_weight, bool want_bias)"
   " -> (Tensor out0, Tensor out1, Tensor out2)", forms="internal", kernel="_ext.rows_ops:group_norm_backward",
   grad={"grad,input,weight": "group_norm_twice(g0, g1, g2, grad, input, groups, weight, bias, eps, want_input, want_weight, want_bias, wants(0), wants(1), wants(2))"})
op("native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps) -> (Tensor out0, Tensor out1, Tensor out2)", forms="function",
   body="ops.normalization:native_group_norm", doc="group_norm with its means and reciprocal deviations.")
op("group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enabled=True) -> Tensor", forms="function",
   body="ops.normalization:group_norm", doc="Mean 0 and variance 1 over groups of channels, then weight and bias.", source="Wu and He 2018")
op("rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor", forms="function", body="ops.normalization:rms_norm",
   doc="Root mean square 1 over the trailing dims, then weight.", source="Zhang and Sennrich 2019")
op("_batch_norm_train(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, float momentum, float eps) -> (Tensor out0, Tensor out1, Tensor out2)",
   forms="internal", kernel="_ext.rows_ops:batch_norm_train", node="NativeBatchNormBackward0",
   grad={"input,weight,bias": "batch_norm_backward(g0, input, True, out1, out2, eps, weight, bias, wants(0), wants(1), wants(2))"})
op("_batch_norm_eval(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float eps) -> Tensor", forms="internal",
   kernel="_ext.rows_ops:batch_norm_eval", node="NativeBatchNormBackward0",
   grad={"input,weight,bias": "batch_norm_backward(g, input, False, running_mean, running_var, eps, weight, bias, wants(0), wants(1), wants(2))"})
op("_batch_norm_backward(Tensor grad, Tensor input, bool train, Tensor mean, Tensor rstd, Tensor? weight, Tensor? bias, float eps, bool want_input, bool want_weight, bool want_bias)"
   " -> (Tensor out0, Tensor out1, Tensor out2)", forms="internal", kernel="_ext.rows_ops:batch_norm_backward",
   grad={"grad,input,weight": "batch_norm_twice(g0, g1, g2, grad, input, train, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias, wants(0), wants(1), wants(2))"})
op("native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps)"
   " -> (Tensor out0, Tensor out1, Tensor out2)", forms="function", body="ops.normalization:native_batch_norm", doc="batch_norm with its means and reciprocal deviations.")
op("batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor",
   forms="function", body="ops.normalization:batch_norm", doc="Mean 0 and variance 1 over all but the channels, then weight and bias.", source="Ioffe and Szegedy 2015")
op("instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor",
   forms="function", body="ops.normalization:instance_norm", doc="Mean 0 and variance 1 of each channel of each sample, then weight and bias.", source="Ulyanov et al. 2016")

# ---- embedding ----
op("embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor", forms="function", body="ops.embeddings:embedding",
   doc="Rows of weight at each index.")
op("_embedding(Tensor weight, Tensor indices, int padding_idx, bool scale_grad_by_freq) -> Tensor", forms="internal", kernel="ops.embeddings:gather_rows", node="EmbeddingBackward0",
   jvp="linear", grad={"weight": "embedding_dense_backward(g, indices, embedding_vocabulary(weight_sizes), padding_idx, scale_grad_by_freq)"})
op("embedding_dense_backward(Tensor grad_output, Tensor indices, int num_weights, int padding_idx, bool scale_grad_by_freq) -> Tensor", forms="internal",
   kernel="_ext.rows_ops:embedding_backward", jvp="linear", grad={"grad_output": "embedding_twice(g, indices, padding_idx, scale_grad_by_freq)"})
op("embedding_renorm(Tensor self, Tensor indices, float max_norm, float norm_type) -> Tensor", forms="function inplace", kernel="ops.embeddings:embedding_renorm", write="self",
   grad=NONE, doc="Rows at the indices scaled down to a greatest norm.")
op("embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, "
   "bool include_last_offset=False, int? padding_idx=None) -> (Tensor out0, Tensor out1, Tensor out2, Tensor out3)", forms="function", body="ops.embeddings:embedding_bag",
   doc="Sum, mean or maximum of the rows in each bag of indices.")
op("_bag_bounds(Tensor offsets, int total, bool include_last_offset) -> Tensor", forms="internal", kernel="_ext.bag_ops:bag_bounds", grad=NONE)
op("_bag_values(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, "
   "bool include_last_offset=False, int? padding_idx=None) -> Tensor", forms="internal", body="ops.embeddings:bag_values")
op("_bag_of_each(Tensor starts, Tensor indices, int padding_idx) -> (Tensor out0, Tensor out1)", forms="internal", kernel="_ext.bag_ops:bag_of_each", grad=NONE)
op("_bags(Tensor weight, Tensor indices, Tensor starts, Tensor? per_sample_weights, int mode, int padding_idx, bool scale_grad_by_freq) -> (Tensor out, Tensor chosen)", forms="internal",
   kernel="ops.embeddings:gather_bags", node="EmbeddingBagBackward0",
   grad={"weight": "bags_backward(g0, weight_sizes, indices, starts, per_sample_weights, mode, padding_idx, scale_grad_by_freq, chosen)",
         "per_sample_weights": "bags_weights_backward(g0, weight, indices, starts, padding_idx)"})

# ---- attention, gated and learned activations ----
op("scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, float? scale=None, "
   "bool enable_gqa=False) -> Tensor", forms="nn", body="ops.attention:scaled_dot_product_attention", doc="softmax(query key^T scale + mask) value.", source="Vaswani et al. 2017")
op("_attention(Tensor query, Tensor key, Tensor value, Tensor? mask, float scale, bool causal) -> Tensor", forms="internal", kernel="_ext.attention_run:forward",
   grad={"query,key,value": "attention_gradients(g, query, key, value, mask, scale, causal)"}, node="ScaledDotProductFlashAttentionForCpuBackward0")
op("_lstm_scan(Tensor gates, Tensor hidden, Tensor cell, Tensor weight, Tensor? bias, bool reverse) -> (Tensor output, Tensor last, Tensor kept, Tensor cells)",
   forms="internal", kernel="_ext.recurrent_run:lstm_scan",
   grad={"gates,hidden,cell,weight,bias": "lstm_scan_gradients(g0, g1, gates, hidden, cell, weight, bias, output, kept, cells, reverse)"})
op("_scan_steps(Tensor gates, Tensor hidden, Tensor weight, Tensor? bias, int mode, bool reverse) -> (Tensor output, Tensor kept)",
   forms="internal", kernel="_ext.scan_steps:scan",
   grad={"gates,hidden,weight,bias": "scan_steps_gradients(g0, gates, hidden, weight, bias, output, kept, mode, reverse)"})
op("_glu(Tensor self, Tensor gate) -> Tensor", forms="internal", loop={FULL: "x * sigmoid(y)"},
   grad={"self": "_glu(g, gate)", "gate": "_glu_backward_gate(g, self, gate)"})
op("_glu_halves(Tensor self, int dim) -> Tensor", forms="internal", kernel="ops.attention:glu_halves", grad={"self": "glu_backward(g, self, dim)"}, node="GluBackward0")
op("_glu_gate(Tensor grad, Tensor self, Tensor size) -> Tensor", forms="internal", loop={FULL: "x * y * (z * (1 - z))"}, grad=NONE)
op("_glu_backward_gate(Tensor grad, Tensor self, Tensor gate) -> Tensor", forms="internal", loop={FULL: "x * y * (sigmoid(z) * (1 - sigmoid(z)))"},
   grad={"grad": "_glu_backward_gate(g, self, gate)", "self": "_glu_backward_gate(g, grad, gate)", "gate": "_glu_backward_gate(g, grad * self, gate) * (1 - 2 * sigmoid(gate))"})
op("glu(Tensor self, int dim=-1) -> Tensor", forms="internal", body="ops.attention:glu", doc="First half times the sigmoid of the second.", source="Dauphin et al. 2017")
op("prelu(Tensor self, Tensor weight) -> Tensor", forms="function method", body="ops.attention:prelu", doc="self where positive, else weight * self.", source="He et al. 2015")
