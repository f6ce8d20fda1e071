"""Rows over a linear-algebra library: same bits on one machine, not between machines (`portable=False`)."""
from .family import NONE, table

ROWS, op = table()

op("linalg_qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)", forms="internal", kernel="ops.decompositions:qr", grad=NONE, portable=False,
   source="Householder QR of LAPACK, through numpy.linalg")
