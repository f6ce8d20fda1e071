"""Digests of forward and backward on inputs large enough to be cut among threads.

`python -m conformance.large [LIBRARY]` prints one line per case: name and SHA-256. Thread and CPU-level tests
run it and compare lines; sizes are odd on purpose, so that vector tails and uneven cuts are met.
Inputs come from a linear congruential generator, not from the library under test.
"""
import functools
import hashlib
import importlib
import struct
import sys

from conformance.carrier import Builder, StorageSpec, TensorSpec, row_major
from conformance.compare import raw_values
from conformance.record import plain_cotangent

ELEMENTWISE = """abs add ceil cos div exp floor log maximum minimum mul neg pow reciprocal round rsqrt sigmoid sign sin
    sqrt sub tanh erf log1p expm1 log2 tan atan logical_not isnan eq lt""".split()
BINARY = frozenset("add div maximum minimum mul pow sub eq lt".split())
POSITIVE = frozenset("log log2 sqrt rsqrt pow log1p".split())
SIZE = 200_003


@functools.cache
def numbers(count, seed, low=-4.0, high=4.0):
    """Repeatable numbers in [low, high): Knuth's MMIX generator, upper 24 bits."""
    state, found = seed * 2654435761 + 1, []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
        found.append(low + (high - low) * (state >> 40) / 2**24)
    return found


def tensor(lib, sizes, seed=1, dtype="float32", low=-4.0, high=4.0, grad=True):
    count = TensorSpec(dtype, sizes, (), 0, None).numel
    raw = struct.pack(f"<{count}f", *numbers(count, seed, low, high))
    spec = TensorSpec("float32", tuple(sizes), row_major(sizes), 0, StorageSpec(raw))
    made = Builder(lib).build(spec).to(getattr(lib, dtype))
    return made.requires_grad_() if grad and dtype in ("float16", "bfloat16", "float32", "float64") else made


def integers(lib, sizes, high, seed=9):
    count = TensorSpec("int64", tuple(sizes), (), 0, None).numel
    raw = struct.pack(f"<{count}q", *(int(value) for value in numbers(count, seed, 0, high)))
    return Builder(lib).build(TensorSpec("int64", tuple(sizes), row_major(sizes), 0, StorageSpec(raw)))


def elementwise(name, dtype):
    def case(lib):
        low = 0.01 if name in POSITIVE else -4.0
        args = [tensor(lib, (SIZE,), 1, dtype, low=low)]
        if name in BINARY:
            args.append(tensor(lib, (SIZE,), 2, dtype, low=0.5))
        return getattr(lib, name)(*args), args
    return case


def called(call, *shapes, dtype="float32", **ranges):
    """A case from a function of (lib, *tensors) and the tensors' shapes."""
    def case(lib):
        args = [tensor(lib, sizes, 3 + seed, dtype, **ranges) for seed, sizes in enumerate(shapes)]
        return call(lib, *args), args
    return case


CASES = {f"{name} {dtype}": elementwise(name, dtype) for name in ELEMENTWISE for dtype in ("float32", "float64", "bfloat16")
         if dtype != "bfloat16" or name not in ("erf", "tan", "atan")}
CASES |= {
    "sum": called(lambda lib, x: x.sum(), (SIZE,)),
    "sum rows": called(lambda lib, x: x.sum(1), (301, 777)),
    "sum columns": called(lambda lib, x: x.sum(0), (777, 301)),
    "sum transposed": called(lambda lib, x: x.t().sum(), (777, 301)),
    "mean middle": called(lambda lib, x: x.mean(1), (33, 77, 101)),
    "prod": called(lambda lib, x: x.prod(0), (65, 1001), low=0.9, high=1.1),
    "var": called(lambda lib, x: x.var(1), (301, 777)),
    "std all": called(lambda lib, x: x.std(), (SIZE,)),
    "norm": called(lambda lib, x: lib.linalg.vector_norm(x), (SIZE,)),
    "logsumexp": called(lambda lib, x: lib.logsumexp(x, 1), (301, 777)),
    "cumsum": called(lambda lib, x: lib.cumsum(x, 1), (301, 777)),
    "cumsum down": called(lambda lib, x: lib.cumsum(x, 0), (777, 301)),
    "amax": called(lambda lib, x: x.amax(1), (301, 777)),
    "max indices": called(lambda lib, x: x.max(0)[0], (777, 301)),
    "sort": called(lambda lib, x: lib.sort(x, 1)[0], (101, 777)),
    "topk": called(lambda lib, x: lib.topk(x, 7, 1)[0], (301, 777)),
    "softmax": called(lambda lib, x: lib.softmax(x, 1), (301, 777)),
    "log_softmax columns": called(lambda lib, x: lib.log_softmax(x, 0), (777, 301)),
    "matmul": called(lambda lib, x, y: x @ y, (97, 613), (613, 131)),
    "matmul long": called(lambda lib, x, y: x @ y, (5, 5003), (5003, 7)),
    "matmul transposed": called(lambda lib, x, y: x.t() @ y.t(), (613, 97), (131, 613)),
    "matmul float64": called(lambda lib, x, y: x @ y, (97, 613), (613, 131), dtype="float64"),
    "matmul bfloat16": called(lambda lib, x, y: x @ y, (97, 613), (613, 131), dtype="bfloat16"),
    "matrix vector": called(lambda lib, x, y: x @ y, (997, 613), (613,)),
    "bmm": called(lambda lib, x, y: lib.bmm(x, y), (17, 33, 65), (17, 65, 31)),
    "linear": called(lambda lib, x, w, b: lib.nn.functional.linear(x, w, b), (63, 257), (129, 257), (129,)),
    "conv2d": called(lambda lib, x, w, b: lib.nn.functional.conv2d(x, w, b, padding=1), (5, 7, 29, 31), (11, 7, 3, 3), (11,)),
    "conv2d strided grouped": called(lambda lib, x, w: lib.nn.functional.conv2d(x, w, stride=2, groups=3),
                                     (5, 9, 29, 31), (12, 3, 3, 3)),
    "conv1d": called(lambda lib, x, w: lib.nn.functional.conv1d(x, w, padding=2), (5, 9, 301), (12, 9, 5)),
    "conv_transpose2d": called(lambda lib, x, w: lib.nn.functional.conv_transpose2d(x, w, stride=2), (5, 8, 15, 17), (8, 6, 3, 3)),
    "max_pool2d": called(lambda lib, x: lib.nn.functional.max_pool2d(x, 3, 2), (5, 17, 41, 43)),
    "avg_pool2d": called(lambda lib, x: lib.nn.functional.avg_pool2d(x, 3, 2), (5, 17, 41, 43)),
    "layer_norm": called(lambda lib, x, w, b: lib.nn.functional.layer_norm(x, (257,), w, b), (301, 257), (257,), (257,)),
    "group_norm": called(lambda lib, x: lib.nn.functional.group_norm(x, 3), (7, 12, 37, 41)),
    "batch_norm": called(lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, training=True),
                         (33, 17, 13, 11), (17,), (17,)),
    "gelu": called(lambda lib, x: lib.nn.functional.gelu(x), (SIZE,)),
    "silu": called(lambda lib, x: lib.nn.functional.silu(x), (SIZE,)),
    "attention": called(lambda lib, q, k, v: lib.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True),
                        *[(3, 5, 67, 33)] * 3),
    "cross_entropy": called(lambda lib, x: lib.nn.functional.cross_entropy(x, integers(lib, (301,), 777)), (301, 777)),
    "mse_loss": called(lambda lib, x, y: lib.nn.functional.mse_loss(x, y), (SIZE,), (SIZE,)),
    "embedding": called(lambda lib, w: lib.nn.functional.embedding(integers(lib, (5003,), 211), w), (211, 65)),
    "index_select": called(lambda lib, x: lib.index_select(x, 0, integers(lib, (5003,), 211)), (211, 65)),
    "gather": called(lambda lib, x: lib.gather(x, 1, integers(lib, (301, 5003), 777)), (301, 777)),
    "scatter_add": called(lambda lib, x, s: lib.scatter_add(x, 1, integers(lib, (301, 777), 65), s), (301, 65), (301, 777)),
    "advanced index": called(lambda lib, x: x[integers(lib, (5003,), 211), integers(lib, (5003,), 65)], (211, 65)),
    "where": called(lambda lib, x, y: lib.where(x > 0, x, y), (301, 777), (777,)),
    "broadcast add": called(lambda lib, x, y: x + y, (301, 777), (301, 1)),
    "cat": called(lambda lib, x, y: lib.cat([x, y], 1), (301, 77), (301, 99)),
    "interpolate": called(lambda lib, x: lib.nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), (3, 5, 31, 33)),
}


def random_case(name):
    def case(lib):
        lib.manual_seed(5)
        made = {"rand": lambda: lib.rand(SIZE), "randn": lambda: lib.randn(SIZE), "randperm": lambda: lib.randperm(50_021),
                "randint": lambda: lib.randint(0, 1000, (SIZE,)),
                "dropout": lambda: lib.nn.functional.dropout(tensor(lib, (SIZE,), grad=False), 0.3)}
        return made[name](), []
    return case


CASES |= {name: random_case(name) for name in ("rand", "randn", "randperm", "randint", "dropout")}


OPTIMIZERS = {
    "SGD": {"lr": 0.1}, "SGD momentum": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    "SGD nesterov": {"lr": 0.1, "momentum": 0.9, "nesterov": True}, "Adam": {"lr": 0.1, "weight_decay": 0.01},
    "AdamW amsgrad": {"lr": 0.1, "amsgrad": True}, "RMSprop": {"lr": 0.1},
    "RMSprop centered": {"lr": 0.1, "centered": True, "momentum": 0.9}, "Adagrad": {"lr": 0.1, "lr_decay": 0.1},
}


def optimizer_case(name, dtype):
    def case(lib):
        shapes = ((50_021,), (7, 3), (), (19, 1001))
        params = [tensor(lib, sizes, seed, dtype) for seed, sizes in enumerate(shapes)]
        optimizer = getattr(lib.optim, name.split()[0])(params, **OPTIMIZERS[name])
        for step in range(3):
            for seed, param in enumerate(params):
                param.grad = tensor(lib, tuple(param.shape), 10 * step + seed, dtype, grad=False)
            optimizer.step()
        return lib.cat([param.detach().reshape(-1) for param in params]), []
    return case


CASES |= {f"{name} {dtype}": optimizer_case(name, dtype) for name in OPTIMIZERS for dtype in ("float32", "float64", "bfloat16")
          if dtype == "float32" or name in ("SGD momentum", "Adam")}


def digest(lib, name):
    """SHA-256 over the result and the gradients of the inputs for a plain incoming gradient."""
    result, args = CASES[name](lib)
    found = hashlib.sha256(raw_values(result))
    leaves = [arg for arg in args if arg.requires_grad]
    if leaves and result.requires_grad:
        spec = plain_cotangent(str(result.dtype).rpartition(".")[2], tuple(result.shape))
        for grad in lib.autograd.grad(result, leaves, Builder(lib).build(spec), allow_unused=True):
            found.update(b"none" if grad is None else raw_values(grad))
    return found.hexdigest()


def main(library="frankentorch"):
    lib = importlib.import_module(library)
    for name in CASES:
        try:
            print(f"{name}\t{digest(lib, name)}")
        except (AttributeError, NotImplementedError) as error:
            print(f"{name}\tmissing: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


if __name__ == "__main__":
    main(*sys.argv[1:])
