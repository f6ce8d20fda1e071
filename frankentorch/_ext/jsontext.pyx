# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# JSON text of records (RFC 8259), in ASCII without blanks: the bytes that json.dumps gives with separators (",", ":"), several times
# faster for the short records of a ledger.
from json.encoder import encode_basestring_ascii as quoted
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.math cimport isfinite
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

cdef struct Text:
    char* at
    Py_ssize_t size, room


cdef int reserve(Text* text, Py_ssize_t more) except -1:
    cdef Py_ssize_t room = text.room
    cdef char* at
    if text.size + more > room:
        while text.size + more > room:
            room *= 2
        at = <char*> realloc(text.at, room)
        if at == NULL:
            raise MemoryError("no memory for the text of a record")
        text.at, text.room = at, room
    return 0


cdef int put(Text* text, const char* data, Py_ssize_t n) except -1:
    reserve(text, n)
    memcpy(text.at + text.size, data, n)
    text.size += n
    return 0


cdef int write_integer(char* text, long long value) noexcept nogil:
    cdef char digits[24]
    cdef int n = 0
    cdef unsigned long long rest = 0 - <unsigned long long> value if value < 0 else <unsigned long long> value
    while True:
        n += 1
        digits[24 - n] = <char> (48 + rest % 10)
        rest //= 10
        if rest == 0:
            break
    if value < 0:
        n += 1
        digits[24 - n] = c"-"
    memcpy(text, digits + 24 - n, n)
    return n


cdef int put_integer(Text* text, object value) except -1:
    cdef int overflow = 0
    cdef long long small = PyLong_AsLongLongAndOverflow(value, &overflow)
    cdef bytes large
    if overflow:
        large = int.__repr__(value).encode()
        return put(text, PyBytes_AS_STRING(large), PyBytes_GET_SIZE(large))
    reserve(text, 24)
    text.size += write_integer(text.at + text.size, small)
    return 0


cdef int put_string(Text* text, str value) except -1:
    cdef Py_ssize_t n, i
    cdef const char* data = PyUnicode_AsUTF8AndSize(value, &n) if value.isascii() else NULL
    cdef bint plain = data != NULL
    cdef bytes escaped
    if plain:
        for i in range(n):
            if data[i] < 32 or data[i] == c'"' or data[i] == c"\\" or data[i] == 127:
                plain = False
                break
    if not plain:
        escaped = quoted(value).encode()
        return put(text, PyBytes_AS_STRING(escaped), PyBytes_GET_SIZE(escaped))
    reserve(text, n + 2)
    text.at[text.size] = c'"'
    memcpy(text.at + text.size + 1, data, n)
    text.at[text.size + n + 1] = c'"'
    text.size += n + 2
    return 0


cdef int put_value(Text* text, object value) except -1:
    cdef bytes digits
    cdef bint first = True
    kind = type(value)
    if value is None:
        return put(text, "null", 4)
    if kind is str:
        return put_string(text, value)
    if kind is int:
        return put_integer(text, value)
    if kind is bool:
        return put(text, "true", 4) if value else put(text, "false", 5)
    if kind is float:
        if not isfinite(<double> value):
            raise ValueError(f"JSON has no word for {value!r}")
        digits = float.__repr__(value).encode()
        return put(text, PyBytes_AS_STRING(digits), PyBytes_GET_SIZE(digits))
    if kind is list or kind is tuple:
        put(text, "[", 1)
        for item in value:
            if not first:
                put(text, ",", 1)
            first = False
            put_value(text, item)
        return put(text, "]", 1)
    if kind is dict:
        put(text, "{", 1)
        for key, item in value.items():
            if not first:
                put(text, ",", 1)
            first = False
            put_string(text, key)
            put(text, ":", 1)
            put_value(text, item)
        return put(text, "}", 1)
    for base in (int, str, float, list, tuple, dict):       # of subclasses: what they are beneath
        if isinstance(value, base):
            return put_value(text, base(value) if base is not str else str.__str__(value))
    raise TypeError(f"a record holds None, bool, int, float, str, lists, tuples and dicts by str, not {kind.__name__}")


def text_of(value):
    """JSON text of `value` as bytes. ValueError for a float that is not finite, TypeError for what JSON has no form of."""
    cdef Text text
    text.at, text.size, text.room = <char*> malloc(512), 0, 512
    if text.at == NULL:
        raise MemoryError("no memory for the text of a record")
    try:
        put_value(&text, value)
        return PyBytes_FromStringAndSize(text.at, text.size)
    finally:
        free(text.at)
