# Part of engine.pyx: gradients that are examples of a batch (vmap), and what a transform must know of a graph.
cdef Tensor for_leaf(Tensor variable, Tensor g):
    """`g`, unless it is an example of a batch and the leaf is none: one .grad cannot hold a gradient per example."""
    if g.flags & BATCHED and not variable.flags & BATCHED:
        raise RuntimeError(f"vmap: backward() would accumulate a gradient per example into the .grad of {describe(variable)}, which is the same for all examples; "
                           "use autograd.grad or func.grad inside vmap")
    return g


def leaves_besides(list tensors, list known):
    """Whether a walk from `tensors` reaches a leaf that is none of `known`, or one of `known` is no leaf itself."""
    cdef set seen = set()
    cdef list stack = []
    cdef Node node
    cdef int number = 0
    for t in known:
        node = gradient_edge(<Tensor> t, &number)
        if node is not None:
            if node.variable is None:            # a face of something that was recorded before
                return True
            seen.add(node)
    for t in tensors:
        node = gradient_edge(<Tensor> t, &number)
        if node is not None:
            stack.append(node)
    while stack:
        node = <Node> stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.variable is not None:
            return True
        for below in node.edges:
            if below is not None:
                stack.append(below)
    return False
