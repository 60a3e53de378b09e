"""Exceptions of the engine and the texts that several parts raise."""

from __future__ import annotations

import sys
import warnings
from typing import Any


class UnsupportedError(NotImplementedError, AttributeError):
    """A name that PyTorch has and this engine does not; an AttributeError too, so that ``hasattr`` answers."""


class LinAlgError(RuntimeError):
    """A matrix that cannot be inverted, factorised or diagonalised."""


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"  # PyTorch's public name is an alias
LinAlgError.__module__ = "torch._C"

LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
VIEW_OF_LEAF = "a view of a leaf Variable that requires grad is being used in an in-place operation."
FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been"
    " freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify"
    " retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors"
    " after calling backward."
)
HINT = (
    " Hint: enable anomaly detection to find the operation that failed to compute its gradient, with"
    " torch.autograd.set_detect_anomaly(True, check_nan=False)."
)
MULTI_VIEW = (
    " This view is the output of a function that returns multiple views. Such functions do not allow the output views"
    " to be modified inplace. You should replace the inplace operation by an out-of-place one."
)
NO_GRAD_VIEW = (
    "A view was created in no_grad mode and {what} modified inplace with grad mode enabled. Given that this use case is"
    " ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace"
    " either both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if you want"
    " the inplace to be tracked)."
)


_C_NAMES = {"Float": "float", "Double": "double", "Half": "c10::Half", "BFloat16": "c10::BFloat16", "Bool": "bool",
            "Long": "long int", "Int": "int", "Short": "short int", "Char": "signed char", "Byte": "unsigned char",
            "ComplexFloat": "c10::complex<float>", "ComplexDouble": "c10::complex<double>"}


def c_name(dtype: Any) -> str:
    """A type of elements as C++ calls it."""
    code: str = dtype.code
    return _C_NAMES.get(code, code.lower())


def size_text(shape: tuple[int, ...]) -> str:
    """A shape as PyTorch's C++ messages write it: ``[2, 3]``."""
    return "[" + ", ".join(map(str, shape)) + "]"


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """A warning that names the script's line, however deep in the engine it arises."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("gradviz.engine."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)
