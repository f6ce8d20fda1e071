# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# The tables of a state's index, read and checked: records of tensors, storages, chunks. docs/checkpoint-format.md has their bytes. Compiled,
# because a hostile file may have a hundred thousand tensors of a few bytes. Numbers of the file are unsigned 64-bit ints; products of two of
# them are made in 128 bits, and every sum is bounded before the next term.
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy
from frankentorch._ext.tensor cimport Storage, new_storage

cdef extern from *:
    """
    typedef unsigned __int128 ft_u128;
    """
    ctypedef unsigned long long u128 "ft_u128"

ctypedef unsigned char u8
ctypedef unsigned short u16
ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef enum:
    HEADER_NBYTES = 64
    ALIGNMENT = 64
    RECORD_NBYTES = 20
    STORAGE_NBYTES = 16
    CHUNK_NBYTES = 48
    DIGEST_NBYTES = 32
    STATE_NBYTES = 56
    MAX_NDIM = 64
    REQUIRES_GRAD = 1
    PARAMETER = 2
    FIRST_FLOAT = 9
    DTYPES = 15

cdef u64 LIMIT = <u64> 1 << 62
cdef u32 NO_STORAGE = 0xFFFFFFFF
cdef u64[15] ITEMSIZE = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16]

cdef struct Span:
    # What the tensors of one storage use of it: dtype, first element, one past the last.
    int dtype
    u64 low
    u64 high


cdef u64 read64(const u8* at) noexcept nogil:
    cdef u64 n
    memcpy(&n, at, 8)
    return n


cdef class Tables:
    """The two sections of an index whose lengths fit the counts of its head. The class that extends it says `bad(rule, message, at, record)`, an
    exception at an offset of the state section, and brings `make_record`, `dtype_names`, `is_normal`."""
    cdef const u8[::1] state, layout
    cdef public u64 chunk_nbytes, n_tensors, n_storages, n_chunks, records_nbytes, tree_nbytes, starts_at, records_at, storages_at, digests_at, tree_at, chunks_at
    cdef u64 data_end
    cdef bint stored

    def set_tables(self, state, layout, u64 data_end, bint stored, u64 max_count, u64 max_tensors):
        """Read the head of the state section; every table then lies inside its section."""
        self.state, self.layout, self.data_end, self.stored = state, layout, data_end, stored
        cdef const u8* head = &self.state[0]
        cdef u64 size = read64(head + 8)
        self.chunk_nbytes = size
        self.n_tensors, self.n_storages, self.n_chunks = read64(head + 16), read64(head + 24), read64(head + 32)
        self.records_nbytes, self.tree_nbytes = read64(head + 40), read64(head + 48)
        if (memcmp(head, b"FTCSTATE", 8) or self.n_tensors > max_tensors or self.n_storages > max_count or self.n_chunks > max_count
                or not 1 << 16 <= size <= 1 << 24 or size & size - 1 or self.records_nbytes >= LIMIT or self.tree_nbytes >= LIMIT):
            raise self.bad("index", "the head of the index holds impossible numbers", 0)
        self.starts_at = STATE_NBYTES
        self.records_at = self.starts_at + 8 * self.n_tensors
        self.storages_at = self.records_at + self.records_nbytes
        self.digests_at = self.storages_at + STORAGE_NBYTES * self.n_storages
        self.tree_at = self.digests_at + DIGEST_NBYTES * self.n_chunks
        self.chunks_at = (self.n_storages + 7) & ~<u64> 7
        if self.tree_at + self.tree_nbytes != <u64> self.state.shape[0] or self.chunks_at + CHUNK_NBYTES * self.n_chunks != <u64> self.layout.shape[0]:
            raise self.bad("index", "the tables of the index do not fill its sections", 0)

    # ---- records ----
    cdef const u8* record_at(self, u64 place) except NULL:
        """The bytes of one record, whose parts fill it."""
        cdef const u8* base = &self.state[0]
        cdef const u8* found
        cdef u64 begin = read64(base + self.starts_at + 8 * place), end = self.records_nbytes
        if place >= self.n_tensors:
            raise IndexError(place)
        if place + 1 < self.n_tensors:
            end = read64(base + self.starts_at + 8 * place + 8)
        if end > self.records_nbytes or begin > end or end - begin < RECORD_NBYTES or begin and not place:
            raise self.bad("index", f"record {place} lies at {begin} to {end} of {self.records_nbytes} bytes", self.starts_at + 8 * place)
        found = base + self.records_at + begin
        if found[5] or found[6] or found[7] or found[4] > MAX_NDIM or RECORD_NBYTES + name_nbytes(found) + 16 * found[4] != end - begin:
            raise self.bad("index", f"record {place} does not have the length of its parts", self.records_at + begin)
        return found

    cdef object decode_name(self, const u8* at, u64 place):
        try:
            return (<const char*> at)[RECORD_NBYTES:RECORD_NBYTES + name_nbytes(at)].decode("utf-8")
        except UnicodeDecodeError:
            raise self.bad("name", f"the name of record {place} is not UTF-8", at - &self.state[0] + RECORD_NBYTES) from None

    def find(self, name):
        """Place of the record with this name, or None; by bisection."""
        cdef bytes wanted = name.encode("utf-8", "surrogatepass")
        cdef u64 low = 0, high = self.n_tensors, middle
        cdef const u8* at
        cdef int sign
        while low < high:
            middle = (low + high) // 2
            at = self.record_at(middle)
            sign = compare(at + RECORD_NBYTES, name_nbytes(at), wanted, len(wanted))
            if sign == 0:
                self.decode_name(at, middle)
                return middle
            if sign < 0:
                low = middle + 1
            else:
                high = middle
        return None

    def record(self, u64 place):
        """One checked record."""
        return self.checked(self.record_at(place), place)

    cdef object checked(self, const u8* at, u64 place):
        """The one check of a tensor's geometry."""
        cdef const u8* numbers = at + RECORD_NBYTES + name_nbytes(at)
        cdef int dtype = at[2], flags = at[3], ndim = at[4], i
        cdef u32 storage
        cdef u64 offset = read64(at + 12), where = numbers - &self.state[0], itemsize, size, stride
        cdef u128 extent = 1, reach = 0
        cdef bint empty = False, overflow = False
        memcpy(&storage, at + 8, 4)
        name = self.decode_name(at, place)
        if storage != NO_STORAGE and storage >= self.n_storages:
            raise self.bad("index", f"storage {storage}; there are {self.n_storages}", where, name)
        if dtype >= DTYPES:
            raise self.bad("dtype", f"dtype id {dtype}; the last one known is {DTYPES - 1}", where, name)
        if flags & ~(REQUIRES_GRAD | PARAMETER):
            raise self.bad("flags", f"unknown flags {flags:#x}", where, name)
        if flags & REQUIRES_GRAD and dtype < FIRST_FLOAT:
            raise self.bad("flags", f"{self.dtype_names[dtype]} cannot require grad", where, name)
        itemsize = ITEMSIZE[dtype]
        sizes, strides = numbers_of(numbers, ndim), numbers_of(numbers + 8 * ndim, ndim)
        for i in range(ndim):  # an empty tensor's other sizes must not overflow either
            size, stride = read64(numbers + 8 * i), read64(numbers + 8 * (ndim + i))
            empty |= size == 0
            if size:
                extent *= size
                if not overflow and stride < LIMIT:
                    reach += <u128> (size - 1) * stride
            overflow |= extent >= LIMIT or extent * itemsize >= LIMIT or stride >= LIMIT
            if overflow:
                break
            reach = reach if reach < LIMIT else LIMIT
        if overflow:
            raise self.bad("layout", f"sizes {list(sizes)} with strides {list(strides)} overflow", where, name)
        if storage == NO_STORAGE:
            if not empty or offset:
                raise self.bad("layout", f"{'no' if empty else 'some'} elements at {offset} without a storage", where, name)
        else:
            nbytes, first, count = self.storage(storage)
            if empty:
                raise self.bad("layout", "a tensor without elements has a storage", where, name)
            if nbytes % itemsize:
                raise self.bad("layout", f"a storage of {nbytes} bytes is no whole number of {self.dtype_names[dtype]} elements", where, name)
            if offset >= LIMIT or offset + <u64> reach >= <u64> nbytes // itemsize:
                raise self.bad("layout", f"offset {offset}, sizes {list(sizes)}, strides {list(strides)} reach past the end of {nbytes} bytes", where, name)
        return self.make_record((name, dtype, flags, storage, offset, sizes, strides))

    # ---- storages and chunks ----
    cdef int read_storage(self, u64 number, u64* nbytes, u64* first, u64* count) except -1:
        cdef u64 at = self.storages_at + STORAGE_NBYTES * number
        if number >= self.n_storages:
            raise IndexError(number)
        nbytes[0], first[0] = read64(&self.state[at]), read64(&self.state[at + 8])
        if nbytes[0] == 0 or nbytes[0] >= LIMIT:
            raise self.bad("index", f"storage {number} of {nbytes[0]} bytes", at)
        count[0] = (nbytes[0] + self.chunk_nbytes - 1) // self.chunk_nbytes
        if first[0] > self.n_chunks or count[0] > self.n_chunks - first[0]:
            raise self.bad("index", f"storage {number} of {nbytes[0]} bytes needs {count[0]} chunks from {first[0]} on; there are {self.n_chunks}", at)
        return 0

    def storage(self, u64 number):
        """(nbytes, first chunk, number of chunks) of a storage."""
        cdef u64 nbytes, first, count
        self.read_storage(number, &nbytes, &first, &count)
        return nbytes, first, count

    def filter(self, u64 number):
        """The filter of a storage."""
        cdef int found = self.layout[number]
        if found not in (0, 2, 4, 8) or found and self.stored:
            raise self.bad("filter", f"unknown filter {found} of storage {number}", self.state.shape[0] + number)
        return found

    cdef int read_chunk(self, u64 number, u64 nbytes, u64* offset, u64* length) except -1:
        cdef u64 at = self.chunks_at + CHUNK_NBYTES * number, where = self.state.shape[0] + at
        cdef const u8* row = &self.layout[at]
        offset[0], length[0] = read64(row), read64(row + 8)
        if offset[0] < HEADER_NBYTES or length[0] == 0 or offset[0] > self.data_end or length[0] > self.data_end - offset[0]:
            raise self.bad("index", f"chunk {number} at {offset[0]}, {length[0]} bytes long, is outside the data", where)
        if self.stored and (length[0] != nbytes or memcmp(row + 16, &self.state[self.digests_at + DIGEST_NBYTES * number], DIGEST_NBYTES)):
            raise self.bad("index", f"chunk {number} is stored as it is, with another length or digest", where)
        if not self.stored and length[0] > nbytes + (nbytes >> 6) + 1024:
            raise self.bad("index", f"chunk {number} of {nbytes} bytes takes {length[0]}", where)
        return 0

    def chunk(self, u64 number, u64 nbytes):
        """(offset, length, stored digest, content digest) of the chunk whose content has `nbytes` bytes."""
        cdef u64 offset, length
        self.read_chunk(number, nbytes, &offset, &length)
        cdef const u8* row = &self.layout[self.chunks_at + CHUNK_NBYTES * number]
        cdef const u8* content = &self.state[self.digests_at + DIGEST_NBYTES * number]
        return offset, length, (<const char*> row)[16:16 + DIGEST_NBYTES], (<const char*> content)[:DIGEST_NBYTES]

    def storage_chunks(self, u64 number):
        """(place in the storage, content length, chunk number) of each chunk."""
        cdef u64 nbytes, first, count, k, size = self.chunk_nbytes
        self.read_storage(number, &nbytes, &first, &count)
        return [(k * size, min(size, nbytes - k * size), first + k) for k in range(count)]

    # ---- the whole ----
    def check(self):
        """Check the whole index: order, names, that storages and chunks follow each other without gap or overlap.

        Returns
        -------
        list of records, list of (begin, end)
            All records; and the ranges of padding, which must be zero.
        """
        cdef Span* spans = <Span*> malloc(max(self.n_storages, 1) * sizeof(Span))
        if spans == NULL:
            raise MemoryError()
        try:
            records = self.check_records(spans)
            return records, self.check_chunks(spans)
        finally:
            free(spans)

    cdef list check_records(self, Span* spans):
        cdef u64 place, used = 0, low, high
        cdef const u8* at
        cdef const u8* last = NULL
        cdef u32 storage
        cdef Span* span
        cdef list records = []
        for place in range(self.n_tensors):
            at = self.record_at(place)
            record = self.checked(at, place)
            name = record[0]
            if last != NULL and compare(last + RECORD_NBYTES, name_nbytes(last), at + RECORD_NBYTES, name_nbytes(at)) >= 0:
                raise self.bad("order", f"names are not in order, or repeated, at {name!r:.80}", 0, name)
            if not name.isascii() and not self.is_normal(name):
                raise self.bad("name", "a name is not in Unicode normal form C", 0, name)
            last = at
            records.append(record)
            memcpy(&storage, at + 8, 4)
            if storage == NO_STORAGE:
                continue
            low = read64(at + 12)
            high = self.last_element(at) + 1
            if storage >= used:
                if storage != used:
                    raise self.bad("order", f"storage {storage} is used before storage {used}", 0, name)
                used += 1
                spans[storage] = Span(at[2], low, high)
            span = &spans[storage]
            if span.dtype != at[2]:
                raise self.bad("alias", f"storage {storage} is read as {self.dtype_names[span.dtype]} and as {self.dtype_names[at[2]]}", 0, name)
            span.low, span.high = min(span.low, low), max(span.high, high)
        if used != self.n_storages:
            raise self.bad("index", f"{self.n_storages} storages, {used} of them used", 0)
        return records

    cdef u64 last_element(self, const u8* at) noexcept:
        """Of a checked record that has elements."""
        cdef const u8* numbers = at + RECORD_NBYTES + name_nbytes(at)
        cdef u64 last = read64(at + 12)
        cdef int i, ndim = at[4]
        for i in range(ndim):
            last += (read64(numbers + 8 * i) - 1) * read64(numbers + 8 * (ndim + i))
        return last

    cdef list check_chunks(self, Span* spans):
        """Every storage is the hull of its tensors; chunks lie in order; return the gaps."""
        cdef u64 at = HEADER_NBYTES, expected = 0, number, nbytes, first, count, itemsize, k, offset, length, end, i
        cdef u128 content = 0
        cdef list gaps = []
        for i in range(self.n_storages, self.chunks_at):
            if self.layout[i]:
                raise self.bad("padding", "the bytes after the filters are not zero", self.state.shape[0] + self.n_storages)
        for number in range(self.n_storages):
            self.read_storage(number, &nbytes, &first, &count)
            itemsize = ITEMSIZE[spans[number].dtype]
            if spans[number].low or spans[number].high * itemsize != nbytes:
                raise self.bad("hull", f"storage {number} of {nbytes} bytes is larger than what its tensors use", self.storages_at + STORAGE_NBYTES * number)
            if first != expected:
                raise self.bad("order", f"storage {number} begins with chunk {first}, not {expected}", self.storages_at + STORAGE_NBYTES * number)
            expected += count
            content += nbytes
            if self.filter(number) > <int> itemsize:
                raise self.bad("filter", f"filter {self.layout[number]} on elements of {itemsize} bytes", self.state.shape[0] + number)
            if self.stored:
                end = (at + ALIGNMENT - 1) & ~<u64> (ALIGNMENT - 1)
                if end > at:
                    gaps.append((at, end))
                at = end
            for k in range(count):
                self.read_chunk(first + k, min(self.chunk_nbytes, nbytes - k * self.chunk_nbytes), &offset, &length)
                if offset != at:
                    raise self.bad("index", f"chunk {first + k} lies at {offset}, not at {at} where the one before it ends", self.state.shape[0])
                at += length
        end = (at + ALIGNMENT - 1) & ~<u64> (ALIGNMENT - 1)
        if expected != self.n_chunks or end != self.data_end:
            raise self.bad("index", f"chunks end at {at} and the index begins at {self.data_end}; {expected} of {self.n_chunks} used", 0)
        self.check_ratio(<u64> content if content < LIMIT else LIMIT)
        if end > at:
            gaps.append((at, end))
        return gaps

    def load_small(self, u64 number, const u8[::1] window, u64 window_at, bint is_bool, name, blake3, unpacked):
        """A new Storage with the content of a storage of one chunk, out of `window`, the bytes of the file from `window_at` on; None when they
        are not all there, False when a digest or a bool is wrong. `unpacked(frame, nbytes, name, offset)` is called for what is not stored."""
        cdef u64 nbytes, first, count, offset, length, i, k, n
        cdef Storage storage
        cdef int width = self.filter(number)
        cdef bytes frame, content, digest
        cdef const u8* source
        self.read_storage(number, &nbytes, &first, &count)
        self.read_chunk(first, nbytes, &offset, &length)
        if offset < window_at or offset - window_at > <u64> window.shape[0] or length > window.shape[0] - (offset - window_at):
            return None
        source = &window[offset - window_at]
        frame = (<const char*> source)[:length]
        digest = blake3(frame)
        if memcmp(<const char*> digest, &self.layout[self.chunks_at + CHUNK_NBYTES * first + 16], DIGEST_NBYTES):
            return False
        storage = new_storage(nbytes, False)
        if self.stored:
            memcpy(storage.data, source, nbytes)
        else:
            content = unpacked(frame, nbytes, name, offset)
            source = <const u8*> <const char*> content
            if width:
                n = nbytes // width
                if n * width != nbytes:
                    return False
                for k in range(width):
                    for i in range(n):
                        storage.data[width * i + k] = source[k * n + i]
                content = storage.data[:nbytes]
            else:
                memcpy(storage.data, source, nbytes)
            digest = blake3(content)
            if memcmp(<const char*> digest, &self.state[self.digests_at + DIGEST_NBYTES * first], DIGEST_NBYTES):
                return False
        if is_bool:
            for i in range(nbytes):
                if storage.data[i] & ~1:
                    return False
        return storage


cdef u64 name_nbytes(const u8* record) noexcept nogil:
    return record[0] | <u64> record[1] << 8


cdef int compare(const u8* a, u64 a_nbytes, const u8* b, u64 b_nbytes) noexcept nogil:
    """Negative, 0 or positive, as the bytes of `a` come before, equal or come after those of `b`."""
    cdef int sign = memcmp(a, b, min(a_nbytes, b_nbytes))
    return sign if sign else (a_nbytes > b_nbytes) - (a_nbytes < b_nbytes)


cdef tuple numbers_of(const u8* at, int n):
    return tuple([read64(at + 8 * i) for i in range(n)])
