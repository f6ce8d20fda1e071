# Slots of the table of random kernels; words are 32-bit outputs of the generator, in the order drawn.
cdef enum:
    RAND_TWIST = 0            # void (unsigned* state)                                        the next 624 states
    RAND_TEMPER = 1           # void (const unsigned* state, unsigned* words, n)              states to outputs
    RAND_UNIFORM_F32 = 2      # void (words, float* out, n, double low, double high)          one word each
    RAND_UNIFORM_F64 = 3      # void (words, double* out, n, double low, double high)         two words each
    RAND_BELOW = 4            # void (words, unsigned char* out, n, double p, 0)              1 where uniform < p; two words each
    RAND_EXPONENTIAL = 5      # void (words, double* out, n, double scale, 0)                 two words each
    RAND_CAUCHY = 6           # void (words, double* out, n, double median, double sigma)     two words each
    RAND_GEOMETRIC = 7        # void (words, double* out, n, double p, 0)                     two words each
    RAND_POLAR = 8            # void (words, double* out, n, 0, 0)                            n even; two words each, normals in pairs
    RAND_SCALE = 9            # void (unused, double* out, n, double mean, double std)        in place: mean + std x
    RAND_EXP = 10             # void (unused, double* out, n, 0, 0)                           in place
    RAND_NORMAL_F32 = 11      # void (words, float* out, n, double mean, double std)          n in blocks of 16, one word each
    RAND_NORMAL_F64 = 12      # void (words, double* out, n, double mean, double std)         n in blocks of 16, two words each
    RAND_STORE_F16 = 13       # void (float* values, unsigned short* out, n, double first, double last)    rounded; the bit
    RAND_STORE_BF16 = 14      #       pattern `last` is replaced by `first` (an end of a range that is not in the range)
    RAND_SHARES_F32 = 15      # void (unused, float* sums, n, double total, 0)                in place: sums / total
    RAND_SHARES_F64 = 16      # void (unused, double* sums, n, double total, 0)
    RAND_CHOOSE_F32 = 17      # void (const double* uniforms, long long* out, n, const float* shares, categories)     the first share
    RAND_CHOOSE_F64 = 18      #       that is not less than the uniform, or the last; shares ascend
    RAND_SLOTS = 19
