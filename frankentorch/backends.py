"""`torch.backends`: none of PyTorch's accelerated back ends is here, and each one says so. Flags that only choose among CUDA's
algorithms can be set and read back; nothing here looks at them."""
import sys as _sys
import types as _types


class _Backend(_types.ModuleType):
    """One back end: facts as functions, settings as plain attributes."""

    def __init__(self, name, **settings):
        super().__init__(f"{__name__}.{name}", f"torch.backends.{name}: not in this package.")
        self.__dict__.update(settings)

    @staticmethod
    def is_available():
        return False

    @staticmethod
    def is_built():
        return False


cuda = _Backend("cuda", matmul=_types.SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True, allow_bf16_reduced_precision_reduction=True))
cudnn = _Backend("cudnn", enabled=True, benchmark=False, deterministic=True, allow_tf32=False, version=lambda: None)
mps = _Backend("mps", is_macos_or_newer=lambda major, minor: False)
mkl = _Backend("mkl")
mkldnn = _Backend("mkldnn", enabled=False)
openmp = _Backend("openmp")
quantized = _Backend("quantized", engine="none", supported_engines=["none"])
for _name in ("cuda", "cudnn", "mps", "mkl", "mkldnn", "openmp", "quantized"):
    _sys.modules[f"{__name__}.{_name}"] = globals()[_name]
__path__ = []
