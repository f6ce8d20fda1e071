"""Changing the dtype, device and training flags of a whole module tree."""
import warnings

from frankentorch import ops
from frankentorch._tensor import Tensor
from frankentorch.autograd import no_grad
from frankentorch.nn.parameter import Parameter, is_lazy


class Conversions:
    """The part of Module that maps a function over all its tensors."""

    def _apply(self, fn, recurse=True):
        """Replace every parameter, gradient and buffer of the tree by ``fn(tensor)``; Parameters keep identity."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, parameter in self._parameters.items():
            if parameter is not None:
                self._apply_parameter(fn, name, parameter)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def _apply_parameter(self, fn, name, parameter):
        with no_grad():
            converted = fn(parameter)
            grad = parameter.grad
            converted_grad = None if grad is None else fn(grad)
        # The tensor behind a Parameter can be exchanged in place, unless it moves between device types.
        if converted.device.type == parameter.device.type and not is_lazy(parameter):
            if converted is not parameter:
                if grad is not None:
                    parameter.grad = None    # the gradient may have another dtype for a moment
                parameter.data = converted
                if grad is not None:
                    grad.data = converted_grad
                    parameter.grad = grad
            elif grad is not None and converted_grad is not grad:
                grad.data = converted_grad
            return
        moved = Parameter(converted, parameter.requires_grad)
        if grad is not None:
            moved.grad = converted_grad.requires_grad_(grad.requires_grad)
        self._parameters[name] = moved

    def apply(self, fn):
        """Call ``fn(module)`` for every module of the tree, children first."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def to(self, *args, **kwargs):
        """Move and cast all floating point and complex tensors.

        ``to(device=None, dtype=None, non_blocking=False)``, ``to(dtype, non_blocking=False)``,
        ``to(tensor, non_blocking=False)``, ``to(memory_format=...)``: integers keep their dtype, the memory format goes to
        4-d and 5-d tensors.

        Raises
        ------
        TypeError
            The dtype is neither floating point nor complex, or the arguments fit no form.
        """
        device, dtype, non_blocking, memory_format = _parse_to(*args, **kwargs)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError("nn.Module.to only accepts floating point or complex dtypes, but got desired "
                                f"dtype={dtype}")
            if dtype.is_complex:
                warnings.warn("Complex modules are a new feature under active development whose design may change, and "
                              "some modules might not work as expected when using complex tensors as parameters or "
                              "buffers.", stacklevel=2)

        def convert(tensor):
            wanted = dtype if tensor.is_floating_point() or tensor.is_complex() else None
            if memory_format is not None and tensor.dim() in (4, 5):
                return tensor.to(device, wanted, non_blocking, memory_format=memory_format)
            return tensor.to(device, wanted, non_blocking)

        return self._apply(convert)

    def to_empty(self, *, device, recurse=True):
        """Move to `device` without the values: for modules built on the meta device."""
        return self._apply(lambda tensor: ops.empty_like(tensor, device=device), recurse=recurse)

    def type(self, dst_type):
        """Cast all parameters and buffers, integers too, to `dst_type`."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def float(self):
        """Cast all floating point tensors to float32."""
        return self._apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)

    def double(self):
        """Cast all floating point tensors to float64."""
        return self._apply(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)

    def half(self):
        """Cast all floating point tensors to float16."""
        return self._apply(lambda tensor: tensor.half() if tensor.is_floating_point() else tensor)

    def bfloat16(self):
        """Cast all floating point tensors to bfloat16."""
        return self._apply(lambda tensor: tensor.bfloat16() if tensor.is_floating_point() else tensor)

    def cpu(self):
        """Move all tensors to the CPU."""
        return self._apply(lambda tensor: tensor.cpu())

    def cuda(self, device=None):
        """Move all tensors to a CUDA device; the tensors say that there is none."""
        return self._apply(lambda tensor: tensor.cuda(device))

    def share_memory(self):
        """Move all tensors to shared memory."""
        return self._apply(lambda tensor: tensor.share_memory_())

    def train(self, mode=True):
        """Set training mode for the tree: dropout, batch norm and their like look at it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Set evaluation mode: ``train(False)``."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Set `requires_grad` of all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Drop the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
                continue
            if parameter.grad.grad_fn is not None:
                parameter.grad.detach_()
            else:
                parameter.grad.requires_grad_(False)
            parameter.grad.zero_()


def _parse_to(*args, device=None, dtype=None, non_blocking=False, copy=False, tensor=None, memory_format=None):
    """The four meanings of the positional arguments of `Module.to`."""
    dtype_type = type(ops.float32)
    args = list(args)
    if args and isinstance(args[0], Tensor):
        tensor = args.pop(0)
    elif args and isinstance(args[0], dtype_type):
        dtype = args.pop(0)
    else:
        if args and device is None:
            device = args.pop(0)
        if args and (args[0] is None or isinstance(args[0], dtype_type)):
            dtype = args.pop(0)
    if args:
        non_blocking = args.pop(0)
    if args:
        copy = args.pop(0)
    if args or not isinstance(non_blocking, bool) or not isinstance(copy, bool):
        raise TypeError("to() received an invalid combination of arguments: expected a device, a dtype, a device and a "
                        "dtype, or a tensor, then non_blocking and copy")
    if tensor is not None:
        device, dtype = tensor.device, tensor.dtype
    if device is not None:
        device = ops.device(device)
    return device, dtype, non_blocking, memory_format
