# Slots of the table of optimizer kernels: base + 4 * variant + code - F16 (F16, BF16, F32, F64; complex tensors as pairs).
# A kernel changes n elements: optim_kernel(h, n, param, grad, first, second, third), states it does not have NULL.
# h[H_SIGN] is -1 to ascend, else 1; the other numbers are listed with each kernel.
cdef enum:
    OPTIM_SGD = 0               # 4 * variant, variant = 5 * penalty + kind; first: momentum
    OPTIM_ADAM = 40             # 8 * decay + 4 * amsgrad; first: mean, second: mean square, third: largest mean square
    OPTIM_RMSPROP = 64          # 16 * penalty + 8 * centred + 4 * momentum; first: mean square, second: momentum, third: mean
    OPTIM_ADAGRAD = 96          # 4 * penalty; first: sum of squares
    OPTIM_SCALE = 104           # param *= the one number at grad
    OPTIM_ADADELTA = 108        # 4 * penalty; first: mean square, second: mean square of steps
    OPTIM_ADAMAX = 116          # 4 * penalty; first: mean, second: largest magnitude
    OPTIM_NADAM = 124           # 4 * decay; first: mean, second: mean square
    OPTIM_RADAM = 136           # 8 * decay + 4 * rectified; first: mean, second: mean square
    OPTIM_ASGD = 160            # 4 * penalty; first: average
    OPTIM_RPROP = 168           # first: last gradient, second: step length
    OPTIM_SLOTS = 172

cdef enum:                      # kinds of SGD
    SGD_PLAIN = 0
    SGD_START = 1               # momentum starts as the gradient
    SGD_MOMENTUM = 2
    SGD_NESTEROV_START = 3
    SGD_NESTEROV = 4

cdef enum:
    DECAY_NONE = 0
    DECAY_PENALTY = 1           # the L2 penalty joins the gradient
    DECAY_SHRINK = 2            # the parameter is multiplied (AdamW)

cdef enum:
    H_SIGN = 0
    H_DECAY = 1                 # coefficient of the penalty, or the factor that shrinks
    H_RATE = 2                  # minus the step size
    H_MOMENTUM = 3
    H_FRESH = 4                 # 1 - dampening
    H_MEAN_WEIGHT = 5           # of the new gradient in the running mean
    H_SQUARE_KEEP = 6           # of the old mean square
    H_SQUARE_WEIGHT = 7         # of the new square
    H_CORRECTION = 8            # divides the root
    H_EPSILON = 9
    H_SECOND = 10               # one more of the algorithm's own: rate of the mean, rectification, share, greatest length
    H_THIRD = 11
    OPTIM_NUMBERS = 12

ctypedef void (*optim_kernel)(const double* h, Py_ssize_t n, char* param, const char* grad, char* first, char* second,
                              char* third) noexcept nogil
