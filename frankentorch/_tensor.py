"""`Tensor` with everything users call on it: methods bound from the op table, and the few written by hand below."""
from frankentorch import _protocols, ops
from frankentorch._ext import create, dispatch, engine
from frankentorch._ext.dispatch import set_parameter_class  # noqa: F401
from frankentorch._ext.tensor import Tensor, bind, set_constructor, set_size_class
from frankentorch._size import Size
from frankentorch.ops import interchange, registry
from frankentorch._overrides import _disabled_torch_function_impl, torch_function  # noqa: F401

set_size_class(Size)
set_constructor(_protocols.construct)


def _repr(self, *, tensor_contents=None):
    from frankentorch._tensor_str import _str
    return _str(self, tensor_contents=tensor_contents)


def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Gradients of this tensor with respect to the leaves, accumulated into their ``.grad``."""
    from frankentorch.autograd.backward import backward as run
    run(self, gradient, retain_graph, create_graph, inputs=inputs)


def where(self, condition, other):
    """self where condition, else other."""
    return ops.where(condition, self, other)


def polygamma_(self, n):
    """n-th derivative of digamma, in place."""
    if not self.is_floating_point():
        raise RuntimeError(f"result type {ops.get_default_dtype()} can't be cast to the desired output type {self.dtype}")
    return self.copy_(ops.polygamma(n, self.clone()))


def reflected_division(self, other):
    """other / self, as the oracle rounds it: the reciprocal first."""
    return self.reciprocal() * other


def detach_(self):
    """Drop the history of this very tensor."""
    if self._base is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    engine.drop_history(self)
    return self


def iterate(self):
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(ops.unbind(self, 0))


def contains(self, element):
    if isinstance(element, (Tensor, int, float, complex, bool)):
        return bool((self == element).any().item())
    raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")


def _cast(name):
    to = getattr(ops, name)

    def cast(self, memory_format=None):
        return self.to(to, memory_format=memory_format)
    cast.__name__ = name
    cast.__doc__ = f"The tensor as {to.name}."
    return cast


def _hand_written():
    methods = {"__repr__": _repr, "backward": backward, "where": where, "polygamma": lambda self, n: ops.polygamma(n, self), "polygamma_": polygamma_, "__rdiv__": reflected_division, "__div__": Tensor.__truediv__, "detach_": detach_, "__iter__": iterate, "__contains__": contains,
               "item": dispatch.item, "tolist": create.tolist, "retain_grad": engine.retain_grad, "register_hook": engine.register_hook,
               "register_post_accumulate_grad_hook": engine.register_post_accumulate_grad_hook, "retains_grad": property(engine.retains_grad),
               "T": property(lambda self: _reversed_dims(self)), "mT": property(lambda self: ops.transpose(_at_least_matrix(self, "mT"), -2, -1)),
               "H": property(lambda self: _matrix_adjoint(self)), "mH": property(lambda self: ops.adjoint(self)),
               "real": property(ops.real, lambda self, value: ops.real(self).copy_(value)), "imag": property(ops.imag, lambda self, value: ops.imag(self).copy_(value)),
               "cpu": lambda self, memory_format=None: self.to(device="cpu", memory_format=memory_format)}
    for name in ("half", "float", "double", "bfloat16", "int", "long", "short", "bool", "cfloat", "cdouble"):
        methods[name] = _cast(name)
    methods.update(_protocols.METHODS, numpy=interchange.numpy, __array__=interchange.__array__, __array_wrap__=interchange.__array_wrap__,
                   __dlpack__=interchange.__dlpack__, __dlpack_device__=interchange.__dlpack_device__, __torch_function__=classmethod(torch_function))
    methods["char"], methods["byte"] = _cast("int8"), _cast("uint8")
    return methods


def _at_least_matrix(self, name):
    if self.dim() < 2:
        raise RuntimeError(f"tensor.{name} is only supported on matrices or batches of matrices. Got {self.dim()}-D tensor.")
    return self


def _reversed_dims(self):
    if self.dim() != 2:
        import warnings
        warnings.warn("The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will throw an error in a future release.",
                      UserWarning, stacklevel=3)
    return ops.permute(self, tuple(range(self.dim() - 1, -1, -1)))


def _matrix_adjoint(self):
    if self.dim() not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.dim()}-D tensor.")
    return ops.adjoint(self) if self.dim() else ops.conj(self)


for _name, _value in {**registry.methods, **_hand_written()}.items():
    bind(_name, _value)
