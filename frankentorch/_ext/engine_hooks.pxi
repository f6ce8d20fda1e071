# Part of engine.pyx: hooks of tensors, leaves and nodes: registered here, run by the walk.
cdef object run_hooks(object hook_dict, object g, str what):
    """Tensor hooks in order of registration; one that returns a tensor replaces the gradient."""
    for hook in list(hook_dict.values()):
        result = hook(g)
        if result is not None and g is None:
            raise RuntimeError("can't replace a None gradient with a non-None value")
        if result is not None:
            if not isinstance(result, Tensor):
                raise TypeError(f"expected hook to return None or a Tensor, got {type(result).__name__}")
            if result.shape != g.shape:
                raise RuntimeError(f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value: {what} had {list(g.shape)}, the hook gave {list(result.shape)}")
            g = result
    return g


cdef list run_pre_hooks(Node node, list values):
    for hook in list(node.pre_hooks.values()):
        result = hook(tuple(values))
        if result is not None:
            values = list(result) if isinstance(result, (tuple, list)) else [result]
    return values


cdef tuple run_post_hooks(Node node, tuple results, tuple grads):
    for hook in list(node.post_hooks.values()):
        changed = hook(results, grads)
        if changed is not None:
            results = changed if isinstance(changed, tuple) else (changed,)
    return results


def retain_grad(Tensor t):
    """Keep .grad of a non-leaf after backward."""
    import weakref
    cdef Node node
    if not tensor_requires_grad(t):
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    node = tensor_grad_fn(t)
    if node is None or t.flags & RETAINS_GRAD:
        return
    t.flags |= RETAINS_GRAD
    if node.retain_hooks is None:
        node.retain_hooks = {}
    node.retain_hooks[t.node_output] = weakref.ref(t)


def retains_grad(Tensor t):
    return (t.flags & RETAINS_GRAD) != 0


def register_hook(Tensor t, hook):
    """Tensor hook: on the node that made it, or on the leaf."""
    cdef Node node
    if not tensor_requires_grad(t):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    node = tensor_grad_fn(t)
    if node is None:
        extra = extra_for(t)
        if extra.hooks is None:
            extra.hooks = new_registry()
        return add_hook(extra.hooks, hook)
    if node.tensor_hooks is None:
        node.tensor_hooks = {}
    if t.node_output not in node.tensor_hooks:
        node.tensor_hooks[t.node_output] = new_registry()
    return add_hook(node.tensor_hooks[t.node_output], hook)


def register_post_accumulate_grad_hook(Tensor t, hook):
    """Hook called with the leaf after its .grad was written."""
    if not tensor_requires_grad(t):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if tensor_grad_fn(t) is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    extra = extra_for(t)
    if extra.post_accumulate_hooks is None:
        extra.post_accumulate_hooks = new_registry()
    return add_hook(extra.post_accumulate_hooks, hook)


def extra_for(Tensor t):
    if t.extra is None:
        t.extra = Extra.__new__(Extra)
    return t.extra
