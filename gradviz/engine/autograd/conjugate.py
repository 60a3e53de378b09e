"""Rules on complex gradients.

PyTorch's gradient of a complex number is the conjugate Wirtinger derivative: a function with the derivative ``f'`` has
``g * conj(f'(z))``. The rules of the tables say ``g * f'(z)``, so they run on conjugates and the shares are conjugated.
"""

from __future__ import annotations

from typing import Any, Final

OWN: Final = frozenset((
    "AngleBackward0", "ComplexBackward0", "ConjBackward0", "ConjPhysicalBackward0", "CopySlices", "ImagBackward",
    "LinalgCholeskyExBackward0", "LinalgEigBackward0", "LinalgEighBackward0", "LinalgInvExBackward0",
    "LinalgLstsqBackward0", "LinalgPinvBackward0", "LinalgQrBackward0", "LinalgSolveExBackward0",
    "LinalgSolveTriangularBackward0", "LinalgSvdBackward0", "LinalgMatrixExpBackward0", "PolarBackward0",
    "RealBackward", "SgnBackward0", "StdMeanBackward0", "VarMeanBackward0", "VdotBackward0",
    "ViewAsComplexBackward0", "ViewAsRealBackward0"))
"""Nodes whose rules speak of complex numbers themselves: parts, sizes, conjugates, conjugate transposes."""


def is_complex(g: Any) -> bool:
    """Whether a gradient, or one of a list of them, is complex."""
    if g.__class__ is list or g.__class__ is tuple:
        return any(part is not None and is_complex(part) for part in g)
    return bool(getattr(g, "_array", g).dtype.kind == "c")


def conjugate(ns: Any, value: Any) -> Any:
    """Conjugates of a gradient or of several."""
    if value is None:
        return None
    if value.__class__ is list or value.__class__ is tuple:
        return value.__class__([conjugate(ns, part) for part in value])
    return ns.conj(value)
