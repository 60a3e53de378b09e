"""Random numbers. One generator, seeded by ``manual_seed``; the stream is not PyTorch's."""

from __future__ import annotations

from typing import Any

from gradviz import probe
from gradviz.engine import devices, dtypes, observe
from gradviz.engine.autograd.node import node_class
from gradviz.engine.devices import cuda, exemplar, of
from gradviz.engine.dtypes import FLOATING, INEXACT
from gradviz.engine.ops.args import positive, sizes
from gradviz.engine.ops.binary import no_derivative
from gradviz.engine.ops.build import Op, op, run, write
from gradviz.engine.ops.create import alongside, given_size, made, place
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, foreign, hosted, xp

NO_GENERATOR = (
    "Cannot get CUDA generator without ATen_cuda library. PyTorch splits its backend into two shared libraries: a CPU "
    "library and a CUDA library; this error has occurred because you are trying to use some CUDA functionality, but "
    "the CUDA library has not been loaded by the dynamic linker for some reason.  The CUDA library MUST be loaded, EVEN"
    " IF you don't directly use any symbols from the CUDA library! One common culprit is a lack of -Wl,--no-as-needed "
    "in your link arguments; many dynamic linkers will delete dynamic library dependencies if you don't depend on any "
    "of their symbols.  You can check if this has occurred by using ldd on your binary to see if there is a dependency "
    "on *_cuda.so library.")


class Generator:
    """A source of random numbers; it is made when the first is drawn, since importing NumPy's takes time."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = dtypes.device(device)
        if self.device.type == "cuda" and not devices.count():
            raise RuntimeError(NO_GENERATOR)
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


def source_of(generator: Generator | None, like: Any = None) -> Any:
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
            "normal": "normal_kernel_cpu", "bernoulli": "bernoulli_tensor_cpu_p_", "log_normal": "log_normal_cpu"}


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
    source = source_of(generator, like)
    draw = source.random if kind == "rand" else source.standard_normal
    if np_type in (xp.float32, xp.float64):
        return asarray(draw(shape, dtype=np_type))
    return asarray(draw(shape, dtype=xp.float32)).astype(np_type)


def _maker(name: str) -> tuple[Any, Any]:
    def plain(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
              requires_grad: bool = False, **named: Any) -> Tensor:
        shape = sizes(given_size(name, size, named))
        positive(shape)
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
    shape = sizes((size,))
    positive(shape)
    like = exemplar(device)
    values = source_of(generator, like).integers(low, high, shape)
    return made(asarray(values).astype(np_type), "randint", f"{low}, {high}, {list(size)}", requires_grad,
                device=place(like))


def randint_like(input: Any, *bounds: int, low: int = 0, high: Any = None, dtype: Any = None, device: Any = None,
                 requires_grad: bool = False, memory_format: Any = None, layout: Any = None) -> Tensor:
    low, high = (low, bounds[0]) if len(bounds) == 1 else bounds or (low, high)
    _check_range(low, high)
    like = alongside(input, device)
    values = asarray(source_of(None, like).integers(low, high, input._array.shape))
    return made(values.astype(input._array.dtype if dtype is None else _np(dtype)), "randint_like", f"{low}, {high}",
                requires_grad, device=place(like))


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """The integers below ``n`` in random order."""
    positive((n,))
    like = exemplar(device)
    source = source_of(generator, like)
    order = source.permutation(n) if like is None else xp.argsort(source.random(n))
    return made(order.astype(xp.int64 if dtype is None else _np(dtype)), "randperm", str(n), device=place(like))


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
           pin_memory: bool = False) -> Tensor:
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
    like = tensors[0] if tensors else exemplar(device)
    drawn = _draw("randn", shape, np_type, generator, like)
    if not tensors:
        values = asarray(drawn * std + mean).astype(np_type)
        return made(values, "normal", "", requires_grad, device=of(values))
    parts = tuple(v for v in (mean, std) if isinstance(v, Tensor))
    row = NORMAL[2 if len(parts) == 2 else 0 if isinstance(mean, Tensor) else 1]
    return run(row, parts, (drawn, mean, std))  # type: ignore[no-any-return]


def _nothing(ns: Any, ctx: Any, g: Any) -> Any:
    return (g * 0,) * len(ctx.next)


def _spread(*rest: Any) -> Any:
    *_, drawn, mean, std = rest
    m, s = (v._array if isinstance(v, Tensor) else v for v in (mean, std))
    return asarray(drawn * s + m).astype(drawn.dtype)


NORMAL = [op("normal", _spread, f"NormalBackward{i}", _nothing, "", inputs, key=f"normal.{i}")
          for i, inputs in ((1, "mean"), (2, "std"), (3, "mean std"))]
"""By which of mean and spread is a tensor."""
BERNOULLI = op("bernoulli", lambda x, source: asarray(source.random(x.shape) < x).astype(x.dtype),
               "BernoulliBackward0", lambda ns, ctx, g: g * 0)
BERNOULLI_BY = op("bernoulli", lambda x, source, p: asarray(source.random(x.shape) < p).astype(x.dtype),
                  "NotImplemented", no_derivative("bernoulli"), key="bernoulli.p")
POISSON = op("poisson", lambda x, source: asarray(source.poisson(x)).astype(x.dtype), "PoissonBackward0",
             lambda ns, ctx, g: g * 0)


def poisson(input: Any, generator: Generator | None = None) -> Any:
    """Counts of which each has the mean given."""
    if input._array.dtype.char not in FLOATING:
        raise NotImplementedError(f"\"poisson_cpu\" not implemented for '{input.dtype.code}'")
    if (input._array < 0).any():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return run(POISSON, (input,), (source_of(generator, input._array),))


def _check_chance(p: Any) -> None:
    if not isinstance(p, Tensor) and not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")


def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None) -> Any:
    """Ones with the probabilities given."""
    array = input._array
    if p is None:
        _check_type("bernoulli", array.dtype)
        if not ((array >= 0) & (array <= 1)).all():
            raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message "
                               "be improved?  If so, please report an enhancement request to PyTorch.)")
    else:
        _check_chance(p)
    source = source_of(generator, array)
    return run(BERNOULLI, (input,), (source,)) if p is None else run(BERNOULLI_BY, (input,), (source, p))


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
    if weights.shape[-1] > 1 << 24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    rows = weights.reshape(-1, weights.shape[-1]).astype(xp.float64)
    if not (xp.isfinite(rows) & (rows >= 0)).all():
        if not replacement:
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        bad = rows[~(xp.isfinite(rows) & (rows >= 0))][0]
        raise RuntimeError("invalid multinomial distribution (encountering probability entry "
                           f"{'< 0' if bad < 0 else '= infinity or NaN'})")
    if (rows.sum(axis=1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    source = source_of(generator)
    if replacement:
        drawn = xp.stack([source.choice(rows.shape[1], num_samples, True, row / row.sum()) for row in rows])
    else:  # whoever comes first: waiting times of which each is as long as its weight is small
        waiting = -rows / source.standard_exponential(rows.shape)
        drawn = xp.argsort(waiting, axis=1, kind="stable")[:, :num_samples]
    return made(drawn.reshape((*weights.shape[:-1], num_samples)).astype(xp.int64), "multinomial", str(num_samples),
                device=input.device)


def _normally(source: Any, array: Any, mean: Any = 0.0, std: Any = 1.0) -> Any:
    _check_type("normal", array.dtype)
    _check_std(std)
    return source.standard_normal(array.shape) * std + mean


def _uniformly(source: Any, array: Any, low: Any = 0.0, high: Any = 1.0) -> Any:
    _check_type("uniform", array.dtype)
    if low > high:
        raise RuntimeError("uniform_ expects to return a [from, to) range, but found "
                           f"from={low:g} > to={high:g}")
    return source.random(array.shape) * (high - low) + low


def _by_chance(source: Any, array: Any, p: Any = 0.5) -> Any:
    _check_chance(p)
    return source.random(array.shape) < (p._array if isinstance(p, Tensor) else p)


def _whole(source: Any, array: Any, low: Any = None, high: Any = None) -> Any:
    low, high = (0, low) if high is None else (low, high)
    return source.integers(low or 0, high or (1 << 24), array.shape)


def _waiting(source: Any, array: Any, lambd: Any = 1.0) -> Any:
    _check_type("exponential", array.dtype)
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    return source.exponential(1 / lambd, array.shape)


def _cauchy(source: Any, array: Any, median: Any = 0.0, sigma: Any = 1.0) -> Any:
    if array.dtype.char not in INEXACT:
        from gradviz.engine.errors import c_name

        raise RuntimeError("Cauchy distribution is a continuous probability distribution. dtype must be a floating "
                           f"point but you specified {c_name(dtypes.BY_NP[array.dtype])}")
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    return source.standard_cauchy(array.shape) * sigma + median


def _log_normal(source: Any, array: Any, mean: Any = 1.0, std: Any = 2.0) -> Any:
    _check_type("log_normal", array.dtype)
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    return xp.exp(source.standard_normal(array.shape) * std + mean)


def _geometric(source: Any, array: Any, p: Any) -> Any:
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    return source.geometric(p, array.shape)


FILLS: dict[str, tuple[Any, str]] = {
    "normal": (_normally, "mean std"), "uniform": (_uniformly, "from to"), "bernoulli": (_by_chance, "p"),
    "random": (_whole, "from to"), "exponential": (_waiting, "lambd"), "cauchy": (_cauchy, "median sigma"),
    "log_normal": (_log_normal, "mean std"), "geometric": (_geometric, "p"),
}
"""What draws the numbers of ``normal_`` and its like, and the names of its parameters."""


def _fill(kind: str) -> Any:
    """In-place filling with random numbers; the gradient of what was there is zero."""
    draw, names = FILLS[kind]
    base = "".join(part.capitalize() for part in kind.split("_")) + "Backward"
    nodes = [node_class(f"{base}{i}", _nothing) for i in range(3 if kind in ("bernoulli", "random") else 1)]

    def method(self: Any, *given: Any, generator: Generator | None = None, **named: Any) -> Any:
        values = [*given, *(named[name] for name in names.split() if name in named)]
        chance = [v for v in values[:1] if isinstance(v, Tensor)]
        which = 0 if len(nodes) == 1 else 2 - len(values) if kind == "random" else 1 if chance else 2

        def forward(array: Any, *_: Any) -> None:
            array[...] = draw(source_of(generator, array), array, *values)

        return write(Op(kind + "_", forward, nodes[which], inputs=("self", "p")), self, tuple(chance))

    return method


FUNCTIONS: dict[str, Any] = {
    "manual_seed": manual_seed, "seed": seed, "initial_seed": initial_seed, "randint": randint,
    "randint_like": randint_like, "randperm": randperm, "normal": normal, "bernoulli": bernoulli,
    "multinomial": multinomial, "poisson": poisson,
    "get_rng_state": default_generator.get_state, "set_rng_state": default_generator.set_state,
}
METHODS: dict[str, Any] = {"bernoulli": bernoulli, "multinomial": multinomial}
for _name in ("rand", "randn"):
    FUNCTIONS[_name], FUNCTIONS[_name + "_like"] = _maker(_name)
for _name in FILLS:
    METHODS[_name + "_"] = _fill(_name)

__all__ = ["FUNCTIONS", "METHODS", "Generator", "default_generator", "observe", "probe"]
