# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# dtype ids, sizes and promotion; device, layout and memory_format. All of them are singletons compared by identity
# (devices by value). Promotion is a lattice with one exception, the unsigned 16/32/64-bit types, which PyTorch promotes only
# with floating types; a refused pair is -1 in PROMOTE.
cdef list _dtypes = []
cdef dict _by_name = {}
cdef dtype _default = None
cdef dtype _default_complex = None

FIRST_UNPROMOTED, LAST_UNPROMOTED = U16, U64


cdef class dtype:
    """Element type of a tensor: ``name``, ``itemsize`` (bytes), ``is_floating_point``, ``is_complex``, ``is_signed``."""

    def __init__(self):
        raise TypeError("cannot create 'torch.dtype' instances")

    def __repr__(self):
        return "torch." + self.name

    def __reduce__(self):
        return self.name

    def __hash__(self):
        return self.code

    def __eq__(self, other):
        return self is other

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def to_real(self):
        """The real dtype of the same precision."""
        return dtype_of(to_real_code(self.code))

    def to_complex(self):
        """The complex dtype of the same precision."""
        return dtype_of(to_complex_code(self.code))


cdef dtype make_dtype(int code, str code_name, str name, int itemsize, bint is_signed):
    cdef dtype self = dtype.__new__(dtype)
    self.code = code
    self.code_name = code_name
    self.name = name
    self.itemsize = itemsize
    self.is_signed = is_signed
    self.is_floating_point = is_float_code(code)
    self.is_complex = is_complex_code(code)
    ITEMSIZE[code] = itemsize
    _dtypes.append(self)
    _by_name[name] = self
    return self


for _row in [("bool", "bool", 1, 0), ("u8", "uint8", 1, 0), ("i8", "int8", 1, 1), ("i16", "int16", 2, 1), ("i32", "int32", 4, 1),
             ("i64", "int64", 8, 1), ("u16", "uint16", 2, 0), ("u32", "uint32", 4, 0), ("u64", "uint64", 8, 0),
             ("f16", "float16", 2, 1), ("bf16", "bfloat16", 2, 1), ("f32", "float32", 4, 1), ("f64", "float64", 8, 1),
             ("c64", "complex64", 8, 1), ("c128", "complex128", 16, 1)]:
    make_dtype(len(_dtypes), _row[0], _row[1], _row[2], _row[3])

ALL = tuple(_dtypes)
_default = _by_name["float32"]
_default_complex = _by_name["complex64"]


cdef int promote_codes(int a, int b):
    """One entry of the table: the smallest type that holds both kinds; -1 when refused."""
    if a == b:
        return a
    if a > b:
        a, b = b, a
    if U16 <= b <= U64 or U16 <= a <= U64:
        if U16 <= b <= U64 or is_complex_code(b):
            return -1
        return b
    if is_complex_code(b):
        return C128 if b == C128 or a == F64 else C64
    if is_float_code(b):
        return F32 if a == F16 and b == BF16 else b
    if a == U8 and b == I8:
        return I16
    return b


cdef void fill_promotion():
    cdef int a, b
    for a in range(NCODES):
        for b in range(NCODES):
            PROMOTE[a][b] = promote_codes(a, b)


fill_promotion()


cdef dtype dtype_of(int code):
    return <dtype> _dtypes[code]


cdef int default_code() noexcept:
    return _default.code


cdef int default_complex_code() noexcept:
    return _default_complex.code


cdef int to_real_code(int code) noexcept:
    return F32 if code == C64 else F64 if code == C128 else code


cdef int to_complex_code(int code) noexcept:
    if is_complex_code(code):
        return code
    return C128 if code == F64 else C64


def get_default_dtype():
    """The floating dtype that Python floats get (float32 at start)."""
    return _default


def set_default_dtype(d):
    """Set the dtype of Python floats and of factory functions; ``d`` must be floating point (TypeError otherwise)."""
    global _default, _default_complex
    if isinstance(d, str):
        d = _by_name.get(d, d)
    if not isinstance(d, dtype) or not (<dtype> d).is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _default = d
    _default_complex = dtype_of(to_complex_code((<dtype> d).code))


def promote_types(type1, type2):
    """Smallest dtype that can represent both; RuntimeError for uint16/32/64 beside another integer or a complex type."""
    if not isinstance(type1, dtype) or not isinstance(type2, dtype):
        raise TypeError(f"promote_types(): arguments must be torch.dtype, not {type(type1).__name__} and {type(type2).__name__}")
    cdef int code = PROMOTE[(<dtype> type1).code][(<dtype> type2).code]
    if code < 0:
        raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {type1.name} and {type2.name}")
    return dtype_of(code)


cpdef bint can_cast_codes(int source, int target):
    """Category order: complex does not go to real, float not to integer, number not to bool."""
    return category_of(source) <= category_of(target)


def can_cast(from_, to):
    """Whether casting keeps the kind: ``bool < integer < floating < complex``."""
    if not isinstance(from_, dtype) or not isinstance(to, dtype):
        raise TypeError("can_cast(): arguments must be torch.dtype")
    return can_cast_codes((<dtype> from_).code, (<dtype> to).code)


cdef class layout:
    """Memory layout kind; only ``torch.strided`` holds data here."""

    def __repr__(self):
        return "torch." + self.name

    def __reduce__(self):
        return self.name


cdef class memory_format:
    """Order of strides: contiguous, channels_last, channels_last_3d, or preserve."""

    def __repr__(self):
        return "torch." + self.name

    def __reduce__(self):
        return self.name


cdef layout make_layout(str name):
    cdef layout self = layout.__new__(layout)
    self.name = name
    return self


cdef memory_format make_format(str name, int tag):
    cdef memory_format self = memory_format.__new__(memory_format)
    self.name = name
    self.tag = tag
    return self


strided = make_layout("strided")
sparse_coo = make_layout("sparse_coo")
sparse_csr = make_layout("sparse_csr")
preserve_format = make_format("preserve_format", PRESERVE)
contiguous_format = make_format("contiguous_format", CONTIGUOUS)
channels_last = make_format("channels_last", CHANNELS_LAST)
channels_last_3d = make_format("channels_last_3d", CHANNELS_LAST_3D)

_KNOWN_DEVICES = ("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy",
                  "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone")


cdef class device:
    """Where a tensor lives: ``cpu`` holds data, ``meta`` shapes only. Others can be named, not used."""

    def __cinit__(self, type=None, index=None):
        if isinstance(type, device):
            self.type, self.index = (<device> type).type, (<device> type).index
        elif isinstance(type, str):
            name, colon, number = type.partition(":")
            if colon and not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}'")
            if name not in _KNOWN_DEVICES:
                raise RuntimeError(f"Expected one of {', '.join(_KNOWN_DEVICES)} device type at start of device string: {name}")
            if colon and index is not None:
                raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: {type}")
            self.type = name
            self.index = int(number) if colon else index
        elif isinstance(type, int):
            raise RuntimeError("Cannot access accelerator device when none is available.")
        else:
            raise TypeError(f"device(): argument 'type' must be str or device, not {_class_name(type)}")
        self.is_meta = self.type == "meta"

    def __repr__(self):
        if self.index is None:
            return f"device(type='{self.type}')"
        return f"device(type='{self.type}', index={self.index})"

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other):
        if not isinstance(other, device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self):
        return hash((self.type, self.index))

    def __reduce__(self):
        return (device, (self.type,) if self.index is None else (self.type, self.index))


def _class_name(value):
    return value.__class__.__name__


cdef device CPU = device("cpu")
cdef device META = device("meta")


cdef device device_of(bint is_meta):
    return META if is_meta else CPU


cdef device parse_device(object value):
    """None, str or device to a device that exists here; RuntimeError otherwise."""
    cdef device found
    if value is None:
        return CPU
    found = value if isinstance(value, device) else device(value)
    if found.type != "cpu" and found.type != "meta":
        if found.type == "cuda":
            raise AssertionError("Torch not compiled with CUDA enabled; available devices: cpu, meta")
        raise RuntimeError(f"device '{found}' is not available; available devices: cpu, meta")
    return found
