"""The same logical tensor in other layouts, as specs of the carrier: what a result may not depend on."""
from conformance.carrier import ITEMSIZE, StorageSpec, TensorSpec, row_major

FILLER = b"\x5a"          # what lies between the elements; 1 for bools, where another byte means nothing


def elements(spec):
    """Elements in row-major order as one list of byte strings."""
    size = ITEMSIZE[spec.dtype]
    starts = [spec.offset]
    for length, stride in zip(spec.sizes, spec.strides):
        starts = [start + k * stride for start in starts for k in range(length)]
    raw = spec.storage.raw
    return [raw[start * size:(start + 1) * size] for start in starts]


def placed(spec, strides, offset, length):
    """The logical tensor over a storage of its own with `length` elements."""
    size = ITEMSIZE[spec.dtype]
    cells = [b"\x01" if spec.dtype == "bool" else FILLER * size] * length
    positions = [offset]
    for extent, stride in zip(spec.sizes, strides):
        positions = [position + k * stride for position in positions for k in range(extent)]
    for position, element in zip(positions, elements(spec)):
        cells[position] = element
    return TensorSpec(spec.dtype, spec.sizes, tuple(strides), offset, StorageSpec(b"".join(cells)), spec.requires_grad)


def contiguous(spec):
    return placed(spec, row_major(spec.sizes), 0, max(spec.numel, 1))


def offset(spec):
    """Starts inside the storage, at an address that no vector is aligned to."""
    return placed(spec, row_major(spec.sizes), 3, spec.numel + 5)


def transposed(spec):
    """The first dim is the fastest."""
    if len(spec.sizes) < 2:
        return None
    return placed(spec, row_major(spec.sizes[::-1])[::-1], 0, spec.numel)


def stepped(spec):
    """Every other element of a storage twice as large."""
    if not spec.sizes:
        return None
    return placed(spec, tuple(2 * stride for stride in row_major(spec.sizes)), 1, 2 * spec.numel + 2)


def padded_rows(spec):
    """Rows followed by three unused elements, as after slicing the last dim."""
    if not spec.sizes:
        return None
    wide = spec.sizes[:-1] + (spec.sizes[-1] + 3,)
    strides = row_major(wide)
    return placed(spec, strides, 2, TensorSpec(spec.dtype, wide, strides, 0, None).numel + 2)


def channels_last(spec):
    """Channels next to each other, for images."""
    if len(spec.sizes) != 4:
        return None
    n, c, h, w = spec.sizes
    return placed(spec, (h * w * c, 1, w * c, c), 0, spec.numel)


def expanded(spec):
    """The first slice of the first long dim, repeated by a stride of 0; other numbers, so it needs a twin."""
    for d, size in enumerate(spec.sizes):
        if size > 1 and spec.numel:
            kept = list(row_major(spec.sizes))
            narrow = [*spec.sizes[:d], 1, *spec.sizes[d + 1:]]
            one = TensorSpec(spec.dtype, tuple(narrow), spec.strides, spec.offset, spec.storage, spec.requires_grad)
            kept = list(row_major(narrow))
            kept[d] = 0
            dense = contiguous(one)
            return TensorSpec(spec.dtype, spec.sizes, tuple(kept), 0, dense.storage, spec.requires_grad)
    return None


LAYOUTS = {"transposed": transposed, "stepped": stepped, "offset": offset, "channels_last": channels_last}
