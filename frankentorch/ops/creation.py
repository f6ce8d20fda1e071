"""Bodies of optable/create.py: factories."""
import math

from frankentorch import ops
from frankentorch._ext import create, join_ops
from frankentorch._ext.elementwise import result_type_of
from frankentorch._ext.tensor import Tensor


def check_layout(layout):
    if layout is not None and layout is not ops.strided:
        raise RuntimeError(f"layout {layout} is not available; available layouts: torch.strided")


def finish(out, requires_grad):
    return out.requires_grad_() if requires_grad else out


def is_meta(device):
    return device is not None and device.is_meta


def tag(memory_format, default=1):
    return default if memory_format is None else memory_format.tag


def tensor(data, dtype, device, requires_grad, pin_memory):
    if isinstance(data, Tensor):
        import warnings
        warnings.warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), "
                      "rather than torch.tensor(sourceTensor).", UserWarning, stacklevel=2)
        out = data.detach().to(dtype or data.dtype, copy=True)
    elif hasattr(data, "__array_interface__") or hasattr(data, "__array__"):
        from frankentorch.ops import interchange
        out = interchange.from_array_copy(data, dtype)
    elif isinstance(data, (list, tuple)) and data and hasattr(data[0], "__array_interface__"):
        from frankentorch.ops import interchange
        out = interchange.from_array_copy(data, dtype)
    else:
        out = create.from_data(data, dtype)
    if is_meta(device):
        out = create.to_meta(out)
    return finish(out, requires_grad)


def as_tensor(data, dtype, device):
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if hasattr(data, "__array_interface__") and not isinstance(data, (list, tuple)):
        from frankentorch.ops import interchange
        return interchange.from_numpy_any(data).to(device=device, dtype=dtype)
    return tensor(data, dtype, device, False, False)


def scalar_tensor(s, dtype, layout, device, pin_memory, requires_grad):
    return finish(create.scalar_tensor(s, dtype or ops.get_default_dtype() if not isinstance(s, complex) else dtype, is_meta(device)), requires_grad)


def empty(size, dtype, layout, device, pin_memory, requires_grad, memory_format):
    check_layout(layout)
    return finish(create.empty(size, dtype or ops.get_default_dtype(), is_meta(device), tag(memory_format)), requires_grad)


def empty_strided(size, stride, dtype, layout, device, pin_memory, requires_grad):
    return finish(create.empty_strided(size, stride, dtype or ops.get_default_dtype(), is_meta(device)), requires_grad)


def filled(size, value, dtype, layout, device, requires_grad):
    check_layout(layout)
    return finish(create.fill(create.empty(size, dtype or ops.get_default_dtype(), is_meta(device), 1), value), requires_grad)


def zeros(size, dtype, layout, device, pin_memory, requires_grad):
    return filled(size, 0, dtype, layout, device, requires_grad)


def ones(size, dtype, layout, device, pin_memory, requires_grad):
    return filled(size, 1, dtype, layout, device, requires_grad)


def full(size, fill_value, dtype, layout, device, pin_memory, requires_grad):
    if isinstance(fill_value, Tensor):
        if fill_value.dim():
            raise TypeError("full(): argument 'fill_value' (position 2) must be Number, not Tensor with dims")
        fill_value = fill_value.item() if not fill_value.is_meta else 0
    if dtype is None:
        dtype = result_type_of((fill_value,))
    return filled(size, fill_value, dtype, layout, device, requires_grad)


def like(self, dtype, layout, device, memory_format):
    check_layout(layout)
    return create.empty_like(self, dtype, self.is_meta if device is None else device.is_meta, tag(memory_format, 0))


def empty_like(self, dtype, layout, device, pin_memory, requires_grad, memory_format):
    return finish(like(self, dtype, layout, device, memory_format), requires_grad)


def zeros_like(self, dtype, layout, device, pin_memory, requires_grad, memory_format):
    return finish(create.fill(like(self, dtype, layout, device, memory_format), 0), requires_grad)


def ones_like(self, dtype, layout, device, pin_memory, requires_grad, memory_format):
    return finish(create.fill(like(self, dtype, layout, device, memory_format), 1), requires_grad)


def full_like(self, fill_value, dtype, layout, device, pin_memory, requires_grad, memory_format):
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    return finish(create.fill(like(self, dtype, layout, device, memory_format), fill_value), requires_grad)


def place(self, device):
    return self.is_meta if device is None else device.is_meta


def new_empty(self, size, dtype, layout, device, pin_memory, requires_grad):
    check_layout(layout)
    return finish(create.empty(size, dtype or self.dtype, place(self, device), 1), requires_grad)


def new_zeros(self, size, dtype, layout, device, pin_memory, requires_grad):
    return new_full(self, size, 0, dtype, layout, device, pin_memory, requires_grad)


def new_ones(self, size, dtype, layout, device, pin_memory, requires_grad):
    return new_full(self, size, 1, dtype, layout, device, pin_memory, requires_grad)


def new_full(self, size, fill_value, dtype, layout, device, pin_memory, requires_grad):
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    check_layout(layout)
    return finish(create.fill(create.empty(size, dtype or self.dtype, place(self, device), 1), fill_value), requires_grad)


def new_tensor(self, data, dtype, device, requires_grad):
    return tensor(data, dtype or self.dtype, device or self.device, requires_grad, False)


def arange_end(end, dtype, layout, device, pin_memory, requires_grad):
    return arange(0, end, 1, dtype, layout, device, pin_memory, requires_grad)


def arange(start, end, step, dtype, layout, device, pin_memory, requires_grad):
    whole = all(isinstance(v, int) for v in (start, end, step))
    if dtype is None:
        dtype = ops.int64 if whole else ops.get_default_dtype()
    if any(isinstance(v, complex) for v in (start, end, step)):
        raise RuntimeError("arange: expected real bounds and step")
    if not (step > 0 or step < 0):
        raise RuntimeError(f"step must be nonzero, got {step}")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (step > 0 and end < start) or (step < 0 and end > start):
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: start {start}, end {end}, step {step}")
    integral = dtype is ops.int64
    if integral and not whole:           # the oracle counts in int64 there, in float64 elsewhere
        start, end, step = int(start), int(end), int(step)
        if step == 0:                    # another type of exception than above, as the oracle's
            raise ValueError("step must be nonzero")
    count = -((start - end) // step) if whole or integral else math.ceil((end - start) / step)
    out = create.empty((int(count),), dtype, is_meta(device), 1)
    if not is_meta(device):
        integer = not dtype.is_floating_point and not dtype.is_complex
        create.fill_range(out, int(start) if integer else float(start), int(step) if integer else float(step), integer)
    return finish(out, requires_grad)


def range_(start, end, step, dtype, layout, device, pin_memory, requires_grad):
    import warnings
    warnings.warn("torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with Python's range builtin. Instead, use torch.arange, "
                  "which produces values in [start, end).", UserWarning, stacklevel=2)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (step > 0 and end < start) or (step < 0 and end > start):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    dtype = dtype or ops.get_default_dtype()
    out = create.empty((int((end - start) / step) + 1,), dtype, is_meta(device), 1)
    integer = not dtype.is_floating_point
    if not is_meta(device):
        create.fill_range(out, int(start) if integer else float(start), int(step) if integer else float(step), integer)
    return finish(out, requires_grad)


def number(value):
    return value.item() if isinstance(value, Tensor) else value


def linspace(start, end, steps, dtype, layout, device, pin_memory, requires_grad):
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    for value in (start, end):
        if isinstance(value, Tensor) and value.dim():
            raise RuntimeError(f"linspace only supports 0-dimensional start and end tensors, but got start with {value.dim()} dimension(s).")
    start, end = number(start), number(end)
    is_complex = isinstance(start, complex) or isinstance(end, complex)
    if dtype is None:
        dtype = ops.get_default_dtype().to_complex() if is_complex else ops.get_default_dtype()
    out = create.empty((steps,), dtype, is_meta(device), 1)
    if is_meta(device) or steps == 0:
        return finish(out, requires_grad)
    if dtype.is_complex or is_complex:
        if not dtype.is_complex:
            raise RuntimeError(f"torch.linspace(): inferred dtype complex can't be safely cast to passed dtype {dtype}")
        part = dtype.to_real()
        start, end = complex(start), complex(end)
        real = linspace(start.real, end.real, steps, part, None, None, False, False)
        imag = linspace(start.imag, end.imag, steps, part, None, None, False, False)
        return finish(complex_(real, imag), requires_grad)
    return finish(create.fill_linspace(out, start, end, steps), requires_grad)


def logspace(start, end, steps, base, dtype, layout, device, pin_memory, requires_grad):
    dtype = dtype or ops.get_default_dtype()
    if not (dtype.is_floating_point or dtype.is_complex):       # integers: both ends are cut before anything is raised to them
        start, end = int(number(start)), int(number(end))
    points = linspace(start, end, steps, ops.float64 if not dtype.is_complex else dtype, layout, device, False, False)
    return finish(ops.pow(base, points).to(dtype), requires_grad)


def eye(n, m, dtype, layout, device, pin_memory, requires_grad):
    m = n if m is None else m
    if n < 0:
        raise RuntimeError(f"n must be greater or equal to 0, got {n}")
    if m < 0:
        raise RuntimeError(f"m must be greater or equal to 0, got {m}")
    out = filled((n, m), 0, dtype, layout, device, False)
    if min(n, m):
        create.fill(out.detach().diagonal(), 1)
    return finish(out, requires_grad)


def meshgrid(tensors, indexing):
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing is None:
        import warnings
        warnings.warn("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.", UserWarning, stacklevel=3)
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(f"torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}")
    for t in tensors:
        if t.dim() > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {list(t.shape)}")
        if t.dtype is not tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(tensors) >= 2
    out = []
    for i, t in enumerate(tensors):
        shape = [1] * len(tensors)
        shape[i] = t.numel()
        grid = ops.expand(ops.view(t, tuple(shape)), tuple(tensors[k].numel() for k in range(len(tensors))))
        out.append(ops.transpose(grid, 0, 1) if swap else grid)
    return tuple(out)


def result_type(tensor1, tensor2):
    return result_type_of((tensor1, tensor2))


def complex_(real, imag):
    if real.dtype is not imag.dtype:
        raise RuntimeError(f"Expected object of scalar type {real.dtype} but got scalar type {imag.dtype} for second argument")
    if real.dtype not in (ops.float32, ops.float64):
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {real.dtype} and {imag.dtype}")
    if real.shape == imag.shape and real.is_contiguous() and imag.is_contiguous() and not real.is_meta and not imag.is_meta:
        return join_ops.complex_of(real, imag)
    out = create.empty_like(ops.add(real, imag), real.dtype.to_complex(), real.is_meta, 1)
    parts = ops.view_as_real(out)
    create.copy(parts.select(-1, 0), real)
    create.copy(parts.select(-1, 1), imag)
    return out


def polar(abs, angle):
    return ops.complex(abs * angle.cos(), abs * angle.sin())


def frombuffer(buffer, dtype, count, offset, requires_grad):
    return finish(create.from_buffer(buffer, dtype, count, offset), requires_grad)

