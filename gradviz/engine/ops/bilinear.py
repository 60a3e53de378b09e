"""Products of two vectors with a matrix between them, for many matrices."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.ops import shape
from gradviz.engine.ops.build import op, run
from gradviz.engine.xp import xp


def _trilinear_grads(ns: Any, ctx: Any, g: Any, i1: Any, i2: Any, i3: Any) -> Any:
    g3 = ns.unsqueeze(g, (1,))  # (batch, 1, out)
    left, right = ns.unsqueeze(i1, (1,)), ns.unsqueeze(i3, (1,))  # (batch, 1, in1), (batch, 1, in2)
    one = two = three = None
    if ctx.needs(0):  # sum over out and in2
        one = _contract(ns, g3, right, ns.permute(i2, (0, 2, 1)))
    if ctx.needs(2):  # sum over out and in1
        three = _contract(ns, g3, left, i2)
    if ctx.needs(1):
        outer = ns.swap(left) * right  # (batch, in1, in2)
        flat = ns.reshape(outer, (outer.shape[0], outer.shape[1] * outer.shape[2]))
        two = ns.reshape(ns.swap(g) @ flat, tuple(i2.shape))
    return one, two, three


def _contract(ns: Any, g: Any, other: Any, weight: Any) -> Any:
    """Sum ``g[b, o] * other[b, k] * weight[o, k, i]`` over o and k."""
    outer = ns.swap(g) * other  # (batch, out, k)
    out, k, i = weight.shape
    return ns.reshape(outer, (outer.shape[0], out * k)) @ ns.reshape(weight, (out * k, i))


TRILINEAR = op("_trilinear", lambda a, w, b: xp.einsum("bi,oij,bj->bo", a, w, b, optimize=True).astype(a.dtype),
               "TrilinearBackward0", _trilinear_grads, "i1 i2 i3", "i1 i2 i3")


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """``input1 @ weight[k] @ input2 + bias[k]`` for each ``k``."""
    a, b, w = input1._array.shape, input2._array.shape, weight._array.shape
    _check(a, b, w, None if bias is None else bias._array.shape)
    with observe.composite("bilinear", (input1, input2, weight) if bias is None else (input1, input2, weight, bias),
                           ) as event:
        n = int(xp.prod(a[:-1]))
        out = run(TRILINEAR, (shape.view(input1, (n, a[-1])), weight, shape.view(input2, (n, b[-1]))))
        out = shape.view(out, (*a[:-1], w[0]))
        return event(out if bias is None else out + bias)


def _check(a: Any, b: Any, w: Any, bias: Any) -> None:
    if len(a) != len(b):
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {len(a)} and {len(b)}")
    for i, (n, m) in enumerate(zip(a[:-1], b[:-1], strict=True)):
        if n != m:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {i}: got {n} and {m}")
    for word, n, m in (("input1", a[-1], w[1]), ("input2", b[-1], w[2]),
                       *((("bias", bias[0], w[0]),) if bias is not None else ())):
        if n != m:
            raise RuntimeError(f"bilinear(): {word} size does not match weight size: got {n} but expected {m}")


FUNCTIONS: dict[str, Any] = {"bilinear": bilinear}
METHODS: dict[str, Any] = {}
