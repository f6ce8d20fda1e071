# Part of engine.pyx: walks of several threads, walks inside walks.
# A backward that calls backward nests; each level costs stack of the interpreter and of C. After DEEPEST levels the next one runs in a thread of its own,
# whose stacks are fresh, while this one waits. What belongs to a thread (switches, saved-tensor hooks, the recorder's ear) goes along and comes back.
cdef extern from "Python.h":
    ctypedef void* PyThread_type_lock
    PyThread_type_lock PyThread_allocate_lock()
    int PyThread_acquire_lock(PyThread_type_lock, int) nogil
    void PyThread_release_lock(PyThread_type_lock)

cdef enum:
    DEEPEST = 40

cdef PyThread_type_lock _leaves = PyThread_allocate_lock()
cdef unsigned long _leaves_owner = 0
cdef dict _origin = {}               # thread that runs an inner walk: the thread whose backward began it all
cdef set _cancelled = set()          # origins whose walks must end, for the user pressed Ctrl-C


cdef bint lock_leaves():
    """Only one thread adds into gradients of leaves. False when this thread does already."""
    global _leaves_owner
    if _leaves_owner == current_thread():
        return False
    if not PyThread_acquire_lock(_leaves, 0):
        with nogil:
            PyThread_acquire_lock(_leaves, 1)
    _leaves_owner = current_thread()
    return True


cdef int unlock_leaves() except -1:
    global _leaves_owner
    _leaves_owner = 0
    PyThread_release_lock(_leaves)
    return 0


def after_fork():
    """The child has one thread, and nobody in it holds the lock or walks."""
    global _leaves, _leaves_owner
    _leaves, _leaves_owner = PyThread_allocate_lock(), 0
    for thread in list(_walking):
        if thread != current_thread():
            del _walking[thread]


cdef int leave_if_cancelled() except -1:
    if _origin.get(current_thread()) in _cancelled:
        raise KeyboardInterrupt
    return 0


class _Inner:
    """One inner walk in a thread of its own."""

    def __init__(self, arguments):
        self.arguments, self.found, self.error, self.ended = arguments, None, None, False
        self.grad_mode, self.inference = grad_enabled(), inference_enabled()
        self.hooks = share_saved_hooks()
        self.origin = _origin.get(current_thread(), current_thread())

    def run(self):
        _origin[current_thread()] = self.origin
        set_grad_enabled(self.grad_mode)
        set_inference_enabled(self.inference)
        adopt_saved_hooks(self.hooks)
        try:
            self.found = run_backward(*self.arguments)
        except BaseException as error:
            self.error = error
        finally:
            adopt_saved_hooks(None)
            _origin.pop(current_thread(), None)


cdef object in_new_thread(list tensors, list grads, bint keep_graph, bint create_graph, inputs, bint accumulate_inputs):
    global _watched_thread
    from _thread import allocate_lock, start_new_thread
    cdef bint heard = _watched_thread == current_thread() and _watcher is not None
    cdef unsigned long here = current_thread()
    inner = _Inner((tensors, grads, keep_graph, create_graph, inputs, accumulate_inputs))

    def work():
        global _watched_thread
        if heard:
            _watched_thread = current_thread()
            _watcher.thread = _watched_thread
        try:
            inner.run()
        finally:
            inner.ended = True
            done.release()

    pressed = None
    done = allocate_lock()
    done.acquire()
    start_new_thread(work, ())
    while not inner.ended:               # Thread.join takes a thread for ended when Ctrl-C comes while it waits
        try:
            done.acquire()
        except KeyboardInterrupt as error:
            pressed = error
            _cancelled.add(here)
    if heard:
        _watched_thread = here
        _watcher.thread = here
    _cancelled.discard(here)
    if pressed is not None:
        raise pressed
    if inner.error is not None:
        raise inner.error
    return inner.found
