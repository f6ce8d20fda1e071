# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# What the ledger needs from below: the canonical bytes of a tensor, their digest, facts of nodes and of the generator.
# Canonical bytes: the name of the dtype and the sizes, then the elements in C order, whatever the layout. The payload and
# sign of a NaN are outside the promise of same bits, so every NaN counts as the one whose only set fraction bit is the top.
import blake3 as _blake3
from cpython.buffer cimport PyBUF_READ
from libc.math cimport isfinite, sqrt
from libc.string cimport memcmp, memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.half cimport load_f16, load_bf16
from frankentorch._ext.dtype cimport is_float_code, is_complex_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor, copy_into
from frankentorch._ext.random cimport Generator, default_generator_object
from frankentorch._ext.randstream cimport Engine

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char* mem, Py_ssize_t size, int flags)

NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64",
         "complex64", "complex128")
cdef object hasher = _blake3.blake3
cdef enum:
    DIGEST_BYTES = 16


# ---- canonical bytes ----
cdef bint any_nan(const char* data, int code, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, k, block
    cdef const float* f = <const float*> data
    cdef const double* d = <const double*> data
    cdef const unsigned short* h = <const unsigned short*> data
    cdef int found
    if code == C64 or code == C128:
        n *= 2
    i = 0
    while i < n:
        block = min(n - i, 4096)
        found = 0
        if code == F32 or code == C64:
            for k in range(block):
                found |= f[i + k] != f[i + k]
        elif code == F64 or code == C128:
            for k in range(block):
                found |= d[i + k] != d[i + k]
        elif code == F16:
            for k in range(block):
                found |= (h[i + k] & 0x7fff) > 0x7c00
        else:
            for k in range(block):
                found |= (h[i + k] & 0x7fff) > 0x7f80
        if found:
            return True
        i += block
    return False


cdef void settle_nan(char* data, int code, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef float* f = <float*> data
    cdef double* d = <double*> data
    cdef unsigned int* w = <unsigned int*> data
    cdef unsigned long long* q = <unsigned long long*> data
    cdef unsigned short* h = <unsigned short*> data
    if code == C64 or code == C128:
        n *= 2
    for i in range(n):
        if code == F32 or code == C64:
            if f[i] != f[i]:
                w[i] = 0x7fc00000u
        elif code == F64 or code == C128:
            if d[i] != d[i]:
                q[i] = 0x7ff8000000000000ull
        elif code == F16:
            if (h[i] & 0x7fff) > 0x7c00:
                h[i] = 0x7e00
        elif (h[i] & 0x7fff) > 0x7f80:
            h[i] = 0x7fc0


cdef Tensor canonical(Tensor t):
    """`t`, or a dense copy of it with settled NaNs."""
    cdef Tensor dense = contiguous_tensor(t), copy
    if dense.count and (is_float_code(t.code) or is_complex_code(t.code)) and any_nan(data_of(dense), t.code, dense.count):
        copy = new_tensor(t.code, False, t.rank, t.sizes)
        copy_into(copy, dense)
        settle_nan(data_of(copy), t.code, copy.count)
        return copy
    return dense


cdef bytes head_of(Tensor t):
    return f"{NAMES[t.code]}{list(sizes_tuple(t))}".encode()


def elements(Tensor t):
    """The canonical elements as bytes."""
    cdef Tensor dense
    if is_meta(t):
        return b""
    dense = canonical(t)
    return data_of(dense)[:dense.count * ITEMSIZES[dense.code]] if dense.count else b""


def digest(Tensor t):
    """32 hexadecimal digits: the first half of BLAKE3 over dtype, sizes and elements."""
    cdef Tensor dense
    if is_meta(t):
        return "meta" + head_of(t).decode()
    dense = canonical(t)
    cdef object state = hasher(head_of(t))
    if dense.count:
        state.update(PyMemoryView_FromMemory(data_of(dense), dense.count * ITEMSIZES[dense.code], PyBUF_READ))
    return state.hexdigest(DIGEST_BYTES)


cdef double sum_of_squares(const char* data, int code, Py_ssize_t n) noexcept nogil:
    """In eight lanes by position, folded in one order."""
    cdef double lanes[8]
    cdef double x
    cdef Py_ssize_t i
    cdef int k
    for k in range(8):
        lanes[k] = 0
    if code == F32 or code == C64:
        n *= 2 if code == C64 else 1
        i = 0
        while i + 8 <= n:
            for k in range(8):
                x = (<const float*> data)[i + k]
                lanes[k] += x * x
            i += 8
        while i < n:
            x = (<const float*> data)[i]
            lanes[i & 7] += x * x
            i += 1
    elif code == F64 or code == C128:
        n *= 2 if code == C128 else 1
        for i in range(n):
            x = (<const double*> data)[i]
            lanes[i & 7] += x * x
    elif code == F16:
        for i in range(n):
            x = load_f16((<const unsigned short*> data)[i])
            lanes[i & 7] += x * x
    elif code == BF16:
        for i in range(n):
            x = load_bf16((<const unsigned short*> data)[i])
            lanes[i & 7] += x * x
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))


def norm(Tensor t):
    """Root of the sum of squares of a floating tensor, in double; None when it is not finite."""
    cdef Tensor dense
    cdef double found = 0
    if not is_meta(t) and t.count:
        dense = contiguous_tensor(t)
        found = sqrt(sum_of_squares(data_of(dense), dense.code, dense.count))
    return found if isfinite(found) else None


def from_elements(Tensor t, const unsigned char[:] data):
    """Fill a dense tensor with canonical elements."""
    if not t.flags & DENSE or data.shape[0] != t.count * ITEMSIZES[t.code]:
        raise ValueError(f"{data.shape[0]} bytes do not fill {describe(t)}")
    if t.count:
        memcpy(data_of(t), &data[0], data.shape[0])


# ---- facts ----
def version(Tensor t):
    return t.storage.version


def is_view_of(Tensor out, Tensor source):
    """Whether both look at one storage."""
    return out.storage is source.storage


def dtype_name(Tensor t):
    return NAMES[t.code]


def node_sequence(Tensor t):
    """Sequence number of the node that made `t`; None of a leaf."""
    return None if t.node is None else t.node.sequence


def asks_gradient(Tensor t):
    """The leaf flag: whether gradients are accumulated into `t`."""
    return bool(t.flags & REQUIRES_GRAD) and t.node is None


def is_leaf_node(Node node):
    return node.variable is not None


def leaf_of(Node node):
    return node.variable


def sequence_of(Node node):
    return node.sequence


def node_facts(Node node):
    """(name, [(version at save, version now)] of the saved tensors under check)."""
    cdef int i
    cdef unsigned long long mask = node.tensor_mask
    cdef list saved = []
    if node.saved is not None:
        i = 0
        while mask:
            if mask & 1 and node.saved[i] is not None:
                saved.append([node.versions[i], (<Tensor> node.saved[i]).storage.version])
            mask >>= 1
            i += 1
    return node.name(), saved


def is_python_node(Node node):
    return node.callback is not None


def has_hooks(Node node):
    """Whether anything of the user's may look at or change gradients here."""
    if node.variable is not None and node.variable.extra is not None and node.variable.extra.hooks:
        return True
    return bool(node.pre_hooks) or bool(node.post_hooks) or node.tensor_hooks is not None


def take_sequence():
    """A number above those of all nodes so far."""
    return next_sequence()


# ---- the default generator, watched by comparing its whole state ----
cdef Engine seen


def generator_moved():
    """Whether the default generator's state differs from the one of the last call."""
    cdef Engine* now = &default_generator_object().engine
    if memcmp(now.state, seen.state, sizeof(seen.state)) == 0 and now.left == seen.left and now.next == seen.next and now.seed == seen.seed and \
            now.has_cached == seen.has_cached and now.cached == seen.cached:
        return False
    seen.seed, seen.cached, seen.has_cached, seen.left, seen.next = now.seed, now.cached, now.has_cached, now.left, now.next
    memcpy(seen.state, now.state, sizeof(seen.state))
    return True


def generator_digest(Generator generator=None):
    """Digest of a generator's state; None stands for the default one."""
    if generator is None:
        generator = default_generator_object()
    return hasher(Generator.get_state(generator)).hexdigest(DIGEST_BYTES)


def generator_state(Generator generator=None):
    """A generator's state as bytes; None stands for the default one."""
    return Generator.get_state(default_generator_object() if generator is None else generator)
