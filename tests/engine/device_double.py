"""A stand-in for CuPy where there is no GPU: arrays over NumPy that refuse what CuPy's refuse, and count what waits.

What it refuses was asked of CuPy 14.2 itself, whose arrays can be made over any memory and say no before they launch
anything. It shows that ops reach a device, that they mix no arrays of two places and that they do not wait; not that
a GPU computes the same numbers: tests marked ``gpu`` are for that.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import shutil
import subprocess
import tempfile
import threading
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.special

NO_CONVERSION = ("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array "
                 "explicitly.")
REDUCES = ("add", "multiply")
"""The only functions that CuPy reduces and accumulates with by their methods."""
SCATTERS = {"add", "subtract", "maximum", "minimum", "multiply", "bitwise_and", "bitwise_or", "bitwise_xor"}
SCATTERED = ("int32", "float16", "float32", "float64", "complex64", "complex128", "uint32", "uint64")
UNDISPATCHED = {"as_strided"}
CREATES = {"zeros": {"dtype", "order"}, "ones": {"dtype", "order"}, "empty": {"dtype", "order"}, "arange": {"dtype"},
           "full": {"dtype", "order"}, "eye": {"M", "k", "dtype", "order"}, "tri": {"M", "k", "dtype"},
           "asarray": {"dtype", "order", "copy"}, "array": {"dtype", "order", "copy", "ndmin", "subok"},
           "ascontiguousarray": {"dtype"}}
"""What makes arrays, with the words that CuPy's take: NumPy hands on a ``device`` to some, which CuPy refuses."""
LACKING = {"object_", "errstate", "vectorize"}


class _Count:
    """How often the script has waited for the device; a recorder's thread may."""

    def __init__(self) -> None:
        self._syncs, self._thread = 0, threading.get_ident()

    @property
    def syncs(self) -> int:
        return self._syncs

    @syncs.setter
    def syncs(self, n: int) -> None:
        if threading.get_ident() == self._thread:
            self._syncs = n


count = _Count()


def wrap(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return ndarray(np.asarray(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(wrap, value))
    if isinstance(value, tuple | list):
        return type(value)(map(wrap, value))
    return value


def unwrap(value: Any, where: str) -> Any:
    """The NumPy array under an array; one of NumPy's is refused."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)} in {where}")
    if isinstance(value, tuple | list):
        return type(value)(unwrap(v, where) for v in value)
    return value


class _Flags:
    def __init__(self, flags: Any) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata


class ndarray:
    """What CuPy's ndarray can do, as far as the engine may rely on it."""

    __module__ = "cupy"
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: Any, base: Any = None) -> None:
        self._a, self.base = array, base

    shape = property(lambda self: self._a.shape)
    strides = property(lambda self: self._a.strides)
    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    itemsize = property(lambda self: self._a.itemsize)
    nbytes = property(lambda self: self._a.nbytes)
    flags = property(lambda self: _Flags(self._a.flags))
    device = property(lambda self: types.SimpleNamespace(id=0))
    data = property(lambda self: types.SimpleNamespace(ptr=self._a.__array_interface__["data"][0]))
    T = property(lambda self: self._view(self._a.T))
    real = property(lambda self: self._view(self._a.real) if self._a.dtype.kind == "c" else self,
                    lambda self, value: self.real.__setitem__(..., value))
    imag = property(lambda self: self._view(self._a.imag), lambda self, value: self.imag.__setitem__(..., value))

    def _view(self, array: Any) -> ndarray:
        return ndarray(array, self if self.base is None else self.base)

    # --- what waits for the device ----------------------------------------------------------------------------------
    def get(self, **options: Any) -> Any:
        count.syncs += 1
        return np.array(self._a, order="K")

    def item(self, *index: Any) -> Any:
        count.syncs += 1
        return self._a.item(*index)

    def tolist(self) -> Any:
        count.syncs += 1
        return self._a.tolist()

    def tobytes(self) -> bytes:
        count.syncs += 1
        return self._a.tobytes()

    def __bool__(self) -> bool:
        count.syncs += 1
        return bool(self._a)

    def __int__(self) -> int:
        count.syncs += 1
        return int(self._a)

    def __float__(self) -> float:
        count.syncs += 1
        return float(self._a)

    def __index__(self) -> int:
        count.syncs += 1
        return self._a.__index__()

    def __complex__(self) -> complex:
        count.syncs += 1
        return complex(self._a)

    # --- NumPy's protocols ------------------------------------------------------------------------------------------
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(NO_CONVERSION)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        name = ufunc.__name__
        if getattr(np, name, None) is not ufunc:  # one of SciPy's
            return NotImplemented
        if method in ("reduce", "accumulate") and name not in REDUCES:
            raise NotImplementedError(f"`cupy_{name}.{method}` is not supported yet")
        if method == "at" and (name not in SCATTERS or str(inputs[0].dtype) not in SCATTERED):
            raise TypeError(f"cupy.{name}.at does not support {inputs[0].dtype}")
        unknown = set(named) - ({"out", "dtype", "casting"} if method == "__call__" else
                                {"out", "dtype", "axis", "keepdims"})
        if unknown and name != "matmul":
            raise TypeError(f"Wrong arguments {unknown}")
        if "out" in named:
            out, = named["out"]
            named["out"] = (unwrap(out, name),)
            if not isinstance(out, ndarray):
                raise TypeError("Output arguments type must be cupy.ndarray")
        with np.errstate(all="ignore"):
            result = getattr(ufunc, method)(*[unwrap(x, name) for x in inputs], **named)
        return out if "out" in named else wrap(result)

    def __array_function__(self, function: Any, kinds: Any, args: Any, named: Any) -> Any:
        name = function.__name__
        if name in UNDISPATCHED or name in LACKING:
            raise TypeError(NO_CONVERSION)
        if any(k not in (ndarray, np.ndarray) for k in kinds):
            return NotImplemented
        if {"initial", "where"} & set(named) and name != "copyto":
            raise TypeError(f"{name}() got an unexpected keyword argument")
        if name in CREATES:  # by like=
            if set(named) - CREATES[name]:
                raise TypeError(f"{name}() got an unexpected keyword argument '{set(named) - CREATES[name]}'")
            args = tuple(v._a if isinstance(v, ndarray) else v for v in args)
            return wrap(np.array(function(*args, **named), order="K"))
        given = [unwrap(v, name) for v in args]
        named = {key: unwrap(v, name) for key, v in named.items()}
        with np.errstate(all="ignore"):
            result = function(*given, **named)
        if name in ("allclose", "array_equal"):
            return wrap(np.asarray(result))
        if isinstance(result, np.ndarray):
            for v in args:
                if isinstance(v, ndarray) and (result.base is not None and np.may_share_memory(result, v._a)):
                    return v._view(result)
        return wrap(result)

    # --- methods ----------------------------------------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        entries = index if isinstance(index, tuple) else (index,)
        found = self._a[tuple(_entry(i) for i in entries)]
        return self._view(found) if isinstance(found, np.ndarray) and np.may_share_memory(found, self._a) else wrap(
            found)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        entries = index if isinstance(index, tuple) else (index,)
        self._a[tuple(_entry(i) for i in entries)] = value._a if isinstance(value, ndarray) else value

    def copy(self, order: str = "C") -> ndarray:
        return ndarray(self._a.copy(order))

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    def astype(self, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool = True) -> Any:
        if not copy and self._a.dtype == dtype:
            return self
        with np.errstate(all="ignore"):
            return ndarray(self._a.astype(dtype, order))

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        return self._shared(self._a.reshape(*shape, order=order))

    def _shared(self, array: Any) -> Any:
        return self._view(array) if np.may_share_memory(array, self._a) else ndarray(array)

    def transpose(self, *axes: Any) -> Any:
        return self._view(self._a.transpose(*axes))

    def swapaxes(self, a: int, b: int) -> Any:
        return self._view(self._a.swapaxes(a, b))

    def squeeze(self, axis: Any = None) -> Any:
        return self._view(self._a.squeeze(axis))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        return self._view(self._a.diagonal(offset, axis1, axis2))

    def view(self, dtype: Any = None) -> Any:
        return self._view(self._a.view() if dtype is None else self._a.view(dtype))

    def ravel(self, order: str = "C") -> Any:
        return self._shared(self._a.ravel(order))

    def fill(self, value: Any) -> None:
        self._a.fill(unwrap(value, "fill"))

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.sum(axis, dtype, None, keepdims))

    def prod(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.prod(axis, dtype, None, keepdims))

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.mean(axis, dtype, None, keepdims))

    def var(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        return wrap(self._a.var(axis, dtype, None, ddof, keepdims))

    def std(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        return wrap(self._a.std(axis, dtype, None, ddof, keepdims))

    def max(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.max(axis=axis, keepdims=keepdims))

    def min(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.min(axis=axis, keepdims=keepdims))

    def all(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.all(axis=axis, keepdims=keepdims))

    def any(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.any(axis=axis, keepdims=keepdims))

    def argmax(self, axis: Any = None, out: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.argmax(axis, None, keepdims=keepdims))

    def argmin(self, axis: Any = None, out: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        return wrap(self._a.argmin(axis, None, keepdims=keepdims))

    def argsort(self, axis: int = -1, kind: Any = None) -> Any:
        return wrap(self._a.argsort(axis, "stable"))

    def sort(self, axis: int = -1, kind: Any = None) -> None:
        self._a.sort(axis, "stable")

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return wrap(self._a.cumsum(axis, dtype))

    def cumprod(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return wrap(self._a.cumprod(axis, dtype))

    def dot(self, other: Any, out: Any = None) -> Any:
        return wrap(self._a.dot(unwrap(other, "dot")))

    def nonzero(self) -> Any:
        count.syncs += 1  # how many there are has to be known
        return wrap(self._a.nonzero())

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        return wrap(self._a.repeat(unwrap(repeats, "repeat"), axis))

    def take(self, indices: Any, axis: Any = None, out: Any = None) -> Any:
        return wrap(self._a.take(unwrap(indices, "take"), axis))

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        return wrap(self._a.trace(offset, axis1, axis2))

    def conj(self) -> Any:
        return wrap(self._a.conj())


def _entry(i: Any) -> Any:
    """An entry of an index; of a mask the device has to be waited for."""
    if isinstance(i, ndarray):
        count.syncs += i.dtype == bool
        return i._a
    return i


def _operators() -> None:
    table = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
             "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power, "and": np.bitwise_and,
             "or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift,
             "matmul": np.matmul}
    for name, f in table.items():
        setattr(ndarray, f"__{name}__", lambda a, b, f=f: f(a, b) if _operand(b) else NotImplemented)
        setattr(ndarray, f"__r{name}__", lambda a, b, f=f: f(b, a) if _operand(b) else NotImplemented)
        setattr(ndarray, f"__i{name}__", lambda a, b, f=f: f(a, b, out=a))
    for name, f in {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
                    "ge": np.greater_equal}.items():
        setattr(ndarray, f"__{name}__", lambda a, b, f=f: f(a, b) if _operand(b) else NotImplemented)
    for name, f in {"neg": np.negative, "abs": np.absolute, "invert": np.invert, "pos": np.positive}.items():
        setattr(ndarray, f"__{name}__", lambda a, f=f: f(a))


def _operand(value: Any) -> bool:
    return isinstance(value, ndarray | np.ndarray | np.generic | int | float | complex | bool)


_operators()


# --- the module ------------------------------------------------------------------------------------------------------
class CUDARuntimeError(RuntimeError):
    pass


class _Random:
    """``cupy.random.Generator``: no permutations, no choices."""

    def __init__(self, seed: Any) -> None:
        self._np = np.random.default_rng(seed)

    def __getattr__(self, name: str) -> Any:
        if name not in ("random", "standard_normal", "integers", "exponential", "standard_exponential", "uniform"):
            raise AttributeError(f"'Generator' object has no attribute '{name}'")
        return lambda *args, **named: wrap(getattr(self._np, name)(*args, **named))


class ElementwiseKernel:
    """Compiles the kernel's own source as C++ and runs it for one element after the other."""

    def __init__(self, inputs: str, outputs: str, body: str, name: str) -> None:
        self.inputs, self.outputs = inputs.split(", "), outputs.split(", ")
        self.body, self.name = body, name
        self.compiled: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> None:
        *given, into = args
        if not isinstance(into, ndarray) or not into._a.flags.c_contiguous:
            raise TypeError("written without gaps")
        T = {"f": "float", "d": "double"}[into.dtype.char]
        if T not in self.compiled:
            arguments = [f"const {T}* {p.split()[-1]}" if p.startswith("raw") else f"int {p.split()[-1]}"
                         for p in self.inputs]
            name = self.outputs[0].split()[-1]
            self.compiled[T] = compiled(f"""typedef {T} T;
                extern "C" void run(ptrdiff_t n, T* _out, {", ".join(arguments)}) {{
                    for (ptrdiff_t i = 0; i < n; i++) {{ T& {name} = _out[i]; {self.body} }} }}""").run
        self.compiled[T](ctypes.c_ssize_t(into.size), _pointer(into), *[
            _pointer(a) if isinstance(a, ndarray) else ctypes.c_int(a) for a in given])


_LAUNCH = r"""
#include <atomic>
#include <barrier>
#include <thread>
#include <vector>
#define __global__
#define __device__ static
#define __shared__ static
struct Place { unsigned x; };
static thread_local Place threadIdx, blockIdx;
static Place gridDim;
static std::barrier<>* together;
static void __syncthreads() { together->arrive_and_wait(); }
static void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
static unsigned atomicAdd(unsigned* at, unsigned n) { return std::atomic_ref<unsigned>(*at).fetch_add(n); }
"""


class RawKernel:
    """Compiles the kernel's own source as C++ and runs it block by block, each thread as one of the system."""

    def __init__(self, source: str, name: str) -> None:
        self.source, self.name = source, name

    def __call__(self, grid: tuple[int], block: tuple[int], args: tuple[Any, ...]) -> None:
        head = self.source[self.source.index(self.name) + len(self.name):]
        kinds = [p.strip().rpartition(" ")[0] for p in head[head.index("(") + 1:head.index(")")].split(",")]
        given = ", ".join(f"{kind} a{i}" for i, kind in enumerate(kinds))
        launch = f"""extern "C" void launch(int grid, int block, {given}) {{
            gridDim.x = grid;
            for (int b = 0; b < grid; b++) {{
                std::barrier<> all(block);
                together = &all;
                std::vector<std::thread> threads;
                for (int t = 0; t < block; t++) threads.emplace_back([=] {{
                    blockIdx.x = b; threadIdx.x = t; {self.name}({", ".join(f"a{i}" for i in range(len(kinds)))}); }});
                for (auto& thread : threads) thread.join();
            }} }}"""
        compiled(_LAUNCH + self.source + launch).launch(grid[0], block[0], *[
            _pointer(a) if isinstance(a, ndarray) else ctypes.c_longlong(a) for a in args])


def _pointer(array: ndarray) -> ctypes.c_void_p:
    assert array._a.flags.c_contiguous
    return ctypes.c_void_p(array.data.ptr)


@functools.cache
def compiled(source: str) -> Any:
    """Kernels' source as a library of this machine's; needs a C++ compiler."""
    folder = tempfile.mkdtemp(prefix="gradviz-kernels-")
    file = f"{folder}/kernel.cpp"
    with open(file, "w", encoding="utf-8") as out:
        out.write("#include <cstddef>\n#include <cmath>\n" + source)
    subprocess.run(["c++", "-std=c++20", "-O1", "-pthread", "-shared", "-fPIC", "-o", file + ".so", file], check=True)
    try:
        return ctypes.CDLL(file + ".so")
    finally:
        shutil.rmtree(folder)


class _Event:
    done = True

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None: ...

    def record(self, stream: Any = None) -> None: ...

    def synchronize(self) -> None:
        count.syncs += 1


class _Stream:
    done, ptr = True, 0
    null: Any = None

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None: ...

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *raised: Any) -> None: ...

    def wait_event(self, event: _Event) -> None:
        assert isinstance(event, _Event)

    def synchronize(self) -> None:
        count.syncs += 1


_Stream.null = _Stream()


class _Device:
    def __init__(self, device: int = 0) -> None:
        self.id = device

    def use(self) -> None:
        assert self.id == 0

    def __enter__(self) -> None: ...

    def __exit__(self, *raised: Any) -> None: ...


def _wait() -> None:
    count.syncs += 1


def _runtime() -> Any:
    return types.SimpleNamespace(
        getDeviceCount=lambda: 1, getDevice=lambda: 0, driverGetVersion=lambda: 13000, deviceSynchronize=_wait,
        CUDARuntimeError=CUDARuntimeError, memGetInfo=lambda: (1, 2),
        getDeviceProperties=lambda device: {"name": b"stand-in", "major": 8, "minor": 6})


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False) -> ndarray:
    if isinstance(a, ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    return ndarray(np.array(a, dtype, order="K"))


_NAMES = """
    bdtr bdtrc bdtri beta betainc betaincinv betaln binom boxcox boxcox1p btdtr btdtri cbrt chdtr chdtrc chdtri
    cosdg cosm1 cotdg digamma ellipeinc ellipj ellipk ellipkinc ellipkm1 entr erf erfc erfcinv erfcx erfinv exp1
    exp10 exp2 expi expit expm1 expn exprel fdtr fdtrc fdtri gamma gammainc gammaincc gammainccinv gammaincinv
    gammaln gammasgn gdtr gdtrc huber i0 i0e i1 i1e inv_boxcox inv_boxcox1p j0 j1 k0 k0e k1 k1e kl_div lambertw
    log1p log_expit log_ndtr log_softmax loggamma logit logsumexp lpmv multigammaln nbdtr nbdtrc nbdtri ndtr ndtri
    pdtr pdtrc pdtri poch polygamma pseudo_huber psi radian rel_entr rgamma round shichi sici sinc sindg softmax
    sph_harm sph_harm_y spherical_yn tandg wright_bessel xlog1py xlogy y0 y1 yn zeta zetac
"""
SPECIAL = frozenset(_NAMES.split())


class _Special:
    """``cupyx.scipy.special``, as far as it goes."""

    def __getattr__(self, name: str) -> Any:
        if name not in SPECIAL:
            raise AttributeError(f"module 'cupyx.scipy.special' has no attribute '{name}'")
        function = getattr(scipy.special, name)
        return lambda *args: wrap(function(*[unwrap(a, name) for a in args]))


class _Module(types.SimpleNamespace):
    __hash__ = object.__hash__  # type: ignore[assignment]


module = _Module(
    ndarray=ndarray, asarray=asarray, empty=lambda shape, dtype=float: ndarray(np.zeros(shape, dtype)),
    lib=types.SimpleNamespace(stride_tricks=types.SimpleNamespace(
        as_strided=lambda x, shape, strides: x._view(np.lib.stride_tricks.as_strided(x._a, shape, strides)))),
    cuda=types.SimpleNamespace(
        runtime=_runtime(), Event=_Event, Stream=_Stream, Device=_Device, get_current_stream=_Stream,
        get_elapsed_time=lambda start, end: 0.0),
    get_default_memory_pool=lambda: types.SimpleNamespace(
        used_bytes=lambda: 0, total_bytes=lambda: 0, free_all_blocks=lambda: None),
    random=types.SimpleNamespace(default_rng=_Random), ElementwiseKernel=ElementwiseKernel,
    RawKernel=RawKernel,
)


@contextlib.contextmanager
def device() -> Iterator[None]:
    """In it there is a CUDA device, which is the stand-in."""
    from gradviz.engine import devices, xp

    given = devices._cupy, devices.count, devices.special
    devices._cupy, devices.count, devices.special = (lambda: module), (lambda: 1), _Special
    devices._empty.cache_clear()
    try:
        yield
    finally:
        devices._cupy, devices.count, devices.special = given
        xp.foreign.clear()
        devices._empty.cache_clear()
