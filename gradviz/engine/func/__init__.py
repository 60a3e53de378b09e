"""``torch.func``: functions of functions, which give gradients, Jacobians, and functions of whole batches."""

from __future__ import annotations

from typing import Any

from gradviz.engine.func.batch import vmap
from gradviz.engine.func.call import functional_call, stack_module_state
from gradviz.engine.func.derivatives import (
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    vjp,
)

for _function in (vmap, functional_call, stack_module_state, grad, grad_and_value, hessian, jacfwd, jacrev, jvp,
                  linearize, vjp):
    _function.__module__ = "torch.func"


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.func", name)


__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
           "stack_module_state", "vjp", "vmap"]
