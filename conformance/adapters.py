"""How an entry of the oracle's database is called when its name is not simply the function's path.

Each table maps an entry's name to what a caller would write. All of it is public API, and it is the
same text for both libraries: `lib` is `torch` or `frankentorch`.
"""

# x.name(*args, **kwargs); of the double-underscore ones, Tensor.__name__(x, *args)
METHODS = frozenset("""
    contiguous expand expand_as view view_as reshape_as repeat to new_zeros new_ones new_empty new_full new_empty_strided
    bfloat16 bool double float half int long byte char short cdouble cfloat chalf sum_to_size unfold to_sparse
    __getitem__ __radd__ __rdiv__ __rmul__ __rsub__ __rpow__ __rmatmul__ __rand__ __ror__ __rxor__ __rmod__
""".split())

# x.name, no call
PROPERTIES = frozenset("T mT H mH".split())

# The generator is seeded with SEED immediately before: entry -> path of the function, or ".method"
SEED = 42
SEEDED = {
    "item": ".item",
    "uniform": ".uniform_", "exponential": ".exponential_", "cauchy": ".cauchy_", "geometric": ".geometric_",
    "log_normal": ".log_normal_", "normal.in_place": ".normal_",
    "randn": "randn", "randn_like": "randn_like", "rand_like": "randn_like", "randint": "randint",
    "randint_like": "randint_like", "multinomial": "multinomial", "normal": "normal", "bernoulli": "bernoulli",
    "empty_strided": "empty_strided", "svd_lowrank": "svd_lowrank", "pca_lowrank": "pca_lowrank",
    "nn.functional.scaled_dot_product_attention": "nn.functional.scaled_dot_product_attention",
    "nn.functional.multi_head_attention_forward": "nn.functional.multi_head_attention_forward",
    "nn.functional.dropout": "nn.functional.dropout",
    "nn.functional.dropout2d": "nn.functional.dropout2d",
    "nn.functional.dropout3d": "nn.functional.dropout3d",
    "nn.functional.alpha_dropout": "nn.functional.alpha_dropout",
    "nn.functional.feature_alpha_dropout.with_train": "nn.functional.feature_alpha_dropout",
    "nn.functional.feature_alpha_dropout.without_train": "nn.functional.feature_alpha_dropout",
    "nn.functional.fractional_max_pool2d": "nn.functional.fractional_max_pool2d",
    "nn.functional.fractional_max_pool3d": "nn.functional.fractional_max_pool3d",
    "nn.functional.rrelu": "nn.functional.rrelu",
}


def normal_number_mean(lib, std, mean, *args, **kwargs):
    lib.manual_seed(SEED)
    return lib.normal(mean, std, *args, **kwargs)


def in_place_on_copy(name):
    def call(lib, input, *args):
        return getattr(input.clone(), name)(*args)
    return call


def first_integer_first(path):
    def call(lib, input, n, **kwargs):
        return walk(lib, path)(n, input, **kwargs)
    return call


# Arguments in another order than the database has them
REORDERED = {
    "einsum": lambda lib, tensors, equation: lib.einsum(equation, tensors),
    "where": lambda lib, input, condition, other, **kwargs: lib.where(condition, input, other, **kwargs),
    "nn.functional.embedding":
        lambda lib, weight, index, **kwargs: lib.nn.functional.embedding(index, weight, **kwargs),
    "nn.functional.embedding_bag":
        lambda lib, weight, index, **kwargs: lib.nn.functional.embedding_bag(index, weight, **kwargs),
    "normal.number_mean": normal_number_mean,
    "zero_": in_place_on_copy("zero_"), "resize_": in_place_on_copy("resize_"),
    "resize_as_": in_place_on_copy("resize_as_"),
    "polygamma": first_integer_first("polygamma"),
    "special.polygamma": first_integer_first("special.polygamma"),
}

# In-place variants that are a keyword of the function
INPLACE_KEYWORD = frozenset("""
    nn.functional.leaky_relu nn.functional.silu nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d
    nn.functional.alpha_dropout nn.functional.celu nn.functional.elu nn.functional.hardsigmoid nn.functional.hardswish
    nn.functional.mish nn.functional.selu nn.functional.threshold nn.functional.relu6 nn.functional.rrelu
    nn.functional.hardtanh nn.functional.feature_alpha_dropout
""".split())

# Memory of the result is not defined: only its kind is compared
UNDEFINED_VALUES = frozenset("empty empty_like new_empty new_empty_strided empty_strided empty_permuted".split())

# Exact by IEEE 754 or mere moves: real results must agree in every bit. sqrt is exact too, but not in the
# oracle, whose contiguous loop is MKL's (0.7 % of random float32 are off by one ulp), so it is not listed.
EXACT = frozenset("""
    __getitem__ T abs amax amin any all argmax argmin argsort bool cat ceil chunk clamp clone contiguous diag double eq
    expand eye fill flatten flip float floor floor_divide full full_like gather ge gt half bfloat16 index_select int isnan
    item le logical_and logical_not long lt masked_fill max maximum meshgrid min minimum mul ne neg new_zeros
    nonzero ones ones_like permute randint repeat repeat_interleave reshape round scatter select sign sort
    split squeeze stack t to topk transpose tril triu unbind unique unsqueeze view where zeros zeros_like
    nn.functional.relu nn.functional.one_hot nn.functional.max_pool2d nn.functional.pad nn.functional.dropout
    nn.functional.embedding randn randn_like uniform multinomial arange __rmul__ __radd__
    trunc clamp_min clamp_max broadcast_to movedim narrow unfold roll rot90 take take_along_dim tile isinf isfinite
    as_strided diagonal fliplr flipud hstack vstack dstack index_fill index_put masked_select ravel real
    imag split_with_sizes tensor_split unflatten view_as view_as_real view_as_complex zero_
    bernoulli isclose isin bitwise_and bitwise_or bitwise_xor bitwise_not count_nonzero bincount
    nn.functional.relu6 nn.functional.hardtanh nn.functional.pixel_shuffle nn.functional.pixel_unshuffle
""".split())


def walk(lib, path):
    """The object at a dotted path; AttributeError names the first missing part."""
    found = lib
    for part in path.split("."):
        found = getattr(found, part)
    return found


def find_call(lib, name, variant=""):
    """A function (*args, **kwargs) of `lib` for one entry.

    The table is asked first with the variant, then without; last the name is taken as a path.
    """
    for key in (f"{name}.{variant}" if variant else name, name):
        if key in REORDERED:
            reordered = REORDERED[key]
            return lambda *args, **kwargs: reordered(lib, *args, **kwargs)
        if key in SEEDED:
            return seeded(lib, SEEDED[key])
    if name.startswith("__"):
        return getattr(lib.Tensor, name)
    if name in METHODS:
        return lambda input, *args, **kwargs: getattr(input, name)(*args, **kwargs)
    if name in PROPERTIES:
        return lambda input: getattr(input, name)
    return walk(lib, name)


def seeded(lib, path):
    def call(*args, **kwargs):
        lib.manual_seed(SEED)
        if path.startswith("."):
            return getattr(args[0], path[1:])(*args[1:], **kwargs)
        return walk(lib, path)(*args, **kwargs)
    return call
