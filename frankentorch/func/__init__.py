"""Transforms of functions: `vmap`, `grad`, `vjp`, `jvp`, Jacobians and Hessians, and modules as functions of their parameters."""
from frankentorch.func.forward import jacfwd, jvp, linearize  # noqa: F401
from frankentorch.func.gradients import grad, grad_and_value, hessian, jacrev, vjp  # noqa: F401
from frankentorch.func.modules import debug_unwrap, functional_call, functionalize, replace_all_batch_norm_modules_, stack_module_state  # noqa: F401
from frankentorch.func.rearrange import rearrange  # noqa: F401
from frankentorch.func.vmap import vmap  # noqa: F401
