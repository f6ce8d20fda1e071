"""Parameter and Buffer: tensors that a Module registers when they become its attributes."""
from collections import OrderedDict

from frankentorch import _tensor, ops
from frankentorch._tensor import Tensor

# A Parameter takes part in ops as a plain Tensor: results are Tensors, overrides are not looked for. The core
# recognises this very object and skips the override search.
_no_override = _tensor._disabled_torch_function_impl


class _ParameterMeta(type(Tensor)):
    """Any tensor marked `_is_param` counts as a Parameter: subclasses of Tensor keep their own type."""

    def __instancecheck__(cls, instance):
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Parameter and isinstance(instance, Tensor) and getattr(instance, "_is_param", False)


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor to be trained: assigned to a Module it shows up in `parameters()`.

    Parameters
    ----------
    data : Tensor, any shape, optional
        Shared, not copied. Nothing gives an empty tensor. A Tensor subclass keeps its type and gets the mark
        `_is_param` instead.
    requires_grad : bool
        True also inside `no_grad`.

    Raises
    ------
    RuntimeError
        `requires_grad` with a dtype that is neither floating point nor complex.
    """

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = ops.empty(0)
        if type(data) is Tensor or type(data) is Parameter:
            return Tensor._make_subclass(cls, data, requires_grad)
        marked = data.detach().requires_grad_(requires_grad)
        if type(marked) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns an "
                f"instance of the same type, but got {type(marked).__name__}")
        marked._is_param = True
        return marked

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(memory_format=ops.preserve_format), self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self):
        return "Parameter containing:\n" + repr(Tensor._make_subclass(Tensor, self.data, self.requires_grad))

    def __reduce_ex__(self, protocol):
        state = self.__dict__
        hooks = OrderedDict()
        if state:
            return _rebuild_parameter_with_state, (self.data, self.requires_grad, hooks, state)
        return _rebuild_parameter, (self.data, self.requires_grad, hooks)

    __torch_function__ = _no_override


def _rebuild_parameter(data, requires_grad, backward_hooks):
    """Unpickle a Parameter. Hooks are never written, the argument keeps the stored form compatible."""
    parameter = Parameter(data, requires_grad)
    parameter._backward_hooks = backward_hooks
    return parameter


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    """Unpickle a Parameter that carried Python attributes."""
    parameter = _rebuild_parameter(data, requires_grad, backward_hooks)
    for name, value in state.items():
        setattr(parameter, name, value)
    return parameter


_tensor.set_parameter_class(Parameter)


class _BufferMeta(type(Tensor)):
    """Any tensor marked `_is_buffer` counts as a Buffer."""

    def __instancecheck__(cls, instance):
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Buffer and isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that is state but not trained: assigned to a Module it shows up in `buffers()`.

    Parameters
    ----------
    data : Tensor, any shape, optional
        Shared, not copied. The result has the type of `data` and the mark `_is_buffer`.
    persistent : bool
        Whether `state_dict` holds it.
    """

    def __new__(cls, data=None, *, persistent=True):
        if data is None:
            data = ops.empty(0)
        marked = data.detach().requires_grad_(data.requires_grad)
        marked.persistent = persistent
        marked._is_buffer = True
        return marked

    __torch_function__ = _no_override


def is_lazy(param):
    """Whether `param` waits for its shape (no such parameters exist in this package yet)."""
    return getattr(param, "_is_uninitialized", False)
