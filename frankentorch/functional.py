"""Functions of ``torch.functional`` that take any number of tensors: their arguments are gathered before the op sees them."""
from frankentorch import ops
from frankentorch.ops import contraction

__all__ = ["chain_matmul", "einsum", "tensordot"]


def einsum(*args):
    """Sum of products over the dims that letters name.

    Parameters
    ----------
    equation : str
        As "bij,bjk->bik"; without an arrow the result has the letters seen once, in alphabetical order; "..." stands for
        any leading or trailing dims, which broadcast.
    *operands : Tensor
        One for each term, or a single list of them. Also (operand, sublist, operand, sublist, …[, sublist of the result]) with
        numbers from 0 to 51 in place of letters.

    Returns
    -------
    Tensor
        Pairs of operands are contracted from left to right, each as one batched matrix product.

    Raises
    ------
    RuntimeError
        The equation does not fit the operands.
    """
    if len(args) < 2:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list")
    if isinstance(args[0], ops.Tensor):
        equation, operands = contraction.from_sublists(args)
    else:
        equation, operands = args[0], args[1:]
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        return einsum(equation, *operands[0])
    return ops.einsum(equation, operands)


def tensordot(a, b, dims=2, out=None):
    """Sum of products over `dims` last dims of a and first dims of b, or over two lists of dims.

    Parameters
    ----------
    a, b : Tensor
    dims : int, or pair of lists of int, or Tensor of shape (2, n)
    out : Tensor, optional

    Raises
    ------
    RuntimeError
        Sizes of paired dims differ.
    """
    return ops.tensordot(a, b, dims) if out is None else ops.tensordot(a, b, dims, out=out)


def chain_matmul(*matrices, out=None):
    """Product of matrices, in the order of fewest multiplications."""
    if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)):
        matrices = matrices[0]
    return ops.chain_matmul(matrices) if out is None else ops.chain_matmul(matrices, out=out)
