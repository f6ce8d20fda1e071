# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Attention without the matrix of scores: a band of query rows at a time (Rabe and Staats, "Self-attention does not need O(n^2)
# memory", 2021). A band meets all its keys at once, so every number is that of the separate ops, bit for bit:
#     scores   products of gemm.pxd over the width, times scale, plus mask
#     weights  softmax of rows.pyx.in; a causal row sees its own place and those before it
#     output   products over the keys ascending, in blocks of 256
#     gradients: of weights (g v^T), of scores p (dp - sum(dp p)) scale, of query (ds k) over keys, of key (ds^T q) and value (p^T g)
#     over queries ascending, in blocks of 256. The weights are made anew from query and key.
# Keys that a whole band does not see are left out: they would add zeros.
from frankentorch._ext.types cimport *
from frankentorch._ext.tensor cimport *
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.attention cimport *
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.gemm cimport gemm_function, gemm_workspace, pack_function, packed_function, packed_nbytes, GEMM_KC, GEMM_PACK, GEMM_PACKED
from frankentorch._ext.matmul cimport find_gemm, gemm_slot, matmul_use_level
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.levels cimport fill_attention_at

cdef enum:
    BAND = 48                   # query rows of a band; a causal one is half as high, for it leaves out what comes after it
    GROUP = GEMM_KC             # query rows of a task, and of one block of the chains over queries
    FEW = 4
    ALL_KEYS = 128              # keys that one product over queries takes together; of more it takes SOME_KEYS
    SOME_KEYS = 96              # keys of a product over queries: their transposed weights are read where they lie
    GRAIN = 1 << 17             # multiply-adds worth a thread

cdef void* table[ATTENTION_SLOTS]

# One operand (..., rows, cols): strides in elements, batch strides by dim
cdef struct Operand:
    char* data
    Py_ssize_t row, col
    Py_ssize_t batch[MAX_DIMS]

cdef struct Job:
    Py_ssize_t heads, queries, keys, width, value_width, ld, band, groups
    int ndim, code, item, slot, kind, status
    bint causal, few                    # few queries: keys are read where they lie, without packing them
    double scale
    Py_ssize_t sizes[MAX_DIMS]
    gemm_function product, product_add
    pack_function pack
    packed_function packed
    Operand query, key, value, mask, out, grad, to_query, to_key, to_value


cdef int attention_use_level(int level) noexcept nogil:
    matmul_use_level(level)
    fill_attention_at(level, table)
    return 0


def use_level(int level):
    """CPU level of this and all later calls, for tests."""
    attention_use_level(level)


cdef inline char* head_of(Job* job, Operand* x, Py_ssize_t head, int item) noexcept nogil:
    cdef Py_ssize_t at = 0
    cdef int d
    for d in range(job.ndim - 1, -1, -1):
        at += head % job.sizes[d] * x.batch[d]
        head = head / job.sizes[d]
    return x.data + at * item


cdef inline Py_ssize_t limit_of(Job* job, Py_ssize_t past) noexcept nogil:
    """Keys that the queries before `past` see."""
    return min(past, job.keys) if job.causal else job.keys


cdef inline void band_weights(Job* job, const char* q, const char* key, const char* mask, Py_ssize_t r, Py_ssize_t rows, Py_ssize_t seen_last,
                              char* p, char* workspace) noexcept nogil:
    """Weights of the queries [r, r + rows). `key`: where the keys lie, if few, else the first seen_last of them packed."""
    cdef Py_ssize_t limit = limit_of(job, r + rows)
    if job.few:
        job.product(rows, limit, job.width, q + r * job.query.row * job.item, job.query.row, job.query.col, key, job.key.col, job.key.row, p, job.ld, 1,
                    workspace)
    else:
        job.packed(rows, limit, seen_last, job.width, q + r * job.query.row * job.item, job.query.row, job.query.col, key, p, job.ld, 1)
    (<weights_kernel> table[SLOT_WEIGHTS + job.slot])(
        p, job.ld, rows, limit, r + 1 if job.causal else job.keys, job.causal, job.scale, job.kind,
        mask + r * job.mask.row * (1 if job.kind == MASK_ALLOWED else job.item), job.mask.row, job.mask.col)


cdef Py_ssize_t product_room(Job* job) noexcept nogil:
    cdef Py_ssize_t wide = max(job.keys, max(job.width, job.value_width))
    return gemm_workspace(job.code, wide, GROUP, max(wide, GROUP))


cdef void forward_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Tasks (head, group of query rows)."""
    cdef Job* job = <Job*> context
    cdef Py_ssize_t task, head, r, rows, first, past, seen = 0, at_p, at_work, scratch, item = job.item
    cdef char* room
    cdef char* packed = NULL            # whose first `seen` keys lie packed in the room
    cdef char* q
    cdef char* k
    cdef char* v
    cdef char* out
    cdef char* mask
    at_p = packed_nbytes(job.keys, job.width, item)
    at_work = at_p + job.band * job.ld * item
    scratch = at_work + product_room(job)
    room = <char*> ft_alloc(scratch)
    if room == NULL:
        job.status = -1
        return
    for task in range(end - 1, begin - 1, -1):          # a head's last queries see the most keys
        head = task / job.groups
        first = task % job.groups * GROUP
        past = min(first + GROUP, job.queries)
        q, v, out = head_of(job, &job.query, head, item), head_of(job, &job.value, head, item), head_of(job, &job.out, head, item)
        mask = head_of(job, &job.mask, head, 1 if job.kind == MASK_ALLOWED else item)
        k = head_of(job, &job.key, head, item)
        if not job.few:
            if k != packed or limit_of(job, past) > seen:
                packed, seen = k, limit_of(job, past)
                job.pack(seen, job.width, k, job.key.col, job.key.row, room)
            k = room
        r = first
        while r < past:
            rows = min(past - r, job.band)
            band_weights(job, q, k, mask, r, rows, seen, room + at_p, room + at_work)
            job.product(rows, job.value_width, limit_of(job, r + rows), room + at_p, job.ld, 1, v, job.value.row, job.value.col,
                        out + r * job.out.row * item, job.out.row, job.out.col, room + at_work)
            r += rows
    ft_free(room, scratch)


cdef void over_queries(Job* job, Py_ssize_t group, Py_ssize_t past, const char* left, const char* right, Py_ssize_t right_row,
                       Py_ssize_t right_col, Py_ssize_t cols, char* c, Py_ssize_t c_row, Py_ssize_t c_col, char* workspace) noexcept nogil:
    """c (+)= left^T right over the queries [group, past); a key adds from its own query on where the mask is causal."""
    cdef Py_ssize_t j = 0, n, start, limit = limit_of(job, past), item = job.item
    while j < limit:
        n = min(limit - j, job.band if job.causal else SOME_KEYS if limit > ALL_KEYS else limit)
        if job.causal and j < group:
            n = min(n, group - j)               # keys of this block and of those before it do not share a product
        start = max(j - group, 0) if job.causal else 0
        (job.product if group == 0 or (job.causal and j >= group) else job.product_add)(
            n, cols, past - group - start, left + (start * job.ld + j) * item, 1, job.ld, right + (group + start) * right_row * item, right_row, right_col,
            c + j * c_row * item, c_row, c_col, workspace)
        j += n


cdef void backward_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Tasks: heads."""
    cdef Job* job = <Job*> context
    cdef Py_ssize_t head, group, past, r, rows, limit, i, j, at_v, at_p, at_d, at_work, scratch, item = job.item
    cdef char* room
    cdef char* packed_k = NULL          # whose keys and values lie packed in the room
    cdef char* packed_v = NULL
    cdef char* q
    cdef char* k
    cdef char* v
    cdef char* g
    cdef char* mask
    cdef char* to_q
    cdef char* to_k
    cdef char* to_v
    cdef char* p
    cdef char* d
    at_v = packed_nbytes(job.keys, job.width, item)
    at_p = at_v + packed_nbytes(job.keys, job.value_width, item)
    at_d = at_p + min(GROUP, job.queries) * job.ld * item
    at_work = at_d + min(GROUP, job.queries) * job.ld * item
    scratch = at_work + product_room(job)
    room = <char*> ft_alloc(scratch)
    if room == NULL:
        job.status = -1
        return
    for head in range(begin, end):
        q, k, g = head_of(job, &job.query, head, item), head_of(job, &job.key, head, item), head_of(job, &job.grad, head, item)
        to_q, to_k, to_v = head_of(job, &job.to_query, head, item), head_of(job, &job.to_key, head, item), head_of(job, &job.to_value, head, item)
        mask = head_of(job, &job.mask, head, 1 if job.kind == MASK_ALLOWED else item)
        limit = limit_of(job, job.queries)
        v = head_of(job, &job.value, head, item)
        if not job.few and k != packed_k:
            packed_k = k
            job.pack(limit, job.width, k, job.key.col, job.key.row, room)
        if v != packed_v:
            packed_v = v
            job.pack(limit, job.value_width, v, job.value.col, job.value.row, room + at_v)
        group = 0
        while group < job.queries:
            past = min(group + GROUP, job.queries)
            r = group
            while r < past:
                rows = min(past - r, job.band)
                limit = limit_of(job, r + rows)
                p, d = room + at_p + (r - group) * job.ld * item, room + at_d + (r - group) * job.ld * item
                band_weights(job, q, k if job.few else room, mask, r, rows, limit_of(job, job.queries), p, room + at_work)
                job.packed(rows, limit, limit_of(job, job.queries), job.value_width, g + r * job.grad.row * item, job.grad.row, job.grad.col, room + at_v,
                           d, job.ld, 1)
                (<weights_back> table[SLOT_WEIGHTS_BACKWARD + job.slot])(p, d, job.ld, rows, limit, r + 1 if job.causal else job.keys, job.causal, job.scale)
                job.product(rows, job.width, limit, d, job.ld, 1, k, job.key.row, job.key.col, to_q + r * job.to_query.row * item, job.to_query.row,
                            job.to_query.col, room + at_work)
                r += rows
            over_queries(job, group, past, room + at_d, q, job.query.row, job.query.col, job.width, to_k, job.to_key.row, job.to_key.col, room + at_work)
            over_queries(job, group, past, room + at_p, g, job.grad.row, job.grad.col, job.value_width, to_v, job.to_value.row, job.to_value.col,
                         room + at_work)
            group = past
        limit = limit_of(job, job.queries)
        for i in range(limit, job.keys):                 # keys after the last query
            for j in range(job.width):
                zero(to_k, i * job.to_key.row + j * job.to_key.col, item)
            for j in range(job.value_width):
                zero(to_v, i * job.to_value.row + j * job.to_value.col, item)
    ft_free(room, scratch)


cdef inline void zero(char* x, Py_ssize_t at, Py_ssize_t item) noexcept nogil:
    if item == 4:
        (<float*> x)[at] = 0
    else:
        (<double*> x)[at] = 0


# ---------------------------------------------------------------- tensors
cdef int describe_operand(Operand* x, Tensor t, int rank) except -1:
    """Strides of the last two dims and of the batch dims; dims that are missing or stretched have stride 0."""
    cdef int d, shift = rank - t.rank
    x.data = data_of(t)
    x.row = 0 if t.rank < 2 or t.sizes[t.rank - 2] == 1 else t.strides[t.rank - 2]
    x.col = 0 if t.rank < 1 or t.sizes[t.rank - 1] == 1 else t.strides[t.rank - 1]
    for d in range(rank - 2):
        x.batch[d] = 0 if d < shift or t.sizes[d - shift] == 1 else t.strides[d - shift]
    return 0


cdef int prepare(Job* job, Tensor query, Tensor key, Tensor value, Tensor mask, double scale, bint causal) except -1:
    cdef int d, rank = query.rank
    job.ndim, job.code, job.item = rank - 2, query.code, 4 if query.code == F32 else 8
    job.slot, job.causal, job.scale, job.status = 0 if query.code == F32 else 1, causal, scale, 0
    job.heads = 1
    for d in range(rank - 2):
        job.sizes[d] = query.sizes[d]
        job.heads *= query.sizes[d]
    job.queries, job.keys = query.sizes[rank - 2], key.sizes[rank - 2]
    job.width, job.value_width = query.sizes[rank - 1], value.sizes[rank - 1]
    job.ld = ((job.keys + 15) & ~<Py_ssize_t> 15) + 16
    job.band = BAND / 2 if causal else BAND
    job.few = job.queries <= FEW
    job.groups = (job.queries + GROUP - 1) / GROUP
    job.product, job.product_add = find_gemm(job.code, False), find_gemm(job.code, True)
    job.pack, job.packed = <pack_function> gemm_slot(GEMM_PACK + job.code), <packed_function> gemm_slot(GEMM_PACKED + job.code)
    describe_operand(&job.query, query, rank)
    describe_operand(&job.key, key, rank)
    describe_operand(&job.value, value, rank)
    job.kind = MASK_NONE
    job.mask = job.query
    if mask is not None:
        job.kind = MASK_ALLOWED if mask.code == BOOL else MASK_ADDED
        describe_operand(&job.mask, mask, rank)
    return 0


cdef Tensor like_rows(Tensor t, Py_ssize_t cols, bint swapped):
    """An empty tensor of the size of t, `cols` wide; swapped: dims 1 and 2 of four change places in memory."""
    cdef Py_ssize_t sizes[MAX_DIMS]
    cdef Py_ssize_t strides[MAX_DIMS]
    cdef int d
    for d in range(t.rank):
        sizes[d] = t.sizes[d]
    sizes[t.rank - 1] = cols
    if not swapped or t.rank != 4:
        return new_tensor(t.code, is_meta(t), t.rank, sizes)
    strides[3], strides[1], strides[2], strides[0] = 1, cols, cols * sizes[1], cols * sizes[1] * sizes[2]
    return new_strided(t.code, is_meta(t), 4, sizes, strides)


def forward(Tensor query, Tensor key, Tensor value, Tensor mask, double scale, bint causal):
    """Attention of tensors with equal batch dims, float32 or float64; the mask is bool or of their dtype and broadcasts."""
    cdef Job job
    cdef int rank = query.rank
    cdef Tensor out = like_rows(query, value.sizes[rank - 1], rank == 4 and query.strides[1] < query.strides[2])
    cdef Py_ssize_t tasks, work
    if is_meta(out) or out.count == 0:
        return out
    prepare(&job, query, key, value, mask, scale, causal)
    describe_operand(&job.out, out, rank)
    tasks, work = job.heads * job.groups, min(job.queries, GROUP) * job.keys * (job.width + job.value_width)
    with nogil:
        parallel_for(forward_body, &job, tasks, max(GRAIN / work, 1))
    if job.status:
        raise MemoryError("scaled_dot_product_attention: no memory for scratch")
    return out


def backward(Tensor g, Tensor query, Tensor key, Tensor value, Tensor mask, double scale, bint causal):
    """Gradients of query, key and value."""
    cdef Job job
    cdef int rank = query.rank
    cdef bint swapped = query.sizes[rank - 1] == value.sizes[rank - 1]     # as the oracle lays them out
    cdef Tensor to_query = like_rows(query, query.sizes[rank - 1], swapped)
    cdef Tensor to_key = like_rows(key, key.sizes[rank - 1], swapped)
    cdef Tensor to_value = like_rows(value, value.sizes[rank - 1], swapped)
    cdef Py_ssize_t work
    if is_meta(to_query) or query.count == 0 or value.count == 0:
        return to_query, to_key, to_value
    prepare(&job, query, key, value, mask, scale, causal)
    describe_operand(&job.grad, g, rank)
    describe_operand(&job.to_query, to_query, rank)
    describe_operand(&job.to_key, to_key, rank)
    describe_operand(&job.to_value, to_value, rank)
    work = job.queries * job.keys * (3 * job.width + 2 * job.value_width)
    with nogil:
        parallel_for(backward_body, &job, job.heads, max(GRAIN / work, 1))
    if job.status:
        raise MemoryError("scaled_dot_product_attention: no memory for scratch")
    return to_query, to_key, to_value


attention_use_level(cpu_level())
