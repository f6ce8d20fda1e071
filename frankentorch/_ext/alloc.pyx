# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Caching allocator. Sizes are rounded to classes: multiples of 64 bytes up to 4 KiB, then four classes per power of two, so
# that at most a fifth of a block is unused. A freed block goes to the list of its class, the link stored inside it; blocks of
# 2 MiB and more come from mmap, aligned to 2 MiB and with huge pages, smaller ones from posix_memalign. From 128 KiB on a block starts
# at one of sixteen places in its first page, in turn: where the operands of a loop start at the same place, a load waits for a store
# to quite another line that has the same last twelve bits of address, which made `add` of large tensors 1.4 times slower.
# Why keep blocks: a fresh large block costs a page fault per page, which made temporaries 5 times slower than their arithmetic.
# When the cap is reached the lists are emptied in turn, larger classes and smaller ones alike, until the new block fits.
# Under AddressSanitizer nothing is cached or rounded: an overrun by one byte is then found.
from cpython.buffer cimport PyBuffer_FillInfo
from frankentorch.runtime import config
from frankentorch.runtime import threads as machine

cdef extern from *:
    """
    #include <pthread.h>
    #include <sched.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>
    #if defined(__SANITIZE_ADDRESS__)
    #define FT_PLAIN_ALLOC 1
    #elif defined(__has_feature)
    #if __has_feature(address_sanitizer)
    #define FT_PLAIN_ALLOC 1
    #endif
    #endif
    #ifndef FT_PLAIN_ALLOC
    #define FT_PLAIN_ALLOC 0
    #endif
    #define FT_HUGE ((size_t) 2 << 20)
    static void *ft_map(size_t nbytes) {             /* aligned to 2 MiB: map more, give the ends back */
        char *base = (char *) mmap(NULL, nbytes + FT_HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *block;
        size_t head;
        if (base == (char *) MAP_FAILED) return NULL;
        block = (char *) (((size_t) base + FT_HUGE - 1) & ~(FT_HUGE - 1));
        head = (size_t) (block - base);
        if (head) munmap(base, head);
        munmap(block + nbytes, FT_HUGE - head);
    #ifdef MADV_HUGEPAGE
        madvise(block, nbytes, MADV_HUGEPAGE);
    #endif
        return block;
    }
    static void *ft_aligned(size_t nbytes, size_t alignment) { void *block = NULL; return posix_memalign(&block, alignment, nbytes) ? NULL : block; }
    #define FT_PAGE ((size_t) 4096)
    static unsigned ft_places = 0;
    static void *ft_placed(void *page) {             /* within the first page of a block that has one to spare */
        unsigned place = __atomic_fetch_add(&ft_places, 5, __ATOMIC_RELAXED) & 15;
        return page == NULL ? NULL : (char *) page + place * (FT_PAGE / 16);
    }
    static void *ft_page_of(void *block) { return (void *) ((size_t) block & ~(FT_PAGE - 1)); }
    #if defined(__x86_64__)
    #define ft_relax() __builtin_ia32_pause()
    #else
    #define ft_relax() ((void) 0)
    #endif
    static int ft_lock_word = 0;
    static void ft_lock(void) {
        int tries = 0;
        while (__atomic_exchange_n(&ft_lock_word, 1, __ATOMIC_ACQUIRE))
            while (__atomic_load_n(&ft_lock_word, __ATOMIC_RELAXED)) {
                ft_relax();
                if (++tries >= 64) { tries = 0; sched_yield(); }     /* the holder may have lost its core */
            }
    }
    static void ft_unlock(void) { __atomic_store_n(&ft_lock_word, 0, __ATOMIC_RELEASE); }
    static char ft_cell[64] __attribute__((aligned(64)));
    """
    const bint PLAIN "FT_PLAIN_ALLOC"
    void* ft_map(size_t nbytes) noexcept nogil
    const Py_ssize_t PAGE "FT_PAGE"
    void* ft_aligned(size_t nbytes, size_t alignment) noexcept nogil
    void* ft_placed(void* page) noexcept nogil
    void* ft_page_of(void* block) noexcept nogil
    void ft_lock() noexcept nogil
    void ft_unlock() noexcept nogil
    char* ft_cell
    int munmap(void* block, size_t nbytes) noexcept nogil
    void free(void* block) noexcept nogil
    void* memset(void* block, int value, size_t nbytes) noexcept nogil
    int clz "__builtin_clzll"(unsigned long long x) noexcept nogil
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil, void (*child)() noexcept nogil) nogil
    bint likely "__builtin_expect"(bint condition, bint expected) noexcept nogil

cdef enum:
    SMALL = 4096                  # up to here classes are multiples of 64 bytes
    SMALL_BINS = 64
    STEPS = 4                     # classes per power of two above
    BINS = 64 + 4 * 44            # up to 2^56 bytes
cdef Py_ssize_t PLACED = 128 << 10           # from here on starting anywhere in a page
cdef Py_ssize_t MAPPED = 2 << 20             # from here on by mmap
cdef Py_ssize_t LARGEST = (<Py_ssize_t> 1) << 55

cdef struct Bin:
    void* head                    # freed blocks, the last one freed first: it is the warmest
    Py_ssize_t count

cdef Bin bins[BINS]
cdef Py_ssize_t cap = 0           # bytes the lists may hold
cdef Py_ssize_t cached = 0        # bytes they hold
cdef int hand = 0                 # next list to empty when the cap is reached
cdef Py_ssize_t in_use = 0        # bytes handed out, by class size
cdef Py_ssize_t peak = 0
cdef long long allocations = 0    # requests served
cdef long long frees = 0
cdef long long misses = 0         # requests which went to the system
cdef long long returns = 0        # blocks given back to it
cdef long long failures = 0


cdef inline int bin_of(Py_ssize_t nbytes) noexcept nogil:
    """Number of the size class, nbytes >= 1."""
    cdef int log, step
    if nbytes <= SMALL:
        return <int> ((nbytes - 1) >> 6)
    log = 63 - clz(<unsigned long long> (nbytes - 1))                # 2^log <= nbytes - 1 < 2^(log + 1), log >= 12
    step = <int> ((nbytes - 1) >> (log - 2)) & (STEPS - 1)
    return SMALL_BINS + (log - 12) * STEPS + step


cdef inline Py_ssize_t bin_size(int number) noexcept nogil:
    """Bytes of a block of this class: the largest request that falls into it."""
    cdef int log
    if number < SMALL_BINS:
        return (number + 1) << 6
    log = 12 + (number - SMALL_BINS) / STEPS
    return (<Py_ssize_t> (STEPS + 1 + (number - SMALL_BINS) % STEPS)) << (log - 2)


cdef void* from_system(Py_ssize_t size) noexcept nogil:
    if size < PLACED:
        return ft_aligned(size, 64)
    return ft_placed(ft_map(size + PAGE) if size >= MAPPED else ft_aligned(size + PAGE, PAGE))


cdef void to_system(void* block, Py_ssize_t size) noexcept nogil:
    if size >= MAPPED:
        munmap(ft_page_of(block), size + PAGE)
    else:
        free(ft_page_of(block) if size >= PLACED else block)


cdef void* take_list(int number) noexcept nogil:
    """Empty one class; its blocks are returned as a list. The lock is held."""
    global cached, returns
    cdef void* head = bins[number].head
    cached -= bins[number].count * bin_size(number)
    returns += bins[number].count
    bins[number].head = NULL
    bins[number].count = 0
    return head


cdef Py_ssize_t release_list(void* head, Py_ssize_t size) noexcept nogil:
    """Give a list of blocks back to the system; no lock is held. Returns the bytes."""
    cdef void* next_block
    cdef Py_ssize_t total = 0
    while head != NULL:
        next_block = (<void**> head)[0]
        to_system(head, size)
        head = next_block
        total += size
    return total


cdef Py_ssize_t empty_lists() noexcept nogil:
    cdef Py_ssize_t total = 0
    cdef void* head
    cdef int number
    for number in range(BINS):
        if bins[number].head == NULL:
            continue
        ft_lock()
        head = take_list(number)
        ft_unlock()
        total += release_list(head, bin_size(number))
    return total


cdef void* miss(Py_ssize_t size, bint* fresh) noexcept nogil:
    """A block from the system; if it has none, empty the cache and ask again. NULL undoes the counts."""
    global in_use, peak, misses, allocations, failures
    cdef void* block = from_system(size)
    if block == NULL:
        empty_lists()
        block = from_system(size)
    fresh[0] = size >= MAPPED
    ft_lock()
    if block != NULL:
        misses += 1
        allocations += 1
        in_use += size
        if in_use > peak:
            peak = in_use
    else:
        failures += 1
    ft_unlock()
    return block


cdef inline void* take(Py_ssize_t nbytes, bint* fresh) noexcept nogil:
    global cached, in_use, peak, allocations
    cdef int number
    cdef Py_ssize_t size
    cdef Bin* place
    cdef void* block
    if nbytes <= 0:
        return ft_cell if nbytes == 0 else NULL
    if nbytes > LARGEST:
        return NULL
    if PLAIN:
        return ft_aligned(nbytes, 64)
    number = bin_of(nbytes)
    size = bin_size(number)
    place = &bins[number]
    ft_lock()
    block = place.head
    if not likely(block != NULL, True):
        ft_unlock()
        return miss(size, fresh)
    place.head = (<void**> block)[0]
    place.count -= 1
    cached -= size
    allocations += 1
    in_use += size
    if in_use > peak:
        peak = in_use
    ft_unlock()
    return block


cdef void* ft_alloc(Py_ssize_t nbytes) noexcept nogil:
    cdef bint fresh
    return take(nbytes, &fresh)


cdef void* ft_alloc_zeroed(Py_ssize_t nbytes) noexcept nogil:
    cdef bint fresh = False
    cdef void* block = take(nbytes, &fresh)
    if block != NULL and not fresh and nbytes > 0:
        memset(block, 0, nbytes)
    return block


cdef void ft_free(void* block, Py_ssize_t nbytes) noexcept nogil:
    global cached, in_use, frees
    cdef int number
    cdef Py_ssize_t size
    if block == NULL or nbytes <= 0:
        return
    if PLAIN:
        free(block)
        return
    number = bin_of(nbytes)
    size = bin_size(number)
    ft_lock()
    frees += 1
    in_use -= size
    if likely(cached + size <= cap, True):
        (<void**> block)[0] = bins[number].head
        bins[number].head = block
        bins[number].count += 1
        cached += size
        ft_unlock()
        return
    ft_unlock()
    free_beyond_cap(block, number, size)


cdef void free_beyond_cap(void* block, int number, Py_ssize_t size) noexcept nogil:
    """Make room by emptying other classes in turn; a block larger than the cap goes back itself."""
    global cached, returns, hand
    cdef int turns = 0, emptied
    cdef void* head
    while size <= cap and turns <= BINS:            # once more than there are classes: the last one emptied may have made the room
        ft_lock()
        if cached + size <= cap:
            (<void**> block)[0] = bins[number].head
            bins[number].head = block
            bins[number].count += 1
            cached += size
            ft_unlock()
            return
        emptied = hand
        hand = (hand + 1) % BINS
        turns += 1
        head = take_list(emptied)
        ft_unlock()
        release_list(head, bin_size(emptied))
    ft_lock()
    returns += 1
    ft_unlock()
    to_system(block, size)


cdef Py_ssize_t ft_in_use() noexcept nogil:
    return in_use


cdef int raise_no_memory(Py_ssize_t nbytes) except -1:
    raise RuntimeError(f"not enough memory: you tried to allocate {nbytes} bytes\n"
                       f"  in use: {in_use} bytes, cached before this request was refused: 0 bytes (the cache was emptied)")


def memory_stats():
    """Counters of the allocator since import, in bytes by class size and in calls.

    Returns
    -------
    dict of str to int
        ``allocated_bytes``, ``peak_bytes``, ``cached_bytes``, ``cache_cap_bytes``, ``allocations``, ``frees``,
        ``cache_hits``, ``system_allocations``, ``system_frees``, ``failed_allocations``. All zero but the cap under
        AddressSanitizer, where blocks come straight from malloc.
    """
    ft_lock()
    try:
        return {"allocated_bytes": in_use, "peak_bytes": peak, "cached_bytes": cached, "cache_cap_bytes": cap,
                "allocations": allocations, "frees": frees, "cache_hits": allocations - misses,
                "system_allocations": misses, "system_frees": returns, "failed_allocations": failures}
    finally:
        ft_unlock()


def reset_peak_memory_stats():
    """Start the peak again from what is in use now."""
    global peak
    ft_lock()
    peak = in_use
    ft_unlock()


def empty_cache():
    """Give all freed blocks back to the system; blocks in use stay.

    Returns
    -------
    int
        Bytes given back.
    """
    cdef Py_ssize_t total
    with nogil:
        total = empty_lists()
    return total


def set_cache_cap(Py_ssize_t nbytes):
    """Set the cap of the cache in bytes; what is above it is given back now. Returns the cap before."""
    global cap
    cdef Py_ssize_t before = cap
    if nbytes < 0:
        raise ValueError(f"set_cache_cap: expected bytes >= 0, got {nbytes}")
    cap = nbytes
    if cached > cap:
        empty_cache()
    return before


cdef class Block:
    """One block, held from Python: for tests, and for buffers the package needs outside of tensors.

    Parameters
    ----------
    nbytes : int >= 0
    zeroed : bool
        Ask for zero bytes; else the contents are undefined.
    """
    cdef char* data
    cdef readonly Py_ssize_t nbytes

    def __cinit__(self, Py_ssize_t nbytes, bint zeroed=False):
        self.data = <char*> (ft_alloc_zeroed(nbytes) if zeroed else ft_alloc(nbytes))
        if self.data == NULL:
            raise_no_memory(nbytes)
        self.nbytes = nbytes

    def __dealloc__(self):
        ft_free(self.data, self.nbytes)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.data, self.nbytes, False, flags)

    @property
    def address(self):
        return <size_t> self.data


def time_pairs(Py_ssize_t pairs, Py_ssize_t nbytes):
    """Nanoseconds per allocation and release of one block, over `pairs` in a row: for the benchmarks."""
    from time import perf_counter_ns
    cdef Py_ssize_t i
    cdef void* block
    begin = perf_counter_ns()
    with nogil:
        for i in range(pairs):
            block = ft_alloc(nbytes)
            ft_free(block, nbytes)
    return (perf_counter_ns() - begin) / <double> pairs


cdef void before_fork() noexcept nogil:
    ft_lock()


cdef void after_fork() noexcept nogil:
    ft_unlock()


cap = config.cache_bytes() if config.cache_bytes() is not None else machine.usable_memory() // 8
if pthread_atfork(before_fork, after_fork, after_fork) != 0:
    raise MemoryError("alloc: pthread_atfork found no memory")
