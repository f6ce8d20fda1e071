"""Rows of discrete Fourier transforms. Three primitives have kernels and derivatives; the public functions are composites of them.

`norm` is 0 for no factor, 1 for 1/sqrt(n), 2 for 1/n.
"""
from .family import table

ROWS, op = table()
SOURCE = "Transforms of numpy.fft (pocketfft, M. Reinecke)"
ONE = "int? n=None, int dim=-1, str? norm=None"
TWO = "int[1]? s=None, int[1] dim=[-2, -1], str? norm=None"
MANY = "int[1]? s=None, int[1]? dim=None, str? norm=None"

op("fft_c2c(Tensor self, int[] dim, int norm, bool forward) -> Tensor", forms="internal", kernel="ops.fft:c2c", portable=False, source=SOURCE,
   jvp="linear", grad={"self": "fft_c2c(g, dim, norm, not forward)"}, doc="Complex transform along dims, without resizing.")
op("fft_r2c(Tensor self, int[] dim, int norm, bool onesided=True) -> Tensor", forms="internal", kernel="ops.fft:r2c", portable=False, source=SOURCE,
   jvp="linear", grad={"self": "fft_r2c_backward(g, dim, norm, onesided, self_sizes)"}, doc="Transform of real data; onesided keeps the half that the other half mirrors.")
op("fft_c2r(Tensor self, int[] dim, int norm, int last) -> Tensor", forms="internal", kernel="ops.fft:c2r", portable=False, source=SOURCE,
   jvp="linear", grad={"self": "fft_c2r_backward(g, dim, norm)"}, doc="Real inverse of the one-sided half; `last` is the length of the last dim.")

for _name, _doc in (("fft", "Transform of one dim."), ("ifft", "Inverse transform of one dim."), ("rfft", "One-sided transform of a real dim."), ("irfft", "Real inverse of rfft."),
                    ("hfft", "Real transform of a Hermitian-symmetric signal."), ("ihfft", "Inverse of hfft.")):
    op(f"fft_{_name}(Tensor self, {ONE}) -> Tensor", forms="internal out", out="cast", body=f"ops.fft:{_name}", portable=False, doc=_doc)
    op(f"fft_{_name}2(Tensor self, {TWO}) -> Tensor", forms="internal out", out="cast", body=f"ops.fft:{_name}n", portable=False, doc=_doc[:-1].replace(" one dim", "") + ", over two dims.")
    op(f"fft_{_name}n(Tensor self, {MANY}) -> Tensor", forms="internal out", out="cast", body=f"ops.fft:{_name}n", portable=False, doc=_doc[:-1].replace(" one dim", "") + ", over many dims.")
FACTORY = "*, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=False, bool requires_grad=False"
op(f"fft_fftfreq(int n, float d=1.0, {FACTORY}) -> Tensor", forms="internal out", out="fill", body="ops.fft:fftfreq", doc="Sample frequencies of fft, negative ones last.")
op(f"fft_rfftfreq(int n, float d=1.0, {FACTORY}) -> Tensor", forms="internal out", out="fill", body="ops.fft:rfftfreq", doc="Sample frequencies of rfft.")
op("fft_fftshift(Tensor self, int[1]? dim=None) -> Tensor", forms="internal", body="ops.fft:fftshift", doc="Zero frequency moved to the middle.")
op("fft_ifftshift(Tensor self, int[1]? dim=None) -> Tensor", forms="internal", body="ops.fft:ifftshift", doc="Inverse of fftshift.")
