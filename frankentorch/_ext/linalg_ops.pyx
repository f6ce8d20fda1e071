# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Matrix products of tensors: shapes and errors here, the arithmetic in matmul.pyx. Operands are read through their strides, so a
# transposed or expanded operand costs nothing; results are contiguous. Derivatives call the same products without the door.
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype_of, is_complex_code, is_integral_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, copy_into, scalar_name
from frankentorch._ext.gemm cimport row_function, total_function, GEMM_ROW, GEMM_TOTAL
from frankentorch._ext.matmul cimport matmul_run, gemm_slot, MATMUL_OK, MATMUL_DTYPE, MATMUL_MEMORY, MATMUL_WIDE
from frankentorch._ext.fold cimport BLOCK
from frankentorch._ext.reduce cimport dot_kernel, SLOT_DOT, IN_F32, IN_F64
from frankentorch._ext.reduce_run cimport reduce_table
from frankentorch._ext.threads cimport parallel_for

cdef enum:
    LOCKED_WORK = 1 << 15       # fewer multiply-adds than this keep the interpreter lock
    PLAIN_ROWS = 64             # a bias gradient of more rows is summed pairwise, by `sum`
    DOT_CHAIN = 1024            # longer dot products are summed pairwise
    DOT_BLOCKS = 16             # worth a thread

cdef object _ops = None


cdef object ops():
    global _ops
    if _ops is None:
        from frankentorch import ops as found
        _ops = found
    return _ops


# ---- operands ----
cdef struct Matrix:
    const char* data
    Py_ssize_t rows, cols, row, col     # sizes, and strides in elements


cdef Tensor fold(Tensor t, Matrix* m):
    """All dims but the last as rows; the tensor that owns the bytes (a copy when the dims do not fold)."""
    cdef int d
    cdef Py_ssize_t rows = 1
    if t.rank == 2:
        m.rows, m.cols, m.row, m.col = t.sizes[0], t.sizes[1], t.strides[0], t.strides[1]
    elif t.rank == 1:
        m.rows, m.cols, m.row, m.col = 1, t.sizes[0], 0, t.strides[0]
    else:
        t = contiguous_tensor(t)
        for d in range(t.rank - 1):
            rows *= t.sizes[d]
        m.rows, m.cols = rows, t.sizes[t.rank - 1]
        m.row, m.col = m.cols, 1
    m.data = NULL if is_meta(t) else data_of(t)
    return t


cdef int failed(int status, str name, int code) except -1:
    if status == MATMUL_DTYPE:
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(code)}'")
    if status == MATMUL_MEMORY:
        raise MemoryError(f"{name}: no memory for scratch")
    raise RuntimeError(f"{name}: more than 64 batch dims")


cdef inline int run_matrices(int code, str name, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const char* a, Py_ssize_t a_row, Py_ssize_t a_col,
                             const char* b, Py_ssize_t b_row, Py_ssize_t b_col, char* c) except -1:
    """c (contiguous) = a b, of m x k and k x n."""
    cdef int status
    if m * n * k < LOCKED_WORK:
        status = matmul_run(code, 0, NULL, NULL, NULL, NULL, m, n, k, a, a_row, a_col, b, b_row, b_col, c, n, 1)
    else:
        with nogil:
            status = matmul_run(code, 0, NULL, NULL, NULL, NULL, m, n, k, a, a_row, a_col, b, b_row, b_col, c, n, 1)
    return failed(status, name, code & (MATMUL_WIDE - 1)) if status != MATMUL_OK else 0


cdef int check_code(int code, str name) except -1:
    if code == BOOL or code == U16 or code == U32 or code == U64:
        failed(MATMUL_DTYPE, name, code)
    return 0


cdef Tensor product(Tensor a, Tensor b, bint flip_a, bint flip_b, str name, bint wide=False):
    """Batched product; batch dims broadcast. A flipped operand is transposed in its last two dims. Sizes must fit.
    A wide product of a half type is float32, not rounded."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t a_batch[64]
    cdef Py_ssize_t b_batch[64]
    cdef Py_ssize_t c_batch[64]
    cdef Py_ssize_t m, n, k, a_row, a_col, b_row, b_col, step, work, sa, sb
    cdef int ra = a.rank, rb = b.rank, ndim = max(ra, rb), d, i, status, code = a.code
    cdef Tensor out
    cdef const char* a_data
    cdef const char* b_data
    cdef char* c_data
    check_code(a.code, name)
    i, d = (ra - 1, ra - 2) if flip_a else (ra - 2, ra - 1)
    m, k, a_row, a_col = a.sizes[i], a.sizes[d], a.strides[i], a.strides[d]
    i, d = (rb - 1, rb - 2) if flip_b else (rb - 2, rb - 1)
    n, b_row, b_col = b.sizes[d], b.strides[i], b.strides[d]
    for d in range(ndim - 2):
        i = d - (ndim - ra)
        sa = 1 if i < 0 else a.sizes[i]
        a_batch[d] = 0 if sa == 1 else a.strides[i]
        i = d - (ndim - rb)
        sb = 1 if i < 0 else b.sizes[i]
        b_batch[d] = 0 if sb == 1 else b.strides[i]
        if sa != sb and sa != 1 and sb != 1:
            raise RuntimeError(f"{name}: The size of tensor a ({sa}) must match the size of tensor b ({sb}) at non-singleton dimension {d}: {describe(a)}, {describe(b)}")
        sizes[d] = sb if sa == 1 else sa
    sizes[ndim - 2], sizes[ndim - 1] = m, n
    out = new_tensor(F32 if wide else a.code, is_meta(a) or is_meta(b), ndim, sizes)
    if is_meta(out) or out.count == 0:
        return out
    work = out.count * k
    if wide:
        code |= MATMUL_WIDE
    step = m * n
    for d in range(ndim - 3, -1, -1):
        c_batch[d] = step
        step *= sizes[d]
    a_data, b_data, c_data = data_of(a), data_of(b), data_of(out)
    if work < LOCKED_WORK:
        status = matmul_run(code, ndim - 2, sizes, a_batch, b_batch, c_batch, m, n, k, a_data, a_row, a_col, b_data, b_row, b_col, c_data, n, 1)
    else:
        with nogil:
            status = matmul_run(code, ndim - 2, sizes, a_batch, b_batch, c_batch, m, n, k, a_data, a_row, a_col, b_data, b_row, b_col, c_data, n, 1)
    if status != MATMUL_OK:
        failed(status, name, a.code)
    return out


cdef str c_name(int code):
    return {U8: "unsigned char", I8: "signed char", I16: "short", I32: "int", I64: "long", F16: "c10::Half", BF16: "c10::BFloat16", F32: "float", F64: "double",
            C64: "c10::complex<float>", C128: "c10::complex<double>", BOOL: "bool"}.get(code, dtype_of(code).name)


cdef int check_codes(Tensor a, Tensor b) except -1:
    if a.code != b.code:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {c_name(a.code)} != {c_name(b.code)} ({describe(a)}, {describe(b)})")
    return 0


cdef int check_matrices(Tensor a, Tensor b) except -1:
    if a.sizes[1] != b.sizes[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({a.sizes[0]}x{a.sizes[1]} and {b.sizes[0]}x{b.sizes[1]})")
    return 0


# ---- products ----
def mm(Tensor self, Tensor mat2):
    """(m, k) times (k, n)."""
    if self.rank != 2:
        raise RuntimeError(f"mm: self must be a matrix, got {describe(self)}")
    if mat2.rank != 2:
        raise RuntimeError(f"mm: mat2 must be a matrix, got {describe(mat2)}")
    check_matrices(self, mat2)
    check_codes(self, mat2)
    return product(self, mat2, False, False, "addmm_impl_cpu_")


cdef int check_batches(Tensor a, Tensor b) except -1:
    if a.rank != 3:
        raise RuntimeError(f"batch1 must be a 3D tensor, got {describe(a)}")
    if b.rank != 3:
        raise RuntimeError(f"batch2 must be a 3D tensor, got {describe(b)}")
    if a.sizes[0] != b.sizes[0] or a.sizes[2] != b.sizes[1]:
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{a.sizes[0]}, {a.sizes[2]}] but got: [{b.sizes[0]}, {b.sizes[1]}].")
    if a.code != b.code:
        raise RuntimeError(f"expected scalar type {scalar_name(a.code)} but found {scalar_name(b.code)}")
    return 0


def bmm(Tensor self, Tensor mat2):
    """(b, m, k) times (b, k, n)."""
    check_batches(self, mat2)
    return product(self, mat2, False, False, "bmm")


def matmul_batches(Tensor self, Tensor other):
    """Product of operands of two or more dims; batch dims broadcast."""
    if self.sizes[self.rank - 1] != other.sizes[other.rank - 2]:
        if self.rank == 2 or other.rank == 2:
            raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({self.count // max(self.sizes[self.rank - 1], 1)}x{self.sizes[self.rank - 1]} and "
                               f"{other.sizes[other.rank - 2]}x{other.sizes[other.rank - 1]}): {describe(self)}, {describe(other)}")
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{self.count // max(self.sizes[self.rank - 1] * self.sizes[self.rank - 2], 1)}, "
                           f"{self.sizes[self.rank - 1]}] but got: [{other.count // max(other.sizes[other.rank - 1] * other.sizes[other.rank - 2], 1)}, {other.sizes[other.rank - 2]}]. "
                           f"{describe(self)}, {describe(other)}")
    if self.code != other.code:
        if self.rank == 2 or other.rank == 2:
            check_codes(self, other)
        raise RuntimeError(f"expected scalar type {scalar_name(self.code)} but found {scalar_name(other.code)}")
    return product(self, other, False, False, "bmm")


def matmul(Tensor self, Tensor other):
    """The product that the numbers of dims ask for: dot, matrix-vector, matrix-matrix, or batched."""
    cdef int a = self.rank, b = other.rank
    cdef object found = ops()
    if a == 2 and b == 2:
        return found.mm(self, other)
    if a == 0 or b == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    if b == 1:
        if a == 1:
            return found.dot(self, other)
        if a == 2:
            return found.mv(self, other)
        if self.sizes[a - 1] != other.sizes[0]:
            raise RuntimeError(f"size mismatch, got input ({self.count // max(self.sizes[a - 1], 1)}), mat ({self.count // max(self.sizes[a - 1], 1)}x{self.sizes[a - 1]}), vec ({other.sizes[0]})")
        return found.squeeze(found._matmul(self, found.unsqueeze(other, 1)), -1)
    if a == 1:
        if b == 2:
            return found.squeeze(found.mm(found.unsqueeze(self, 0), other), 0)
        return found.squeeze(found._matmul(found.unsqueeze(self, 0), other), -2)
    return found._matmul(self, other)


def mv(Tensor self, Tensor vec):
    """(m, k) times (k,)."""
    return mv_raw(self, vec, False)


cdef Tensor mv_raw(Tensor self, Tensor vec, bint wide):
    cdef Tensor out
    if self.rank != 2 or vec.rank != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {self.rank}, {vec.rank}")
    if self.sizes[1] != vec.sizes[0]:
        raise RuntimeError(f"size mismatch, got input ({self.sizes[0]}), mat ({self.sizes[0]}x{self.sizes[1]}), vec ({vec.sizes[0]})")
    if self.code != vec.code:
        raise RuntimeError(f"expected both vectors to have same dtype, but found {scalar_name(self.code)} and {scalar_name(vec.code)}")
    check_code(self.code, "addmv_impl_cpu")
    out = new_tensor(F32 if wide else self.code, is_meta(self) or is_meta(vec), 1, self.sizes)
    if not is_meta(out) and out.count:
        run_matrices(self.code | MATMUL_WIDE if wide else self.code, "addmv_impl_cpu", self.sizes[0], 1, self.sizes[1], data_of(self), self.strides[0], self.strides[1],
                     data_of(vec), vec.strides[0], 0, data_of(out))
    return out


cdef struct LongDot:
    dot_kernel kernel
    const char* x
    const char* y
    char* sums                          # of the blocks
    Py_ssize_t n, item


cdef void dot_blocks(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef LongDot* s = <LongDot*> context
    cdef Py_ssize_t b, at
    for b in range(begin, end):
        at = b * BLOCK
        s.kernel(s.x + at * s.item, s.y + at * s.item, min(s.n - at, BLOCK), s.sums + b * s.item)


cdef Tensor long_dot(Tensor x, Tensor y):
    """sum(x * y) of float32 or float64, by the order of `sum` (fold.pxd), in one pass."""
    cdef Tensor out = new_tensor(x.code, False, 0, NULL)
    cdef LongDot s
    cdef Py_ssize_t n = (x.count + BLOCK - 1) // BLOCK, i
    x, y = contiguous_tensor(x), contiguous_tensor(y)
    s.kernel = <dot_kernel> reduce_table()[SLOT_DOT + (IN_F32 if x.code == F32 else IN_F64)]
    s.n, s.item = x.count, 4 if x.code == F32 else 8
    s.x, s.y, s.sums = data_of(x), data_of(y), <char*> malloc(n * s.item)
    if s.sums == NULL:
        raise MemoryError("dot: no memory for the sums of blocks")
    with nogil:
        parallel_for(dot_blocks, &s, n, DOT_BLOCKS)
        while n > 1:                    # the tree of neighbours; an odd last one passes up
            for i in range(n // 2):
                if s.item == 4:
                    (<float*> s.sums)[i] = (<float*> s.sums)[2 * i] + (<float*> s.sums)[2 * i + 1]
                else:
                    (<double*> s.sums)[i] = (<double*> s.sums)[2 * i] + (<double*> s.sums)[2 * i + 1]
            if n & 1:
                memcpy(s.sums + n // 2 * s.item, s.sums + (n - 1) * s.item, s.item)
            n = (n + 1) // 2
    memcpy(data_of(out), s.sums, s.item)
    free(s.sums)
    return out


cdef Tensor dot_raw(Tensor self, Tensor tensor, str name):
    cdef Tensor out
    if self.rank != 1 or tensor.rank != 1:
        raise RuntimeError(f"1D tensors expected, but got {self.rank}D and {tensor.rank}D tensors")
    if self.code != tensor.code:
        raise RuntimeError(f"{name} : expected both vectors to have same dtype, but found {scalar_name(self.code)} and {scalar_name(tensor.code)}")
    if self.sizes[0] != tensor.sizes[0]:
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{self.sizes[0]}] and src [{tensor.sizes[0]}] to have the same number of elements, "
                           f"but got {self.sizes[0]} and {tensor.sizes[0]} elements respectively")
    check_code(self.code, name)
    if self.sizes[0] > DOT_CHAIN and not is_integral_code(self.code) and not is_meta(self) and not is_meta(tensor):
        if is_complex_code(self.code):
            return ops().sum(ops().mul(self, tensor))
        if self.code == F64:
            return long_dot(self, tensor)
        return cast_tensor(long_dot(cast_tensor(self, F32), cast_tensor(tensor, F32)), self.code)
    out = new_tensor(self.code, is_meta(self) or is_meta(tensor), 0, NULL)
    if not is_meta(out):
        run_matrices(self.code, name, 1, 1, self.sizes[0], data_of(self), 0, self.strides[0], data_of(tensor), tensor.strides[0], 0, data_of(out))
    return out


def dot(Tensor self, Tensor tensor):
    """Sum of products of two vectors."""
    return dot_raw(self, tensor, "dot")


def vdot(Tensor self, Tensor other):
    """dot with the first vector conjugated."""
    if self.rank == 1 and is_complex_code(self.code):
        return dot_raw(ops().conj_physical(self), other, "vdot")
    return dot_raw(self, other, "vdot")


# ---- with an addend ----
cdef bint add_row(Tensor out, Tensor bias):
    """out[..., j] += bias[j] for float32 and float64; False when the operands do not fit this loop."""
    cdef Py_ssize_t n
    cdef const char* row
    cdef char* to
    cdef row_function add
    if bias.rank != 1 or bias.code != out.code or bias.sizes[0] != out.sizes[out.rank - 1] or (bias.strides[0] != 1 and bias.sizes[0] > 1):
        return False
    if is_meta(out):
        return True
    n = bias.sizes[0]
    add = <row_function> gemm_slot(GEMM_ROW + out.code)
    if add == NULL:
        return False
    if n:
        row, to = data_of(bias), data_of(out)
        add(out.count // n, n, row, to)
    return True


cdef object factor(Tensor self, object value, str name):
    """The factor in the dtype of the product: an integral one cuts off the fraction."""
    if is_integral_code(self.code) and isinstance(value, float):
        return int(value)
    if not is_complex_code(self.code) and isinstance(value, complex):
        raise RuntimeError(f"value cannot be converted to type {scalar_name(self.code)} without overflow: {name}={value}")
    return value


cdef Tensor with_addend(Tensor out, Tensor self, object beta, object alpha, int code):
    """alpha * out + beta * self, in `code`; a beta of 0 does not look at self."""
    cdef object found = ops()
    cdef bint plain
    beta, alpha = factor(self, beta, "beta"), factor(self, alpha, "alpha")
    plain = alpha == 1
    if self.rank > out.rank or self.rank == 0 or sizes_tuple(self) != sizes_tuple(out):
        found.expand(self, sizes_tuple(out))
    if plain and beta == 1 and out.code == code and add_row(out, self):
        return out
    if not plain:
        out = found.mul(out, alpha)
    if beta != 0:
        out = found.add(out, cast_tensor(self, out.code), alpha=beta)
    return cast_tensor(out, code)


cdef inline bint is_half(Tensor t):
    return t.code == F16 or t.code == BF16


cdef int check_addend(Tensor self, Tensor other, str name) except -1:
    if self.code != other.code:
        raise RuntimeError(f"self and {name} must have the same dtype, but got {scalar_name(self.code)} and {scalar_name(other.code)}")
    return 0


def addmm(Tensor self, Tensor mat1, Tensor mat2, beta, alpha):
    """beta * self + alpha * (mat1 @ mat2)."""
    if mat1.rank != 2:
        raise RuntimeError(f"mat1 must be a matrix, got {mat1.rank}-D tensor")
    if mat2.rank != 2:
        raise RuntimeError(f"mat2 must be a matrix, got {mat2.rank}-D tensor")
    check_matrices(mat1, mat2)
    check_addend(self, mat2, "mat2")
    check_codes(mat1, mat2)
    check_code(mat1.code, "addmm_impl_cpu_")
    return with_addend(product(mat1, mat2, False, False, "addmm_impl_cpu_", is_half(mat1)), self, beta, alpha, mat1.code)


def baddbmm(Tensor self, Tensor batch1, Tensor batch2, beta, alpha):
    """beta * self + alpha * bmm(batch1, batch2)."""
    check_batches(batch1, batch2)
    if self.code != batch1.code:
        raise RuntimeError(f"Input dtypes must be the same, got: input {dtype_of(self.code)}, batch1: {dtype_of(batch1.code)}, batch2: {dtype_of(batch2.code)}")
    check_code(batch1.code, "baddbmm")
    return with_addend(product(batch1, batch2, False, False, "baddbmm", is_half(batch1)), self, beta, alpha, batch1.code)


def addmv(Tensor self, Tensor mat, Tensor vec, beta, alpha):
    """beta * self + alpha * (mat @ vec)."""
    if mat.rank != 2 or vec.rank != 1 or self.rank > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {self.rank}, {mat.rank}, {vec.rank}")
    if mat.sizes[1] != vec.sizes[0]:
        raise RuntimeError(f"size mismatch, got input ({self.count}), mat ({mat.sizes[0]}x{mat.sizes[1]}), vec ({vec.sizes[0]})")
    if self.code != mat.code:
        check_addend(self, mat, "mat")
    return with_addend(mv_raw(mat, vec, is_half(mat)), self, beta, alpha, mat.code)


def linear(Tensor input, Tensor weight, Tensor bias):
    """input @ weight.T + bias over the last dim."""
    cdef Matrix x
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t out_features
    cdef Tensor out, keep
    cdef int d, code = input.code
    cdef int rank = input.rank
    cdef bint wide
    if rank == 0 or weight.rank == 0 or weight.rank > 2:
        if rank == 0 or weight.rank == 0:
            raise RuntimeError(f"both arguments to linear need to be at least 1D, but they are {rank}D and {weight.rank}D")
        raise RuntimeError(f"linear: weight must be a matrix or a vector, got {describe(weight)}")
    if weight.rank == 1:
        out = ops().matmul(input, weight)
        return out if bias is None else ops().add(out, bias)
    if input.sizes[rank - 1] != weight.sizes[1]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({input.count // input.sizes[rank - 1] if input.sizes[rank - 1] else 0}x{input.sizes[rank - 1]} and "
                           f"{weight.sizes[1]}x{weight.sizes[0]})")
    if code != weight.code:
        if bias is not None:
            raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {scalar_name(code)} and {scalar_name(weight.code)}")
        check_codes(input, weight)
    if bias is not None and bias.code != code:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {scalar_name(bias.code)} and {scalar_name(code)}")
    check_code(code, "addmm_impl_cpu_")
    wide = bias is not None and is_half(input)
    for d in range(rank - 1):
        sizes[d] = input.sizes[d]
    out_features = weight.sizes[0]
    sizes[rank - 1] = out_features
    out = new_tensor(F32 if wide else code, is_meta(input) or is_meta(weight), rank, sizes)
    if not is_meta(out) and out.count:
        keep = fold(input, &x)
        run_matrices(code | MATMUL_WIDE if wide else code, "addmm_impl_cpu_", x.rows, out_features, x.cols, x.data, x.row, x.col, data_of(weight), weight.strides[1], weight.strides[0], data_of(out))
    if bias is None:
        return out
    if not wide and add_row(out, bias):
        return out
    return with_addend(out, bias, 1, 1, code)


# ---- derivatives ----
cdef bint recorded(Tensor a, Tensor b):
    return (a.flags | b.flags) & BATCHED or (grad_enabled() and (tensor_requires_grad(a) or tensor_requires_grad(b))) or has_tangent(a) or has_tangent(b)


cdef inline Tensor conjugate(Tensor t):
    return <Tensor> ops().conj_physical(t) if is_complex_code(t.code) else t


cdef Tensor like_code(Tensor g, Tensor t):
    return g if g.code == t.code else cast_tensor(g, t.code)


def left_gradient(Tensor g, Tensor other):
    """g @ other^H, over equal batch dims."""
    if recorded(g, other):
        return ops().matmul(g, ops().conj(ops().transpose(other, -2, -1)))
    return product(like_code(g, other), conjugate(other), False, True, "bmm")


def right_gradient(Tensor g, Tensor self):
    """self^H @ g, over equal batch dims."""
    if recorded(g, self):
        return ops().matmul(ops().conj(ops().transpose(self, -2, -1)), g)
    return product(conjugate(self), like_code(g, self), True, False, "bmm")


def folded_right_gradient(Tensor g, Tensor self):
    """self^H @ g with all dims but the last of both taken as rows: one product over all batches."""
    cdef Matrix x
    cdef Matrix y
    cdef Tensor keep_x, keep_y, out
    cdef Py_ssize_t sizes[2]
    if recorded(g, self):
        found = ops()
        return found.mm(found.conj(found.t(found.reshape(self, (-1, self.sizes[self.rank - 1])))), found.reshape(g, (-1, g.sizes[g.rank - 1])))
    check_code(self.code, "mm")
    keep_x, keep_y = fold(conjugate(self), &x), fold(like_code(g, self), &y)
    sizes[0], sizes[1] = x.cols, y.cols
    out = new_tensor(self.code, is_meta(g) or is_meta(self), 2, sizes)
    if not is_meta(out) and out.count:
        run_matrices(self.code, "mm", x.cols, y.cols, x.rows, x.data, x.col, x.row, y.data, y.row, y.col, data_of(out))
    return out


def linear_input_gradient(Tensor g, Tensor weight):
    """g @ conj(weight) over the last dim of g."""
    cdef Matrix x
    cdef Py_ssize_t sizes[64]
    cdef Tensor keep, out
    cdef int d
    if recorded(g, weight) or weight.rank == 1:
        if weight.rank == 1:
            return ops().unsqueeze(g, -1) * ops().conj(weight)
        return ops().matmul(g, ops().conj(weight))
    weight = conjugate(weight)
    g = like_code(g, weight)
    for d in range(g.rank - 1):
        sizes[d] = g.sizes[d]
    sizes[g.rank - 1] = weight.sizes[1]
    out = new_tensor(g.code, is_meta(g) or is_meta(weight), g.rank, sizes)
    if not is_meta(out) and out.count:
        keep = fold(g, &x)
        run_matrices(g.code, "mm", x.rows, weight.sizes[1], x.cols, x.data, x.row, x.col, data_of(weight), weight.strides[0], weight.strides[1], data_of(out))
    return out


def linear_weight_gradient(Tensor g, Tensor input, int weight_ndim):
    """g^T @ conj(input), rows being all dims but the last."""
    if weight_ndim == 1:
        return ops().unsqueeze(g, -1) * ops().conj(input)
    return folded_right_gradient(conjugate(input) if not recorded(g, input) else ops().conj(input), g) if not is_complex_code(g.code) else \
        ops().mm(ops().t(ops().reshape(g, (-1, g.sizes[g.rank - 1]))), ops().conj(ops().reshape(input, (-1, input.sizes[input.rank - 1]))))


def linear_bias_gradient(Tensor g):
    """g added over all dims but the last, rows in order; many rows are left to the engine's `sum`."""
    cdef Matrix x
    cdef Tensor keep, out
    cdef char* to
    if g.rank < 2 or (g.code != F32 and g.code != F64) or g.count > PLAIN_ROWS * g.sizes[g.rank - 1] or is_meta(g) or recorded(g, g):
        return g
    keep = fold(g, &x)
    if x.col != 1:
        keep = contiguous_tensor(keep)
        x.data, x.row = data_of(keep), x.cols
    out = new_tensor(g.code, False, 1, &x.cols)
    to = data_of(out)
    (<total_function> gemm_slot(GEMM_TOTAL + g.code))(x.rows, x.cols, x.data, x.row, to)
    return out
