"""Sorting, selection and searching, in short rows and long."""
from bench.sweep.case import FLOATS, INTEGERS, Input, case

DTYPES = (*FLOATS, *INTEGERS)
PLACES = (((10_000, 4), 1), ((10_000, 9), 1), ((10_000, 33), 1), ((1000, 1000), 1), ((300, 300), 0), ((100_000,), 0), ((100,), 0), ((20, 50), 1))
SORTS = {
    "sort": "x.sort(dim)", "sort descending": "x.sort(dim, descending=True)", "sort stable": "x.sort(dim=dim, stable=True)", "argsort": "x.argsort(dim)", "topk 2": "x.topk(2, dim)",
    "topk smallest 3": "x.topk(3, dim, largest=False)", "topk 10": "x.topk(10, dim)", "topk half": "x.topk(x.shape[dim] // 2, dim)", "kthvalue 2": "x.kthvalue(2, dim)",
    "kthvalue half": "x.kthvalue(x.shape[dim] // 2, dim)", "median": "x.median(dim)", "nanmedian": "x.nanmedian(dim)", "mode": "x.mode(dim)", "quantile": "x.quantile(0.3, dim)",
    "nanquantile": "x.nanquantile(0.3, dim)", "sort sorted": "ordered.sort(dim)",
}
SIZES = ((100,), (10_000,), (1_000_000,), (1000, 1000))
# x has few values where they are integers; n are many
SEARCHES = {
    "unique": "x.unique()", "unique inverse": "x.unique(return_inverse=True, return_counts=True)", "unique_consecutive": "x.unique_consecutive()", "unique rows": "x[:2000].view(-1, 4).unique(dim=0)",
    "searchsorted": "torch.searchsorted(edges, x)", "searchsorted right": "torch.searchsorted(edges, x, right=True)", "bucketize": "torch.bucketize(x, edges[::5].contiguous())",
    "histc": "torch.histc(x, 100)", "histc bounded": "torch.histc(x, 100, -3, 3)", "histogram": "torch.histogram(x, 50)", "bincount": "torch.bincount(x)", "isin": "torch.isin(x, edges)",
    "isin few": "torch.isin(x, edges[:5])", "median of all": "x.median()", "sort of all": "x.flatten().sort()", "argsort of all": "x.flatten().argsort()", "msort": "torch.msort(x)",
    "bincount many": "torch.bincount(n)", "unique many": "n.unique()", "sort many": "n.sort()", "topk of all": "x.flatten().topk(50)", "cummax of all": "x.flatten().cummax(0)",
}


def sort():
    for label, expression in SORTS.items():
        for dtype in DTYPES:
            for shape, dim in PLACES:
                yield case(label, expression, dtype, shape, f"dim {dim}", x=Input(shape, dtype), dim=str(dim), ordered="x.sort(dim)[0]")


def search():
    for label, expression in SEARCHES.items():
        for dtype in DTYPES:
            for shape in SIZES:
                yield case(label, expression, dtype, shape, x=Input(shape, dtype), edges="x.flatten()[:100].sort()[0]",
                           n="(torch.rand(x.shape) * 1e5).to(x.dtype)")
