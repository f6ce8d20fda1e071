# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Connectionist temporal classification (Graves et al. 2006): forward and backward variables over the labels with blanks
# between them, as logarithms in double. One sample after the other, time steps in order: the order of sums is fixed.
from libc.math cimport INFINITY
from frankentorch._ext.types cimport *
from frankentorch._ext.tensor cimport *
from frankentorch._ext.vecmath cimport exp_f64, log1p_f64
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, scalar_name


cdef inline double add_logs(double a, double b) noexcept nogil:
    """log(exp a + exp b)."""
    if a < b:
        a, b = b, a
    return a if b == -INFINITY else a + log1p_f64(exp_f64(b - a))


cdef inline long long label_at(const long long* labels, Py_ssize_t s, long long blank) noexcept nogil:
    """Symbol s of the labels with blanks around each."""
    return labels[s // 2] if s & 1 else blank


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


cdef double forward_one(const double* probs, Py_ssize_t step, const long long* labels, Py_ssize_t length, Py_ssize_t steps, long long blank, double* alpha,
                        Py_ssize_t width) noexcept nogil:
    """Fills alpha[steps][width]; returns minus the log-likelihood."""
    cdef Py_ssize_t t, s, states = 2 * length + 1
    cdef double total
    cdef long long symbol
    for s in range(width * steps):
        alpha[s] = -INFINITY
    if steps == 0:
        return 0.0 if length == 0 else INFINITY
    alpha[0] = probs[blank]
    if length:
        alpha[1] = probs[labels[0]]
    for t in range(1, steps):
        for s in range(states):
            symbol = label_at(labels, s, blank)
            total = alpha[(t - 1) * width + s]
            if s > 0:
                total = add_logs(total, alpha[(t - 1) * width + s - 1])
            if s > 1 and s & 1 and symbol != label_at(labels, s - 2, blank):
                total = add_logs(total, alpha[(t - 1) * width + s - 2])
            alpha[t * width + s] = total + probs[t * step + symbol]
    total = alpha[(steps - 1) * width + states - 1]
    if length:
        total = add_logs(total, alpha[(steps - 1) * width + states - 2])
    return -total


def ctc_loss(Tensor log_probs, Tensor targets, tuple input_lengths, tuple target_lengths, long long blank, bint zero_infinity):
    """(minus log-likelihoods (N), log alpha (N, T, 2 S + 1))."""
    cdef Py_ssize_t steps, batch, classes, longest, i, width
    cdef Py_ssize_t sizes[3]
    cdef Tensor loss, alpha, probs, labels
    steps, batch, classes, longest, offsets = prepare(log_probs, targets, input_lengths, target_lengths, blank)
    width = 2 * longest + 1
    sizes[0], sizes[1], sizes[2] = batch, steps, width
    loss, alpha = new_tensor(F64, is_meta(log_probs), 1, sizes), new_tensor(F64, is_meta(log_probs), 3, sizes)
    if is_meta(log_probs):
        return cast_tensor(loss, log_probs.code), cast_tensor(alpha, log_probs.code)
    probs, labels = contiguous_tensor(cast_tensor(log_probs, F64)), contiguous_tensor(cast_tensor(targets, I64))
    check_labels(labels, target_lengths, offsets, classes)
    for i in range(batch):
        (<double*> data_of(loss))[i] = forward_one(<double*> data_of(probs) + i * classes, batch * classes, <long long*> data_of(labels) + <Py_ssize_t> offsets[i],
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
    cdef Tensor out, probs, labels, alpha, beta, scale, loss64, sums
    cdef double total, nll
    cdef double* a
    cdef double* b
    cdef double* next_row
    cdef double* acc
    cdef double* result
    cdef const double* p
    cdef const long long* given
    cdef long long symbol
    steps, batch, classes, longest, offsets = prepare(log_probs, targets, input_lengths, target_lengths, blank)
    if is_meta(log_probs):
        return new_tensor(log_probs.code, True, 3, log_probs.sizes)
    out = new_tensor(F64, False, 3, log_probs.sizes)
    width = 2 * longest + 1
    probs, labels = contiguous_tensor(cast_tensor(log_probs, F64)), contiguous_tensor(cast_tensor(targets, I64))
    alpha, scale, loss64 = new_tensor(F64, False, 3, log_alpha.sizes), contiguous_tensor(cast_tensor(grad, F64)), contiguous_tensor(cast_tensor(loss, F64))
    beta, sums = new_tensor(F64, False, 3, log_alpha.sizes), new_tensor(F64, False, 1, &classes)
    acc = <double*> data_of(sums)
    for i in range(batch):
        length, input_length = target_lengths[i], input_lengths[i]
        states = 2 * length + 1
        p, given = <double*> data_of(probs) + i * classes, <long long*> data_of(labels) + <Py_ssize_t> offsets[i]
        a, b = <double*> data_of(alpha) + i * steps * width, <double*> data_of(beta) + i * steps * width
        result = <double*> data_of(out) + i * classes
        nll = forward_one(p, batch * classes, given, length, input_length, blank, a, width)
        for t in range(steps - 1, -1, -1):
            if t >= input_length or (zero_infinity and nll == INFINITY):
                for c in range(classes):
                    result[t * batch * classes + c] = 0
                continue
            for c in range(classes):
                acc[c] = -INFINITY
            next_row = b + (t + 1) * width
            for s in range(states):
                symbol = label_at(given, s, blank)
                if t == input_length - 1:
                    total = 0.0 if s >= states - 2 else -INFINITY
                else:
                    total = next_row[s]
                    if s + 1 < states:
                        total = add_logs(total, next_row[s + 1])
                    if s + 2 < states and s & 1 and symbol != label_at(given, s + 2, blank):
                        total = add_logs(total, next_row[s + 2])
                b[t * width + s] = total + p[t * batch * classes + symbol]
                acc[symbol] = add_logs(acc[symbol], a[t * width + s] + b[t * width + s])
            for c in range(classes):
                total = p[t * batch * classes + c]
                result[t * batch * classes + c] = (exp_f64(total) - exp_f64(acc[c] + nll - total)) * (<double*> data_of(scale))[i]
    return cast_tensor(out, log_probs.code)
