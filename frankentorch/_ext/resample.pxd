# Terms of each of n places along one dim: start[o] to start[o + 1] of index, among n_in places, and weights.
cdef struct Spread:
    Py_ssize_t n_in, n
    Py_ssize_t* start
    int* index
    float* narrow
    double* wide

# One pass of a resampling along the middle of (outer, n_in, inner) values: out[b, o, i] = sum over the terms t of o ascending of
# weight[t] * x[b, index[t], i], from zero or, not `adjoint`, from the first; each product and each sum is rounded.
# room: (n_in + n + 2) * GROUP values where inner is 1
ctypedef void (*resample_function)(const Spread* spread, bint adjoint, Py_ssize_t outer, Py_ssize_t inner, const void* x, void* out, void* room) noexcept nogil

# out[i * step] += x[i] for i < n, each of `lanes` values side by side
ctypedef void (*add_function)(Py_ssize_t n, Py_ssize_t lanes, Py_ssize_t step, const void* x, void* out) noexcept nogil

cdef enum:
    POINTS = 128                # of an image, worked at once for all channels
    GROUP = 16                  # channels side by side
    CORNERS = 16                # of a point, at most

cdef struct Samples:
    const char* grid                    # (images, points, dims): coordinates from -1 to 1, those of the last dim first
    const int* places                   # or (images, corners, points): flat places of a plane, -1 outside; a plane has fewer than 2^31
    const char* weights                 # and their weights
    Py_ssize_t sizes[3]
    Py_ssize_t dims, taps, corners, images, channels, points      # taps of a dim: 1 the nearest, 2 linear, 4 cubic
    int padding                         # outside is: 0 zeros, 1 the border, 2 turned back
    bint align                          # -1 and 1 are middles of the outer places, not their edges

# Flat place (-1 outside) and weight of each corner of the points first .. first + n of an image, the last dim's taps fastest; POINTS values apart.
# Linear weights that are not finite count as 0
ctypedef void (*places_function)(const Samples* s, Py_ssize_t image, Py_ssize_t first, Py_ssize_t n, int* index, void* weight) noexcept nogil

# Image planes as places of GROUP channels side by side, those that are not there 0, and one more place of zeros
ctypedef void (*turn_function)(Py_ssize_t size, Py_ssize_t channels, const void* x, void* turned) noexcept nogil

# out[k * out_row + i] = sum over corners t ascending of weight[t * POINTS + i] * turned[index[t * POINTS + i]][k], where -1 stands for the last
# of size + 1 places; each product and sum rounded, i < n <= POINTS, k < channels
ctypedef void (*corners_function)(Py_ssize_t n, Py_ssize_t corners, const int* index, const void* weight, Py_ssize_t size, const void* turned,
                                  Py_ssize_t channels, void* out, Py_ssize_t out_row) noexcept nogil

# sums[index[t * POINTS + i]][k] += weight[t * POINTS + i] * g[i][k] for i ascending, in it corners t ascending, k < GROUP
ctypedef void (*scatter_function)(Py_ssize_t n, Py_ssize_t corners, const int* index, const void* weight, Py_ssize_t size, const void* g, void* sums) noexcept nogil

# out[k * POINTS + i] = g[k * g_row + i] * x[k * size + index[i]], 0 for x outside, k < channels
ctypedef void (*products_function)(Py_ssize_t n, const int* index, Py_ssize_t channels, const void* g, Py_ssize_t g_row, const void* x, Py_ssize_t size, void* out) noexcept nogil

# Places of GROUP channels side by side to lines of n values, lines out_row values apart
ctypedef void (*back_function)(Py_ssize_t n, Py_ssize_t channels, const void* turned, void* out, Py_ssize_t out_row) noexcept nogil

cdef enum:
    RESAMPLE_F32 = 0            # which of the two
    RESAMPLE_F64 = 1
    RESAMPLE_SUMS = 0           # + which
    RESAMPLE_ADD = 2            # and so on
    RESAMPLE_TURN = 4
    RESAMPLE_PLACES = 6
    RESAMPLE_CORNERS = 8
    RESAMPLE_SCATTER = 10
    RESAMPLE_PRODUCTS = 12
    RESAMPLE_BACK = 14
    RESAMPLE_SLOTS = 16
