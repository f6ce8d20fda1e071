"""`torch.cuda` of a package for the CPU: it says truthfully that there is no such device, and every use of one fails."""


def is_available():
    return False


def is_initialized():
    return False


def is_bf16_supported(including_emulation=True):
    return False


def device_count():
    return 0


def manual_seed(seed):
    """Nothing to seed: ignored, as PyTorch without CUDA does."""


def manual_seed_all(seed):
    """Nothing to seed: ignored, as PyTorch without CUDA does."""


def synchronize(device=None):
    _refuse()


def current_device():
    _refuse()


def get_device_name(device=None):
    _refuse()


def get_device_properties(device=None):
    _refuse()


def get_device_capability(device=None):
    _refuse()


def init():
    _refuse()


def empty_cache():
    """Nothing is cached."""


def is_current_stream_capturing():
    return False


def _refuse():
    raise AssertionError("Torch not compiled with CUDA enabled; available devices: cpu, meta")
