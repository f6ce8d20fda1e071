"""`torch.fft`: discrete Fourier transforms. Normalisations are "backward" (1/n on the way back, default), "ortho" and "forward"."""
from frankentorch import ops as _ops

__all__ = ["fft", "ifft", "fft2", "ifft2", "fftn", "ifftn", "rfft", "irfft", "rfft2", "irfft2", "rfftn", "irfftn", "hfft", "ihfft", "hfft2", "ihfft2", "hfftn",
           "ihfftn", "fftfreq", "rfftfreq", "fftshift", "ifftshift"]
globals().update({name: getattr(_ops, "fft_" + name) for name in __all__})
