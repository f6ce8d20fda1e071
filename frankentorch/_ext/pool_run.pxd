# Driver of pooling: planes to threads. Inputs and outputs are contiguous (planes, D, H, W); no Python objects.
from frankentorch._ext.pool cimport PoolShape

cdef enum PoolStatus:
    POOL_OK = 0
    POOL_MEMORY = -1
    POOL_DTYPE = -2

# kind: a slot base of pool.pxd. Forward: input -> out, and int64 `index` for max (may be NULL).
# Backward: input is g, out the gradient of the pool's input, `index` what forward wrote (max only).
cdef int pool_run(int kind, int code, const PoolShape* shape, Py_ssize_t planes, const char* input, char* out,
                  long long* index) noexcept nogil
cdef int pool_use_level(int level) noexcept nogil           # cpu.pxd levels; called at import, and by tests
