"""Names of loss reductions and the integers that stand for them in ops."""
import warnings

_ENUM = {"none": 0, "mean": 1, "sum": 2}


def reduction_enum(reduction):
    """0 for "none", 1 for "mean", 2 for "sum"."""
    code = _ENUM.get(reduction)
    if code is not None:
        return code
    if reduction == "elementwise_mean":
        warnings.warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.", stacklevel=3)
        return 1
    raise ValueError(f"{reduction} is not a valid value for reduction")


def legacy_reduction(size_average, reduce, emit_warning=True):
    """The reduction which the two deprecated flags mean; None counts as True."""
    size_average = size_average is None or size_average
    reduce = reduce is None or reduce
    reduction = "none" if not reduce else "mean" if size_average else "sum"
    if emit_warning:
        warnings.warn("size_average and reduce args will be deprecated, please use "
                      f"reduction='{reduction}' instead.", stacklevel=3)
    return reduction


def choose_reduction(size_average, reduce, reduction):
    """The integer for a loss called with new or deprecated arguments."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    return reduction_enum(reduction)
