"""Tensors to and from other libraries by DLPack, without a copy."""
import enum

from frankentorch.ops.interchange import from_dlpack, to_dlpack  # noqa: F401


class DLDeviceType(enum.IntEnum):
    """Kinds of device as the DLPack standard numbers them (dlpack.h, DLDeviceType)."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14
    kDLWebGPU = 15
    kDLHexagon = 16
    kDLMAIA = 17
