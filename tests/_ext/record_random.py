"""Record the oracle's random fills for test_random.py: python -m tests._ext.record_random (needs PyTorch 2.13)."""
import json
import pathlib

SIZES = (1, 7, 16, 37)
FLOATS = ("float16", "bfloat16", "float32", "float64")
WHOLES = ("uint8", "int8", "int16", "int32", "int64")
FILLS = (                                           # fill, dtypes, argument lists
    ("uniform", (*FLOATS, "complex64", "complex128"), [()]),
    ("uniform", FLOATS, [(-1 / 3, 1 / 7), (0.1, 1000.3)]),
    ("normal", FLOATS, [(), (0.1, 1.7)]),
    ("random", ("bool", *WHOLES, *FLOATS), [()]),
    ("integers", (*WHOLES, "uint16", "uint32", "uint64", *FLOATS), [(0, 10)]),
    ("integers", ("int8", "int16", "int32", "int64", *FLOATS), [(-5, 100), (3, None)]),
    ("integers", ("int32", "int64", "uint32", "uint64", "float64"), [(0, 2**28 - 1), (0, 2**28), (0, 2**31)]),
    ("integers", ("int64", "float64", "float32", "bfloat16"), [(-(2**63), None)]),
    ("bernoulli", ("bool", *WHOLES, *FLOATS), [(0.3,)]),
    ("exponential", FLOATS, [(), (1.7,)]),
    ("cauchy", FLOATS, [(0.3, 1.7)]),
    ("geometric", (*WHOLES, *FLOATS), [(0.3,)]),
    ("log_normal", FLOATS, [(), (0.3, 1.1)]),
    ("permutation", ("uint8", "int32", "int64", "float32"), [()]),
)
METHODS = {"uniform": "uniform_", "normal": "normal_", "random": "random_", "integers": "random_", "bernoulli": "bernoulli_",
           "exponential": "exponential_", "cauchy": "cauchy_", "geometric": "geometric_", "log_normal": "log_normal_"}


def record():
    from tests.oracle import require

    torch = require()
    rows = []
    for fill, dtypes, argument_lists in FILLS:
        for dtype in dtypes:
            for args in argument_lists:
                for n in SIZES if fill in ("uniform", "normal", "log_normal") and len(args) != 1 else (37,):
                    seed = len(rows) % 5 * 1000003 - 2
                    rng = torch.Generator().manual_seed(seed)
                    out = torch.empty(n, dtype=getattr(torch, dtype))
                    if fill == "permutation":
                        torch.randperm(n, generator=rng, out=out)
                    else:
                        getattr(out, METHODS[fill])(*args, generator=rng)
                    state = bytes(rng.get_state().numpy())
                    words = [int.from_bytes(state[16:24], "little"), int.from_bytes(state[8:12], "little")]
                    rows.append({"call": [fill, dtype, n, seed, *args], "words": words,
                                 "bytes": bytes(out.view(torch.uint8).numpy()).hex()})
    return rows


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(row) for row in record())
    pathlib.Path(__file__).with_name("recorded_random.json").write_text(f"[\n{lines}\n]\n")
