"""Making a module without spending time on initial weights."""
import inspect

from frankentorch.nn.modules.module import Module


def skip_init(module_cls, *args, **kwargs):
    """A module with uninitialised weights, on the device asked for.

    Parameters
    ----------
    module_cls : subclass of Module
        Must take `device`, and draw weights only into Parameters and buffers.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    device = kwargs.pop("device", "cpu")
    return module_cls(*args, device="meta", **kwargs).to_empty(device=device)
