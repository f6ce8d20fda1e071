"""`torch.mps` of a package for the CPU: there is no such device."""


def is_available():
    return False


def device_count():
    return 0
