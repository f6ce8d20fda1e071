"""`torch.autograd.grad_mode`: the switches of recording, which live beside the ops."""
from frankentorch.ops.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: F401
