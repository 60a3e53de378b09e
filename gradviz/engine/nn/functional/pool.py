"""Pooling as ``torch.nn.functional`` spells it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gradviz.engine import observe
from gradviz.engine.ops import pool, random, shape, unary
from gradviz.engine.ops.args import words
from gradviz.engine.ops.layer import telling


def _repeated(value: Any, n: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * n


def _max_pool(n: int) -> Callable[..., Any]:
    forward = pool.max_pool1d if n == 1 else partial(pool.max_pool, n)

    def max_pool(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 ceil_mode: bool = False, return_indices: bool = False) -> Any:
        return forward(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)

    return max_pool


def _avg_pool(n: int) -> Callable[..., Any]:
    def avg_pool(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None) -> Any:
        return pool.avg_pool(n, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)

    return avg_pool


def _lp_pool(n: int) -> Callable[..., Any]:
    def lp_pool(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        """The p-norm of every window."""
        text = words(norm_type=norm_type, kernel_size=kernel_size, stride=stride, ceil_mode=ceil_mode)
        with observe.composite(f"lp_pool{n}d", (input,), text) as event:
            if norm_type in (float("inf"), -float("inf")):
                sign = 1 if norm_type > 0 else -1
                out = FUNCTIONS[f"max_pool{n}d"](input.abs() if sign > 0 else -input.abs(), kernel_size, stride, 0, 1,
                                                 ceil_mode)
                return event(out if sign > 0 else -out)
            out = FUNCTIONS[f"avg_pool{n}d"](input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
            size = 1
            for k in _repeated(kernel_size, n):
                size *= k
            return event((unary.FUNCTIONS["sign"](out) * unary.FUNCTIONS["relu"](out.abs())).mul(size)
                         .pow(1.0 / norm_type))

    return lp_pool


def _adaptive_max(n: int) -> Callable[..., Any]:
    def adaptive_max_pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        return pool.adaptive_max_pool(n, input, output_size, return_indices)

    return adaptive_max_pool


def _adaptive_avg(n: int) -> Callable[..., Any]:
    def adaptive_avg_pool(input: Any, output_size: Any) -> Any:
        return pool.adaptive_avg_pool(n, input, output_size)

    return adaptive_avg_pool


def _unpool(n: int) -> Callable[..., Any]:
    def max_unpool(input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
                   output_size: Any = None) -> Any:
        """Zeros with the input where a maximum was."""
        kernel, around = _repeated(kernel_size, n), _repeated(padding, n)
        steps = kernel if stride is None else _repeated(stride, n)
        size = unpooled_size(input._array.shape, kernel, steps, around, output_size)
        if n > 1:
            return pool.max_unpool(n, input, indices, size)
        with observe.composite("max_unpool1d", (input, indices)) as event:
            out = pool.max_unpool(2, shape.unsqueeze(input, -1), shape.unsqueeze(indices, -1), (*size, 1))
            return event(shape.squeeze(out, -1))

    return max_unpool


def unpooled_size(shape: Any, kernel: Any, steps: Any, around: Any, wanted: Any) -> tuple[int, ...]:
    """What was pooled, by default; ``wanted`` must be near it."""
    n = len(kernel)
    usual = [(shape[d - n] - 1) * steps[d] + kernel[d] - 2 * around[d] for d in range(n)]
    if wanted is None:
        return tuple(usual)
    wanted = wanted[2:] if len(wanted) == n + 2 else wanted
    if len(wanted) != n:
        raise ValueError(f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of "
                         f"'{len(wanted)}'")
    for d in range(n):
        low, high = usual[d] - steps[d], usual[d] + steps[d]
        if not low < wanted[d] < high:
            raise ValueError(f'invalid output_size "{wanted}" (dim {d} must be between {low} and {high})')
    return tuple(wanted)


def _fractional(n: int) -> Callable[..., Any]:
    def fractional_max_pool(input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
                            return_indices: bool = False, _random_samples: Any = None) -> Any:
        """The largest of windows that lie at random distances."""
        if output_size is None and output_ratio is None:
            raise ValueError(f"fractional_max_pool{n}d requires specifying either an output_size or an output_ratio")
        size = input._array.shape
        if output_size is None:
            if n == 2 and len(output_ratio) > 2:
                raise ValueError("fractional_max_pool2d requires output_ratio to either be a single Int or tuple of "
                                 "Ints.")
            output_size = [int(size[d - n] * ratio) for d, ratio in enumerate(_repeated(output_ratio, n))]
        if len(size) <= n:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-len(size)}, {len(size) - 1}], but "
                             f"got {-n - 1})")
        if _random_samples is None:
            with observe.muted():
                _random_samples = random.FUNCTIONS["rand"](1 if len(size) == n + 1 else size[0], size[-n - 1], n,
                                                           dtype=input.dtype)
        return pool.fractional_max_pool(n, input, kernel_size, output_size, _random_samples, return_indices)

    return fractional_max_pool


FUNCTIONS: dict[str, Any] = {
    **{f"max_pool{n}d": _max_pool(n) for n in (1, 2, 3)}, "avg_pool1d": pool.avg_pool1d,
    **{f"avg_pool{n}d": _avg_pool(n) for n in (2, 3)}, **{f"lp_pool{n}d": _lp_pool(n) for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": _adaptive_max(n) for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": _adaptive_avg(n) for n in (1, 2, 3)},
    **{f"max_unpool{n}d": _unpool(n) for n in (1, 2, 3)},
    **{f"fractional_max_pool{n}d": _fractional(n) for n in (2, 3)},
}
for _name, _function in list(FUNCTIONS.items()):
    _function.__name__ = _function.__qualname__ = _name
    if "max_pool" in _name:
        FUNCTIONS[_name + "_with_indices"] = partial(_function, return_indices=True)
FUNCTIONS = telling(FUNCTIONS)
