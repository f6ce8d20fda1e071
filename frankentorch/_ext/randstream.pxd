# Random numbers: PyTorch's CPU stream. A fill writes n dense elements of one dtype in memory order and takes the engine's
# lock itself; call it with or without the GIL. Numbers depend on the engine's state alone. All return 0, or -1 if the
# dtype has no such fill. Arguments are not checked here: `check_*` of random.pxd raise what PyTorch raises.
#
# What the tensor layer owes for a result that is not one dense block in row-major order: elements are drawn in MEMORY
# order (descending strides), not logical order; `normal` then takes the one-at-a-time path (blocks=False) whatever n is.
# Complex tensors are filled as their real view of 2 n elements; for `normal` with std / sqrt(2).
cdef struct Engine:
    unsigned long long seed
    double cached              # second normal of the last pair
    int has_cached
    int left                   # words until the next twist, plus one
    unsigned int next          # index of the next word
    int lock
    unsigned int state[624]

cdef void seed_engine(Engine* rng, unsigned long long seed) noexcept nogil
cdef void draw_words(Engine* rng, unsigned int* words, Py_ssize_t n) noexcept nogil      # the lock must be held
cdef void draw_normals(Engine* rng, double* out, Py_ssize_t n) noexcept nogil           # one by one, as `normal` of few; the lock must be held

cdef int fill_uniform(Engine* rng, int code, void* out, Py_ssize_t n, double low, double high) noexcept nogil
cdef int fill_normal(Engine* rng, int code, void* out, Py_ssize_t n, double mean, double std, bint blocks) noexcept nogil
cdef int fill_integers(Engine* rng, int code, void* out, Py_ssize_t n, long long low, unsigned long long count) noexcept nogil
cdef int fill_random(Engine* rng, int code, void* out, Py_ssize_t n) noexcept nogil       # random_() without bounds
cdef int fill_bernoulli(Engine* rng, int code, void* out, Py_ssize_t n, double p) noexcept nogil
cdef int fill_bernoulli_each(Engine* rng, int code, void* out, Py_ssize_t n, int p_code, const void* p) noexcept nogil
cdef int fill_exponential(Engine* rng, int code, void* out, Py_ssize_t n, double rate) noexcept nogil
cdef int fill_cauchy(Engine* rng, int code, void* out, Py_ssize_t n, double median, double sigma) noexcept nogil
cdef int fill_geometric(Engine* rng, int code, void* out, Py_ssize_t n, double p) noexcept nogil
cdef int fill_log_normal(Engine* rng, int code, void* out, Py_ssize_t n, double mean, double std) noexcept nogil
cdef int fill_permutation(Engine* rng, int code, void* out, Py_ssize_t n) noexcept nogil
cdef int fill_mask(Engine* rng, unsigned char* out, Py_ssize_t n, double p) noexcept nogil     # bernoulli as 0 / 1 bytes
cdef int fill_choices(Engine* rng, int code, const void* weights, Py_ssize_t categories,
                      long long* out, Py_ssize_t n, void* scratch) noexcept nogil     # one row, with replacement; see .pyx

cdef int significand_bits(int code) noexcept nogil            # of a floating dtype, 0 for others
cdef int item_bytes(int code) noexcept nogil
cdef float load_single(int code, const void* values, Py_ssize_t i) noexcept nogil      # f32, f16, bf16
cdef void hold_engine(Engine* rng) noexcept nogil
cdef void release_engine(Engine* rng) noexcept nogil
