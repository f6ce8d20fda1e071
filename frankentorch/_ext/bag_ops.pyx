# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Bags of embedding rows as kernels of optable/norm.py. Arguments were checked by ops/embeddings.py; indices are checked here.
from libc.string cimport memcpy
from frankentorch._ext.bag cimport *
from frankentorch._ext.dtype cimport ITEMSIZE, is_float_code
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, scalar_name
from frankentorch._ext.levels cimport fill_bag
from frankentorch._ext.tensor cimport *
from frankentorch._ext.threads cimport parallel_for

cdef enum:
    GRAIN = 16384                # elements

cdef void* table[BAG_SLOTS]
fill_bag(table)

cdef struct Bags:
    bag_kernel kernel
    Bag model
    const long long* starts      # one more than there are bags
    char* out
    long long* chosen
    int item


cdef void run_bags(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Bags* s = <Bags*> context
    cdef Bag bag = s.model
    cdef Py_ssize_t b, width = bag.width
    for b in range(begin, end):
        bag.n = s.starts[b + 1] - s.starts[b]
        bag.index = s.model.index + s.starts[b]
        if s.model.weights != NULL:
            bag.weights = s.model.weights + s.starts[b] * s.item
        s.kernel(&bag, s.out + b * width * s.item, s.chosen + b * width if s.chosen != NULL else NULL)


def bag_bounds(Tensor offsets, long long total, bint include_last_offset):
    """Where each bag starts, and where the last one ends, as int64: from 0, rising, within the indices. RuntimeError if not."""
    cdef Tensor given = contiguous_tensor(cast_tensor(offsets, I64)), starts = given
    cdef Py_ssize_t n = given.count, i
    cdef long long* at
    if not include_last_offset:
        n += 1
        starts = new_tensor(I64, False, 1, &n)
        memcpy(data_of(starts), data_of(given), (n - 1) * sizeof(long long))
        (<long long*> data_of(starts))[n - 1] = total
    at = <long long*> data_of(starts)
    if n > 1 and at[0] != 0:
        raise RuntimeError(f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {at[0]}")
    if given.count and at[given.count - 1] > total:
        raise RuntimeError(f"offsets[-1] can not be greater than input's length({total}) but got offsets[-1] of {at[given.count - 1]}")
    for i in range(n - 1):
        if at[i] < 0 or at[i + 1] < at[i]:
            raise RuntimeError(f"embedding_bag: offsets must not fall, but {at[i + 1]} follows {at[i]}")
    return starts


def bags(Tensor weight, Tensor indices, Tensor starts, Tensor per_sample_weights, int mode, long long padding_idx):
    """(results, index of each maximum): sum 0, mean 1 or maximum 2 of the rows of each bag; bag b is indices[starts[b]:starts[b + 1]]."""
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t i, rows = weight.sizes[0], count = indices.count, each
    cdef Tensor out, chosen = None
    cdef Bags s
    cdef const long long* index
    if not is_float_code(weight.code):
        raise NotImplementedError(f'"embedding_bag" not implemented for {scalar_name(weight.code)}')
    sizes[0], sizes[1] = starts.count - 1, weight.sizes[1]
    out = new_tensor(weight.code, False, 2, sizes)
    if mode != 2:
        sizes[0] = 0
    chosen = new_tensor(I64, False, 2, sizes)
    index = <const long long*> data_of(indices)
    for i in range(count):
        if index[i] < 0 or index[i] >= rows:
            raise IndexError(f"index out of range in self: embedding index {index[i]} with {rows} rows")
    if out.count == 0:
        return out, chosen
    weight = contiguous_tensor(weight)
    s.item = ITEMSIZE[weight.code]
    s.kernel = <bag_kernel> table[(BAG_MAX if mode == 2 else BAG_SUM) + weight.code - F16]
    s.model.table, s.model.index, s.model.width, s.model.row = data_of(weight), index, weight.sizes[1], weight.sizes[1] * s.item
    s.model.padding, s.model.mean, s.model.weights, s.model.n = padding_idx, mode == 1, NULL, 0
    if per_sample_weights is not None:
        per_sample_weights = contiguous_tensor(per_sample_weights)
        s.model.weights = data_of(per_sample_weights)
    s.starts, s.out = <const long long*> data_of(starts), data_of(out)
    s.chosen = <long long*> data_of(chosen) if mode == 2 else NULL
    each = (count // (starts.count - 1) + 1) * weight.sizes[1]
    with nogil:
        parallel_for(run_bags, &s, starts.count - 1, GRAIN // each if each < GRAIN else 1)
    return out, chosen


def bag_of_each(Tensor starts, Tensor indices, long long padding_idx):
    """(bag of each index, rows of each bag that are no padding), int64."""
    cdef Py_ssize_t n = indices.count, bags = starts.count - 1, b, i, used
    cdef Tensor owner = new_tensor(I64, False, 1, &n), sizes = new_tensor(I64, False, 1, &bags)
    cdef const long long* at = <const long long*> data_of(starts)
    cdef const long long* index = <const long long*> data_of(indices)
    cdef long long* to = <long long*> data_of(owner)
    cdef long long* counts = <long long*> data_of(sizes)
    for i in range(n):
        to[i] = 0
    for b in range(bags):
        used = 0
        for i in range(at[b], at[b + 1]):
            to[i] = b
            used += index[i] != padding_idx
        counts[b] = used
    return owner, sizes
