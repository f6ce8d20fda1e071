# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Optimizer steps: one call changes all parameters of a group. A first walk looks at every parameter, its gradient and state
# and changes nothing; if all are what the kernels know, a second counts the steps and makes the numbers, and the kernels
# run over pieces of the tensors laid end to end. Each `<name>_step(group, state)` answers
#     True   done
#     False  not for the kernels (options as tensors, differentiable, subclasses, meta, odd state): take the general path
#     None   a parameter has no state yet: make it and call again
# A gradient or state laid out unlike its parameter is worked on as a contiguous copy: the bits do not know the layout.
from frankentorch._ext import reduce_ops
from cpython.dict cimport PyDict_GetItem
from cpython.ref cimport PyObject
from libc.math cimport pow, sqrt
from libc.string cimport memcpy
from libc.stdlib cimport malloc, free, qsort
from frankentorch._ext.types cimport *
from frankentorch._ext.lanes cimport two_product_f64
from frankentorch._ext.tensor cimport *
from frankentorch._ext.dispatch cimport plain
from frankentorch._ext.dtype cimport ITEMSIZE, is_complex_code
from frankentorch._ext.elementwise cimport contiguous_tensor, copy_into
from frankentorch._ext.levels cimport fill_optim, fill_optim_half
from frankentorch._ext.optim cimport *
from frankentorch._ext.threads cimport parallel_for

cdef enum:
    PIECE = 16384                # elements a thread takes at once
    SMALL = 4096                 # fewer in all: not worth giving up the interpreter lock

cdef enum:
    READY = 0
    GENERAL = 1
    NEW_STATE = 2
    NO_GRADIENT = 3

cdef void* table[OPTIM_SLOTS]
fill_optim(table)
fill_optim_half(table)

cdef struct Job:
    optim_kernel kernel
    Py_ssize_t n, first_piece
    int item, kind               # kind: code - F16 of the reals worked on
    char* param
    char* grad
    char* states[3]
    char* counter                # the step count in memory, or NULL
    int counter_code
    char* cells[2]               # other numbers among the states
    int cell_codes[2]
    bint grad_moves              # false: one number
    bint fresh                   # the state was made in this call
    double step
    double h[OPTIM_NUMBERS]

cdef struct Region:
    Job* jobs
    Py_ssize_t count


cdef class Steps:
    """The jobs of one call, and what they work on."""
    cdef Job* jobs
    cdef Py_ssize_t count
    cdef Tensor param, model     # of the last job: the parameter, and itself or the dense copy that stands for it
    cdef dict entry              # of the last job: the parameter's state
    cdef list written            # tensors that change
    cdef list held               # copies of gradients
    cdef list copies             # (tensor, copy that goes back into it)
    cdef list entries            # (state dict, name, new tensor) to store at the end
    cdef dict group              # the options
    cdef double numbers[8]       # those asked for, in order

    def __cinit__(self, Py_ssize_t room):
        self.jobs = <Job*> malloc((room if room else 1) * sizeof(Job))
        if self.jobs == NULL:
            raise MemoryError("optimizer step")
        self.written, self.held, self.copies, self.entries = [], [], [], []

    def __dealloc__(self):
        free(self.jobs)


# ---- numbers ----
cdef void multiply(double* x, double* x_low, double y, double y_low) noexcept:
    """x *= y, both unevaluated sums of two doubles (Dekker 1971)."""
    cdef double low
    cdef double high = two_product_f64(x[0], y, &low)
    low += x[0] * y_low + x_low[0] * y
    x[0] = high + low
    x_low[0] = low - (x[0] - high)


cdef double whole_power(double base, long long exponent) noexcept:
    """base ** exponent for 0 <= base <= 1, the bits of optim._scalar.power: libm's pow differs between CPUs."""
    cdef double result = 1.0, low = 0.0, factor = base, factor_low = 0.0
    while exponent:
        if exponent & 1:
            multiply(&result, &low, factor, factor_low)
        exponent >>= 1
        if exponent:
            multiply(&factor, &factor_low, factor, factor_low)
    return result


def power_of(double base, long long exponent):
    """`whole_power`, for the tests."""
    return whole_power(base, exponent)


cdef double power(double base, double exponent) noexcept:
    """`optim._scalar.power` of numbers."""
    cdef double whole = 0
    if 0 <= base <= 1 and 0 <= exponent < 9e18 and exponent == <long long> exponent:
        whole = whole_power(base, <long long> exponent)
    return whole if whole > 1e-130 else pow(base, exponent)


cdef bint number_of(object item, double* value) except -1:
    """Fetch an option; false unless it is a plain number."""
    if type(item) is not float and type(item) is not int:
        return False
    value[0] = item
    return True


cdef bint truth(dict group, str name) except -1:
    cdef PyObject* value = PyDict_GetItem(group, name)
    return value != NULL and bool(<object> value)


cdef bint flag(object options, str name) except -1:
    return type(options) is dict and truth(<dict> options, name)


cdef Steps begun(object options, object states, tuple wanted):
    """No jobs yet, the options' numbers (a pair counts as two) in order; None unless all are plain and the options usual."""
    cdef Steps steps
    cdef int k = 0
    cdef object item, part
    if type(options) is not dict or not isinstance(states, dict) or flag(options, "differentiable") or flag(options, "capturable"):
        return None
    steps = Steps.__new__(Steps, len((<dict> options)["params"]))
    steps.group = <dict> options
    for name in wanted:
        item = steps.group[name]
        for part in item if type(item) is tuple or type(item) is list else (item,):
            if k == 8 or not number_of(part, &steps.numbers[k]):
                return None
            k += 1
    return steps


# ---- looking ----
cdef bint same_sizes(Tensor a, Tensor b) noexcept:
    cdef int d
    if a.code != b.code or a.rank != b.rank or is_meta(a) != is_meta(b):
        return False
    for d in range(a.rank):
        if a.sizes[d] != b.sizes[d]:
            return False
    return True


cdef bint same_walk(Tensor a, Tensor b) noexcept:
    """Both lie in memory in one order without gaps, so that a flat walk over both meets equal places."""
    cdef int d
    if a.flags & b.flags & DENSE:
        return True
    for d in range(a.rank):
        if a.strides[d] != b.strides[d] and a.sizes[d] != 1:
            return False
    return non_overlapping_and_dense(a)


cdef bint changeable(Tensor t) noexcept:
    return not (t.storage.read_only or t.flags & (INFERENCE | META) or (t.base is not None and t.creation_meta != VIEW_DEFAULT))


cdef Tensor copy_like(Tensor t, Tensor model):
    cdef Tensor copy = new_like(model, t.code)
    copy_into(copy, t)
    return copy


cdef char* place_of(Steps steps, Tensor t) except NULL:
    """Where to change the elements of t, in the order of the model's memory."""
    cdef Tensor copy
    if same_walk(t, steps.model):
        steps.written.append(t)
        return data_of(t) if t.count else <char*> table
    copy = copy_like(t, steps.model)
    steps.copies.append((t, copy))
    return data_of(copy)


cdef int add_job(Steps steps, object parameter) except -1:
    """A job for one parameter and its gradient, if it has one."""
    cdef Tensor param, grad, copy
    cdef Job* job = &steps.jobs[steps.count]
    if isinstance(parameter, Tensor) and (<Tensor> parameter).gradient is None:
        return NO_GRADIENT
    if not plain(parameter):
        return GENERAL
    param = <Tensor> parameter
    if not plain(param.gradient) or param.code < F16 or not changeable(param):
        return GENERAL
    grad = <Tensor> param.gradient
    if not same_sizes(grad, param):
        return GENERAL
    job.n, job.item, job.kind = param.count, ITEMSIZE[param.code], param.code - F16
    if param.code >= C64:
        job.n, job.item, job.kind = 2 * job.n, job.item // 2, job.kind - 2
    job.counter, job.step, job.fresh, job.grad_moves = NULL, 0, False, True
    job.states[0] = job.states[1] = job.states[2] = NULL
    steps.param = steps.model = param
    if not param.flags & DENSE and not non_overlapping_and_dense(param):
        steps.model = copy = copy_like(param, param)
        steps.copies.append((param, copy))
        job.param = data_of(copy)
    else:
        job.param = place_of(steps, param)
    if grad.storage is param.storage or not same_walk(grad, steps.model):
        grad = copy_like(grad, steps.model)
        steps.held.append(grad)
    job.grad = data_of(grad)
    steps.count += 1
    return READY


cdef int add_state(Steps steps, int place, str name) except -1:
    """A state tensor of the last job."""
    cdef PyObject* found = PyDict_GetItem(steps.entry, name)
    cdef Job* job = &steps.jobs[steps.count - 1]
    if found == NULL or type(<object> found) is not Tensor or not same_sizes(<Tensor> found, steps.param) or not changeable(<Tensor> found):
        return GENERAL
    job.states[place] = place_of(steps, <Tensor> found)
    return READY


cdef int add_counted(Steps steps, object parameter, dict state) except -1:
    """A job for a parameter that has a state with a step counter: 0-d float32 or float64, a whole number in it."""
    cdef PyObject* found
    cdef Job* job = &steps.jobs[steps.count]
    cdef Tensor counter
    cdef int verdict = add_job(steps, parameter)
    if verdict != READY:
        return verdict
    found = PyDict_GetItem(state, parameter)
    if found == NULL or not <object> found:
        return NEW_STATE
    if type(<object> found) is not dict:
        return GENERAL
    steps.entry = <dict> found
    found = PyDict_GetItem(steps.entry, "step")
    if found == NULL or type(<object> found) is not Tensor:
        return GENERAL
    counter = <Tensor> found
    if counter.rank or (counter.code != F32 and counter.code != F64) or not changeable(counter):
        return GENERAL
    job.counter, job.counter_code = data_of(counter), counter.code
    job.step = 1 + ((<float*> job.counter)[0] if counter.code == F32 else (<double*> job.counter)[0])
    if not 1 <= job.step < 1e7 or job.step != <long long> job.step:
        return GENERAL
    steps.written.append(counter)
    return READY


cdef int add_cell(Steps steps, int place, str name) except -1:
    """A number among the states of the last job: 0-d float32 or float64."""
    cdef PyObject* found = PyDict_GetItem(steps.entry, name)
    cdef Job* job = &steps.jobs[steps.count - 1]
    cdef Tensor cell
    if found == NULL or type(<object> found) is not Tensor:
        return GENERAL
    cell = <Tensor> found
    if cell.rank or (cell.code != F32 and cell.code != F64) or not changeable(cell):
        return GENERAL
    job.cells[place], job.cell_codes[place] = data_of(cell), cell.code
    steps.written.append(cell)
    return READY


cdef double cell_value(Job* job, int place) noexcept:
    return (<float*> job.cells[place])[0] if job.cell_codes[place] == F32 else (<double*> job.cells[place])[0]


cdef void set_cell(Job* job, int place, double value) noexcept:
    if job.cell_codes[place] == F32:
        (<float*> job.cells[place])[0] = <float> value
    else:
        (<double*> job.cells[place])[0] = value


cdef object collected(Steps steps, dict state, tuple names, tuple cells=()):
    """Jobs for all parameters with gradients, their counters, the state tensors of those names (None: not in use) and the
    numbers among the states: True, or the step's answer."""
    cdef int found, place
    for item in <list> steps.group["params"]:
        found = add_counted(steps, item, state)
        if found == NO_GRADIENT:
            continue
        place = 0
        while found == READY and place < len(names):
            found = READY if names[place] is None else add_state(steps, place, names[place])
            place += 1
        place = 0
        while found == READY and place < len(cells):
            found = add_cell(steps, place, cells[place])
            place += 1
        if found != READY:
            return None if found == NEW_STATE else False
    return not overlapping(steps)


cdef int by_address(const void* a, const void* b) noexcept nogil:
    cdef const char* x = (<const char**> a)[0]
    cdef const char* y = (<const char**> b)[0]
    return (x > y) - (x < y)


cdef bint overlapping(Steps steps) except -1:
    """Some parameters share memory (one is there twice): they must be taken one after the other."""
    cdef char** ranges = <char**> malloc((2 * steps.count + 1) * sizeof(char*))
    cdef Py_ssize_t i
    cdef bint found = False
    if ranges == NULL:
        raise MemoryError("optimizer step")
    for i in range(steps.count):
        ranges[2 * i] = steps.jobs[i].param
        ranges[2 * i + 1] = steps.jobs[i].param + steps.jobs[i].n * steps.jobs[i].item
    qsort(ranges, steps.count, 2 * sizeof(char*), by_address)
    for i in range(1, steps.count):
        if ranges[2 * i] < ranges[2 * i - 1]:
            found = True
    free(ranges)
    return found


# ---- running ----
cdef void run_pieces(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Region* region = <Region*> context
    cdef Py_ssize_t low = 0, high = region.count, middle, start
    cdef Job* job
    while high - low > 1:                # the last job that starts at or before this piece
        middle = (low + high) // 2
        if region.jobs[middle].first_piece <= begin:
            low = middle
        else:
            high = middle
    while begin < end:
        while low + 1 < region.count and region.jobs[low + 1].first_piece <= begin:
            low += 1
        job = &region.jobs[low]
        start = (begin - job.first_piece) * PIECE
        run_job(job, start, PIECE if job.n - start > PIECE else job.n - start)
        begin += 1


cdef inline void run_job(Job* job, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t at = start * job.item
    job.kernel(job.h, n, job.param + at, job.grad + (at if job.grad_moves else 0), job.states[0] + at, job.states[1] + at, job.states[2] + at)


cdef int run_steps(Steps steps) except -1:
    """Count the steps, run the kernels, put back what was copied, mark what changed."""
    cdef Region region
    cdef Py_ssize_t i, pieces = 0, total = 0
    cdef Job* job
    for i in range(steps.count):
        job = &steps.jobs[i]
        if job.counter != NULL and job.counter_code == F32:
            (<float*> job.counter)[0] = <float> job.step
        elif job.counter != NULL:
            (<double*> job.counter)[0] = job.step
        job.first_piece = pieces
        pieces += (job.n + PIECE - 1) // PIECE
        total += job.n
    if total < SMALL:
        for i in range(steps.count):
            run_job(&steps.jobs[i], 0, steps.jobs[i].n)
    else:
        region.jobs, region.count = steps.jobs, steps.count
        with nogil:
            parallel_for(run_pieces, &region, pieces, 1)
    for t in steps.written:
        (<Tensor> t).storage.version += 1
    for t, copy in steps.copies:
        copy_into(<Tensor> t, <Tensor> copy)
        (<Tensor> t).storage.version += 1
    for entry, name, t in steps.entries:
        (<dict> entry)[name] = t
    return 0


cdef int set_numbers(Job* job, dict group, double decay, double rate, double epsilon) except -1:
    job.h[H_SIGN] = -1.0 if truth(group, "maximize") else 1.0
    job.h[H_DECAY], job.h[H_RATE], job.h[H_EPSILON] = decay, rate, epsilon
    return 0


# ---- the algorithms ----
def sgd_step(object options, object states):
    """One step of SGD for the parameters of a group; see the head of this file."""
    cdef Steps steps = begun(options, states, ("lr", "momentum", "dampening", "weight_decay"))
    cdef bint nesterov = flag(options, "nesterov")
    cdef double rate, momentum, dampening, decay
    cdef Job* job
    cdef int found
    cdef Py_ssize_t i
    if steps is None:
        return False
    rate, momentum, dampening, decay = steps.numbers[0], steps.numbers[1], steps.numbers[2], steps.numbers[3]
    for item in steps.group["params"]:
        found = add_job(steps, item)
        if found == READY and momentum != 0:
            found = add_momentum(steps, <dict> states)
        if found != READY and found != NO_GRADIENT:
            return False
    if overlapping(steps):
        return False
    for i in range(steps.count):
        job = &steps.jobs[i]
        set_numbers(job, steps.group, decay, -rate, 0)
        job.h[H_MOMENTUM], job.h[H_FRESH] = momentum, 1 - dampening
        found = SGD_PLAIN
        if momentum != 0:
            found = (SGD_NESTEROV_START if job.fresh else SGD_NESTEROV) if nesterov else SGD_START if job.fresh else SGD_MOMENTUM
        job.kernel = <optim_kernel> table[OPTIM_SGD + 4 * (found + (5 if decay != 0 else 0)) + job.kind]
    run_steps(steps)
    return True


cdef int add_momentum(Steps steps, dict state) except -1:
    """The running direction of the last job, to be made when there is none."""
    cdef PyObject* found = PyDict_GetItem(state, steps.param)
    cdef Job* job = &steps.jobs[steps.count - 1]
    cdef Tensor direction
    if found == NULL:
        steps.entry = {}
        steps.entries.append((state, steps.param, steps.entry))
    elif type(<object> found) is dict:
        steps.entry = <dict> found
        found = PyDict_GetItem(steps.entry, "momentum_buffer")
    else:
        return GENERAL
    if found != NULL and <object> found is not None:
        return add_state(steps, 0, "momentum_buffer")
    direction = new_like(steps.model, steps.param.code)
    job.states[0], job.fresh = data_of(direction), True
    steps.entries.append((steps.entry, "momentum_buffer", direction))
    return READY


cdef int decay_kind(dict group, double decay) except -1:
    return DECAY_NONE if decay == 0 else DECAY_SHRINK if truth(group, "decoupled_weight_decay") else DECAY_PENALTY


cdef void set_means(Job* job, double beta1, double beta2) noexcept:
    """The running means of a gradient and of its square."""
    job.h[H_MEAN_WEIGHT], job.h[H_SQUARE_KEEP], job.h[H_SQUARE_WEIGHT] = 1 - beta1, beta2, 1 - beta2


def adam_step(object options, object states):
    """One step of Adam or AdamW."""
    cdef Steps steps = begun(options, states, ("lr", "eps", "weight_decay", "betas"))
    cdef bint largest = flag(options, "amsgrad")
    cdef double rate, epsilon, decay, beta1, beta2, last = -1, rest1 = 1, rest2 = 1
    cdef Job* job
    cdef int kind
    cdef Py_ssize_t i
    if steps is None:
        return False
    verdict = collected(steps, <dict> states, ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if largest else ("exp_avg", "exp_avg_sq"))
    if verdict is not True:
        return verdict
    rate, epsilon, decay, beta1, beta2 = steps.numbers[0], steps.numbers[1], steps.numbers[2], steps.numbers[3], steps.numbers[4]
    kind = decay_kind(steps.group, decay)
    for i in range(steps.count):
        job = &steps.jobs[i]
        if job.step != last:             # parameters of one age share the corrections
            last = job.step
            rest1, rest2 = 1 - whole_power(beta1, <long long> last), sqrt(1 - whole_power(beta2, <long long> last))
        set_numbers(job, steps.group, 1 - rate * decay if kind == DECAY_SHRINK else decay, -(rate / rest1), epsilon)
        set_means(job, beta1, beta2)
        job.h[H_CORRECTION] = rest2
        job.kernel = <optim_kernel> table[OPTIM_ADAM + 8 * kind + (4 if largest else 0) + job.kind]
    run_steps(steps)
    return True


def rmsprop_step(object options, object states):
    """One step of RMSprop."""
    cdef Steps steps = begun(options, states, ("lr", "eps", "weight_decay", "alpha", "momentum"))
    cdef bint centred = flag(options, "centered")
    cdef double rate, epsilon, decay, alpha, momentum
    cdef Job* job
    cdef Py_ssize_t i
    if steps is None:
        return False
    rate, epsilon, decay, alpha, momentum = steps.numbers[0], steps.numbers[1], steps.numbers[2], steps.numbers[3], steps.numbers[4]
    verdict = collected(steps, <dict> states, ("square_avg", "momentum_buffer" if momentum > 0 else None, "grad_avg" if centred else None))
    if verdict is not True:
        return verdict
    for i in range(steps.count):
        job = &steps.jobs[i]
        set_numbers(job, steps.group, decay, -rate, epsilon)
        set_means(job, alpha, alpha)
        job.h[H_MOMENTUM] = momentum
        job.kernel = <optim_kernel> table[OPTIM_RMSPROP + (16 if decay != 0 else 0) + (8 if centred else 0) + (4 if momentum > 0 else 0) + job.kind]
    run_steps(steps)
    return True


def adagrad_step(object options, object states):
    """One step of Adagrad."""
    cdef Steps steps = begun(options, states, ("lr", "eps", "weight_decay", "lr_decay"))
    cdef Job* job
    cdef Py_ssize_t i
    if steps is None:
        return False
    verdict = collected(steps, <dict> states, ("sum",))
    if verdict is not True:
        return verdict
    for i in range(steps.count):
        job = &steps.jobs[i]
        set_numbers(job, steps.group, steps.numbers[2], -(steps.numbers[0] / (1 + (job.step - 1) * steps.numbers[3])), steps.numbers[1])
        job.kernel = <optim_kernel> table[OPTIM_ADAGRAD + (4 if steps.numbers[2] != 0 else 0) + job.kind]
    run_steps(steps)
    return True


def adadelta_step(object options, object states):
    """One step of Adadelta."""
    cdef Steps steps = begun(options, states, ("lr", "eps", "weight_decay", "rho"))
    cdef Job* job
    cdef Py_ssize_t i
    if steps is None:
        return False
    verdict = collected(steps, <dict> states, ("square_avg", "acc_delta"))
    if verdict is not True:
        return verdict
    for i in range(steps.count):
        job = &steps.jobs[i]
        set_numbers(job, steps.group, steps.numbers[2], -steps.numbers[0], steps.numbers[1])
        set_means(job, steps.numbers[3], steps.numbers[3])
        job.kernel = <optim_kernel> table[OPTIM_ADADELTA + (4 if steps.numbers[2] != 0 else 0) + job.kind]
    run_steps(steps)
    return True


def adamax_step(object options, object states):
    """One step of Adamax."""
    cdef Steps steps = begun(options, states, ("lr", "eps", "weight_decay", "betas"))
    cdef Job* job
    cdef Py_ssize_t i
    if steps is None:
        return False
    verdict = collected(steps, <dict> states, ("exp_avg", "exp_inf"))
    if verdict is not True:
        return verdict
    for i in range(steps.count):
        job = &steps.jobs[i]
        set_numbers(job, steps.group, steps.numbers[2], -(steps.numbers[0] / (1 - power(steps.numbers[3], job.step))), steps.numbers[1])
        set_means(job, steps.numbers[3], steps.numbers[4])
        job.kernel = <optim_kernel> table[OPTIM_ADAMAX + (4 if steps.numbers[2] != 0 else 0) + job.kind]
    run_steps(steps)
    return True


def nadam_step(object options, object states):
    """One step of NAdam. The product of the momenta is a state, a number in a tensor."""
    cdef Steps steps = begun(options, states, ("lr", "eps", "weight_decay", "betas", "momentum_decay"))
    cdef double rate, decay, beta1, beta2, fading, momentum, further, product
    cdef Job* job
    cdef int kind
    cdef Py_ssize_t i
    if steps is None:
        return False
    verdict = collected(steps, <dict> states, ("exp_avg", "exp_avg_sq"), ("mu_product",))
    if verdict is not True:
        return verdict
    rate, decay, beta1, beta2, fading = steps.numbers[0], steps.numbers[2], steps.numbers[3], steps.numbers[4], steps.numbers[5]
    kind = decay_kind(steps.group, decay)
    for i in range(steps.count):
        job = &steps.jobs[i]
        momentum = beta1 * (1.0 - 0.5 * power(0.96, job.step * fading))
        further = beta1 * (1.0 - 0.5 * power(0.96, (job.step + 1) * fading))
        if job.cell_codes[0] == F32:
            set_cell(job, 0, <float> cell_value(job, 0) * <float> momentum)
        else:
            set_cell(job, 0, cell_value(job, 0) * momentum)
        product = cell_value(job, 0)
        set_numbers(job, steps.group, 1 - rate * decay if kind == DECAY_SHRINK else decay, -rate * (1.0 - momentum) / (1.0 - product), steps.numbers[1])
        set_means(job, beta1, beta2)
        job.h[H_CORRECTION] = 1 - power(beta2, job.step)
        job.h[H_SECOND] = -rate * further / (1.0 - product * further)
        job.kernel = <optim_kernel> table[OPTIM_NADAM + 4 * kind + job.kind]
    run_steps(steps)
    return True


def radam_step(object options, object states):
    """One step of RAdam."""
    cdef Steps steps = begun(options, states, ("lr", "eps", "weight_decay", "betas"))
    cdef double rate, decay, beta1, beta2, longest, length, rest
    cdef Job* job
    cdef int kind
    cdef Py_ssize_t i
    if steps is None:
        return False
    verdict = collected(steps, <dict> states, ("exp_avg", "exp_avg_sq"))
    if verdict is not True:
        return verdict
    rate, decay, beta1, beta2 = steps.numbers[0], steps.numbers[2], steps.numbers[3], steps.numbers[4]
    kind, longest = decay_kind(steps.group, decay), 2 / (1 - beta2) - 1
    for i in range(steps.count):
        job = &steps.jobs[i]
        set_numbers(job, steps.group, 1 - rate * decay if kind == DECAY_SHRINK else decay, rate, steps.numbers[1])
        set_means(job, beta1, beta2)
        rest = 1 - power(beta2, job.step)
        length = longest - 2 * job.step * power(beta2, job.step) / rest
        job.h[H_CORRECTION], job.h[H_THIRD] = 1 - power(beta1, job.step), sqrt(rest)
        if length > 5.0:                 # the variance of the scale is tractable
            job.h[H_SECOND] = sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
        job.kernel = <optim_kernel> table[OPTIM_RADAM + 8 * kind + (4 if length > 5.0 else 0) + job.kind]
    run_steps(steps)
    return True


def asgd_step(object options, object states):
    """One step of ASGD. Its rate and the share of an iterate in the average are states, numbers in tensors."""
    cdef Steps steps = begun(options, states, ("lr", "lambd", "alpha", "t0", "weight_decay"))
    cdef double rate, shrinks, decay, share
    cdef Job* job
    cdef Py_ssize_t i
    if steps is None:
        return False
    verdict = collected(steps, <dict> states, ("ax",), ("eta", "mu"))
    if verdict is not True:
        return verdict
    shrinks, decay = steps.numbers[1], steps.numbers[4]
    for i in range(steps.count):
        job = &steps.jobs[i]
        rate, share = cell_value(job, 0), cell_value(job, 1)
        set_numbers(job, steps.group, decay, -rate, 0)
        job.h[H_SQUARE_KEEP], job.h[H_SECOND] = 1 - shrinks * rate, share
        set_cell(job, 0, steps.numbers[0] / pow(1 + shrinks * steps.numbers[0] * job.step, steps.numbers[2]))
        set_cell(job, 1, 1 / max(1.0, job.step - steps.numbers[3]))
        job.kernel = <optim_kernel> table[OPTIM_ASGD + (4 if decay != 0 else 0) + job.kind]
    run_steps(steps)
    return True


def rprop_step(object options, object states):
    """One step of Rprop."""
    cdef Steps steps = begun(options, states, ("lr", "etas", "step_sizes"))
    cdef Job* job
    cdef Py_ssize_t i
    if steps is None:
        return False
    verdict = collected(steps, <dict> states, ("prev", "step_size"))
    if verdict is not True:
        return verdict
    for i in range(steps.count):
        job = &steps.jobs[i]
        set_numbers(job, steps.group, steps.numbers[1], steps.numbers[2], 0)
        job.h[H_SECOND], job.h[H_THIRD] = steps.numbers[3], steps.numbers[4]
        job.kernel = <optim_kernel> table[OPTIM_RPROP + job.kind]
    run_steps(steps)
    return True


# ---- gradients ----
def drop_gradients(params):
    """param.grad = None for each."""
    for item in params:
        if plain(item):
            (<Tensor> item).gradient = None
        else:
            item.grad = None


def norms_of(list tensors, double order):
    """The norm of each of some tensors of one floating dtype as a 1-d tensor, or None if they are not that."""
    cdef Py_ssize_t i, n = len(tensors)
    cdef int code, item
    cdef Tensor t, out
    if n == 0 or not plain(tensors[0]):
        return None
    code = (<Tensor> tensors[0]).code
    for t in tensors:
        if not plain(t) or t.code != code or is_meta(t) or t.count == 0:
            return None
    if not F16 <= code <= F64:
        return None
    out, item = new_tensor(code, False, 1, &n), ITEMSIZE[code]
    for i in range(n):
        t = reduce_ops.vector_norm(tensors[i], order, None, False, None)
        memcpy(data_of(out) + i * item, data_of(t), item)
    return out


def scale_all(list tensors, Tensor factor):
    """Multiply tensors in place by a 0-d tensor of their floating dtype; false, with nothing done, if they are not that."""
    cdef Steps steps = Steps.__new__(Steps, len(tensors))
    cdef Job* job
    cdef Tensor t
    if factor.rank or not F16 <= factor.code <= F64 or is_meta(factor):
        return False
    for t in tensors:
        if not plain(t) or t.code != factor.code or not changeable(t) or not non_overlapping_and_dense(t) or tensor_requires_grad(t):
            return False
        job = &steps.jobs[steps.count]
        job.kernel, job.n, job.item = <optim_kernel> table[OPTIM_SCALE + t.code - F16], t.count, ITEMSIZE[t.code]
        job.counter, job.grad_moves = NULL, False
        job.param = data_of(t)
        job.grad = data_of(factor)
        job.states[0] = job.states[1] = job.states[2] = NULL
        steps.count += 1
        steps.written.append(t)
    if overlapping(steps):
        return False
    run_steps(steps)
    return True
