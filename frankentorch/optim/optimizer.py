"""What all optimizers share: parameter groups, per-parameter state, state dicts, hooks.

`Optimizer` is the public base. `ParameterWise` below it serves every algorithm that treats parameters one by one: it
gathers, group by group, the parameters that have a gradient with their state, and hands the three lists to the
algorithm's ``_update``. So ``_update`` holds the arithmetic and nothing else.
"""

import collections
import copy
import functools
import warnings

from frankentorch import ops
from frankentorch._ext.optim_ops import drop_gradients
from frankentorch._tensor import Tensor
from frankentorch.utils.hooks import RemovableHandle

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]

_global_optimizer_pre_hooks = collections.OrderedDict()
_global_optimizer_post_hooks = collections.OrderedDict()
_watch = None  # context manager of (optimizer, args, kwargs) around each step: the recorder of a ledger

_HOOK_KINDS = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


class _Required:
    """Default of an option that every parameter group has to give."""

    def __repr__(self):
        return "<required parameter>"


required = _Required()


def _register(registry, hook, prepend=False):
    handle = RemovableHandle(registry)
    registry[handle.id] = hook
    if prepend:
        registry.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer; returns a removable handle."""
    return _register(_global_optimizer_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer; returns a removable handle."""
    return _register(_global_optimizer_post_hooks, hook)


def _hooked(step):
    """`step` with the pre hooks before and the post hooks after it. Hooks may replace ``(args, kwargs)``."""

    @functools.wraps(step)
    def hooked_step(*args, **kwargs):
        self = args[0]
        if _global_optimizer_pre_hooks or self._optimizer_step_pre_hooks:
            for hook in (*_global_optimizer_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()):
                replaced = hook(self, args, kwargs)
                if replaced is None:
                    continue
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(f"{step} pre hook must return None or a tuple of (args, kwargs), got {replaced}")
                args, kwargs = replaced
        if _watch is None:
            out = step(*args, **kwargs)
        else:
            with _watch(self, args, kwargs):
                out = step(*args, **kwargs)
        if _global_optimizer_post_hooks or self._optimizer_step_post_hooks:
            for hook in (*self._optimizer_step_post_hooks.values(), *_global_optimizer_post_hooks.values()):
                hook(self, args, kwargs)
        return out

    hooked_step.hooked = True
    return hooked_step


class Optimizer:
    """Base class of all optimizers.

    Parameters
    ----------
    params : iterable
        Tensors, ``(name, tensor)`` pairs, or dicts each describing a group of parameters under ``"params"`` and
        options that differ from `defaults`. Must be ordered.
    defaults : dict
        Options of groups that do not give their own.

    Attributes
    ----------
    param_groups : list of dict
    state : defaultdict
        Parameter to dict of its state.

    Raises
    ------
    TypeError
        `params` is one tensor, is unordered, or holds something that is no tensor.
    ValueError
        `params` is empty, holds a tensor computed by the graph, one parameter twice in different groups, or names
        for some only.
    """

    _options_since = {}  # options added to checkpoints later, with the value that older ones mean

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls) and not getattr(cls.step, "hooked", False):
            cls.step = _hooked(cls.step)

    def __init__(self, params, defaults):
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(f"params must be an iterable of Tensors or dicts, but got {params.type()}")
        self.state = collections.defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            # A set arrives here as it is, for add_param_group to refuse it by name.
            groups = [{"params": params if isinstance(params, set) else groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hooks(self):
        for kind in _HOOK_KINDS:
            if kind not in self.__dict__:
                setattr(self, kind, collections.OrderedDict())

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._make_hooks()
        self.defaults.setdefault("differentiable", False)
        for group in self.param_groups:
            for name, value in self._options_since.items():
                group.setdefault(name, value)

    def __repr__(self):
        lines = [f"{type(self).__name__} ("]
        for index, group in enumerate(self.param_groups):
            lines += [""] * (index > 0) + [f"Parameter Group {index}"]
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])

    # ---- hooks ----

    def register_step_pre_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` before `step`; it may return new ``(args, kwargs)``."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` after `step`."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` before `state_dict` collects."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` on the result of `state_dict`; it may return another."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another state dict."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` after loading."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # ---- state dicts ----

    def state_dict(self):
        """State and options as a dict in which parameters are replaced by their index.

        Returns
        -------
        dict
            ``state``: index to the parameter's state, tensors shared with the optimizer. ``param_groups``: the
            groups with ``params`` a list of indices, counted through all groups.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        index_of = {}
        packed_groups = []
        for group in self.param_groups:
            for param in group["params"]:
                index_of.setdefault(id(param), len(index_of))
            packed = {name: value for name, value in group.items() if name != "params"}
            packed["params"] = [index_of[id(param)] for param in group["params"]]
            packed_groups.append(packed)
        state = {index_of[id(key)] if isinstance(key, Tensor) else key: value for key, value in self.state.items()}
        packed_dict = {"state": state, "param_groups": packed_groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            replaced = hook(self, packed_dict)
            if replaced is not None:
                packed_dict = replaced
        return packed_dict

    def load_state_dict(self, state_dict):
        """Take over state and options from `state_dict`, which is copied.

        Parameters
        ----------
        state_dict : dict
            As returned by `state_dict`; parameters are matched by position.

        Raises
        ------
        ValueError
            The number of groups, or of parameters in one, differs.

        Notes
        -----
        Floating state takes the dtype of its parameter, except the step counter.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            replaced = hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced
        saved_groups = copy.deepcopy(state_dict["param_groups"])
        groups = self.param_groups
        if len(groups) != len(saved_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(saved_groups)} loaded, {len(groups)} here"
            )
        for index, (group, saved) in enumerate(zip(groups, saved_groups, strict=True)):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"group {index} has {len(saved['params'])} loaded, {len(group['params'])} here"
                )
        param_of = {}
        for group, saved in zip(groups, saved_groups, strict=True):
            for param, index in zip(group["params"], saved["params"], strict=True):
                param_of[index] = (param, saved)
            saved["params"] = group["params"]
            if "param_names" in group and "param_names" not in saved:
                saved["param_names"] = group["param_names"]
        state = collections.defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in param_of:
                param, saved = param_of[key]
                state[param] = _fitted(param, value, saved)
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # ---- work ----

    def zero_grad(self, set_to_none=True):
        """Drop the gradients of all parameters, or fill them with zeros if `set_to_none` is False."""
        for group in self.param_groups:
            if set_to_none:
                drop_gradients(group["params"])
                continue
            for param in group["params"]:
                if param.grad is None:
                    continue
                if param.grad.grad_fn is not None:
                    param.grad.detach_()
                else:
                    param.grad.requires_grad_(False)
                param.grad.zero_()

    def step(self, closure=None):
        """Change the parameters once. `closure`, if given, recomputes the loss and is what `step` returns."""
        raise NotImplementedError(f"{type(self).__name__} has no step")

    def add_param_group(self, param_group):
        """Add a group of parameters, say layers that were frozen until now.

        Parameters
        ----------
        param_group : dict
            ``params`` (a tensor, or an ordered collection of tensors or ``(name, tensor)`` pairs) and options.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections: the order of a set changes between runs"
            )
        params = list(params)
        names = [item[0] for item in params if isinstance(item, tuple)]
        if names and len(names) != len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        if names:
            params = [item[1] for item in params]
            param_group["param_names"] = names
        param_group["params"] = params
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}")
            if not (self.defaults.get("differentiable") or param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        identities = {id(param) for param in params}
        if len(identities) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; this will be an error later", stacklevel=3
            )
        others = {id(param) for group in self.param_groups for param in group["params"]}
        if self.param_groups and ("param_names" in param_group) != ("param_names" in self.param_groups[0]):
            which = "with names" if names else "without names"
            raise ValueError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group {which} to the optimizer"
            )
        if others & identities:
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)


def _fitted(param, value, group, key=None):
    """Deep copy of loaded state in which tensors go to the parameter's device and dtype."""
    if isinstance(value, Tensor):
        if key == "step":
            return value.to(dtype=ops.float32, device=param.device) if group.get("capturable") else value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)
    if isinstance(value, dict):
        return {name: _fitted(param, item, group, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(_fitted(param, item, group) for item in value)
    return value


def scalar_dtype():
    """dtype of step counters: that of Python floats when float64 is the default, else float32."""
    return ops.float64 if ops.get_default_dtype() == ops.float64 else ops.float32


def new_counter():
    """A step counter at zero."""
    return ops.tensor(0.0, dtype=scalar_dtype())


class ParameterWise(Optimizer):
    """An optimizer whose update treats each parameter apart from the others.

    A subclass gives ``_new_state(param, group)`` (dict of fresh state, None to keep none) and
    ``_update(params, grads, states, group)``, which changes parameters and states in place. Before `_update`,
    gradients are negated for ``maximize``, the L2 penalty is added unless the decay is decoupled, and complex
    parameters, gradients and states are seen as pairs of reals (`_real_pairs`).

    A subclass may name the compiled form of its update as ``_kernel(group, state)`` (`_ext/optim_ops.pyx`), which answers
    whether it has taken the step. It leaves to `_update` what is to be differentiated and options given as tensors.
    """

    _real_pairs = True
    _kernel = None

    def __setstate__(self, state):
        super().__setstate__(state)
        for param_state in self.state.values():
            if isinstance(param_state, dict) and "step" in param_state and not isinstance(param_state["step"], Tensor):
                param_state["step"] = ops.tensor(float(param_state["step"]), dtype=scalar_dtype())

    def step(self, closure=None):
        """Update every parameter that has a gradient, once.

        Parameters
        ----------
        closure : callable, optional
            Clears gradients, computes the loss, calls backward and returns the loss. Runs with gradients enabled.

        Returns
        -------
        What `closure` returned, or None.
        """
        loss = None
        if closure is not None:
            with ops.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if self._kernel is None or not self._step_by_kernel(group):
                self._step_by_ops(group)
        return loss

    def _step_by_kernel(self, group):
        """One compiled call for the whole group; false, with nothing changed, if the group is not for the kernel."""
        done = self._kernel(group, self.state)
        if done is None:
            for param in group["params"]:
                if param.grad is not None and not self.state.get(param):
                    self.state[param] = self._new_state(param, group)
            done = self._kernel(group, self.state)
        return done

    def _step_by_ops(self, group):
        with ops.set_grad_enabled(bool(self.defaults.get("differentiable"))):
            lists = self._gather(group)
            if lists[0]:
                self._update(*lists, group)

    def _new_state(self, param, group):
        return {}

    def _gather(self, group):
        """Parameters with a gradient, their gradients and states, ready for `_update`."""
        params, grads, states = [], [], []
        decay = self._penalty(group)
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            if grad.is_sparse and not self._takes_sparse(group):
                raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")
            if group.get("capturable"):
                raise AssertionError(
                    "If capturable=True, params and state_steps must be on supported devices, "
                    f"but these are on {param.device}"
                )
            state = self.state.get(param)
            if not state:
                state = self._new_state(param, group)
                if state is None:
                    state = {}
                else:
                    self.state[param] = state
            if group.get("differentiable"):
                # The graph of earlier steps holds the old tensors; the update is in place.
                state.update((name, value.clone()) for name, value in state.items() if isinstance(value, Tensor))
            if group.get("maximize"):
                grad = -grad
            if decay is not None:
                grad = _with_decay(grad, param, decay)
            if self._real_pairs and param.is_complex():
                param, grad = ops.view_as_real(param), ops.view_as_real(grad)
                state = _RealPairs(state)
            params.append(param)
            grads.append(grad)
            states.append(state)
        return params, grads, states

    def _penalty(self, group):
        """Coefficient of the L2 penalty, None for none."""
        decay = group.get("weight_decay", 0)
        if group.get("decoupled_weight_decay") or (not isinstance(decay, Tensor) and decay == 0):
            return None
        return decay

    def _takes_sparse(self, group):
        return False


def _with_decay(grad, param, decay):
    """grad + decay * param; recorded with respect to a decay that requires a gradient."""
    if isinstance(decay, Tensor):
        return grad.addcmul(param, decay) if decay.requires_grad else grad.add(param, alpha=decay.item())
    return grad.add(param, alpha=decay)


class _RealPairs(dict):
    """State of a complex parameter as the update sees it: views of the pairs; what is set anew is stored as complex."""

    def __init__(self, state):
        pairs = (
            (name, ops.view_as_real(value) if isinstance(value, Tensor) and value.is_complex() else value)
            for name, value in state.items()
        )
        super().__init__(pairs)
        self._state = state

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        self._state[name] = ops.view_as_complex(value) if isinstance(value, Tensor) and value.ndim else value


# ---- checks of options, shared by the constructors ----


def check_rate(lr, *, foreach=False, capturable=False):
    """Refuse a learning rate tensor of several elements, or one that foreach cannot take, and a negative rate."""
    if isinstance(lr, Tensor):
        if foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check_one_element(lr)
    check_at_least("learning rate", lr)


def check_one_element(lr):
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError(f"Tensor lr must be 1-element, got shape {tuple(lr.shape)}")


def check_at_least(what, value, least=0.0):
    if not value >= least:
        raise ValueError(f"Invalid {what}: {value}")


def check_betas(betas):
    for index, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")


def check_fused(optimizer, defaults):
    """What ``fused=True`` excludes. The parameters of all groups must be floating point."""
    if not defaults["fused"]:
        return
    if defaults["differentiable"]:
        raise RuntimeError("`fused` does not support `differentiable`")
    if defaults["foreach"]:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    for group in optimizer.param_groups:
        for param in group["params"]:
            if not param.is_floating_point():
                raise RuntimeError(
                    f"`fused=True` requires all the params to be floating point Tensors, but got {param.dtype}"
                )
