"""Rows of signals: window functions. Composites."""
from .family import table

ROWS, op = table()
FACTORY = "*, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=False, bool requires_grad=False"
PLACE = "ops.signal:"

op(f"bartlett_window(int window_length, bool periodic=True, {FACTORY}) -> Tensor", forms="function", body=PLACE + "bartlett_window", doc="Triangle from 0 up to 1 and down to 0.")
op(f"blackman_window(int window_length, bool periodic=True, {FACTORY}) -> Tensor", forms="function", body=PLACE + "blackman_window", doc="0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N).")
op(f"hann_window(int window_length, bool periodic=True, {FACTORY}) -> Tensor", forms="function", body=PLACE + "hann_window", doc="(1 - cos(2 pi n / N)) / 2.")
op(f"hamming_window(int window_length, bool periodic=True, float alpha=0.54, float beta=0.46, {FACTORY}) -> Tensor", forms="function", body=PLACE + "hamming_window",
   doc="alpha - beta cos(2 pi n / N).")
op(f"kaiser_window(int window_length, bool periodic=True, float beta=12.0, {FACTORY}) -> Tensor", forms="function", body=PLACE + "kaiser_window",
   doc="Bessel window: I0(beta sqrt(1 - (2n/N - 1)^2)) / I0(beta).", source="J. F. Kaiser and R. W. Schafer, IEEE Trans. ASSP 28, 1980")
