"""Sums of products over named dims: einsum, tensordot, bilinear. Pairs are contracted left to right, each as one batched product."""
import functools

from frankentorch import ops


def _size(sizes):
    total = 1
    for size in sizes:
        total *= size
    return total


def tensordot(self, other, dims):
    if isinstance(dims, ops.Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(self.dim(), other.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_self or ndim_other, but got dims={dims} for {list(self.shape)} and {list(other.shape)}")
        a, b = list(range(self.dim() - dims, self.dim())), list(range(dims))
    else:
        a, b = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(a) != len(b):
        raise RuntimeError(f"both dimension lists should have same length, got {a} and {b}")
    a, b = [d % max(self.dim(), 1) for d in a], [d % max(other.dim(), 1) for d in b]
    for x, y in zip(a, b):
        if self.shape[x] != other.shape[y]:
            if self.shape[x] != 1 and other.shape[y] != 1:
                raise RuntimeError(f"contracted dimensions need to match, but first has size {self.shape[x]} in dim {x} and second has size {other.shape[y]} in dim {y}")
            # a side of size 1 is stretched: the other side is summed
            if self.shape[x] == 1:
                other = ops.sum(other, (y,), True, dtype=other.dtype)
            else:
                self = ops.sum(self, (x,), True, dtype=self.dtype)
    kept_a, kept_b = [d for d in range(self.dim()) if d not in a], [d for d in range(other.dim()) if d not in b]
    m, k, n = _size(self.shape[d] for d in kept_a), _size(self.shape[d] for d in a), _size(other.shape[d] for d in kept_b)
    left = ops.reshape(ops.permute(self, (*kept_a, *a)), (m, k))
    right = ops.reshape(ops.permute(other, (*b, *kept_b)), (k, n))
    return ops.reshape(ops.mm(left, right), (*(self.shape[d] for d in kept_a), *(other.shape[d] for d in kept_b)))


def bilinear(input1, input2, weight, bias):
    if input1.dim() != input2.dim():
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.dim()} and {input2.dim()}")
    for d in range(input1.dim() - 1):
        if input1.shape[d] != input2.shape[d]:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {d}: got {input1.shape[d]} and {input2.shape[d]}")
    for i, x in ((1, input1), (2, input2)):
        if x.shape[-1] != weight.shape[i]:
            raise RuntimeError(f"bilinear(): input{i} size does not match weight size: got {x.shape[-1]} but expected {weight.shape[i]}")
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise RuntimeError(f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected {weight.shape[0]}")
    o, i, j = weight.shape
    rows = _size(input1.shape[:-1])
    x_bi, y_bj = ops.reshape(input1, (rows, i)), ops.reshape(input2, (rows, j))
    # (x W) for every output, then a dot product with y
    xw_boj = ops.reshape(ops.mm(x_bi, ops.reshape(ops.permute(weight, (1, 0, 2)), (i, o * j))), (rows, o, j))
    out = ops.reshape(ops.bmm(xw_boj, ops.unsqueeze(y_bj, 2)), (*input1.shape[:-1], o))
    return out if bias is None else ops.add(out, bias)


# ---- einsum ----
def _letter_of(number):
    if not 0 <= number < 52:
        raise ValueError(f"einsum: subscript {number} is not within the valid range [0, 52)")
    return chr(ord("A") + number) if number < 26 else chr(ord("a") + number - 26)


def from_sublists(arguments):
    """(op, sublist, op, sublist, …[, output]) as an equation and its operands."""
    def spell(sublist):
        return "".join("..." if item is Ellipsis else _letter_of(item) for item in sublist)

    pairs = len(arguments) // 2
    equation = ",".join(spell(arguments[2 * i + 1]) for i in range(pairs))
    if len(arguments) % 2:
        equation += "->" + spell(arguments[-1])
    return equation, tuple(arguments[2 * i] for i in range(pairs))


def _labels(text, where):
    """Letters of one operand in order, with "..." as one entry."""
    out, i = [], 0
    while i < len(text):
        if text[i] == " ":
            i += 1
        elif text[i] == ".":
            if text[i:i + 3] != "...":
                raise RuntimeError(f"einsum(): found '.' for {where} that is not part of any ellipsis")
            if "..." in out:
                raise RuntimeError(f"einsum(): found '.' for {where} for which an ellipsis was already found")
            out.append("...")
            i += 3
        elif text[i].isascii() and text[i].isalpha():
            out.append(text[i])
            i += 1
        else:
            raise RuntimeError(f"einsum(): invalid subscript given at index {i} in the equation string, subscripts must be in [a-zA-Z]; got {text[i]!r}")
    return out


@functools.lru_cache(512)
def _read(equation, ranks):
    """Labels per operand and of the result, for operands of so many dims; those of an ellipsis get the numbers 0, 1, … as labels."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        more = "more" if len(ranks) > len(terms) else "fewer"
        raise RuntimeError(f"einsum(): {more} operands were provided than specified in the equation: {len(ranks)} and {len(terms)}")
    terms = [_labels(term, f"operand {i}") for i, term in enumerate(terms)]
    widest = 0
    for i, (labels, rank) in enumerate(zip(terms, ranks)):
        named = len(labels) - ("..." in labels)
        if "..." in labels:
            if rank < named:
                raise RuntimeError(f"einsum(): the number of subscripts in the equation ({named}) is more than the number of dimensions ({rank}) for operand {i} and no ellipsis was given")
            widest = max(widest, rank - named)
        elif rank != named:
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions ({rank}) for operand {i} and no ellipsis was given")
    spread = []
    for labels, rank in zip(terms, ranks):
        if "..." in labels:
            at, n = labels.index("..."), rank - len(labels) + 1
            labels = labels[:at] + list(range(widest - n, widest)) + labels[at + 1:]
        spread.append(labels)
    if not arrow:
        flat = [label for labels in spread for label in labels if isinstance(label, str)]
        result = list(range(widest)) + sorted(label for label in set(flat) if flat.count(label) == 1)
        return spread, result
    result = []
    for label in _labels(right, "the output"):
        if label == "...":
            result += range(widest)
        elif label in result:
            raise RuntimeError(f"einsum(): output subscript {label} appears more than once in the output")
        elif not any(label in labels for labels in spread):
            raise RuntimeError(f"einsum(): output subscript {label} does not appear in the equation for any input operand")
        else:
            result.append(label)
    return spread, result


def _diagonals(t, labels):
    """A label that stands twice in one operand means its diagonal."""
    if len(set(labels)) == len(labels):
        return t, labels
    labels = list(labels)
    while True:
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is None:
            return t, labels
        first = labels.index(twice)
        second = labels.index(twice, first + 1)
        if t.shape[first] != t.shape[second]:
            raise RuntimeError(f"einsum(): subscript {twice} is repeated for operand but the sizes don't match, {t.shape[second]} != {t.shape[first]}")
        t = ops.diagonal(t, 0, first, second)
        del labels[second], labels[first]
        labels.append(twice)


def _summed(t, labels, keep):
    dims = tuple(d for d, label in enumerate(labels) if label not in keep)
    return (ops.sum(t, dims), [label for label in labels if label in keep]) if dims else (t, labels)


def _pair(x, x_labels, y, y_labels, keep):
    """One batched product: labels of both that are kept are batch dims, those of both that are not are summed."""
    both = [label for label in x_labels if label in y_labels]
    # a size of 1 against another size is broadcast: it cannot be a summed dim of the product
    for label in both:
        a, b = x.shape[x_labels.index(label)], y.shape[y_labels.index(label)]
        if a != b and label not in keep:
            if a == 1:
                y = ops.sum(y, (y_labels.index(label),), True, dtype=y.dtype)
            else:
                x = ops.sum(x, (x_labels.index(label),), True, dtype=x.dtype)
    x, x_labels = _summed(x, x_labels, set(keep) | set(y_labels))
    y, y_labels = _summed(y, y_labels, set(keep) | set(x_labels))
    both = [label for label in x_labels if label in y_labels]
    batch = [label for label in both if label in keep]
    inner = [label for label in both if label not in keep]
    left = [label for label in x_labels if label not in both]
    right = [label for label in y_labels if label not in both]
    if not inner:                       # nothing is summed: an elementwise product says it
        order = batch + left + right
        x = _spread(x, x_labels, order)
        y = _spread(y, y_labels, order)
        return ops.mul(x, y), order
    x = ops.permute(x, tuple(x_labels.index(label) for label in batch + left + inner))
    y = ops.permute(y, tuple(y_labels.index(label) for label in batch + inner + right))
    if x.dtype is not y.dtype:          # a sum of small integers is wide
        common = ops.promote_types(x.dtype, y.dtype)
        x, y = x.to(common), y.to(common)
    b = len(batch)
    if len(left) == len(inner) == len(right) == 1:
        return ops.mm(x, y) if b == 0 else ops.matmul(x, y), batch + left + right
    batch_sizes = tuple(max(p, q) if 0 not in (p, q) else 0 for p, q in zip(x.shape[:b], y.shape[:b]))
    left_sizes, inner_sizes, right_sizes = x.shape[b:b + len(left)], x.shape[b + len(left):], y.shape[b + len(inner):]
    x = ops.reshape(x, (*x.shape[:b], _size(left_sizes), _size(inner_sizes)))
    y = ops.reshape(y, (*y.shape[:b], _size(inner_sizes), _size(right_sizes)))
    out = ops.mm(x, y) if b == 0 else ops.matmul(x, y)
    return ops.reshape(out, (*batch_sizes, *left_sizes, *right_sizes)), batch + left + right


def _spread(t, labels, order):
    """Dims in `order`; a label the operand lacks gets size 1."""
    t = ops.permute(t, tuple(labels.index(label) for label in order if label in labels))
    return ops.reshape(t, tuple(1 if label not in labels else t.shape[[other for other in order if other in labels].index(label)] for label in order))


def einsum(equation, tensors, path):
    """Sum of products as the letters say, pairs from left to right or in the order of `path`."""
    if not tensors:
        raise RuntimeError("einsum(): must provide at least one operand")
    terms, result = _read(equation, tuple(t.dim() for t in tensors))
    work = [_diagonals(t, labels) for t, labels in zip(tensors, terms)]
    sizes = {}
    for i, (t, labels) in enumerate(work):
        for size, label in zip(t.shape, labels):
            if sizes.setdefault(label, size) != size:
                if sizes[label] == 1:
                    sizes[label] = size
                elif size != 1:
                    raise RuntimeError(f"einsum(): subscript {label} has size {size} for operand {i} which does not broadcast with previously seen size {sizes[label]}")
    steps = [(0, 1)] * (len(work) - 1) if path is None else list(zip(path[::2], path[1::2]))
    for i, j in steps:
        if len(work) < 2:
            break
        i, j = sorted((i, j))
        (x, x_labels), (y, y_labels) = work[i], work[j]
        rest = [item for k, item in enumerate(work) if k not in (i, j)]
        keep = set(result).union(*(labels for _, labels in rest)) if rest else set(result)
        made = _pair(x, x_labels, y, y_labels, keep)
        work = [made, *rest] if path is None else [*rest, made]
    t, labels = _summed(*work[0], set(result))
    return ops.permute(t, tuple(labels.index(label) for label in result)) if labels != result else t
