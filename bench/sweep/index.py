"""Indexing, and what moves elements without reading them: gather and scatter, masks, joins, permutations."""
from bench.sweep.case import FLOATS, Input, case

DTYPES = (*FLOATS, "int64", "uint8")
SHAPES = ((1000, 1000), (20_000, 16), (100, 20))
# over x and s of one shape; row numbers i (with repeats) and r (all, in disorder), column numbers j; row and column numbers of every element; a mask m
NAMES = {
    "i": "torch.randint(0, x.shape[0], (x.shape[0],))", "r": "torch.randperm(x.shape[0])", "j": "torch.randint(0, x.shape[1], (x.shape[0],))", "few": "i[:8]",
    "wide": "torch.randint(0, x.shape[0], x.shape)", "across": "torch.randint(0, x.shape[1], x.shape)", "flat": "torch.randint(0, x.numel(), x.shape)",
    "columns": "torch.randint(0, x.shape[1], (x.shape[1],))",
}
INDEX = {
    "gather 0": "x.gather(0, wide)", "gather 1": "x.gather(1, across)", "scatter 0": "x.scatter(0, wide, s)", "scatter 1": "x.scatter(1, across, s)", "scatter value": "x.scatter(1, across, 1)",
    "scatter_add 0": "x.scatter_add(0, wide, s)", "scatter_add 1": "x.scatter_add(1, across, s)", "scatter_reduce amax": "x.scatter_reduce(1, across, s, 'amax')",
    "scatter_reduce mean": "x.scatter_reduce(0, wide, s, 'mean')", "scatter_reduce prod": "x.scatter_reduce(0, wide, s, 'prod')",
    "index_select 0": "x.index_select(0, i)", "index_select 1": "x.index_select(1, columns)", "index_select few": "x.index_select(0, few)",
    "index_select transposed": "x.t().index_select(0, columns)", "x[i]": "x[i]", "x[few]": "x[few]", "x[:, columns]": "x[:, columns]", "x[i, j]": "x[i, j]", "x[i, 2:5]": "x[i, 2:5]",
    "x[mask]": "x[m]", "x[mask] = number": "z.__setitem__(m, 0)", "x[i] = s": "z.__setitem__(i, s)", "x[i, j] = number": "z.__setitem__((i, j), 1)",
    "index_put": "x.index_put((i, j), s[:, 0])", "index_put accumulate": "x.index_put((i,), s, accumulate=True)", "index_put pairs accumulate": "x.index_put((i, j), s[:, 0], accumulate=True)",
    "index_add 0": "x.index_add(0, i, s)", "index_add 1": "x.index_add(1, columns, s)", "index_copy 0": "x.index_copy(0, r, s)", "index_fill 0": "x.index_fill(0, i, 1)",
    "index_fill 1": "x.index_fill(1, columns, 1)", "index_reduce amax": "x.index_reduce(0, i, s, 'amax')", "take": "x.take(flat)", "take_along_dim": "x.take_along_dim(across, 1)",
    "put": "x.put(flat, s)", "put accumulate": "x.put(flat, s, accumulate=True)", "masked_select": "x.masked_select(m)", "masked_scatter": "x.masked_scatter(m, s)",
    "masked_fill": "x.masked_fill(m, 0)", "where": "torch.where(m, x, s)", "nonzero": "m.nonzero()", "nonzero values": "x.nonzero()", "argwhere": "torch.argwhere(m)",
    "embedding": "F.embedding(i, x)", "embedding few": "F.embedding(few, x)", "embedding_bag": "F.embedding_bag(i.view(-1, 10), x)", "embedding_bag sum": "F.embedding_bag(i.view(-1, 10), x, mode='sum')",
    "one_hot": "F.one_hot(j, x.shape[1])", "diagonal copy": "x.diagonal().clone()", "unfold": "x.unfold(1, 8, 4).contiguous()",
}
ARRANGE = {
    "cat 0": "torch.cat([x, s], 0)", "cat 1": "torch.cat([x, s], 1)", "cat many": "torch.cat(x.split(max(1, x.shape[1] // 20), 1), 1)", "stack 0": "torch.stack([x, s])",
    "stack 1": "torch.stack([x, s], 1)", "stack 2": "torch.stack([x, s], 2)", "flip 0": "x.flip(0)", "flip 1": "x.flip(1)", "rot90": "x.rot90()", "roll 0": "x.roll(3, 0)", "roll 1": "x.roll(3, 1)",
    "roll both": "x.roll((3, 5), (0, 1))", "repeat": "x.repeat(2, 2)", "tile": "x[0].tile(x.shape[0])", "repeat_interleave 0": "x.repeat_interleave(2, 0)",
    "repeat_interleave 1": "x.repeat_interleave(2, 1)", "tril": "x.tril()", "triu": "x.triu(1)", "diag_embed": "torch.diag_embed(x[:20])", "transpose copy": "x.t().contiguous()",
    "copy": "x.clone()", "strided copy": "x[:, ::2].contiguous()", "both strided copy": "x[::2, ::2].contiguous()", "narrow copy": "x[:, 1:].contiguous()", "expand column": "x[:, :1].expand_as(x).contiguous()",
    "expand row": "x[:1].expand_as(x).contiguous()", "split copies": "[part.contiguous() for part in x.chunk(4, 1)]", "setitem slice": "z.__setitem__((slice(None), slice(2, 9)), s[:, 2:9])",
    "swap 0 and 1 of three": "x.view(-1, 10, x.shape[1]).transpose(0, 1).contiguous()", "swap 1 and 2 of three": "x.view(x.shape[0], -1, 4).transpose(1, 2).contiguous()",
    "swap 0 and 2 of three": "x.view(-1, 10, x.shape[1]).permute(2, 1, 0).contiguous()", "heads": "x.view(-1, 10, 4, x.shape[1] // 4).transpose(1, 2).contiguous()",
    "meshgrid": "[grid.contiguous() for grid in torch.meshgrid(x[0], x[:, 0], indexing='ij')]", "block_diag": "torch.block_diag(x[:50, :50], x[:50, :50])", "tolist": "x[0].tolist()",
    "numpy": "x.numpy()", "equal": "x.equal(s)", "channel_shuffle": "F.channel_shuffle(x.view(-1, 20, 5, x.shape[1]), 4)",
}


def moved(table, shapes, dtypes):
    for label, expression in table.items():
        for dtype in dtypes:
            for shape in shapes:
                yield case(label, expression, dtype, shape, x=Input(shape, dtype), s=Input(shape, dtype), m=Input(shape, "bool"), z="x.clone()", **NAMES)


def index():
    yield from moved(INDEX, SHAPES, DTYPES)


def arrange():
    yield from moved(ARRANGE, SHAPES, DTYPES)
