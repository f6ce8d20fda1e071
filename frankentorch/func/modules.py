"""Modules as functions of their parameters, and ensembles of modules as one."""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor, batch_level, batch_value
from frankentorch.nn.utils.stateless import reparametrized


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Call `module` with these tensors in the place of its parameters and buffers, which it has back afterwards.

    Parameters
    ----------
    parameter_and_buffer_dicts : dict of name to Tensor, or sequence of such dicts
        Names are those of ``named_parameters`` and ``named_buffers``; what is not named stays.
    args : tuple, or a single argument
    tie_weights : bool
        A tensor given for one name of a shared parameter stands for its other names too.
    strict : bool
        Every parameter and buffer must be given, and nothing else.

    Raises
    ------
    ValueError
        A name in two dicts, or two different tensors for a shared parameter.
    RuntimeError
        With `strict`, missing or unexpected names.

    Source: documentation of torch.func.functional_call.
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        given = parameter_and_buffer_dicts
    elif isinstance(parameter_and_buffer_dicts, (list, tuple)):
        if not all(isinstance(part, dict) for part in parameter_and_buffer_dicts):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [name for part in parameter_and_buffer_dicts for name in part]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given = {name: value for part in parameter_and_buffer_dicts for name, value in part.items()}
    else:
        raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(parameter_and_buffer_dicts)}")
    with reparametrized(module, given, tie_weights, strict):
        return module(*(() if args is None else args if isinstance(args, tuple) else (args,)), **(kwargs or {}))


def stack_module_state(models):
    """({name: parameters stacked along a new first dim}, {name: buffers}) of modules of one class, for `vmap` over `functional_call`.

    Raises
    ------
    RuntimeError
        No module, different classes, or some in training mode and some not.
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    with ops.no_grad():
        parameters = {name: ops.stack([dict(model.named_parameters())[name] for model in models]) for name, _ in models[0].named_parameters()}
        buffers = {name: ops.stack([dict(model.named_buffers())[name] for model in models]) for name, _ in models[0].named_buffers()}
    for name, value in models[0].named_parameters():
        parameters[name].requires_grad_(value.requires_grad)
    return parameters, buffers


def replace_all_batch_norm_modules_(root):
    """Let every batch norm below `root` go without running statistics, so that it runs inside vmap. Returns `root`, changed."""
    for module in root.modules():
        if hasattr(module, "running_mean") and hasattr(module, "track_running_stats") and hasattr(module, "num_batches_tracked"):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def debug_unwrap(tensor, *, recurse=True):
    """What a tensor inside `vmap` is an example of (all examples, their dim first); other tensors are returned as they are."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"debug_unwrap expects a Tensor, got {type(tensor).__name__}")
    while batch_level(tensor):
        tensor = batch_value(tensor)
        if not recurse:
            break
    return tensor


def functionalize(func, *, remove="mutations"):
    """Not available: it rewrites a program for tracers, and there is no tracer here."""
    raise NotImplementedError("func.functionalize rewrites in-place ops for torch.fx and torch.compile, which are not available; vmap and grad take in-place ops as they are")

