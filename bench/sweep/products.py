"""Products of matrices and vectors: sizes from one row to square, operands as they lie or transposed."""
from bench.sweep.case import FLOATS, Input, case

DTYPES = (*FLOATS, "complex64", "int64", "int32")
SIZES = ((1, 256, 256), (1, 512, 2048), (1, 4096, 1024), (2, 512, 512), (4, 512, 512), (8, 512, 512), (16, 512, 512), (32, 512, 512), (64, 64, 64), (128, 128, 128),
         (33, 77, 55), (100, 1000, 10), (1000, 100, 10), (10, 1000, 1000), (256, 256, 256), (512, 64, 512), (64, 4096, 64), (7, 7, 7), (16, 16, 16), (1000, 3, 1000),
         (3, 1000, 3), (512, 512, 1))
MOST_WORK = 3e7          # of a product of the dtypes that the oracle multiplies without a library
TURNED = ("nn", "nt", "tn")
OTHERS = {               # label: (expression, shapes of x, y, w)
    "mv 1000x1000": ("x @ y", (1000, 1000), (1000,)), "mv transposed 1000x1000": ("x.t() @ y", (1000, 1000), (1000,)), "mv 100x100": ("x @ y", (100, 100), (100,)),
    "dot 100": ("torch.dot(x, y)", (100,), (100,)), "dot 100000": ("torch.dot(x, y)", (100_000,), (100_000,)), "outer 500": ("torch.outer(x, y)", (500,), (500,)),
    "bmm 100x8x8x8": ("torch.bmm(x, y)", (100, 8, 8), (100, 8, 8)), "bmm 64x64x64x64": ("torch.bmm(x, y)", (64, 64, 64), (64, 64, 64)),
    "bmm transposed 32x128x64x128": ("torch.bmm(x, y.mT)", (32, 128, 64), (32, 128, 64)), "bmm 1000x3x3x3": ("torch.bmm(x, y)", (1000, 3, 3), (1000, 3, 3)),
    "bmm one row 32x1x64x128": ("torch.bmm(x, y)", (32, 1, 64), (32, 64, 128)), "baddbmm 16x64x64x64": ("torch.baddbmm(w, x, y)", (16, 64, 64), (16, 64, 64), (16, 64, 64)),
    "addmm 256": ("torch.addmm(w, x, y)", (256, 256), (256, 256), (256,)), "addmm 32": ("torch.addmm(w, x, y)", (32, 32), (32, 32), (32,)),
    "addmv 512": ("torch.addmv(w, x, y)", (512, 512), (512,), (512,)), "addr 512": ("torch.addr(w, x, y)", (512,), (512,), (512, 512)),
    "einsum bij,bjk->bik": ("torch.einsum('bij,bjk->bik', x, y)", (16, 64, 64), (16, 64, 64)), "einsum ij,ij->i": ("torch.einsum('ij,ij->i', x, y)", (256, 256), (256, 256)),
    "einsum bhqd,bhkd->bhqk": ("torch.einsum('bhqd,bhkd->bhqk', x, y)", (2, 4, 64, 32), (2, 4, 64, 32)), "einsum i,j->ij": ("torch.einsum('i,j->ij', x, y)", (500,), (500,)),
    "einsum ij->j": ("torch.einsum('ij->j', x)", (500, 500)), "tensordot": ("torch.tensordot(x, y, dims=([1, 2], [1, 2]))", (32, 16, 16), (32, 16, 16)),
    "linear 64x784 -> 128": ("F.linear(x, y, w)", (64, 784), (128, 784), (128,)), "linear 1x784 -> 128": ("F.linear(x, y, w)", (1, 784), (128, 784), (128,)),
    "linear 8x64x128 -> 64": ("F.linear(x, y, w)", (8, 64, 128), (64, 128), (64,)), "bilinear": ("F.bilinear(x, x, y)", (64, 32), (16, 32, 32)),
    "matmul 8x64x128 128x64": ("x @ y", (8, 64, 128), (128, 64)), "matmul broadcast 8x8x32": ("x @ y", (8, 1, 32, 32), (1, 8, 32, 32)),
    "multi_dot": ("torch.linalg.multi_dot([x, y, w])", (32, 64), (64, 16), (16, 32)), "vecdot": ("torch.linalg.vecdot(x, y)", (256, 256), (256, 256)),
    "inner": ("torch.inner(x, y)", (64, 128), (64, 128)), "matrix_power 3": ("torch.linalg.matrix_power(x, 3)", (64, 64)), "kron": ("torch.kron(x, y)", (30, 30), (30, 30)),
    "cdist 200x3": ("torch.cdist(x, y)", (200, 3), (200, 3)), "cdist 500x64": ("torch.cdist(x, y)", (500, 64), (500, 64)), "cdist 1 500x64": ("torch.cdist(x, y, p=1.0)", (500, 64), (500, 64)),
    "trace": ("x.trace()", (500, 500)), "cross": ("torch.linalg.cross(x, y)", (10_000, 3), (10_000, 3)), "cov": ("x.cov()", (100, 1000)),
    "attention 4x8x64x32": ("F.scaled_dot_product_attention(x, y, w)", *[(4, 8, 64, 32)] * 3), "attention causal 1x4x256x64": ("F.scaled_dot_product_attention(x, y, w, is_causal=True)", *[(1, 4, 256, 64)] * 3),
}


def products():
    for dtype in DTYPES:
        for m, k, n in SIZES:
            if m * k * n > MOST_WORK and dtype not in FLOATS:
                continue
            for turned in TURNED:
                left, right = ("transposed" if letter == "t" else "contiguous" for letter in turned)
                yield case("matmul", "x @ y", dtype, (m, k, n), turned, x=Input((m, k), dtype, left), y=Input((k, n), dtype, right))
        for label, (expression, *shapes) in OTHERS.items():
            yield case(label, expression, dtype, **{name: Input(shape, dtype) for name, shape in zip("xyw", shapes)})
