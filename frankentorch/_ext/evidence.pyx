# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# What the ledger needs from below: the canonical bytes of a tensor, their digest, facts of nodes and of the generator.
# Canonical bytes: the name of the dtype and the sizes, then the elements in C order, whatever the layout. The payload and
# sign of a NaN are outside the promise of same bits, so every NaN counts as the one whose only set fraction bit is the top.
cimport cython
import blake3 as _blake3
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.ref cimport PyObject
from libc.math cimport isfinite, sqrt
from libc.string cimport memcmp, memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.half cimport load_f16, load_bf16
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor, copy_into
from frankentorch._ext.foldhash cimport *
from frankentorch._ext.jsontext cimport write_integer
from frankentorch._ext.levels cimport fill_foldhash
from frankentorch._ext.random cimport Generator, default_generator_object
from frankentorch._ext.randstream cimport Engine

cdef tuple NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64",
         "complex64", "complex128")
cdef list NAME_BYTES = [name.encode() for name in NAMES]
cdef object hasher = _blake3.blake3
cdef enum:
    DIGEST_BYTES = 16


# ---- folding ----
cdef void* table[FOLD_SLOTS]
fill_foldhash(table)
cdef unsigned long long keys[144]
cdef NanRule rules[15]


cdef void prepare():
    """Keys: BLAKE3 of a fixed text, stretched; rules: where each dtype keeps its NaNs."""
    cdef bytes stretched = hasher(b"FrankenTorch evidence ledger: keys of the fold").digest(144 * 8)
    memcpy(keys, <char*> stretched, 144 * 8)
    memset(rules, 0, sizeof(rules))
    rules[<int> F16].mask, rules[<int> F16].add, rules[<int> F16].top = 0x7fff7fff7fff7fffull, 0x03ff03ff03ff03ffull, 0x8000800080008000ull
    rules[<int> BF16].mask, rules[<int> BF16].add, rules[<int> BF16].top = 0x7fff7fff7fff7fffull, 0x007f007f007f007full, 0x8000800080008000ull
    rules[<int> F32].mask, rules[<int> F32].add, rules[<int> F32].top = 0x7fffffff7fffffffull, 0x007fffff007fffffull, 0x8000000080000000ull
    rules[<int> F64].mask, rules[<int> F64].add, rules[<int> F64].top = 0x7fffffffffffffffull, 0x000fffffffffffffull, 0x8000000000000000ull
    rules[<int> C64] = rules[<int> F32]
    rules[<int> C128] = rules[<int> F64]


prepare()


cdef bint fold_all(unsigned long long* lanes, const char* data, Py_ssize_t nbytes, int code) noexcept nogil:
    """Fold `nbytes`, the last block filled up with zeros. True if there is a NaN among them."""
    cdef char last[FOLD_BLOCK]
    cdef Py_ssize_t whole = nbytes // FOLD_BLOCK
    cdef bint found
    memcpy(lanes, &keys[128], LANES * 8)
    found = (<fold_kernel> table[FOLD_SLOT])(lanes, keys, data, whole, &rules[code])
    if whole * FOLD_BLOCK < nbytes:
        memset(last, 0, FOLD_BLOCK)
        memcpy(last, data + whole * FOLD_BLOCK, nbytes - whole * FOLD_BLOCK)
        found |= (<fold_kernel> table[FOLD_SLOT])(lanes, keys, last, 1, &rules[code])
    return found


# ---- canonical bytes ----
cdef bint any_nan(const char* data, int code, Py_ssize_t nbytes) noexcept nogil:
    cdef unsigned long long lanes[LANES]
    return rules[code].top != 0 and fold_all(lanes, data, nbytes, code)


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
    cdef Tensor dense = contiguous_tensor(t)
    if any_nan(data_of(dense), t.code, dense.count * ITEMSIZES[t.code]):
        return settled(dense)
    return dense


cdef Tensor settled(Tensor dense):
    cdef Tensor copy = new_tensor(dense.code, False, dense.rank, dense.sizes)
    copy_into(copy, dense)
    settle_nan(data_of(copy), dense.code, copy.count)
    return copy


cdef list sizes_list(Tensor t):
    cdef int d
    cdef list found = []
    for d in range(t.rank):
        found.append(t.sizes[d])
    return found


cdef bytes head_of(Tensor t):
    """Name of the dtype, sizes as Python prints a list."""
    cdef char text[16 + 22 * MAX_DIMS]
    cdef bytes name = NAME_BYTES[t.code]
    cdef Py_ssize_t n = PyBytes_GET_SIZE(name)
    cdef int d
    memcpy(text, PyBytes_AS_STRING(name), n)
    text[n] = c"["
    n += 1
    for d in range(t.rank):
        n += write_integer(text + n, t.sizes[d])
        if d + 1 < t.rank:
            text[n], text[n + 1] = c",", c" "
            n += 2
    text[n] = c"]"
    return text[:n + 1]


cpdef bytes elements(Tensor t):
    """The canonical elements as bytes."""
    cdef Tensor dense
    if is_meta(t):
        return b""
    dense = canonical(t)
    return data_of(dense)[:dense.count * ITEMSIZES[dense.code]] if dense.count else b""


cdef bytes folded(Tensor t):
    """The lanes of the canonical elements: 128 bytes, or the elements themselves when they are no more."""
    cdef Tensor dense = contiguous_tensor(t)
    cdef unsigned long long lanes[LANES]
    cdef Py_ssize_t nbytes = dense.count * ITEMSIZES[dense.code]
    cdef char* data = data_of(dense)
    cdef bint found
    with nogil:
        found = fold_all(lanes, data, nbytes, dense.code)
    if found:
        dense = settled(dense)
        data = data_of(dense)
        fold_all(lanes, data, nbytes, dense.code)
    return data[:nbytes] if nbytes <= LANES * 8 else (<char*> lanes)[:LANES * 8]


cdef bytes last_fold = b""


cpdef object digest(Tensor t):
    """32 hexadecimal digits: the first half of BLAKE3 over dtype, sizes and folded elements."""
    global last_fold
    if is_meta(t):
        last_fold = b""
        return "meta" + head_of(t).decode()
    last_fold = folded(t)
    return hasher(head_of(t) + last_fold).hexdigest(DIGEST_BYTES)


cpdef bytes fold_of_last():
    """What the last digest was made of, for `digest_again`."""
    return last_fold


cpdef bint same_elements(Tensor a, Tensor b):
    """Whether both are dense and look at the same elements, perhaps in other shapes."""
    return a.storage is b.storage and a.offset == b.offset and a.count == b.count and a.code == b.code and a.flags & b.flags & DENSE and not is_meta(a)


cpdef object digest_again(Tensor t, bytes fold):
    """Digest of a tensor whose elements have been folded before."""
    return hasher(head_of(t) + fold).hexdigest(DIGEST_BYTES)


cdef double sum_of_squares(const char* data, int code, Py_ssize_t n) noexcept nogil:
    """In eight lanes by position, folded in one order."""
    cdef double lanes[8]
    cdef double x
    cdef Py_ssize_t i
    cdef int k
    for k in range(8):
        lanes[k] = 0
    if code == F32 or code == C64:
        (<squares_kernel> table[SQUARES_SLOT])(lanes, <const float*> data, n * (2 if code == C64 else 1))
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


cpdef object norm(Tensor t):
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


def dtype_name(Tensor t):
    return NAMES[t.code]


cpdef bint asks_gradient(Tensor t):
    """The leaf flag: whether gradients are accumulated into `t`."""
    return bool(t.flags & REQUIRES_GRAD) and t.node is None


cpdef tuple node_facts(Node node):
    """(name, [writes since it was saved] of the saved tensors under check). The versions themselves depend on what was before."""
    cdef int i
    cdef unsigned long long mask = node.tensor_mask
    cdef list saved = []
    if node.saved is not None:
        i = 0
        while mask:
            if mask & 1 and node.saved[i] is not None:
                saved.append((<Tensor> node.saved[i]).storage.version - node.versions[i])
            mask >>= 1
            i += 1
    return node.name(), saved


cpdef bint has_hooks(Node node):
    """Whether anything of the user's may look at or change gradients here."""
    if node.variable is not None and node.variable.extra is not None and node.variable.extra.hooks:
        return True
    return bool(node.pre_hooks) or bool(node.post_hooks) or node.tensor_hooks is not None


cdef long long node_number(Node node) noexcept:
    """Which of the nodes of this thread it is, from 1: what other threads record does not count."""
    cdef long long made = nodes_made()
    return made - <unsigned int> (<unsigned int> made - node.ordinal)


def sequence_so_far():
    """The number of the last node made by any thread."""
    return last_sequence()


# ---- the default generator, watched by comparing its whole state ----
cdef Engine seen


def forget_generator():
    """Let the next `generator_moved` say yes, whatever the state."""
    seen.left = -1


cpdef bint generator_moved():
    """Whether the default generator's state differs from the one of the last call."""
    cdef Engine* now = &default_generator_object().engine
    if memcmp(now.state, seen.state, sizeof(seen.state)) == 0 and now.left == seen.left and now.next == seen.next and now.seed == seen.seed and \
            now.has_cached == seen.has_cached and now.cached == seen.cached:
        return False
    seen.seed, seen.cached, seen.has_cached, seen.left, seen.next = now.seed, now.cached, now.has_cached, now.left, now.next
    memcpy(seen.state, now.state, sizeof(seen.state))
    return True


cpdef object generator_digest(Generator generator=None):
    """Digest of a generator's state; None stands for the default one."""
    if generator is None:
        generator = default_generator_object()
    return hasher(Generator.get_state(generator)).hexdigest(DIGEST_BYTES)


def generator_state(Generator generator=None):
    """A generator's state as bytes; None stands for the default one."""
    return Generator.get_state(default_generator_object() if generator is None else generator)


# ---- what a recorder knows of tensors: asked several times for every op ----
cdef extern from "Python.h":
    PyObject* PyWeakref_GetObject(object reference) except NULL
    PyObject* PyDict_GetItem(object entries, object key)


@cython.final
cdef class Seen:
    """What is known of a tensor: its number, the digest of its last known content and the version that had it. `holder` refers to it weakly."""
    def __init__(self, number, digest, version, asks, holder):
        self.number, self.digest, self.version, self.asks, self.holder = number, digest, version, asks, holder


cdef Seen find_seen(dict known, Tensor t):
    cdef PyObject* found = PyDict_GetItem(known, <size_t> <PyObject*> t)
    if found == NULL or PyWeakref_GetObject((<Seen> found).holder) != <PyObject*> t:
        return None
    return <Seen> found


cdef int gather(object value, list found) except -1:
    if isinstance(value, Tensor):
        found.append(value)
    elif isinstance(value, (tuple, list)):
        for item in value:
            gather(item, found)
    return 0


cpdef list tensors_in(value):
    """Tensors of an argument, lists searched."""
    cdef list found = []
    gather(value, found)
    return found
