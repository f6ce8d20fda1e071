# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Reader of the values of a state in their canonical bytes: the grammar stands in frankentorch/checkpoint/values.py, which writes it. There
# is one way to write a value, and any other is refused. Compiled, because a hostile file may have a value per byte. The name of a place is
# put together only where it is needed, for a tensor or an error.
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.string cimport memcmp, memcpy
from collections import OrderedDict

cdef enum:
    MAX_DEPTH = 64
    MAX_INT_NBYTES = 64
    MAX_VALUES = 500000          # keys and sizes included: 64 MiB of Python objects, if all are OrderedDicts
    MAX_WIDE_KEYS = 1000         # ints beyond 2^60 can all have one hash

WIDE = 1 << 60
limits = {"depth": MAX_DEPTH, "int_nbytes": MAX_INT_NBYTES, "values": MAX_VALUES, "wide_keys": MAX_WIDE_KEYS}


cdef class ValueReader:
    """One state in `content`. The policy has `bad(rule, message, at, record)`, which makes the exception, `dtypes`, `device(text)`, `size(sizes)`,
    `is_normal(text)` and `step(name, key)`."""
    cdef const unsigned char[::1] data
    cdef object policy, step, device, size
    cdef list tensors, names, dtypes
    cdef bytearray seen
    cdef dict devices
    cdef Py_ssize_t at, end, values, used, wide_keys
    cdef Py_ssize_t positions[MAX_DEPTH + 2]    # of the item being read in the container at each depth
    cdef list keys                              # its key, None in a list or tuple
    cdef list prefixes                          # name of the container at each depth, None until needed
    cdef int depth                              # containers around what is being read

    def __init__(self, content, list tensors, list names, policy):
        self.data = content
        self.at, self.end = 0, self.data.shape[0]
        self.policy, self.step, self.device, self.size, self.dtypes = policy, policy.step, policy.device, policy.size, policy.dtypes
        self.tensors, self.names, self.seen, self.devices = tensors, names, bytearray(len(tensors)), {}
        self.keys, self.prefixes = [None] * (MAX_DEPTH + 2), [None] * (MAX_DEPTH + 2)

    def read(self):
        """The state."""
        found = self.value()
        if self.at != self.end:
            raise self.bad("trailing", f"{self.end - self.at} bytes follow the end of the values")
        if self.used != len(self.tensors):
            raise self.bad("tensor", f"{len(self.tensors)} tensors are in the file, {self.used} in its values")
        return found

    # ---- names and errors ----
    cdef object container(self, int depth):
        """Name of the container at a depth."""
        if depth == 0:
            return ""
        if self.prefixes[depth] is None:
            self.prefixes[depth] = self.place(depth - 1)
        return self.prefixes[depth]

    cdef object place(self, int depth):
        """Name of the item being read in the container at a depth."""
        prefix, key = self.container(depth), self.keys[depth]
        if key is not None:
            return self.step(prefix, key)
        return f"{prefix}/{self.positions[depth]}" if prefix else str(self.positions[depth])

    cdef object here(self):
        return self.place(self.depth - 1) if self.depth else ""

    cdef object bad(self, rule, message):
        return self.policy.bad(rule, message, self.at, self.here())

    # ---- bytes ----
    cdef Py_ssize_t take(self, Py_ssize_t n) except -1:
        """Step over n bytes; the offset of the first."""
        cdef Py_ssize_t at = self.at
        if n > self.end - at:
            raise self.bad("length", f"{n} bytes are announced, {self.end - at} are left")
        self.at = at + n
        return at

    cdef Py_ssize_t number(self) except -1:
        """LEB128 in its shortest form, below 2^63."""
        cdef unsigned long long n = 0
        cdef int shift = 0
        cdef unsigned char byte
        while shift < 63:
            byte = self.data[self.take(1)]
            n |= <unsigned long long> (byte & 127) << shift
            if byte < 128:
                if byte == 0 and shift:
                    raise self.bad("canonical", "a length is not in its shortest form")
                return <Py_ssize_t> n
            shift += 7
        raise self.bad("range", "a length above 2^63")

    cdef Py_ssize_t count(self, int smallest) except -1:
        """A count of items of at least `smallest` bytes each."""
        cdef Py_ssize_t n = self.number()
        if n > (self.end - self.at) // smallest:
            raise self.bad("length", f"{n} items are announced, {self.end - self.at} bytes are left")
        return n

    cdef int counted(self, Py_ssize_t n) except -1:
        self.values += n
        if self.values > MAX_VALUES:
            raise self.bad("range", f"more than {MAX_VALUES} values")
        return 0

    # ---- values ----
    cdef object value(self):
        cdef unsigned char tag
        cdef Py_ssize_t n, at
        cdef double x, y
        if self.depth > MAX_DEPTH:
            raise self.bad("depth", f"nested more than {MAX_DEPTH} deep")
        self.counted(1)
        tag = self.data[self.take(1)]
        if tag == c"N":
            return None
        if tag == c"T":
            return True
        if tag == c"F":
            return False
        if tag == c"x":
            return self.tensor()
        if tag == c"i":
            return self.integer()
        if tag == c"f":
            memcpy(&x, &self.data[self.take(8)], 8)
            return x
        if tag == c"c":
            at = self.take(16)
            memcpy(&x, &self.data[at], 8)
            memcpy(&y, &self.data[at + 8], 8)
            return complex(x, y)
        if tag == c"s":
            return self.text()
        if tag == c"b":
            n = self.number()
            at = self.take(n)
            return (<const char*> &self.data[at])[:n] if n else b""
        if tag == c"l":
            return self.items()
        if tag == c"t":
            return tuple(self.items())
        if tag == c"d":
            return self.mapping({}, True)
        if tag == c"o":
            return self.mapping(OrderedDict(), False)
        if tag == c"y":
            return self.dtype()
        if tag == c"v":
            return self.read_device()
        if tag == c"z":
            n = self.count(1)
            self.counted(n)
            return self.size([self.number() for _ in range(n)])
        raise self.bad("tag", f"unknown tag {bytes([tag])!r}")

    cdef object integer(self):
        cdef Py_ssize_t n = self.number(), at = self.take(n)
        cdef long long small = 0
        cdef int top, below
        if not 0 < n <= MAX_INT_NBYTES:
            raise self.bad("canonical", "an int is too long or not in its shortest form")
        top = self.data[at + n - 1]
        if n > 1:
            below = self.data[at + n - 2]
            if top == 0 and below < 128 or top == 255 and below >= 128:
                raise self.bad("canonical", "an int is too long or not in its shortest form")
        if n > 8:
            return int.from_bytes((<const char*> &self.data[at])[:n], "little", signed=True)
        if top >= 128:
            small = -1
        memcpy(&small, &self.data[at], n)
        return small

    cdef object text(self):
        cdef Py_ssize_t n = self.number(), at = self.take(n)
        if not n:
            return ""
        try:
            return PyUnicode_DecodeUTF8(<const char*> &self.data[at], n, NULL)
        except UnicodeDecodeError:
            raise self.bad("text", "a str is not UTF-8") from None

    cdef list items(self):
        cdef Py_ssize_t n = self.count(1), k
        cdef int depth = self.depth
        cdef list found = []
        self.keys[depth] = self.prefixes[depth] = None
        self.depth = depth + 1
        for k in range(n):
            self.positions[depth] = k
            found.append(self.value())
        self.depth = depth
        return found

    cdef object mapping(self, found, bint ordered):
        """`found`, filled. In an ordered mapping the keys ascend: ints by value, then strs by their bytes."""
        cdef Py_ssize_t n = self.count(3), start = 0, length = 0, last_start = 0, last_length = 0, before
        cdef int depth = self.depth, sign
        cdef bint is_text, last_is_text = False, first = True
        last = None
        self.prefixes[depth] = None
        for _ in range(n):
            is_text = self.at < self.end and self.data[self.at] == c"s"
            if self.at < self.end and not is_text and self.data[self.at] != c"i":
                raise self.bad("key", "a key is neither str nor int")
            before = self.at
            key = self.value()
            if is_text:
                self.at, before = before + 1, self.at
                length = self.number()
                start, self.at = self.at, before
                if not key.isascii() and not self.policy.is_normal(key):
                    raise self.bad("name", f"the key {key!r:.80} is not in Unicode normal form C")
            elif not -WIDE < key < WIDE:
                self.wide_keys += 1
                if self.wide_keys > MAX_WIDE_KEYS:
                    raise self.bad("key", f"more than {MAX_WIDE_KEYS} integer keys beyond 2^60")
            if ordered and not first:
                if is_text and last_is_text:
                    sign = memcmp(&self.data[start], &self.data[last_start], min(length, last_length)) if length and last_length else 0
                    ascending, same = sign > 0 or sign == 0 and length > last_length, sign == 0 and length == last_length
                else:
                    ascending, same = is_text or not last_is_text and key > last, is_text == last_is_text and key == last
                if same:
                    raise self.bad("key", f"a key is repeated: {key!r:.80}")
                if not ascending:
                    raise self.bad("canonical", f"the keys of a dict are not in order at {key!r:.80}")
            elif not ordered and key in found:
                raise self.bad("key", f"a key is repeated: {key!r:.80}")
            first, last, last_is_text, last_start, last_length = False, key, is_text, start, length
            self.keys[depth] = key
            self.depth = depth + 1
            found[key] = self.value()
            self.depth = depth
        return found

    cdef object tensor(self):
        cdef Py_ssize_t place = self.number()
        if place >= len(self.tensors) or self.seen[place]:
            raise self.bad("tensor", f"tensor number {place} is used twice or not in the file")
        if self.names[place] != self.here():
            raise self.bad("name", f"the tensor recorded as {self.names[place]!r:.80} stands at another place")
        self.seen[place] = 1
        self.used += 1
        return self.tensors[place]

    cdef object dtype(self):
        cdef int code = self.data[self.take(1)]
        if code >= len(self.dtypes):
            raise self.bad("dtype", f"dtype id {code}; the last one known is {len(self.dtypes) - 1}")
        return self.dtypes[code]

    cdef object read_device(self):
        text = self.text()
        if text not in self.devices:
            try:
                device = self.device(text)
            except (RuntimeError, ValueError, TypeError):
                raise self.bad("device", f"no such device: {text!r:.80}") from None
            if str(device) != text:
                raise self.bad("canonical", f"a device is not written in its one form: {text!r:.80}")
            self.devices[text] = device
        return self.devices[text]
