# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Storages handed to Python, `set_` and `resize_`, and DLPack both ways (https://dmlc.github.io/dlpack, ABI 1.0: the struct of
# version 0 is in a capsule "dltensor", the versioned one in "dltensor_versioned"; whoever takes one renames it to "used_…").
from cpython.pycapsule cimport PyCapsule_New, PyCapsule_IsValid, PyCapsule_GetPointer, PyCapsule_SetName
from cpython.ref cimport PyObject, Py_INCREF
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext cimport alloc
from frankentorch._ext.dtype cimport dtype, dtype_of, ITEMSIZE
from frankentorch._ext.tensor cimport *
from frankentorch._ext.engine cimport bump
from frankentorch._ext.views cimport read_sizes


# ---- storages ----
def storage_of(Tensor self):
    """The Storage under a tensor. A `.data` alias counts writes apart over the same bytes; it answers with the owner of those."""
    check_readable(self)
    return root_of(self.storage)


cdef Storage root_of(Storage storage):
    while storage.kind == FOREIGN and not storage.resizable and isinstance(storage.owner, Storage) and (<Storage> storage.owner).data == storage.data:
        storage = <Storage> storage.owner
    return storage


def make_storage(Py_ssize_t nbytes, bint meta=False):
    """A fresh storage, zeroed."""
    cdef Storage storage = new_storage(nbytes, meta)
    if storage.data != NULL:
        memset(storage.data, 0, nbytes)
    return storage


def copied_storage(Storage storage):
    """The same bytes once more."""
    cdef Storage copy = new_storage(storage.nbytes, storage.kind == NO_DATA)
    if copy.data != NULL and storage.data != NULL:
        memcpy(copy.data, storage.data, storage.nbytes)
    return copy


def storage_nbytes(Storage storage):
    return storage.nbytes


def storage_address(Storage storage):
    return <size_t> storage.data


def storage_is_meta(Storage storage):
    return storage.kind == NO_DATA


def storage_contents(Storage storage):
    """A copy of the bytes."""
    if storage.kind == NO_DATA:
        raise NotImplementedError("Cannot copy out of meta storage; no data!")
    return b"" if storage.data == NULL else storage.data[:storage.nbytes]


def storage_write(Storage storage, Py_ssize_t at, const unsigned char[:] data):
    """Overwrite bytes from `at` on; IndexError outside."""
    cdef Py_ssize_t n = data.shape[0]
    if at < 0 or at + n > storage.nbytes:
        raise IndexError(f"bytes {at} to {at + n} are outside a storage of {storage.nbytes} bytes")
    if n:
        memcpy(storage.data + at, &data[0], n)
        storage.version += 1


def storage_resize(Storage storage, Py_ssize_t nbytes):
    """Grow or shrink in place, for every tensor over it; the bytes that both sizes have stay."""
    grow(storage, nbytes)


cdef int grow(Storage storage, Py_ssize_t nbytes) except -1:
    cdef Storage other
    cdef char* data
    if nbytes < 0:
        raise RuntimeError(f"resize_: a storage cannot have {nbytes} bytes")
    if storage.kind == NO_DATA:
        storage.nbytes = nbytes
        return 0
    if (storage.kind != OWNED and not kept_apart(storage)) or not storage.resizable:
        raise RuntimeError("Trying to resize storage that is not resizable")
    if nbytes < storage.nbytes:
        # tensors may still look at the bytes cut off, saved ones among them: the block stays until the storage grows or goes
        if storage.kind == OWNED:
            other = new_storage(0, False)
            other.data, other.nbytes = storage.data, storage.nbytes
            storage.kind, storage.owner = FOREIGN, other
        storage.nbytes = nbytes
        return 0
    other = new_storage(nbytes, False)
    if nbytes:
        memset(other.data, 0, nbytes)
        if storage.nbytes:
            memcpy(other.data, storage.data, min(nbytes, storage.nbytes))
    data, other.data = other.data, storage.data            # the old block goes with `other`
    other.nbytes, storage.nbytes = storage.nbytes, nbytes
    storage.data = data
    if storage.kind == FOREIGN:                            # what was cut off before goes with its keeper
        other.data, other.nbytes = NULL, 0
        storage.kind, storage.owner = OWNED, None
    return 0


cdef bint kept_apart(Storage storage):
    """Whether the storage is ours, cut shorter than its block."""
    return storage.kind == FOREIGN and isinstance(storage.owner, Storage) and storage.resizable


def freeze_storage(Storage storage):
    """From now on the bytes may not move: somebody outside points at them."""
    storage.resizable = False


def set_(Tensor self, Storage storage, dtype to, Py_ssize_t offset, tuple size, tuple stride):
    """Point `self` at other bytes with other sizes."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = read_sizes(size, sizes, "set_")
    if read_sizes(stride, strides, "set_") != n:
        raise RuntimeError(f"unequal size length ({n}) and stride length ({len(stride)})")
    if to.code != self.code:
        raise RuntimeError(f"set_: the source holds {to.name}, the tensor {dtype_of(self.code).name}")
    check_view_fits(storage, self.code, n, sizes, strides, offset)
    set_dims(self, n)
    memcpy(self.sizes, sizes, n * sizeof(Py_ssize_t))
    memcpy(self.strides, strides, n * sizeof(Py_ssize_t))
    self.storage, self.offset = storage, offset
    self.flags = self.flags | META if storage.kind == NO_DATA else self.flags & ~(<unsigned int> META)
    finish(self)
    bump(self)
    return self


def resize_(Tensor self, tuple size, int format):
    """Other sizes over the same storage, grown when it is too small; new elements are zero."""
    cdef Py_ssize_t sizes[64]
    cdef int n = read_sizes(size, sizes, "resize_")
    cdef Py_ssize_t count = checked_numel(n, sizes), needed
    if count > (<Py_ssize_t> 1 << 62) // ITEMSIZE[self.code] - self.offset:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(size)}")
    needed = (self.offset + count) * ITEMSIZE[self.code]
    if count and needed > self.storage.nbytes:
        grow(self.storage, needed)
    set_dims(self, n)
    memcpy(self.sizes, sizes, n * sizeof(Py_ssize_t))
    format_strides(format, n, sizes, self.strides)
    finish(self)
    bump(self)
    return self


def is_set_to(Tensor self, Tensor other):
    """Same bytes, offset, sizes and strides."""
    return (root_of(self.storage) is root_of(other.storage) and self.offset == other.offset
            and sizes_tuple(self) == sizes_tuple(other) and strides_tuple(self) == strides_tuple(other))


# ---- DLPack ----
cdef struct DLTensor:
    void* data
    int32_t device_type
    int32_t device_id
    int32_t ndim
    uint8_t type_code
    uint8_t bits
    uint16_t lanes
    int64_t* shape
    int64_t* strides
    uint64_t byte_offset


cdef struct Managed:                     # version 0
    DLTensor tensor
    void* context
    void (*deleter)(Managed*) noexcept


cdef struct Versioned:                   # version 1
    uint32_t major
    uint32_t minor
    void* context
    void (*deleter)(Versioned*) noexcept
    uint64_t flags
    DLTensor tensor


cdef enum:
    KIND_INT = 0
    KIND_UINT = 1
    KIND_FLOAT = 2
    KIND_BFLOAT = 4
    KIND_COMPLEX = 5
    KIND_BOOL = 6
    DEVICE_CPU = 1
    FLAG_READ_ONLY = 1
    FLAG_COPIED = 2

cdef uint8_t KINDS[15]
KINDS[:] = [KIND_BOOL, KIND_UINT, KIND_INT, KIND_INT, KIND_INT, KIND_INT, KIND_UINT, KIND_UINT, KIND_UINT, KIND_FLOAT, KIND_BFLOAT,
            KIND_FLOAT, KIND_FLOAT, KIND_COMPLEX, KIND_COMPLEX]

cdef extern from "Python.h":
    void release_reference "Py_DECREF" (PyObject*)


cdef int describe_to(DLTensor* d, Tensor t) except -1:
    cdef int i
    d.shape = <int64_t*> malloc((2 * t.rank + 1) * sizeof(int64_t))
    if d.shape == NULL:
        raise MemoryError()
    d.strides = d.shape + t.rank
    for i in range(t.rank):
        d.shape[i] = t.sizes[i]
        d.strides[i] = t.strides[i]
    d.data = data_of(t) if t.storage.data != NULL else NULL
    d.device_type, d.device_id = DEVICE_CPU, 0
    d.ndim = t.rank
    d.type_code, d.bits, d.lanes = KINDS[t.code], 8 * ITEMSIZE[t.code], 1
    d.byte_offset = 0
    return 0


cdef void drop_managed(Managed* m) noexcept with gil:
    free(m.tensor.shape)
    release_reference(<PyObject*> m.context)
    free(m)


cdef void drop_versioned(Versioned* m) noexcept with gil:
    free(m.tensor.shape)
    release_reference(<PyObject*> m.context)
    free(m)


cdef void drop_capsule(object capsule) noexcept:
    """A capsule nobody took still owns its struct."""
    cdef Managed* managed
    cdef Versioned* versioned
    if PyCapsule_IsValid(capsule, "dltensor"):
        managed = <Managed*> PyCapsule_GetPointer(capsule, "dltensor")
        if managed.deleter != NULL:
            managed.deleter(managed)
    elif PyCapsule_IsValid(capsule, "dltensor_versioned"):
        versioned = <Versioned*> PyCapsule_GetPointer(capsule, "dltensor_versioned")
        if versioned.deleter != NULL:
            versioned.deleter(versioned)


def to_capsule(Tensor t, bint versioned=False, bint copied=False):
    """The tensor's bytes for another library; they live until that library is done with them."""
    check_readable(t)
    cdef Managed* m
    cdef Versioned* v
    root_of(t.storage).resizable = False
    if versioned:
        v = <Versioned*> malloc(sizeof(Versioned))
        if v == NULL:
            raise MemoryError()
        describe_to(&v.tensor, t)
        v.major, v.minor = 1, 0
        v.flags = (FLAG_READ_ONLY if t.storage.read_only else 0) | (FLAG_COPIED if copied else 0)
        v.deleter = drop_versioned
        Py_INCREF(t.storage)
        v.context = <void*> t.storage
        return PyCapsule_New(v, "dltensor_versioned", drop_capsule)
    if t.storage.read_only:
        raise BufferError("the tensor's memory is read-only, which DLPack can only say from version 1 on; give max_version=(1, 0)")
    m = <Managed*> malloc(sizeof(Managed))
    if m == NULL:
        raise MemoryError()
    describe_to(&m.tensor, t)
    m.deleter = drop_managed
    Py_INCREF(t.storage)
    m.context = <void*> t.storage
    return PyCapsule_New(m, "dltensor", drop_capsule)


cdef class Taken:
    """Owner of a struct another library made; gives it back when the last tensor over it goes."""
    cdef Managed* managed
    cdef Versioned* versioned

    def __dealloc__(self):
        if self.managed != NULL and self.managed.deleter != NULL:
            self.managed.deleter(self.managed)
        if self.versioned != NULL and self.versioned.deleter != NULL:
            self.versioned.deleter(self.versioned)


cdef int code_of(const DLTensor* d) except -1:
    cdef int code
    if d.lanes == 1:
        for code in range(NCODES):
            if KINDS[code] == d.type_code and 8 * ITEMSIZE[code] == d.bits:
                return code
    raise BufferError(f"from_dlpack: no dtype for kind {d.type_code}, {d.bits} bits, {d.lanes} lanes")


def from_capsule(capsule):
    """A tensor over the bytes in a DLPack capsule, which is used up; BufferError when it cannot be one."""
    cdef Taken taken = Taken.__new__(Taken)
    cdef DLTensor* d
    cdef Tensor out
    cdef Py_ssize_t low = 0, high = 0
    cdef bint read_only = False
    cdef int i, code
    if PyCapsule_IsValid(capsule, "dltensor_versioned"):
        taken.versioned = <Versioned*> PyCapsule_GetPointer(capsule, "dltensor_versioned")
        if taken.versioned.major > 1:
            major, taken.versioned = taken.versioned.major, NULL
            raise BufferError(f"from_dlpack: version {major} of DLPack is newer than the 1 known here")
        d = &taken.versioned.tensor
        read_only = (taken.versioned.flags & FLAG_READ_ONLY) != 0
        PyCapsule_SetName(capsule, "used_dltensor_versioned")
    elif PyCapsule_IsValid(capsule, "dltensor"):
        taken.managed = <Managed*> PyCapsule_GetPointer(capsule, "dltensor")
        d = &taken.managed.tensor
        PyCapsule_SetName(capsule, "used_dltensor")
    else:
        raise RuntimeError("from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, so you might have already constructed a tensor from it once.")
    if d.device_type != DEVICE_CPU:
        raise BufferError(f"from_dlpack: the data is on device type {d.device_type}; only cpu (1) can be read")
    code = code_of(d)
    out = alloc_tensor(d.ndim)
    out.code = code
    for i in range(d.ndim):
        out.sizes[i] = d.shape[i]
    if d.strides == NULL:
        contiguous_strides(d.ndim, out.sizes, out.strides)
    else:
        for i in range(d.ndim):
            out.strides[i] = d.strides[i]
            if d.strides[i] < 0:
                raise BufferError(f"from_dlpack: negative strides are not supported, got {strides_tuple(out)}")
    checked_extent(d.ndim, out.sizes, out.strides, &low, &high)
    out.storage = wrap_storage(<char*> d.data + d.byte_offset if d.data != NULL else NULL, (high + 1) * ITEMSIZE[code], taken, read_only)
    finish(out)
    return out
