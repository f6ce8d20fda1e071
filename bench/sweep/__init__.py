"""A systematic sweep: ops x dtypes x shapes x layouts, generated from tables, each beside the oracle.

`case` says what a case is and makes its inputs; every other module holds families: a function that yields the family's cases, in the order
of its tables. `measure` times them. A case need not exist everywhere: what the oracle refuses is no case, what only we refuse is missing.
"""
from bench.sweep import elementwise, fills, images, index, order, products, reductions, rows

FAMILIES = {
    "products": products.products, "unary": elementwise.unary, "binary": elementwise.binary, "special": elementwise.special,
    "reductions": reductions.reductions, "scans": reductions.scans, "rows": rows.rows, "index": index.index, "arrange": index.arrange,
    "sort": order.sort, "search": order.search, "images": images.images, "conv": images.conv, "casts": fills.casts, "random": fills.random, "create": fills.create,
}
