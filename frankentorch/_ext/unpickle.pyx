# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# A reader of pickles that runs nothing by itself. It builds None, bool, int, float, str, bytes, bytearray, list, tuple, dict, set and
# frozenset; whatever a pickle asks beyond that goes to a `policy`, which decides: find_global(module, name), persistent_load(id),
# reduce(function, arguments), new_object(class, arguments, keywords), build(object, state). `policy.bad(rule, message, offset)` makes the
# exception for everything that is refused. Compiled, because a hostile pickle may have an opcode per byte.
# The opcodes and their arguments: Python's Lib/pickletools.py and PEP 307, 3154, 574 (documentation of the format).
import struct
from collections import OrderedDict

cdef enum:
    MAX_DEPTH = 1000             # Python's own picklers reach no deeper
    MAX_MARKS = 1000
    MAX_KEY_NODES = 10000        # of a tuple used as a key: a few shared tuples can stand for 2^n of them
    MAX_WIDE_KEYS = 1000         # ints beyond 2^60 can all have one hash
    FREE_CONTAINERS = 20000      # beyond, each container must have 3 bytes of pickle: the memo entry that every pickler writes

UNPACK_DOUBLE = struct.Struct(">d").unpack_from
NOT_THERE = object()

cdef class Unpickler:
    """One pickle in `data` from `start`; `load` may be called once, then `at` is the offset after STOP."""
    cdef const unsigned char[::1] data
    cdef object buffer
    cdef object policy
    cdef list stack
    cdef list marks
    cdef dict memo
    cdef readonly Py_ssize_t at
    cdef Py_ssize_t end
    cdef Py_ssize_t opcode_at
    cdef Py_ssize_t start
    cdef Py_ssize_t containers
    cdef int wide_keys
    cdef object encoding
    cdef object errors

    def __init__(self, data, policy, Py_ssize_t start=0, encoding="utf-8", errors="strict"):
        self.buffer = memoryview(data).cast("B")
        self.data = self.buffer
        self.policy, self.at, self.start, self.end = policy, start, start, self.data.shape[0]
        self.stack, self.marks, self.memo = [], [], {}
        self.encoding, self.errors = encoding, errors

    cdef bad(self, rule, message):
        return self.policy.bad(rule, message, self.opcode_at)

    def load(self):
        """The object, after every check."""
        try:
            found = self.run()
        except (RecursionError, UnicodeError, ValueError, TypeError, OverflowError, struct.error) as error:
            raise self.bad("value", f"{type(error).__name__}: {error}") from None
        check_depth(self, found)
        return found

    # ---- bytes ----
    cdef Py_ssize_t take(self, Py_ssize_t n) except -1:
        """Step over n bytes; the offset of the first."""
        cdef Py_ssize_t at = self.at
        if n < 0 or n > self.end - at:
            raise self.bad("length", f"{n} bytes are announced, {self.end - at} are left")
        self.at = at + n
        return at

    cdef unsigned long long number(self, int nbytes) except? 0xFFFFFFFFFFFFFFFF:
        cdef Py_ssize_t at = self.take(nbytes)
        cdef unsigned long long value = 0
        cdef int i
        for i in range(nbytes):
            value |= <unsigned long long> self.data[at + i] << (8 * i)
        return value

    cdef Py_ssize_t length(self, int nbytes) except -1:
        cdef unsigned long long value = self.number(nbytes)
        if value > <unsigned long long> (self.end - self.at):
            raise self.bad("length", f"{value} bytes are announced, {self.end - self.at} are left")
        return <Py_ssize_t> value

    cdef bytes content(self, Py_ssize_t n):
        cdef Py_ssize_t at = self.take(n)
        if n == 0:
            return b""
        return (<const char*> &self.data[at])[:n]

    cdef str text(self, Py_ssize_t n):
        return self.content(n).decode("utf-8", "surrogatepass")

    cdef bytes line(self):
        cdef Py_ssize_t begin = self.at
        while self.at < self.end:
            if self.data[self.at] == c"\n":
                self.at += 1
                return self.buffer[begin:self.at - 1].tobytes()
            self.at += 1
        raise self.bad("length", "a line has no end")

    # ---- stack ----
    cdef object pop(self):
        cdef Py_ssize_t floor = self.marks[len(self.marks) - 1] if self.marks else 0
        if len(self.stack) <= floor:
            raise self.bad("stack", "the stack is empty" if not floor else "an opcode reaches below a mark")
        return self.stack.pop()

    cdef object top(self):
        cdef Py_ssize_t floor = self.marks[len(self.marks) - 1] if self.marks else 0
        if len(self.stack) <= floor:
            raise self.bad("stack", "the stack is empty")
        return self.stack[len(self.stack) - 1]

    cdef list above_mark(self):
        cdef Py_ssize_t floor
        if not self.marks:
            raise self.bad("mark", "there is no mark")
        floor = self.marks.pop()
        items = self.stack[floor:]
        del self.stack[floor:]
        return items

    cdef int made_container(self) except -1:
        self.containers += 1
        if self.containers > FREE_CONTAINERS and 3 * (self.containers - FREE_CONTAINERS) > self.at - self.start:
            raise self.bad("bomb", f"{self.containers} containers in {self.at - self.start} bytes")
        return 0

    # ---- memo ----
    cdef int put(self, object place) except -1:
        self.memo[place] = self.top()
        return 0

    cdef int get(self, object place) except -1:
        found = self.memo.get(place, NOT_THERE)
        if found is NOT_THERE:
            raise self.bad("memo", f"memo entry {place} is read before it is written")
        self.stack.append(found)
        return 0

    # ---- filling ----
    cdef int check_key(self, key) except -1:
        kind = type(key)
        if kind is str or kind is float or kind is bytes or kind is bool or key is None or kind is complex:
            return 0
        if kind is int:
            if key.bit_length() > 60:
                self.wide_keys += 1
                if self.wide_keys > MAX_WIDE_KEYS:
                    raise self.bad("keys", f"more than {MAX_WIDE_KEYS} keys beyond 2^60")
            return 0
        if isinstance(key, (tuple, frozenset)):
            check_key_tree(self, key)
        return 0

    cdef int set_items(self, target, list items) except -1:
        cdef Py_ssize_t i
        if not isinstance(target, dict):
            raise self.bad("target", f"items are set on a {type(target).__name__}, which is no dict")
        if len(items) % 2:
            raise self.bad("stack", "a key has no value")
        for i in range(0, len(items), 2):
            self.check_key(items[i])
            if type(target) is dict:
                (<dict> target)[items[i]] = items[i + 1]
            else:
                self.policy.set_item(target, items[i], items[i + 1], self.opcode_at)
        return 0

    cdef int extend(self, target, list items) except -1:
        if type(target) is list:
            (<list> target).extend(items)
        else:
            self.policy.extend(target, items, self.opcode_at)
        return 0

    cdef int add_items(self, target, list items) except -1:
        if type(target) is not set:
            raise self.bad("target", f"items are added to a {type(target).__name__}, which is no set")
        for item in items:
            self.check_key(item)
            target.add(item)
        return 0

    cdef object called_container(self, function, tuple arguments):
        """A set of a list, or an OrderedDict of pairs, as protocol 2 writes them; keys are checked."""
        self.made_container()
        items = arguments[0] if len(arguments) == 1 else ()
        if len(arguments) > 1 or type(items) not in (list, tuple):
            raise self.bad("reduce", f"a {function.__name__} is made of a list, or of nothing")
        made = OrderedDict() if function is OrderedDict else set()
        for item in items:
            if function is OrderedDict:
                key, value = item
                self.check_key(key)
                made[key] = value
            else:
                self.check_key(item)
                made.add(item)
        return frozenset(made) if function is frozenset else made

    cdef int push_global(self, module, name) except -1:
        if type(module) is not str or type(name) is not str:
            raise self.bad("global", "the name of a global is no str")
        self.stack.append(self.policy.find_global(module, name, self.opcode_at))
        return 0

    # ---- the opcodes ----
    cdef object run(self):
        cdef unsigned char opcode
        cdef Py_ssize_t n
        cdef list items
        cdef bint first = True
        while True:
            self.opcode_at = self.at
            if self.at >= self.end:
                raise self.bad("length", "the pickle has no end")
            opcode = self.data[self.at]
            self.at += 1
            if first and opcode != 0x80 and not (opcode in b"(}])cIJKMNXULSFGVTdl\x88\x89"):
                raise self.bad("opcode", f"a pickle does not begin with byte {opcode:#04x}")
            first = False
            if opcode == c"q":
                self.put(self.number(1))
            elif opcode == c"h":
                self.get(self.number(1))
            elif opcode == c"K":
                self.stack.append(self.number(1))
            elif opcode == c"X":
                n = self.length(4)
                self.stack.append(self.text(n))
            elif opcode == 0x8c:
                n = self.length(1)
                self.stack.append(self.text(n))
            elif opcode == 0x8d:
                n = self.length(8)
                self.stack.append(self.text(n))
            elif opcode == c"(":
                if len(self.marks) >= MAX_MARKS:
                    raise self.bad("depth", f"more than {MAX_MARKS} marks are open")
                self.marks.append(len(self.stack))
            elif opcode == c"t":
                self.made_container()
                self.stack.append(tuple(self.above_mark()))
            elif opcode == 0x85:
                self.made_container()
                self.stack.append((self.pop(),))
            elif opcode == 0x86:
                self.made_container()
                second = self.pop()
                self.stack.append((self.pop(), second))
            elif opcode == 0x87:
                self.made_container()
                third = self.pop()
                second = self.pop()
                self.stack.append((self.pop(), second, third))
            elif opcode == c")":
                self.stack.append(())
            elif opcode == c"R":
                arguments = self.pop()
                if type(arguments) is not tuple:
                    raise self.bad("reduce", "arguments are no tuple")
                function = self.pop()
                if function is set or function is frozenset or function is OrderedDict:
                    self.stack.append(self.called_container(function, arguments))
                else:
                    self.stack.append(self.policy.reduce(function, arguments, self.opcode_at))
            elif opcode == c"Q":
                identity = self.pop()
                self.stack.append(self.policy.persistent_load(identity, self.opcode_at))
            elif opcode == c"c":
                module = self.line().decode("ascii")
                self.push_global(module, self.line().decode("ascii"))
            elif opcode == 0x93:
                name = self.pop()
                self.push_global(self.pop(), name)
            elif opcode == c"r":
                self.put(self.number(4))
            elif opcode == c"j":
                self.get(self.number(4))
            elif opcode == 0x94:
                self.put(len(self.memo))
            elif opcode == c"M":
                self.stack.append(self.number(2))
            elif opcode == c"J":
                n = self.number(4)
                self.stack.append(n - (1 << 32) if n >> 31 else n)
            elif opcode == c"G":
                n = self.take(8)
                self.stack.append(UNPACK_DOUBLE(self.buffer, n)[0])
            elif opcode == c"N":
                self.stack.append(None)
            elif opcode == 0x88:
                self.stack.append(True)
            elif opcode == 0x89:
                self.stack.append(False)
            elif opcode == c"}":
                self.made_container()
                self.stack.append({})
            elif opcode == c"]":
                self.made_container()
                self.stack.append([])
            elif opcode == c"s":
                value = self.pop()
                key = self.pop()
                self.set_items(self.top(), [key, value])
            elif opcode == c"u":
                items = self.above_mark()
                self.set_items(self.top(), items)
            elif opcode == c"a":
                value = self.pop()
                self.extend(self.top(), [value])
            elif opcode == c"e":
                items = self.above_mark()
                self.extend(self.top(), items)
            elif opcode == 0x90:
                items = self.above_mark()
                self.add_items(self.top(), items)
            elif opcode == 0x8f:
                self.made_container()
                self.stack.append(set())
            elif opcode == 0x91:
                self.made_container()
                items = self.above_mark()
                for item in items:
                    self.check_key(item)
                self.stack.append(frozenset(items))
            elif opcode == c"b":
                state = self.pop()
                self.policy.build(self.top(), state, self.opcode_at)
            elif opcode == 0x81:
                arguments = self.pop()
                self.stack.append(self.policy.new_object(self.pop(), arguments, {}, self.opcode_at))
            elif opcode == 0x92:
                keywords = self.pop()
                arguments = self.pop()
                self.stack.append(self.policy.new_object(self.pop(), arguments, keywords, self.opcode_at))
            elif opcode == 0x80:
                n = self.number(1)
                if n > 5 or self.opcode_at != self.start:
                    raise self.bad("protocol", f"protocol {n} at this place")
            elif opcode == 0x95:
                self.length(8)
            elif opcode == c".":
                found = self.pop()
                if self.stack or self.marks:
                    raise self.bad("stack", "the pickle ends with objects left over")
                return found
            elif opcode == 0x8a:
                n = self.length(1)
                self.stack.append(int.from_bytes(self.content(n), "little", signed=True))
            elif opcode == 0x8b:
                n = self.length(4)
                if n > 4096:
                    raise self.bad("value", f"an int of {n} bytes")
                self.stack.append(int.from_bytes(self.content(n), "little", signed=True))
            elif opcode == c"C":
                n = self.length(1)
                self.stack.append(self.content(n))
            elif opcode == c"B":
                n = self.length(4)
                self.stack.append(self.content(n))
            elif opcode == 0x8e:
                n = self.length(8)
                self.stack.append(self.content(n))
            elif opcode == 0x96:
                n = self.length(8)
                self.stack.append(bytearray(self.content(n)))
            elif opcode == c"U":
                n = self.length(1)
                self.stack.append(self.old_text(self.content(n)))
            elif opcode == c"T":
                n = self.length(4)
                self.stack.append(self.old_text(self.content(n)))
            elif opcode == c"0":
                if self.marks and self.marks[len(self.marks) - 1] == len(self.stack):
                    self.marks.pop()
                else:
                    self.pop()
            elif opcode == c"1":
                self.above_mark()
            elif opcode == c"2":
                self.stack.append(self.top())
            elif opcode == c"l":
                self.made_container()
                self.stack.append(self.above_mark())
            elif opcode == c"d":
                self.made_container()
                items = self.above_mark()
                target = {}
                self.set_items(target, items)
                self.stack.append(target)
            elif opcode == c"I":
                word = self.line()
                self.stack.append(word == b"01" if word in (b"00", b"01") else int(word))
            elif opcode == c"L":
                self.stack.append(int(self.line().rstrip(b"L")))
            elif opcode == c"F":
                self.stack.append(float(self.line()))
            elif opcode == c"V":
                self.stack.append(self.line().decode("raw-unicode-escape"))
            elif opcode == c"p":
                self.put(self.place())
            elif opcode == c"g":
                self.get(self.place())
            else:
                raise self.bad("opcode", f"opcode {bytes([opcode])!r} is not allowed")

    cdef object place(self):
        word = self.line()
        if not word.isdigit() or len(word) > 10:
            raise self.bad("memo", f"{word[:40]!r} is no place in the memo")
        return int(word)

    cdef object old_text(self, bytes content):
        """A str of Python 2."""
        return content if self.encoding == "bytes" else content.decode(self.encoding, self.errors)


cdef int check_key_tree(Unpickler self, key) except -1:
    """A tuple as a key: hashing it must be cheap, and no deeper than the C stack bears."""
    cdef list work = [(key, 1)]
    cdef Py_ssize_t nodes = 0
    while work:
        value, depth = work.pop()
        nodes += 1
        if nodes > MAX_KEY_NODES or depth > 100:
            raise self.bad("keys", "a tuple as a key is too large or too deep")
        if isinstance(value, (tuple, frozenset)):
            for item in value:
                work.append((item, depth + 1))
    return 0


cdef inline bint is_container(value):
    """A container with something in it."""
    kind = type(value)
    if kind is str or kind is int or kind is float or value is None or kind is bool:
        return False
    return isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) > 0


cdef int check_depth(Unpickler self, found) except -1:
    """Longest path through containers, each visited once. Iterative; a container inside itself ends the path."""
    cdef dict heights = {}                   # id → height; 0 while it is being visited
    cdef list work
    cdef int height
    cdef bint inner
    if not is_container(found):
        return 0
    work = [found]
    while work:
        value = work[len(work) - 1]
        place = id(value)
        known = heights.get(place)
        if known is None:
            heights[place] = 0
            inner = False
            for child in children(value):
                if is_container(child) and id(child) not in heights:
                    work.append(child)
                    inner = True
            if inner:
                continue
        elif <int> known > 0:
            work.pop()
            continue
        work.pop()                           # all below it are known
        height = 1
        for child in children(value):
            if is_container(child):
                height = max(height, <int> heights[id(child)] + 1)
        if height > MAX_DEPTH:
            raise self.bad("depth", f"nested more than {MAX_DEPTH} deep")
        heights[place] = height
    return 0


cdef object children(value):
    if isinstance(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    return value
