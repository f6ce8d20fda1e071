# Part of engine.pyx: the queue of nodes that wait for their turn.
cdef struct Entry:
    long long sequence
    long long order
    PyObject* node


cdef class Heap:
    """Max-heap of nodes by sequence number; equal numbers come in the order they were pushed."""
    cdef Entry* entries
    cdef Py_ssize_t n
    cdef Py_ssize_t room
    cdef long long pushed

    def __dealloc__(self):
        free(self.entries)

    cdef bint above(self, Py_ssize_t a, Py_ssize_t b) noexcept:
        if self.entries[a].sequence != self.entries[b].sequence:
            return self.entries[a].sequence > self.entries[b].sequence
        return self.entries[a].order < self.entries[b].order

    cdef void swap(self, Py_ssize_t a, Py_ssize_t b) noexcept:
        cdef Entry e = self.entries[a]
        self.entries[a] = self.entries[b]
        self.entries[b] = e

    cdef int push(self, Node node) except -1:
        cdef Entry* grown
        cdef Py_ssize_t i
        if self.n == self.room:
            self.room = 2 * self.room + 16
            grown = <Entry*> realloc(self.entries, self.room * sizeof(Entry))
            if grown == NULL:
                raise MemoryError()
            self.entries = grown
        i = self.n
        self.entries[i].sequence = node.sequence
        self.entries[i].order = self.pushed
        self.entries[i].node = <PyObject*> node
        self.pushed += 1
        self.n += 1
        while i > 0 and self.above(i, (i - 1) // 2):
            self.swap(i, (i - 1) // 2)
            i = (i - 1) // 2
        return 0

    cdef PyObject* pop(self) noexcept:
        cdef PyObject* top = self.entries[0].node
        cdef Py_ssize_t i = 0, child
        self.n -= 1
        self.entries[0] = self.entries[self.n]
        while True:
            child = 2 * i + 1
            if child >= self.n:
                break
            if child + 1 < self.n and self.above(child + 1, child):
                child += 1
            if not self.above(child, i):
                break
            self.swap(i, child)
            i = child
        return top
