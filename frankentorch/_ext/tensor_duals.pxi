# Part of tensor.pyx: forward-mode tangents. A tensor's tangents live in its Extra, by the number of the level they belong to; numbers
# only grow, so the innermost level is the greatest. While an op is differentiated at one level, `ft_dual_limit` hides that level and
# those above it from the thread: what computes the primal and the tangent sees lower levels and the tape, and nothing else.
from cpython.weakref cimport PyWeakref_NewRef

cdef extern from *:
    """
    static FT_THREAD_LOCAL long long ft_dual_limit = 0x7fffffffffffffffLL;
    static FT_THREAD_LOCAL int ft_forward_mode = 1;
    """
    long long ft_dual_limit
    int ft_forward_mode

cdef dict _dual_levels = {}          # number: weak references to the tensors that may hold a tangent of it
cdef long long _dual_count = 0


cdef long long dual_limit() noexcept:
    return ft_dual_limit


cdef long long set_dual_limit(long long limit) noexcept:
    """Hide levels above `limit` from this thread; gives what was hidden before."""
    global ft_dual_limit
    cdef long long before = ft_dual_limit
    ft_dual_limit = limit
    return before


cdef long long dual_level(Tensor t) except -1:
    """The innermost visible level at which `t` has a tangent, its own or through its base; 0 when there is none."""
    cdef long long best = 0, level
    cdef dict own, wider
    if not ft_forward_mode or ft_inference_mode:
        return 0
    own = None if t.extra is None else t.extra.tangents
    if own is not None:
        for key, tangent in own.items():
            level = key
            if tangent is not None and best < level <= ft_dual_limit and key in _dual_levels:
                best = level
    if t.base is not None and t.base.extra is not None and t.base.extra.tangents is not None:
        wider = t.base.extra.tangents
        for key, tangent in wider.items():
            level = key
            if tangent is not None and best < level <= ft_dual_limit and key in _dual_levels and (own is None or key not in own):
                best = level
    return best


cdef bint has_tangent(Tensor t) except -1:
    """Whether forward mode follows `t` in this thread now."""
    return special_bits & 64 and dual_level(t) > 0               # dispatch.BIT_DUAL


cdef int keep_tangent(Tensor t, long long level, Tensor tangent) except -1:
    """Note the tangent of `t` at a level; None says that there is none, not even through its base."""
    cdef Extra extra = extra_of(t)
    cdef list holders = _dual_levels.get(level)
    if holders is None:
        return 0
    if extra.tangents is None:
        extra.tangents = {}
    if level not in extra.tangents:
        holders.append(PyWeakref_NewRef(t, None))
        if len(holders) & 0xfff == 0:
            holders[:] = [holder for holder in holders if holder() is not None]
    extra.tangents[level] = tangent
    return 0


def next_level():
    """A number greater than that of every level of forward mode and every vmap before: which of two is the inner one is told by it."""
    global _dual_count
    _dual_count += 1
    return _dual_count


def carry_tangents(Tensor source, Tensor target):
    """Give another tensor over the same elements the same tangents."""
    if source.extra is not None and source.extra.tangents is not None:
        for level, tangent in source.extra.tangents.items():
            keep_tangent(target, level, tangent)


def open_dual_level():
    """Number of a new innermost level of forward mode."""
    global _dual_count, special_bits
    _dual_count += 1
    _dual_levels[_dual_count] = []
    special_bits |= 64
    return _dual_count


def close_dual_level(long long level):
    """End a level: every tensor lets go of its tangent there."""
    global special_bits
    cdef list holders = _dual_levels.pop(level)
    cdef Extra extra
    if not _dual_levels:
        special_bits &= ~(<unsigned int> 64)
    for holder in holders:
        t = holder()
        if t is not None:
            extra = (<Tensor> t).extra
            if extra is not None and extra.tangents is not None:
                extra.tangents.pop(level, None)
                if not extra.tangents:
                    extra.tangents = None


def dual_levels():
    """Numbers of the open levels that this thread may see, outermost first."""
    return [level for level in _dual_levels if level <= ft_dual_limit]


def innermost_dual_level(Tensor t):
    """The innermost visible level at which a tensor has a tangent, or 0."""
    return dual_level(t)


def is_forward_enabled():
    """Whether forward mode follows tensors in this thread."""
    return bool(ft_forward_mode and not ft_inference_mode)


def _set_forward_enabled(bint value):
    global ft_forward_mode
    cdef bint before = ft_forward_mode
    ft_forward_mode = value
    return bool(before)


def _set_dual_limit(long long limit):
    return set_dual_limit(limit)


def differentiated(*values):
    """Whether any of the tensors is followed: by the tape, by forward mode, or by vmap. Then a kernel's own entry will not do: only ops will."""
    for value in values:
        if isinstance(value, Tensor) and ((<Tensor> value).flags & BATCHED or (ft_grad_mode and tensor_requires_grad(<Tensor> value)) or has_tangent(<Tensor> value)):
            return True
    return False
