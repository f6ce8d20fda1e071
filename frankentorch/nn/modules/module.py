"""Module: the base of all layers and models.

Three registries (parameters, buffers, submodules) live in the instance dict and are served by `__getattr__`, which Python
calls only for names that are not plain attributes. State, conversion and hook mechanics are in files of their own.
"""
import itertools
import warnings
from collections import OrderedDict

from frankentorch._tensor import Tensor
from frankentorch.nn.modules._convert import Conversions
from frankentorch.nn.modules._hooks import (
    BackwardHook,
    _has_any_global_hook,
    add_hook,
    first_tensor,
    global_hooks,
    hooks_for_all,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
    what_non_full_hooks_miss,
)
from frankentorch.nn.modules._state import StateDict, _IncompatibleKeys
from frankentorch.nn.parameter import Buffer, Parameter

__all__ = [
    "Module", "register_module_backward_hook", "register_module_buffer_registration_hook", "register_module_forward_hook",
    "register_module_forward_pre_hook", "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook", "register_module_parameter_registration_hook",
]

# Values of exactly these types are never registered: `__setattr__` looks no further.
_PLAIN_TYPES = frozenset((bool, int, float, str, tuple, list, type(lambda: None)))

# Older or hand-made instances may lack these; see `__setstate__`.
_HOOK_REGISTRIES = (
    "_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called",
    "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks", "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)


def _forward_unimplemented(self, *input):
    """Compute the output. Every subclass defines it; call the module itself, so that hooks run."""
    raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')


class Module(StateDict, Conversions):
    """Base class of all layers and models.

    A subclass calls ``super().__init__()``, assigns Parameters, Buffers and Modules as attributes, and defines `forward`.

    Attributes
    ----------
    training : bool
        Set by `train` and `eval`.
    """

    dump_patches = False
    call_super_init = False
    forward = _forward_unimplemented

    def __init__(self, *args, **kwargs):
        if not self.call_super_init:
            if kwargs:
                raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                                f"'{next(iter(kwargs))}'")
            if args:
                raise TypeError(f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were "
                                "given")
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _backward_pre_hooks=OrderedDict(),
            _backward_hooks=OrderedDict(),
            _is_full_backward_hook=None,
            _forward_hooks=OrderedDict(),
            _forward_hooks_with_kwargs=OrderedDict(),
            _forward_hooks_always_called=OrderedDict(),
            _forward_pre_hooks=OrderedDict(),
            _forward_pre_hooks_with_kwargs=OrderedDict(),
            _state_dict_hooks=OrderedDict(),
            _state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_post_hooks=OrderedDict(),
            _modules={},
        )
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # attributes --------------------------------------------------------------------------------------------------

    def __getattr__(self, name):
        state = self.__dict__
        if "_parameters" in state:       # the three are made together; written out because this is a hot path
            values = state["_parameters"]
            if name in values:
                return values[name]
            values = state["_buffers"]
            if name in values:
                return values[name]
            values = state["_modules"]
            if name in values:
                return values[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name, value):
        state = self.__dict__
        parameters, buffers, modules = state.get("_parameters"), state.get("_buffers"), state.get("_modules")
        if type(value) in _PLAIN_TYPES and not (
                (parameters and name in parameters) or (buffers and name in buffers) or (modules and name in modules)):
            object.__setattr__(self, name, value)
        elif isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, state, buffers, modules)
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(f"cannot assign '{_type_name(value)}' as parameter '{name}' "
                                "(torch.nn.Parameter or None expected)")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, state, parameters, buffers)
            modules[name] = _run_registration_hooks(global_hooks.module_registration, self, name, value)
        elif modules is not None and name in modules:
            if value is not None:
                raise TypeError(f"cannot assign '{_type_name(value)}' as child module '{name}' "
                                "(torch.nn.Module or None expected)")
            modules[name] = _run_registration_hooks(global_hooks.module_registration, self, name, value)
        elif isinstance(value, Buffer) or (buffers is not None and name in buffers):
            self._assign_buffer(name, value, state, buffers)
        else:
            object.__setattr__(self, name, value)

    def _assign_buffer(self, name, value, state, buffers):
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"cannot assign '{_type_name(value)}' as buffer '{name}' "
                            "(torch.nn.Buffer, torch.Tensor or None expected)")
        if buffers is None:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        if isinstance(value, Buffer):
            self._forget(name, state, state["_parameters"], state["_modules"])
            persistent = value.persistent
            buffers.pop(name, None)
            self._non_persistent_buffers_set.discard(name)
            self.register_buffer(name, value, persistent)
        else:
            buffers[name] = _run_registration_hooks(global_hooks.buffer_registration, self, name, value)

    def _forget(self, name, *registries):
        for registry in registries:
            if registry is not None:
                registry.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name):
        if name in self._parameters:
            del self._parameters[name]
        elif name in self._buffers:
            del self._buffers[name]
            self._non_persistent_buffers_set.discard(name)
        elif name in self._modules:
            del self._modules[name]
        else:
            try:
                object.__delattr__(self, name)
            except AttributeError:
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'") from None

    def __dir__(self):
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in names if not name[0].isdigit())

    def __setstate__(self, state):
        self.__dict__.update(state)
        for name in _HOOK_REGISTRIES:
            self.__dict__.setdefault(name, OrderedDict())
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self.__dict__.setdefault("_is_full_backward_hook", None)

    # registration ------------------------------------------------------------------------------------------------

    def register_parameter(self, name, param):
        """Add a Parameter, or None as a placeholder that `state_dict` leaves out."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_new_name("parameter", name, self._parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                                "(torch.nn.Parameter or None required)")
            if param.grad_fn is not None:
                raise ValueError(f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                                 "explicitly; compute the value in the forward() method instead.")
            param = _run_registration_hooks(global_hooks.parameter_registration, self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name, tensor, persistent=True):
        """Add a tensor that is state but not trained; `persistent` decides whether `state_dict` has it."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_new_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                            "(torch Tensor or None required)")
        self._buffers[name] = _run_registration_hooks(global_hooks.buffer_registration, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name, module):
        """Add a submodule, or None."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_new_name("module", name, self._modules)
        self._modules[name] = _run_registration_hooks(global_hooks.module_registration, self, name, module)

    def register_module(self, name, module):
        """Another name of `add_module`."""
        self.add_module(name, module)

    def _check_new_name(self, kind, name, registry):
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if kind == "module":   # the order in which the checks of the three kinds are made is visible
            if hasattr(self, name) and name not in registry:
                raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in registry:
            raise KeyError(f"attribute '{name}' already exists")

    # walking the tree --------------------------------------------------------------------------------------------

    def _named_members(self, get_members_fn, prefix="", recurse=True, remove_duplicate=True):
        """Dotted names and values of ``get_members_fn(module)`` over the tree, each value once."""
        seen = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for module_prefix, module in modules:
            for name, value in get_members_fn(module):
                if value is None or value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield (module_prefix + "." if module_prefix else "") + name, value

    def parameters(self, recurse=True):
        """Every Parameter of the tree once, in order of registration."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """Pairs of dotted name and Parameter."""
        yield from self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """Every buffer of the tree once, in order of registration."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """Pairs of dotted name and buffer."""
        yield from self._named_members(lambda module: module._buffers.items(), prefix, recurse, remove_duplicate)

    def children(self):
        """Direct submodules, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self):
        """Pairs of name and direct submodule."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate=True):
        """This module and everything below it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """Pairs of dotted name and module, this one first under the name `prefix`."""
        if memo is None:
            memo = set()
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                child_prefix = prefix + ("." if prefix else "") + name
                yield from module.named_modules(memo, child_prefix, remove_duplicate)

    def get_submodule(self, target):
        """The module at a dotted path; "" is this one."""
        module = self
        for item in target.split(".") if target else ():
            if not hasattr(module, item):
                raise AttributeError(f"{module._get_name()} has no attribute `{item}`")
            module = getattr(module, item)
            if not isinstance(module, Module):
                raise AttributeError(f"`{item}` is not an nn.Module")
        return module

    def set_submodule(self, target, module, strict=False):
        """Put `module` at a dotted path; with `strict` there must be one already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if hasattr(parent, name):
            if not isinstance(getattr(parent, name), Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        elif strict:
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        setattr(parent, name, module)

    def get_parameter(self, target):
        """The Parameter at a dotted path."""
        module, name, value = self._get_leaf(target)
        if not isinstance(value, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return value

    def get_buffer(self, target):
        """The buffer at a dotted path."""
        module, name, value = self._get_leaf(target)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return value

    def _get_leaf(self, target):
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        return module, name, getattr(module, name)

    # calling -----------------------------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        if not (self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks
                or hooks_for_all):
            return self.forward(*args, **kwargs)
        called = set()
        try:
            return self._call_with_hooks(called, args, kwargs)
        except Exception:
            self._run_always_called(called, args, kwargs)
            raise

    def _call_impl(self, *args, **kwargs):
        return Module.__call__(self, *args, **kwargs)

    def _call_with_hooks(self, called, args, kwargs):
        """Pre hooks, forward, hooks: those for all modules first, then our own. `called` gathers what has run."""
        args, kwargs = self._run_pre_hooks(args, kwargs)
        full, non_full = self._get_backward_hooks()
        pre = self._get_backward_pre_hooks()
        anchor = None
        if full or pre:
            anchor = BackwardHook(self, full, pre)
            args = anchor.anchor_inputs(args)
        result = self.forward(*args, **kwargs)
        for hook_id, hook, with_kwargs in self._forward_hooks_in_order():
            if hook_id in self._forward_hooks_always_called or hook_id in global_hooks.forward_always_called:
                called.add(hook_id)
            answer = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
            if answer is not None:
                result = answer
        if anchor is not None:
            result = anchor.anchor_outputs(result)
        if non_full:
            self._hang_on_output(non_full, args, result)
        return result

    def _hang_on_output(self, hooks, args, result):
        """Non-full backward hooks: at the node of the output, whatever part of the module that is."""
        tensor = first_tensor(result)
        if tensor is not None and tensor.grad_fn is not None:
            for hook in hooks:
                tensor.grad_fn.register_hook(_NonFullHook(self, hook))
            self._maybe_warn_non_full_backward_hook(args, result, tensor.grad_fn)

    def _maybe_warn_non_full_backward_hook(self, inputs, result, grad_fn):
        message = what_non_full_hooks_miss(inputs, result, grad_fn)
        if message:
            warnings.warn(f"Using a non-full backward hook {message} Please use register_full_backward_hook to get the "
                          "documented behavior.", FutureWarning, stacklevel=5)

    def _forward_hooks_in_order(self):
        for hook_id, hook in list(global_hooks.forward.items()):
            yield hook_id, hook, hook_id in global_hooks.forward_with_kwargs
        for hook_id, hook in list(self._forward_hooks.items()):
            yield hook_id, hook, hook_id in self._forward_hooks_with_kwargs

    def _run_pre_hooks(self, args, kwargs):
        hooks = itertools.chain(global_hooks.forward_pre.items(), self._forward_pre_hooks.items())
        for hook_id, hook in list(hooks):
            if hook_id in self._forward_pre_hooks_with_kwargs:
                answer = hook(self, args, kwargs)
                if answer is not None:
                    if not (isinstance(answer, tuple) and len(answer) == 2):
                        raise RuntimeError("forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                                           f"but got {answer}.")
                    args, kwargs = answer
            else:
                answer = hook(self, args)
                if answer is not None:
                    args = answer if isinstance(answer, tuple) else (answer,)
        return args, kwargs

    def _run_always_called(self, called, args, kwargs):
        """After a failure: hooks asked for with `always_call` still run, their own failures only warn."""
        result = None
        for hook_id, hook, with_kwargs in self._forward_hooks_in_order():
            always = hook_id in self._forward_hooks_always_called or hook_id in global_hooks.forward_always_called
            if not always or hook_id in called:
                continue
            try:
                answer = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
                if answer is not None:
                    result = answer
            except Exception as error:
                warnings.warn("module forward hook with ``always_call=True`` raised an exception that was silenced as "
                              f"another error was raised in forward: {error}", stacklevel=3)

    def _get_backward_hooks(self):
        full, non_full = [], []
        if global_hooks.is_full_backward is True:
            full.extend(global_hooks.backward.values())
        if self._is_full_backward_hook is True:
            full.extend(self._backward_hooks.values())
        if global_hooks.is_full_backward is False:
            non_full.extend(global_hooks.backward.values())
        if self._is_full_backward_hook is False:
            non_full.extend(self._backward_hooks.values())
        return full, non_full

    def _get_backward_pre_hooks(self):
        return [*global_hooks.backward_pre.values(), *self._backward_pre_hooks.values()]

    # hooks -------------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call ``hook(module, args)`` (or ``hook(module, args, kwargs)``) before forward; it may return new ones."""
        return add_hook(self._forward_pre_hooks, hook, prepend=prepend,
                        flags=[(self._forward_pre_hooks_with_kwargs, with_kwargs)])

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Call ``hook(module, args[, kwargs], output)`` after forward; it may return a new output.

        With `always_call` it runs even when forward raises.
        """
        return add_hook(self._forward_hooks, hook, prepend=prepend,
                        flags=[(self._forward_hooks_with_kwargs, with_kwargs),
                               (self._forward_hooks_always_called, always_call)])

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_output)`` when the gradients of all outputs are known; it may return new ones."""
        return add_hook(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of all inputs are known.

        It may return a replacement for `grad_input`.
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module. Please "
                               "use only one of them.")
        self._is_full_backward_hook = True
        return add_hook(self._backward_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook):
        """Call ``hook(module, grad_input, grad_output)`` at the node of the output. Prefer the full hook."""
        if self._is_full_backward_hook is True:
            raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module. Please "
                               "use only one of them.")
        self._is_full_backward_hook = False
        return add_hook(self._backward_hooks, hook)

    # text --------------------------------------------------------------------------------------------------------

    def _get_name(self):
        return type(self).__name__

    def extra_repr(self):
        """What `repr` says of this module alone; one line or several."""
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [f"({name}): {_indent_rest(repr(module))}" for name, module in self._modules.items()]
        head = self._get_name() + "("
        if not extra_lines and not child_lines:
            return head + ")"
        if len(extra_lines) == 1 and not child_lines:
            return head + extra_lines[0] + ")"
        return head + "\n  " + "\n  ".join(extra_lines + child_lines) + "\n)"


class _NonFullHook:
    """Gives a non-full backward hook the module it belongs to."""

    def __init__(self, module, hook):
        self.module = module
        self.hook = hook

    def __call__(self, grad_input, grad_output):
        return self.hook(self.module, grad_input, grad_output)


def _type_name(value):
    """Name of a type in messages; a tensor is named by its dtype, as `Tensor.type()` does."""
    return value.type() if isinstance(value, Tensor) else type(value).__name__


def _indent_rest(text, spaces=2):
    """Indent every line but the first."""
    return text.replace("\n", "\n" + " " * spaces)


_addindent = _indent_rest


def _run_registration_hooks(hooks, module, name, value):
    for hook in list(hooks.values()):
        answer = hook(module, name, value)
        if answer is not None:
            value = answer
    return value
