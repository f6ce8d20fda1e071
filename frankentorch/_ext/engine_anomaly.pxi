# Part of engine.pyx.
# ---- anomaly mode: where the forward call of a node that fails was made ----
cdef bint _check_nan = True
cdef Node _running = None            # the node whose backward runs, the parent of nodes made meanwhile
cdef enum:
    BIT_ANOMALY = 4                  # of special_bits, as in dispatch.pxd


def set_anomaly(bint enabled, bint check_nan):
    """Switch the mode; gives what was set before."""
    global _check_nan
    from frankentorch._ext.tensor import set_special_bit
    before = anomaly()
    set_special_bit(BIT_ANOMALY, enabled)
    _check_nan = check_nan
    return before


def anomaly():
    """(enabled, NaN checked)"""
    return special_bits & BIT_ANOMALY != 0, bool(_check_nan)


cdef int note_traceback(Node node) except -1:
    """Remember the stack of the call that makes `node`, and the node whose backward makes it."""
    from traceback import format_stack
    node.metadata["traceback_"] = format_stack()
    if _running is not None:
        node.metadata["parent_"] = _running
    return 0


cdef int warn_of(Node node) except -1:
    """Show the forward calls behind a node that failed, from the node itself to the outermost parent."""
    import warnings
    lines = node.metadata.get("traceback_")
    if lines is None:
        warnings.warn(f"Error detected in {node.name()}. No forward pass information available. Enable detect anomaly during forward pass for more information.", stacklevel=4)
        return 0
    warnings.warn(f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n{''.join(lines)}", stacklevel=4)
    parent = node.metadata.get("parent_")
    while parent is not None and parent.metadata.get("traceback_") is not None:
        warnings.warn(f"\n\nPrevious calculation was induced by {parent.name()}. Traceback of forward call that induced the previous calculation:\n"
                      f"{''.join(parent.metadata['traceback_'])}", stacklevel=4)
        parent = parent.metadata.get("parent_")
    return 0


cdef object call_watched(Node node, object g):
    """call_node in anomaly mode: an error or a NaN is told with the forward call it belongs to."""
    global _running
    cdef Node outer = _running
    _running = node
    try:
        results = call_node(node, g)
    except BaseException:
        warn_of(node)
        raise
    finally:
        _running = outer
    if _check_nan:
        for i, result in enumerate(results if isinstance(results, tuple) else (results,)):
            if isinstance(result, Tensor) and not is_meta(<Tensor> result) and hooks.binary(OP_NE, result.detach(), result.detach()).any().item():
                warn_of(node)
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
    return results
