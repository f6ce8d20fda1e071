"""Module hooks: registries and the anchors of the full backward hooks.

A full backward hook needs two moments of the backward pass: the gradients of all module outputs are known, and the
gradients of all module inputs are known. Both moments are nodes of their own: an identity function laid around all tensor
inputs at once, another around all tensor outputs at once.
"""
import warnings
from collections import OrderedDict

from frankentorch import ops
from frankentorch._tensor import Tensor
from frankentorch.autograd import Function
from frankentorch.utils.hooks import RemovableHandle


def add_hook(hooks, hook, *, prepend=False, flags=()):
    """Register `hook`; `flags` are (registry, value) pairs which are set under the same id when value is true."""
    handle = RemovableHandle(hooks, extra_dict=[registry for registry, _ in flags])
    hooks[handle.id] = hook
    for registry, value in flags:
        if value:
            registry[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


class _GlobalHooks:
    """Hooks for every module."""

    def __init__(self):
        self.forward_pre = OrderedDict()
        self.forward = OrderedDict()
        self.forward_with_kwargs = OrderedDict()
        self.forward_always_called = OrderedDict()
        self.backward_pre = OrderedDict()
        self.backward = OrderedDict()
        self.is_full_backward = None
        self.buffer_registration = OrderedDict()
        self.module_registration = OrderedDict()
        self.parameter_registration = OrderedDict()


global_hooks = _GlobalHooks()
# Ids of all global hooks that a call must run: the call path looks at this one registry.
hooks_for_all = OrderedDict()


def _has_any_global_hook():
    """Whether a hook for every module is registered that a call must run."""
    return bool(hooks_for_all)


def register_module_buffer_registration_hook(hook):
    """Call ``hook(module, name, buffer)`` at every `register_buffer`; a value it returns is registered instead."""
    return add_hook(global_hooks.buffer_registration, hook)


def register_module_module_registration_hook(hook):
    """Call ``hook(module, name, submodule)`` at every `add_module`; a value it returns is registered instead."""
    return add_hook(global_hooks.module_registration, hook)


def register_module_parameter_registration_hook(hook):
    """Call ``hook(module, name, parameter)`` at every `register_parameter`; a value it returns is registered instead."""
    return add_hook(global_hooks.parameter_registration, hook)


def register_module_forward_pre_hook(hook):
    """Call ``hook(module, args)`` before the forward of every module."""
    return add_hook(global_hooks.forward_pre, hook, flags=[(hooks_for_all, True)])


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Call ``hook(module, args, output)`` after the forward of every module."""
    return add_hook(global_hooks.forward, hook, flags=[
        (global_hooks.forward_with_kwargs, with_kwargs), (global_hooks.forward_always_called, always_call),
        (hooks_for_all, True)])


def register_module_backward_hook(hook):
    """Call ``hook(module, grad_input, grad_output)`` at the last node of every module. Prefer the full hooks."""
    if global_hooks.is_full_backward is True:
        raise RuntimeError("Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
                           "Please use only one of them.")
    global_hooks.is_full_backward = False
    return add_hook(global_hooks.backward, hook, flags=[(hooks_for_all, True)])


def register_module_full_backward_pre_hook(hook):
    """Call ``hook(module, grad_output)`` when the output gradients of any module are known."""
    return add_hook(global_hooks.backward_pre, hook, flags=[(hooks_for_all, True)])


def register_module_full_backward_hook(hook):
    """Call ``hook(module, grad_input, grad_output)`` when the input gradients of any module are known."""
    if global_hooks.is_full_backward is False:
        raise RuntimeError("Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
                           "Please use only one of them.")
    global_hooks.is_full_backward = True
    return add_hook(global_hooks.backward, hook, flags=[(hooks_for_all, True)])


class BackwardHookFunction(Function):
    """Identity; its node is where the hooks hang."""

    @staticmethod
    def forward(ctx, *tensors):
        ctx.mark_non_differentiable(*[each for each in tensors if not each.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx, *grads):
        return grads


class BackwardHook:
    """Runs the full backward hooks of one module call.

    `anchor_inputs`, then the forward, then `anchor_outputs`. Without an input that needs a gradient the hooks fire at
    the outputs, with None as every input gradient.
    """

    def __init__(self, module, hooks, pre_hooks):
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_outputs = None
        self.input_count = -1
        self.input_positions = None
        self.output_count = -1
        self.output_positions = None

    def anchor_inputs(self, args):
        """Positional arguments with every tensor passed through one identity node."""
        def attach(node):
            if node.name().endswith("AccumulateGrad"):
                raise RuntimeError("Error while setting up backward hooks. Please open an issue with a code sample to "
                                   "reproduce this.")
            node.register_hook(self._on_inputs)

        args, self.input_positions = _anchor(args, attach)
        self.input_count = len(args)
        return args

    def anchor_outputs(self, outputs):
        """The output, a tensor or a tuple, with every tensor passed through one identity node."""
        is_single = not isinstance(outputs, tuple)
        if is_single and not isinstance(outputs, Tensor):
            warnings.warn("For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                          f"but received {type(outputs)}", stacklevel=4)
            return outputs
        if is_single:
            outputs = (outputs,)
        outputs, self.output_positions = _anchor(outputs, lambda node: node.register_prehook(self._on_outputs))
        self.output_count = len(outputs)
        return outputs[0] if is_single else outputs

    def _on_outputs(self, grads):
        self.grad_outputs = _spread(self.output_positions, grads, self.output_count)
        for hook in self.pre_hooks:
            answer = hook(self.module, self.grad_outputs)
            if answer is None:
                continue
            answer = _checked(answer, len(self.grad_outputs), "Backward pre hook", "grad_output")
            self.grad_outputs = answer
        changed = tuple(self.grad_outputs[position] for position in self.output_positions)
        if self.input_positions is not None:
            return changed
        if self.hooks:
            warnings.warn("Full backward hook is firing when gradients are computed with respect to module outputs since "
                          "no inputs require gradients. See the docstring of register_full_backward_hook.", stacklevel=2)
        grad_inputs = (None,) * self.input_count
        for hook in self.hooks:
            answer = hook(self.module, grad_inputs, self.grad_outputs)
            if answer is not None and not all(each is None for each in answer):
                raise RuntimeError("Backward hook for Modules where no input requires gradient should always return None "
                                   "or None for all gradients.")
        self.grad_outputs = None
        return changed

    def _on_inputs(self, grads, _):
        if self.grad_outputs is None:
            # No gradient reached any output: these gradients came another way, the hooks have nothing to see.
            return None
        grad_inputs = _spread(self.input_positions, grads, self.input_count)
        for hook in self.hooks:
            answer = hook(self.module, grad_inputs, self.grad_outputs)
            if answer is not None:
                grad_inputs = _checked(answer, len(grad_inputs), "Backward hook", "grad_input")
        self.grad_outputs = None
        return tuple(grad_inputs[position] for position in self.input_positions)


def _anchor(values, attach):
    """Pass the tensors of a tuple through one identity node, give the node to `attach`; also their positions."""
    positions = [position for position, value in enumerate(values) if isinstance(value, Tensor)]
    tensors = [values[position] for position in positions]
    if not (ops.is_grad_enabled() and any(each.requires_grad for each in tensors)):
        return values, None
    tensors = BackwardHookFunction.apply(*tensors)
    nodes = [each.grad_fn for each in tensors if each.grad_fn is not None]
    attach(nodes[0])
    values = list(values)
    for position, tensor in zip(positions, tensors):
        values[position] = tensor
    return tuple(values), positions


def _spread(positions, grads, count):
    spread = [None] * count
    for position, grad in zip(positions, grads):
        spread[position] = grad
    return tuple(spread)


def _checked(answer, count, who, what):
    if isinstance(answer, Tensor):
        answer = (answer,)
    if len(answer) != count:
        raise RuntimeError(f"{who} returned an invalid number of {what}, got {len(answer)}, but expected {count}")
    return tuple(answer)


def first_tensor(output):
    """The tensor whose node carries the non-full backward hooks, looked for in nested dicts and sequences."""
    while not isinstance(output, Tensor):
        if isinstance(output, dict):
            output = next((each for each in output.values() if isinstance(each, Tensor)), None)
            if output is None:
                return None
        elif isinstance(output, (tuple, list)) and output:
            output = output[0]
        else:
            return None
    return output


def what_non_full_hooks_miss(inputs, result, grad_fn):
    """Why the node of the output does not stand for the whole module, or None when it does."""
    outputs = result if isinstance(result, tuple) else (result,)
    if not all(isinstance(each, Tensor) for each in outputs):
        return "on a Module that does not return a single Tensor or a tuple of Tensors is deprecated."
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    if not all(isinstance(each, Tensor) for each in inputs):
        return "on a Module that does not take as input a single Tensor or a tuple of Tensors is deprecated."
    output_nodes = {each.grad_fn for each in outputs if each.grad_fn is not None}
    if len(output_nodes) > 1 or (output_nodes and grad_fn not in output_nodes):
        return "when outputs are generated by different autograd Nodes is deprecated: it misses some grad_output."
    input_nodes = {each.grad_fn for each in inputs if each.grad_fn is not None}
    next_nodes = {node for node, _ in grad_fn.next_functions}      # a constant operand counts as a node, None
    if next_nodes != input_nodes:
        return "when the forward contains multiple autograd Nodes is deprecated: it misses some grad_input."
    return None
