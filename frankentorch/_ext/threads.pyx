# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Thread pool of one region at a time. Workers and the caller claim chunks by counting `unclaimed` down; a successful
# claim proves that a region is open, and it cannot close before this chunk is counted off `unfinished`, so a worker reads the
# region's fields only after a claim. A late worker thus needs no epoch and no hand-shake: it finds nothing, or work.
# Idle workers spin for SPIN_NS, then sleep on `published`; a caller whose last chunks are elsewhere does the same on `closed`.
# No OpenMP: its runtimes hang in a forked child. Here the child starts with no workers and makes them on demand.
import atexit
from frankentorch.runtime import config
from frankentorch.runtime import threads as machine
from frankentorch._ext.cpu cimport clean_float_mode, float_mode_is_clean

cdef extern from *:
    """
    #include <pthread.h>
    #include <signal.h>
    #include <sched.h>
    #include <time.h>
    #if defined(__linux__) && !defined(FT_NO_FUTEX)
    #include <linux/futex.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    static void ft_sleep(int *word, int seen) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0); }
    static void ft_wake(int *word, int count) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0); }
    static void ft_sleep_reset(void) { }
    #else
    static pthread_mutex_t ft_mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t ft_cond = PTHREAD_COND_INITIALIZER;
    static void ft_sleep(int *word, int seen) {
        pthread_mutex_lock(&ft_mutex);
        while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == seen) pthread_cond_wait(&ft_cond, &ft_mutex);
        pthread_mutex_unlock(&ft_mutex);
    }
    static void ft_wake(int *word, int count) {      /* the word was changed before: no sleeper can miss it */
        (void) word; (void) count;
        pthread_mutex_lock(&ft_mutex); pthread_cond_broadcast(&ft_cond); pthread_mutex_unlock(&ft_mutex);
    }
    static void ft_sleep_reset(void) {
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
        ft_mutex = mutex; ft_cond = cond;
    }
    #endif
    #if defined(__x86_64__)
    #define ft_relax() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define ft_relax() __asm__ volatile("yield")
    #else
    #define ft_relax() ((void) 0)
    #endif
    #define ft_load(place) __atomic_load_n(place, __ATOMIC_SEQ_CST)
    #define ft_store(place, value) __atomic_store_n(place, value, __ATOMIC_SEQ_CST)
    #define ft_add(place, value) __atomic_add_fetch(place, value, __ATOMIC_SEQ_CST)
    static int ft_claim(long long *unclaimed, long long *claimed) {       /* takes one if there is one */
        long long left = __atomic_load_n(unclaimed, __ATOMIC_ACQUIRE);
        while (left > 0) {
            if (__atomic_compare_exchange_n(unclaimed, &left, left - 1, 1, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)) {
                *claimed = left;
                return 1;
            }
        }
        return 0;
    }
    static int ft_try_lock(int *lock) { return !__atomic_load_n(lock, __ATOMIC_RELAXED)
                                            && !__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE); }
    static void ft_unlock(int *lock) { __atomic_store_n(lock, 0, __ATOMIC_RELEASE); }
    static long long ft_now(void) {
        struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec;
    }
    static int ft_start(pthread_t *thread, void *(*entry)(void *), long index) {     /* signals stay with Python's threads */
        sigset_t all, before; pthread_attr_t attributes; int failed;
        sigfillset(&all);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 4 << 20);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        failed = pthread_create(thread, &attributes, entry, (void *) index);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        return failed;
    }
    typedef struct { void (*body)(void *, Py_ssize_t, Py_ssize_t); void *context; Py_ssize_t n, grain; long long chunks; } ft_region;
    /* Two cache lines: what the caller writes to open a region, and what the others write to close it. */
    static struct {
        ft_region region __attribute__((aligned(64)));
        long long unclaimed;        /* chunks of the open region nobody took yet */
        int published;              /* counts regions; idle workers sleep on it */
        int sleepers;               /* workers asleep, or about to be */
        long long unfinished __attribute__((aligned(64)));      /* chunks not done yet */
        int closed;                 /* counts closed regions; a waiting caller sleeps on it */
        int caller_sleeps;
    } pool;
    static __thread int ft_inside = 0;               /* this thread runs a body */
    static __thread int ft_worker = 0;               /* 0: not of the pool; else number of the worker */
    """
    ctypedef unsigned long pthread_t
    void ft_sleep(int* word, int seen) noexcept nogil
    void ft_wake(int* word, int count) noexcept nogil
    void ft_sleep_reset() noexcept nogil
    void ft_relax() noexcept nogil
    int ft_load(int* place) noexcept nogil
    long long ft_load_count "ft_load"(long long* place) noexcept nogil
    void ft_store(int* place, int value) noexcept nogil
    void ft_store_count "ft_store"(long long* place, long long value) noexcept nogil
    int ft_add(int* place, int value) noexcept nogil
    long long ft_add_count "ft_add"(long long* place, long long value) noexcept nogil
    bint ft_claim(long long* unclaimed, long long* claimed) noexcept nogil
    bint ft_try_lock(int* lock) noexcept nogil
    void ft_unlock(int* lock) noexcept nogil
    long long ft_now() noexcept nogil
    int ft_start(pthread_t* thread, void* (*entry)(void*) noexcept nogil, long index) noexcept nogil
    int pthread_join(pthread_t thread, void** value) noexcept nogil
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil, void (*child)() noexcept nogil) nogil
    void sched_yield() noexcept nogil
    ctypedef struct ft_region:
        region_body body
        void* context
        Py_ssize_t n
        Py_ssize_t grain
        long long chunks
    ctypedef struct ft_pool:
        ft_region region
        long long unclaimed
        int published
        int sleepers
        long long unfinished
        int closed
        int caller_sleeps
    ft_pool pool
    int ft_inside
    int ft_worker

cdef enum:
    MAX_WORKERS = 1024
    SPIN_NS = 30000               # 20 to 50 us: longer than the gap between the regions of one backward pass
    PAUSES_PER_CLOCK = 32         # reading the clock costs as much as a few pauses

cdef int taken = 0                # lock: the pool serves one caller
cdef int stopping = 0
cdef int running = 0              # live workers; changed under `taken` only
cdef int wanted = 1               # threads of one region, the caller among them
cdef int cores = 1                # usable ones: with more threads than these nobody spins
cdef pthread_t workers[MAX_WORKERS]


cdef int num_threads() noexcept nogil:
    return ft_load(&wanted)


cdef bint in_parallel() noexcept nogil:
    return ft_inside != 0


cdef inline void run_chunk(ft_region* work, long long i) noexcept nogil:
    cdef Py_ssize_t begin = <Py_ssize_t> i * work.grain
    cdef Py_ssize_t end = work.n if i == work.chunks - 1 else begin + work.grain
    work.body(work.context, begin, end)


cdef void run_claimed() noexcept nogil:
    """Take chunks until none is left, then count them off. The one who counts the last chunk off wakes the caller."""
    cdef long long left, done = 0
    cdef ft_region work
    while ft_claim(&pool.unclaimed, &left):
        if done == 0:
            work = pool.region
        run_chunk(&work, work.chunks - left)
        done += 1
    if done > 0 and ft_add_count(&pool.unfinished, -done) == 0 and ft_load(&pool.caller_sleeps):
        ft_add(&pool.closed, 1)
        ft_wake(&pool.closed, 1)


cdef void* worker_main(void* argument) noexcept nogil:
    global ft_inside, ft_worker
    cdef int seen, pauses
    cdef long long until
    ft_inside = 1                                       # a body that calls parallel_for runs inline
    ft_worker = <int> <long> argument
    clean_float_mode()                                  # a new thread inherits its maker's mode
    while True:
        seen = ft_load(&pool.published)
        run_claimed()
        until = ft_now() + SPIN_NS if ft_load(&wanted) <= cores else 0
        pauses = 0
        while ft_load(&pool.published) == seen and not ft_load(&stopping):
            ft_relax()
            pauses += 1
            if pauses % PAUSES_PER_CLOCK == 0 and ft_now() >= until:
                ft_add(&pool.sleepers, 1)
                if not ft_load(&stopping):
                    ft_sleep(&pool.published, seen)          # returns at once if a region came meanwhile
                ft_add(&pool.sleepers, -1)
        if ft_load(&stopping):
            return NULL


cdef void start_workers() noexcept nogil:
    """Bring the pool to its size. A thread the system refuses is not missed: the others take its chunks."""
    global running
    while running < ft_load(&wanted) - 1:
        if ft_start(&workers[running], worker_main, running + 1) != 0:
            return
        running += 1


cdef void stop_workers() noexcept nogil:
    """End all workers and wait for them. The caller holds `taken`."""
    global running
    cdef int i
    ft_store(&stopping, 1)
    ft_add(&pool.published, 1)
    ft_wake(&pool.published, MAX_WORKERS)
    for i in range(running):
        pthread_join(workers[i], NULL)
    running = 0
    ft_store(&stopping, 0)


cdef void wait_for_close() noexcept nogil:
    cdef int seen, pauses = 0
    cdef long long until = 0
    while ft_load_count(&pool.unfinished) > 0:
        ft_relax()
        pauses += 1
        if pauses % PAUSES_PER_CLOCK != 0:
            continue
        if until == 0:
            until = ft_now() + SPIN_NS if ft_load(&wanted) <= cores else 1
        elif ft_now() >= until:
            seen = ft_load(&pool.closed)
            ft_store(&pool.caller_sleeps, 1)
            if ft_load_count(&pool.unfinished) > 0:
                ft_sleep(&pool.closed, seen)
            ft_store(&pool.caller_sleeps, 0)


cdef int parallel_for(region_body body, void* context, Py_ssize_t n, Py_ssize_t grain) noexcept nogil:
    global ft_inside
    cdef ft_region work
    cdef long long i
    cdef int count
    if n <= 0:
        return 0
    if grain < 1:
        grain = 1
    work.body = body
    work.context = context
    work.n = n
    work.grain = grain
    work.chunks = 1 + (n - 1) / grain
    if work.chunks == 1 or wanted == 1 or ft_inside or not ft_try_lock(&taken):
        for i in range(work.chunks):
            run_chunk(&work, i)
        return 0
    ft_inside = 1
    if running < wanted - 1:
        start_workers()
    pool.region.body = body                                  # by field: nobody reads them until `unclaimed` is stored
    pool.region.context = context
    pool.region.n = n
    pool.region.grain = grain
    pool.region.chunks = work.chunks
    ft_store_count(&pool.unfinished, work.chunks)
    ft_store_count(&pool.unclaimed, work.chunks)
    ft_add(&pool.published, 1)
    count = ft_load(&pool.sleepers)
    if count > 0:
        ft_wake(&pool.published, <int> min(<long long> count, work.chunks - 1))
    run_claimed()
    wait_for_close()
    ft_inside = 0
    ft_unlock(&taken)
    return 0


cdef void after_fork_in_child() noexcept nogil:
    global running, ft_inside
    """Whatever the pool was doing, in the child it does nothing and has nobody: fork copies only the calling thread."""
    ft_sleep_reset()
    running = 0
    ft_inside = 0
    ft_store(&pool.sleepers, 0)
    ft_store(&pool.caller_sleeps, 0)
    ft_store(&stopping, 0)
    ft_store_count(&pool.unclaimed, 0)
    ft_store_count(&pool.unfinished, 0)
    ft_unlock(&taken)


cdef void take_pool() noexcept nogil:
    while not ft_try_lock(&taken):
        sched_yield()


def _checked(int_name, value):
    if type(value) is not int:
        raise RuntimeError(f"{int_name} expects an int, but got {type(value).__name__}")
    if value < 1:
        raise RuntimeError(f"{int_name} expects a positive integer, got {value}")
    if value >= 1 << 31:
        raise ValueError(f"{int_name}: Overflow when unpacking long, {value} does not fit 32 bits")
    return value


def set_num_threads(int_value):
    """Set how many threads one operation may use; more than there are cores is allowed. Results do not depend on it.

    Parameters
    ----------
    int_value : int >= 1
        At most 1024 are used.

    Raises
    ------
    RuntimeError
        Not an int, or less than 1.
    """
    global wanted
    cdef int count = min(_checked("set_num_threads", int_value), MAX_WORKERS)
    if ft_inside:
        raise RuntimeError("set_num_threads: called from inside a parallel region")
    with nogil:
        take_pool()
        ft_store(&wanted, count)
        if running > count - 1:
            stop_workers()
        ft_unlock(&taken)


def get_num_threads():
    """Number of threads one operation may use."""
    return ft_load(&wanted)


_interop = 0


def get_num_interop_threads():
    """Number kept for programs that read it: no operation here runs beside another, so nothing depends on it."""
    return _interop or cores


def set_num_interop_threads(int_value):
    """Set the number `get_num_interop_threads` returns; once per process, as in PyTorch.

    Raises
    ------
    RuntimeError
        Not an int, less than 1, or set before.
    """
    global _interop
    value = _checked("set_num_interop_threads", int_value)
    if _interop:
        raise RuntimeError("cannot set number of interop threads after parallel work has started or "
                           f"set_num_interop_threads called: it is {_interop}")
    _interop = value


cdef struct Trace:
    int* visits
    int* workers
    int* clean
    Py_ssize_t grain
    Py_ssize_t inner


cdef void trace_nothing(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    ft_add(<int*> context, <int> (end - begin))


cdef void trace_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Trace* trace = <Trace*> context
    cdef Py_ssize_t i
    for i in range(begin, end):
        ft_add(&trace.visits[i], 1)
        if trace.inner:
            parallel_for(trace_nothing, &trace.visits[i], trace.inner, 3)
    trace.workers[begin / trace.grain] = ft_worker
    trace.clean[begin / trace.grain] = float_mode_is_clean()


def trace_region(Py_ssize_t n, Py_ssize_t grain, Py_ssize_t inner=0):
    """Run one region that counts its visits: for tests and for the `doctor` command.

    Parameters
    ----------
    n, grain : int >= 1
        As in `parallel_for`.
    inner : int >= 0
        Size of a region nested in each item; its items are counted too.

    Returns
    -------
    visits : list of n int
        ``1 + inner`` each if every item was handled once.
    workers : list of int, one per chunk
        Who ran it: 0 is the caller.
    clean : list of bool, one per chunk
        Whether denormals were kept and rounding was to nearest there.
    """
    if n < 1 or grain < 1 or inner < 0:
        raise ValueError(f"trace_region: n and grain must be positive, got {n} and {grain}, inner {inner} not negative")
    cdef Trace trace
    cdef Py_ssize_t chunks = 1 + (n - 1) / grain
    counts = bytearray(4 * (n + 2 * chunks))
    cdef int* base = <int*> <char*> counts
    trace.visits = base
    trace.workers = base + n
    trace.clean = base + n + chunks
    trace.grain = grain
    trace.inner = inner
    with nogil:
        parallel_for(trace_body, &trace, n, grain)
    return ([base[i] for i in range(n)], [trace.workers[i] for i in range(chunks)], [bool(trace.clean[i]) for i in range(chunks)])


def time_regions(Py_ssize_t regions, Py_ssize_t n, Py_ssize_t grain):
    """Nanoseconds per empty region of `n` items, over `regions` in a row: for the benchmarks."""
    cdef int visits = 0
    cdef Py_ssize_t i
    cdef long long begin = ft_now()
    with nogil:
        for i in range(regions):
            parallel_for(trace_nothing, &visits, n, grain)
    return (ft_now() - begin) / <double> regions


def live_workers():
    """Number of worker threads alive now; 0 until the first region, and again after a fork."""
    return running


@atexit.register
def _stop_at_exit():
    """Join idle workers before the interpreter is gone. A pool busy in a daemon thread is left to the end of the process."""
    if ft_try_lock(&taken):
        with nogil:
            stop_workers()
            ft_unlock(&taken)


cores = machine.usable_cores()
wanted = config.num_threads() or cores
if pthread_atfork(NULL, NULL, after_fork_in_child) != 0:
    raise MemoryError("threads: pthread_atfork found no memory")
