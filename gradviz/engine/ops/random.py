"""Random numbers. One generator, seeded by ``manual_seed``; the stream is not PyTorch's."""

from __future__ import annotations

from typing import Any

from gradviz import probe
from gradviz.engine import dtypes, observe
from gradviz.engine.autograd.node import node_class
from gradviz.engine.devices import cuda, exemplar, of
from gradviz.engine.dtypes import FLOATING, INEXACT
from gradviz.engine.ops.args import sizes
from gradviz.engine.ops.build import Op, write
from gradviz.engine.ops.create import alongside, given_size, made, place
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, foreign, hosted, xp


class Generator:
    """A source of random numbers; it is made when the first is drawn, since importing NumPy's takes time."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = dtypes.device(device)
        self._seed: int | None = 0
        self._source: Any = None

    @property
    def np(self) -> Any:
        if self._source is None:
            if self._seed is None:
                self._seed = int(xp.random.SeedSequence().entropy) % (1 << 63)  # type: ignore[arg-type]
            if self.device.type == "cuda":
                self._source = cuda().random.default_rng(self._seed % (1 << 64))
                return self._source
            self._source = xp.random.Generator(xp.random.Philox(self._seed % (1 << 64)))
        return self._source

    def manual_seed(self, seed: int) -> Generator:
        self._seed, self._source = int(seed), None
        return self

    def seed(self) -> int:
        self._seed, self._source = None, None
        return self.initial_seed()

    def initial_seed(self) -> int:
        if self._seed is None:
            self.np  # noqa: B018 - draws a seed
        return self._seed or 0

    def get_state(self) -> Any:
        return self.np.bit_generator.state

    def set_state(self, state: Any) -> None:
        self.np.bit_generator.state = state


default_generator = Generator()
default_generator._seed = None  # a seed of its own in every process, drawn when it is needed


on_device = Generator.__new__(Generator)
"""The default one of CUDA devices; its numbers are others than the host's."""
on_device.device, on_device._seed, on_device._source = dtypes.device("cuda"), None, None


def manual_seed(seed: int) -> Generator:
    """Start the random numbers anew, those of devices too; equal seeds give equal numbers."""
    on_device.manual_seed(seed)
    return default_generator.manual_seed(seed)


def seed() -> int:
    return default_generator.seed()


def initial_seed() -> int:
    return default_generator.initial_seed()


def _source(generator: Generator | None, like: Any = None) -> Any:
    """What draws numbers, where ``like`` lies."""
    away = like.__class__ in foreign
    if generator is None:
        return on_device.np if away else default_generator.np
    wanted = "cuda" if away else "cpu"
    if generator.device.type != wanted:
        raise RuntimeError(f"Expected a '{wanted}' device type for generator but found '{generator.device.type}'")
    return generator.np


def _np(dtype: Any) -> Any:
    return dtypes.default.dtype.np if dtype is None else dtypes.lookup(dtype).np


_KERNELS = {"rand": "check_uniform_bounds", "uniform": "check_uniform_bounds", "randn": "normal_kernel_cpu",
            "normal": "normal_kernel_cpu", "bernoulli": "bernoulli_tensor_cpu_p_"}


def _check_type(kind: str, np_type: Any) -> None:
    """Numbers between the whole ones need a type that has them."""
    np_type = xp.dtype(np_type)
    if np_type.char in INEXACT:
        return
    code = dtypes.BY_NP[np_type].code
    if kind == "exponential":
        raise RuntimeError("Exponential distribution is a continuous probability distribution. dtype must be a "
                           f"floating point but you specified {code}")
    raise NotImplementedError(f"\"{_KERNELS[kind]}\" not implemented for '{code}'")


def _check_std(std: Any) -> None:
    if not isinstance(std, Tensor) and std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


def _check_range(low: int, high: int) -> None:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")


def _draw(kind: str, shape: Any, np_type: Any, generator: Generator | None, like: Any = None) -> Any:
    _check_type(kind, np_type)
    source = _source(generator, like)
    draw = source.random if kind == "rand" else source.standard_normal
    if np_type in (xp.float32, xp.float64):
        return asarray(draw(shape, dtype=np_type))
    return asarray(draw(shape, dtype=xp.float32)).astype(np_type)


def _maker(name: str) -> tuple[Any, Any]:
    def plain(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
              requires_grad: bool = False, **named: Any) -> Tensor:
        shape = sizes(given_size(name, size, named))
        like = exemplar(device)
        return made(_draw(name, shape, _np(dtype), generator, like), name, str(list(shape)), requires_grad,
                    device=place(like))

    def like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
             memory_format: Any = None) -> Tensor:
        want = input._array.dtype if dtype is None else _np(dtype)
        like = alongside(input, device)
        return made(_draw(name, input._array.shape, want, None, like), name + "_like", "", requires_grad,
                    device=place(like))

    return plain, like


def randint(*args: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
            requires_grad: bool = False, **named: Any) -> Tensor:
    """Integers from ``low`` (0) up to, not including, ``high``."""
    given = list(args)
    size = named.pop("size", None)
    if size is None:
        size = given.pop()
    low = named.pop("low", given.pop(0) if len(given) == 2 else 0)
    high = named.pop("high", given[0] if given else None)
    np_type = xp.int64 if dtype is None else dtypes.lookup(dtype).np
    _check_range(low, high)
    like = exemplar(device)
    values = _source(generator, like).integers(low, high, sizes((size,)))
    return made(asarray(values).astype(np_type), "randint", f"{low}, {high}, {list(size)}", requires_grad,
                device=place(like))


def randint_like(input: Any, *bounds: int, dtype: Any = None) -> Tensor:
    low, high = (0, bounds[0]) if len(bounds) == 1 else bounds
    _check_range(low, high)
    values = asarray(_source(None, input._array).integers(low, high, input._array.shape))
    return made(values.astype(input._array.dtype if dtype is None else _np(dtype)), "randint_like", f"{low}, {high}")


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """The integers below ``n`` in random order."""
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    like = exemplar(device)
    source = _source(generator, like)
    order = source.permutation(n) if like is None else xp.argsort(source.random(n))
    return made(order.astype(xp.int64 if dtype is None else _np(dtype)), "randperm", str(n), device=place(like))


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Normally distributed numbers; ``mean`` or ``std`` is a tensor, or ``size`` is given."""
    tensors = [v._array for v in (mean, std) if isinstance(v, Tensor)]
    if not tensors and size is None:
        raise TypeError("normal() received an invalid combination of arguments - got "
                        f"({type(mean).__name__}, {type(std).__name__}), but expected one of:\n * (Tensor mean, Tensor "
                        "std, *, torch.Generator generator = None, Tensor out = None)\n * (Tensor mean, float std = 1, "
                        "*, torch.Generator generator = None, Tensor out = None)\n * (float mean, Tensor std, *, "
                        "torch.Generator generator = None, Tensor out = None)\n * (float mean, float std, tuple of "
                        "ints "
                        "size, *, torch.Generator generator = None, Tensor out = None, torch.dtype dtype = None, "
                        "torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool "
                        "requires_grad = False)\n")
    shape = xp.broadcast_shapes(*[t.shape for t in tensors]) if tensors else sizes((size,))
    np_type = tensors[0].dtype if tensors else _np(dtype)
    _check_std(std)
    m, s = (v._array if isinstance(v, Tensor) else v for v in (mean, std))
    like = tensors[0] if tensors else exemplar(device)
    values = asarray(_draw("randn", shape, np_type, generator, like) * s + m).astype(np_type)
    return made(values, "normal", "", requires_grad, device=of(values))


def _check_chance(p: Any) -> None:
    if not isinstance(p, Tensor) and not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")


def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Ones with the probabilities given."""
    array = input._array
    chance = array if p is None else p
    if p is None:
        _check_type("bernoulli", array.dtype)
        if not ((array >= 0) & (array <= 1)).all():
            raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message "
                               "be improved?  If so, please report an enhancement request to PyTorch.)")
    else:
        _check_chance(p)
    values = (_source(generator, array).random(array.shape) < chance).astype(array.dtype)
    return made(asarray(values), "bernoulli", "")


def multinomial(input: Any, num_samples: int, replacement: bool = False, *,
                generator: Generator | None = None) -> Tensor:
    """Indices drawn with the weights of each row."""
    weights = hosted(input._array)
    if weights.dtype.char not in FLOATING:
        raise RuntimeError("multinomial only supports floating-point dtypes for input, got: "
                           f"{dtypes.BY_NP[weights.dtype].code}")
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    rows = weights.reshape(-1, weights.shape[-1]).astype(xp.float64)
    if not (xp.isfinite(rows) & (rows >= 0)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (rows.sum(axis=1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    source = _source(generator)
    if replacement:
        drawn = xp.stack([source.choice(rows.shape[1], num_samples, True, row / row.sum()) for row in rows])
    else:  # whoever comes first: waiting times of which each is as long as its weight is small
        waiting = -rows / source.standard_exponential(rows.shape)
        drawn = xp.argsort(waiting, axis=1, kind="stable")[:, :num_samples]
    return made(drawn.reshape((*weights.shape[:-1], num_samples)).astype(xp.int64), "multinomial", str(num_samples),
                device=input.device)


def _fill(kind: str) -> Any:
    """In-place filling with random numbers; the gradient of what was there is zero."""
    node = node_class(kind.capitalize() + "Backward0", lambda ns, ctx, g: g * 0)

    def method(self: Any, a: Any = None, b: Any = None, *, generator: Generator | None = None, **named: Any) -> Any:
        first = named.get("mean", named.get("low", named.get("lambd", named.get("p", a))))
        second = named.get("std", named.get("high", b))

        def forward(array: Any) -> None:
            source = _source(generator, array)
            shape = array.shape
            if kind in ("normal", "uniform", "exponential"):
                _check_type(kind, array.dtype)
            if kind == "normal":
                _check_std(1 if second is None else second)
                array[...] = source.standard_normal(shape) * (1 if second is None else second) + (first or 0)
            elif kind == "uniform":
                low, high = first or 0.0, 1.0 if second is None else second
                if low > high:
                    raise RuntimeError("uniform_ expects to return a [from, to) range, but found "
                                       f"from={low:g} > to={high:g}")
                array[...] = source.random(shape) * (high - low) + low
            elif kind == "bernoulli":
                chance = 0.5 if first is None else first._array if isinstance(first, Tensor) else first
                _check_chance(0.5 if first is None else first)
                array[...] = source.random(shape) < chance
            elif kind == "random":
                low, high = (0, first) if second is None else (first, second)
                array[...] = source.integers(low or 0, high or (1 << 24), shape)
            else:
                if first is not None and first <= 0:
                    raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={first:g}")
                array[...] = source.exponential(1 / (1.0 if first is None else first), shape)

        return write(Op(kind + "_", forward, node), self, ())

    return method


FUNCTIONS: dict[str, Any] = {
    "manual_seed": manual_seed, "seed": seed, "initial_seed": initial_seed, "randint": randint,
    "randint_like": randint_like, "randperm": randperm, "normal": normal, "bernoulli": bernoulli,
    "multinomial": multinomial,
    "get_rng_state": default_generator.get_state, "set_rng_state": default_generator.set_state,
}
METHODS: dict[str, Any] = {"bernoulli": bernoulli, "multinomial": multinomial}
for _name in ("rand", "randn"):
    FUNCTIONS[_name], FUNCTIONS[_name + "_like"] = _maker(_name)
for _name in ("normal", "uniform", "bernoulli", "random", "exponential"):
    METHODS[_name + "_"] = _fill(_name)

__all__ = ["FUNCTIONS", "METHODS", "Generator", "default_generator", "observe", "probe"]
