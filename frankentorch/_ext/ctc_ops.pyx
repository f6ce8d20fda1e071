# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Connectionist temporal classification (Graves et al. 2006): forward and backward variables over the labels with blanks
# between them, as logarithms in double. One sample after the other, time steps in order, all labels of a step at once (ctc.pyx).
from libc.math cimport INFINITY
from frankentorch._ext.types cimport *
from frankentorch._ext.tensor cimport *
from frankentorch._ext.ctc cimport *
from frankentorch._ext.levels cimport fill_ctc
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, scalar_name

cdef void* table[CTC_SLOTS]
fill_ctc(table)


ctypedef double (*add_function)(double a, double b) noexcept nogil


cdef struct Lanes:
    Py_ssize_t n                    # room for `longest` labels and one state more, in whole vectors
    double* skip                    # [n + 1]: 0 where a label may follow the one before without a blank
    double* label                   # [n]: of one time step, 0 past the labels
    double* even[2]                 # [n + 1] each: the step before, and this one
    double* odd[2]                  # [1 + n + 1] each, seen from the second value


cdef Tensor lanes_of(Lanes* lanes, Py_ssize_t longest):
    """Room for the steps of one sample; the tensor owns it."""
    cdef Py_ssize_t row, n = (longest + CTC_LANES) // CTC_LANES * CTC_LANES, total
    cdef Tensor room
    cdef double* at
    cdef int i
    row = n + 2
    total = 6 * row
    room = new_tensor(F64, False, 1, &total)
    at = <double*> data_of(room)
    lanes.n, lanes.skip, lanes.label = n, at, at + row
    for i in range(2):
        lanes.even[i], lanes.odd[i] = at + (2 + i) * row, at + (4 + i) * row + 1
    return room


cdef void start_lanes(Lanes* lanes, const long long* labels, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    for k in range(lanes.n + 1):
        lanes.skip[k] = 0 if 0 < k < length and labels[k] != labels[k - 1] else -INFINITY
    for i in range(2):
        lanes.odd[i][-1] = lanes.odd[i][lanes.n] = -INFINITY
        for k in range(lanes.n + 1):
            lanes.even[i][k] = lanes.odd[i][k] = -INFINITY
    for k in range(lanes.n):
        lanes.label[k] = 0


cdef void step_lanes(Lanes* lanes, int direction, Py_ssize_t t, const double* probs, const long long* labels, Py_ssize_t length, long long blank, double* row) noexcept nogil:
    """Time step t, of which `probs` are the probabilities, from lanes 1 - t & 1 to lanes t & 1; its states go to `row`."""
    cdef Py_ssize_t k
    cdef int to = t & 1
    for k in range(length):
        lanes.label[k] = probs[labels[k]]
    (<ctc_step> table[direction])(lanes.n, lanes.even[1 - to], lanes.odd[1 - to], lanes.skip, probs[blank], lanes.label, lanes.even[to], lanes.odd[to])
    for k in range(length):
        row[2 * k], row[2 * k + 1] = lanes.even[to][k], lanes.odd[to][k]
    row[2 * length] = lanes.even[to][length]
    for k in range(length, lanes.n + 1):            # of no account, but kept quiet: what comes after the last blank is never reached
        lanes.odd[to][k] = -INFINITY
        if k > length:
            lanes.even[to][k] = -INFINITY


cdef tuple prepare(Tensor log_probs, Tensor targets, tuple input_lengths, tuple target_lengths, long long blank):
    """(steps, batch, classes, longest target, offsets of the targets); everything is checked here."""
    cdef Py_ssize_t batch, steps, classes, i, longest = 0, at = 0
    if log_probs.code != F32 and log_probs.code != F64:
        raise NotImplementedError(f'"ctc_loss_cpu" not implemented for {scalar_name(log_probs.code)}')
    if targets.code != I64 and targets.code != I32:
        raise RuntimeError(f"ctc_loss: targets must be Long or Int, got {scalar_name(targets.code)}")
    if log_probs.rank != 3:
        raise RuntimeError(f"ctc_loss: log_probs must be (T, N, C), got {describe(log_probs)}")
    steps, batch, classes = log_probs.sizes[0], log_probs.sizes[1], log_probs.sizes[2]
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range: {blank} of {classes} classes")
    if len(input_lengths) != batch:
        raise RuntimeError(f"input_lengths must be of size batch_size: {len(input_lengths)} for a batch of {batch}")
    if len(target_lengths) != batch:
        raise RuntimeError(f"target_lengths must be of size batch_size: {len(target_lengths)} for a batch of {batch}")
    offsets = []
    for i in range(batch):
        if target_lengths[i] < 0:
            raise RuntimeError(f"Expected target_lengths to have value at least 0, but got value {target_lengths[i]} (ctc_loss)")
        if not 0 <= input_lengths[i] <= steps:
            raise RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {input_lengths[i]} (while checking arguments for ctc_loss)")
        longest = max(longest, <Py_ssize_t> target_lengths[i])
        offsets.append(at if targets.rank == 1 else i * targets.sizes[1])
        at += target_lengths[i]
    if targets.rank == 1:
        if targets.count != at:
            raise RuntimeError(f"Expected tensor to have size {at} at dimension 0, but got size {targets.count} for targets (while checking arguments for ctc_loss)")
    elif targets.rank != 2 or targets.sizes[0] != batch or targets.sizes[1] < longest:
        raise RuntimeError(f"Expected tensor to have size at least {longest} at dimension 1, but got {describe(targets)} for targets (while checking arguments for ctc_loss)")
    return steps, batch, classes, longest, tuple(offsets)


cdef double forward_one(Lanes* lanes, const double* probs, Py_ssize_t step, const long long* labels, Py_ssize_t length, Py_ssize_t steps, long long blank, double* alpha,
                        Py_ssize_t width) noexcept nogil:
    """Fills alpha[steps][width]; returns minus the log-likelihood."""
    cdef Py_ssize_t t, s, states = 2 * length + 1
    cdef double total
    for s in range(width * steps):
        alpha[s] = -INFINITY
    if steps == 0:
        return 0.0 if length == 0 else INFINITY
    start_lanes(lanes, labels, length)
    alpha[0] = lanes.even[0][0] = probs[blank]
    if length:
        alpha[1] = lanes.odd[0][0] = probs[labels[0]]
    for t in range(1, steps):
        step_lanes(lanes, CTC_FORWARD, t, probs + t * step, labels, length, blank, alpha + t * width)
    total = alpha[(steps - 1) * width + states - 1]
    if length:
        total = (<add_function> table[CTC_ADD])(total, alpha[(steps - 1) * width + states - 2])
    return -total


def ctc_loss(Tensor log_probs, Tensor targets, tuple input_lengths, tuple target_lengths, long long blank, bint zero_infinity):
    """(minus log-likelihoods (N), log alpha (N, T, 2 S + 1))."""
    cdef Py_ssize_t steps, batch, classes, longest, i, width
    cdef Py_ssize_t sizes[3]
    cdef Tensor loss, alpha, probs, labels, room
    cdef Lanes lanes
    steps, batch, classes, longest, offsets = prepare(log_probs, targets, input_lengths, target_lengths, blank)
    width = 2 * longest + 1
    sizes[0], sizes[1], sizes[2] = batch, steps, width
    loss, alpha = new_tensor(F64, is_meta(log_probs), 1, sizes), new_tensor(F64, is_meta(log_probs), 3, sizes)
    if is_meta(log_probs):
        return cast_tensor(loss, log_probs.code), cast_tensor(alpha, log_probs.code)
    probs, labels = contiguous_tensor(cast_tensor(log_probs, F64)), contiguous_tensor(cast_tensor(targets, I64))
    check_labels(labels, target_lengths, offsets, classes)
    room = lanes_of(&lanes, longest)
    for i in range(batch):
        (<double*> data_of(loss))[i] = forward_one(&lanes, <double*> data_of(probs) + i * classes, batch * classes, <long long*> data_of(labels) + <Py_ssize_t> offsets[i],
                                                   target_lengths[i], input_lengths[i], blank, <double*> data_of(alpha) + i * steps * width, width)
    return cast_tensor(loss, log_probs.code), cast_tensor(alpha, log_probs.code)


cdef int check_labels(Tensor labels, tuple lengths, tuple offsets, Py_ssize_t classes) except -1:
    cdef Py_ssize_t i, k
    cdef long long label
    for i in range(len(lengths)):
        for k in range(<Py_ssize_t> lengths[i]):
            label = (<long long*> data_of(labels))[<Py_ssize_t> offsets[i] + k]
            if not 0 <= label < classes:
                raise IndexError(f"ctc_loss: target {label} of sample {i} is out of bounds for {classes} classes")
    return 0


def ctc_loss_backward(Tensor grad, Tensor log_probs, Tensor targets, tuple input_lengths, tuple target_lengths, Tensor loss, Tensor log_alpha, long long blank, bint zero_infinity):
    """Gradient for logits behind log_softmax: grad * (exp(log_probs) - occupancy of each symbol)."""
    cdef Py_ssize_t steps, batch, classes, longest, width, i, s, t, c, states, length, input_length
    cdef Tensor out, probs, labels, alpha, beta, scale, sums, room
    cdef Lanes lanes
    cdef double nll, total
    cdef double* a
    cdef double* b
    cdef double* acc
    cdef double* result
    cdef const double* p
    cdef const double* now
    cdef const long long* given
    steps, batch, classes, longest, offsets = prepare(log_probs, targets, input_lengths, target_lengths, blank)
    if is_meta(log_probs):
        return new_tensor(log_probs.code, True, 3, log_probs.sizes)
    out = new_tensor(F64, False, 3, log_probs.sizes)
    width = 2 * longest + 1
    probs, labels = contiguous_tensor(cast_tensor(log_probs, F64)), contiguous_tensor(cast_tensor(targets, I64))
    alpha, scale = new_tensor(F64, False, 3, log_alpha.sizes), contiguous_tensor(cast_tensor(grad, F64))
    beta, sums = new_tensor(F64, False, 3, log_alpha.sizes), new_tensor(F64, False, 1, &classes)
    acc = <double*> data_of(sums)
    room = lanes_of(&lanes, longest)
    for i in range(batch):
        length, input_length = target_lengths[i], input_lengths[i]
        states = 2 * length + 1
        p, given = <double*> data_of(probs) + i * classes, <long long*> data_of(labels) + <Py_ssize_t> offsets[i]
        a, b = <double*> data_of(alpha) + i * steps * width, <double*> data_of(beta) + i * steps * width
        result = <double*> data_of(out) + i * classes
        nll = forward_one(&lanes, p, batch * classes, given, length, input_length, blank, a, width)
        start_lanes(&lanes, given, length)
        for t in range(steps - 1, -1, -1):
            now = p + t * batch * classes
            if t >= input_length or (zero_infinity and nll == INFINITY):
                for c in range(classes):
                    result[t * batch * classes + c] = 0
                continue
            for c in range(classes):
                acc[c] = -INFINITY
            if t == input_length - 1:
                for s in range(states):             # only the last two may end a path
                    total = (0.0 if s >= states - 2 else -INFINITY) + now[given[s // 2] if s & 1 else blank]
                    b[t * width + s] = total
                    if s & 1:
                        lanes.odd[t & 1][s // 2] = total
                    else:
                        lanes.even[t & 1][s // 2] = total
            else:
                step_lanes(&lanes, CTC_BACKWARD, t, now, given, length, blank, b + t * width)
            (<ctc_gather> table[CTC_GATHER])(states, given, blank, a + t * width, b + t * width, acc)
            (<ctc_slope> table[CTC_SLOPE])(classes, now, acc, nll, (<double*> data_of(scale))[i], result + t * batch * classes)
    return cast_tensor(out, log_probs.code)
