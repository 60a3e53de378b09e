"""Ops on types of few programs: halves are computed in float32 and rounded once, wide unsigned integers mostly refused.

Nothing here is called before such a type has been used (``dtypes.rare``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradviz.engine.dtypes import BY_NP, HALVES, INEXACT, UNSIGNED, convert
from gradviz.engine.xp import asarray, ndarray, quiet, xp


def _kernels(text: str) -> dict[str, str]:
    """Names of ops, each with what its kernel is called if that is not ``name_cpu``."""
    pairs = [(name, kernel) for name, _, kernel in (word.partition(":") for word in text.split())]
    return {name: kernel or name + "_cpu" for name, kernel in pairs}


REFUSED = {
    "halves": _kernels(
        "avg_pool3d:avg_pool3d_out_frame cdist:cdist ctc_loss erfcx histogram:histogramdd log_ndtr "
        "multi_margin_loss:multi_margin_loss_cpu_kernel "
        "multilabel_margin_loss:multilabel_margin_loss_forward_out_frame ndtri pdist:pdist zeta"),
    "unsigned": _kernels(
        "abs adaptive_max_pool2d:adaptive_max_pool2d add:add_stub addcmul:addcmul_cpu_out addmm:addmm_impl_cpu_ "
        "amax:max_values_cpu amin:min_values_cpu argmax argmin avg_pool2d:avg_pool2d baddbmm:baddbmm "
        "bitwise_left_shift:lshift_cpu bitwise_not bitwise_right_shift:rshift_cpu bmm:bmm "
        "bucketize:searchsorted_out_cpu clamp:clamp_scalar_cpu conv2d:slow_conv2d_cpu "
        "conv_transpose2d:slow_conv_transpose2d_out_cpu count_nonzero:nonzero_count_cpu cross:cross cummax cummin "
        "dist:add_stub dot:dot fmax:maximum_cpu fmin:minimum_cpu fmod floor_divide:div_floor_cpu "
        "gather:scatter_gather_tensor_cpu gcd ge grid_sample:grid_sampler_2d_cpu_kernel_impl gt "
        "hardtanh:clamp_scalar_cpu heaviside hypot index_add:index_add_ kthvalue lcm le lerp:lerp_kernel_scalar "
        "logaddexp logaddexp2 logical_and logical_not logical_or logical_xor lt masked_fill:masked_fill "
        "matmul:addmm_impl_cpu_ max:max_all max_pool2d:max_pool2d maximum median min:min_all minimum "
        "mm:addmm_impl_cpu_ mode mv:addmv_impl_cpu neg nextafter nonzero:nonzero_count_cpu "
        "pixel_shuffle:pixel_shuffle pow:pow prelu relu:clamp_min_scalar_cpu relu6:clamp_scalar_cpu remainder "
        "rsub:add_stub scatter:scatter_gather_tensor_cpu scatter_add:scatter_gather_tensor_cpu "
        "searchsorted:searchsorted_out_cpu sign square:pow sub:add_stub threshold topk trace:trace tril:tril "
        "triu:triu unfold:im2col_out_cpu"),
}
"""Ops that PyTorch has not for these types, with the names of their kernels."""
AS_THEY_ARE = {"to", "nextafter", "prod", "batch_norm", "complex", "polar"}
"""Ops that must see the type itself."""
PRECISE = {"mul", "div", "floor_divide"}
"""Ops on a tensor and a number that do not round the number to the half first."""
LIFTED = {"add", "sub", "rsub", "pow", "clamp"}
"""Ops whose floating number makes floating numbers of integers."""
COARSE = {"add", "sub", "rsub", "pow", "hardshrink"}
"""Ops that round the numbers among their parameters."""


def careful(name: str, forward: Callable[..., Any], arrays: Sequence[Any], args: tuple[Any, ...] = (),
            number: Any = None, writes: Sequence[Any] = ()) -> Any:
    """What ``forward`` makes of ``arrays``, of which it writes ``writes``. ``number``: what the second stands for."""
    half = _half(arrays)
    if half is not None and name in REFUSED["halves"]:
        raise not_implemented(REFUSED["halves"][name], half)
    if name in REFUSED["unsigned"] and not (name in LIFTED and any(isinstance(a, float) for a in args)):
        for array in arrays:
            if array is not None and array.dtype.char in UNSIGNED:
                raise not_implemented(REFUSED["unsigned"][name], array.dtype)
    if half is None or name in AS_THEY_ARE:
        return forward(*arrays, *args)
    wide = [_widened(a) for a in arrays]
    if number is not None and name in PRECISE:
        wide[1] = asarray(number, xp.float32)
    if name in COARSE:
        args = tuple([float(half.type(a)) if isinstance(a, float) else a for a in args])
    with quiet():
        try:
            result = STEPS[name](lambda x: x.astype(half).astype(xp.float32), *wide, *args) if name in STEPS else (
                forward(*wide, *args))
        except Exception:
            forward(*arrays, *args)  # complains of the types that there are
            raise
    for array, full in zip(arrays, wide, strict=True):
        if array is not full and any(array is written for written in writes):
            array[...] = full
    if result.__class__ is tuple:
        return tuple([_rounded(part, half) for part in result])
    return _rounded(result, half)


def watched(name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
    """The forward of an op that looks at the types of its operands."""
    return lambda *arrays: careful(name, forward, arrays)


def rule(node: Any, g: Any, saved: Sequence[Any]) -> tuple[Any, ...]:
    """The shares of a node whose gradient ``g`` is of a half type; a node of several outputs has a list of them."""
    some = g if g.__class__ is ndarray else next(one for one in g if one is not None)
    wide = _widened(g) if some is g else [None if one is None else _widened(one) for one in g]
    with quiet():
        shares = node.rule(_raw(), node, wide, *map(_widened, saved))
    return tuple([_rounded(share, some.dtype) for share in (shares if shares.__class__ is tuple else (shares,))])


# --- what PyTorch rounds in between: `q` rounds ----------------------------------------------------------------------
def _log_softmax(q: Any, x: ndarray, dim: Any) -> Any:
    top = x.max(axis=dim, keepdims=True) if x.size else x
    total = xp.exp(x - top).sum(axis=dim, keepdims=True)
    last = dim in ((), x.ndim - 1)
    return x - top - (q(xp.log(q(total))) if last else xp.log(total))


def _softmax(q: Any, x: ndarray, dim: Any) -> Any:
    e = xp.exp(x - x.max(axis=dim, keepdims=True) if x.size else x)
    return (e if dim in ((), x.ndim - 1) else q(e)) / e.sum(axis=dim, keepdims=True)


def _logsumexp(q: Any, x: ndarray, dims: Any, keepdim: bool) -> Any:
    top = x.max(axis=dims, keepdims=True) if x.size else xp.zeros((), x.dtype)
    top = xp.where(xp.isfinite(top), top, 0)
    total = q(xp.log(q(q(xp.exp(q(x - top))).sum(axis=dims, keepdims=True)))) + top
    return total if keepdim else total.squeeze(axis=dims)


def _xlogy(q: Any, x: ndarray, y: ndarray) -> Any:
    return xp.where((x == 0) & ~xp.isnan(y), 0, x * q(xp.log(y)))


STEPS: dict[str, Callable[..., Any]] = {
    "log_softmax": _log_softmax, "softmax": _softmax, "logsumexp": _logsumexp, "xlogy": _xlogy,
    "xlog1py": lambda q, x, y: xp.where((x == 0) & ~xp.isnan(y), 0, x * q(xp.log1p(y))),
    "entr": lambda q, x: -_xlogy(q, x, x),
}


def not_implemented(kernel: str, np_type: Any) -> NotImplementedError:
    return NotImplementedError(f'"{kernel}" not implemented for \'{BY_NP[np_type].code}\'')


def in_halves(g: Any) -> bool:
    """Whether gradients, one or a list, are of a half type."""
    return g.dtype.char in HALVES if g.__class__ is not list else any(
        one is not None and one.dtype.char in HALVES for one in g)


def _raw() -> Any:
    from gradviz.engine.autograd.namespaces import raw

    return raw


def _half(arrays: Sequence[Any]) -> Any:
    """The half type that operands share; None if there is none, or one of another type, which some ops refuse."""
    types = {a.dtype for a in arrays if a is not None and a.dtype.char in INEXACT}
    half = types.pop() if len(types) == 1 else None
    return half if half is not None and half.char in HALVES else None


def _widened(array: Any) -> Any:
    return array.astype(xp.float32) if array is not None and array.dtype.char in HALVES else array


def _rounded(result: Any, half: Any) -> Any:
    if result is None:
        return None
    result = asarray(result)
    return convert(result, half) if result.dtype == xp.float32 else result


__all__ = ["careful", "in_halves", "not_implemented", "rule", "watched"]
