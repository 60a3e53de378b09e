"""``torch.cuda``: the devices that CuPy computes on, their streams, their memory and their random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine import devices, dtypes
from gradviz.engine.ops import random
from gradviz.engine.ops.legacy import TYPES


# --- devices ---------------------------------------------------------------------------------------------------------
def is_available() -> bool:
    """Whether there is a device that CuPy can compute on."""
    return devices.count() > 0


def device_count() -> int:
    return devices.count()


def is_initialized() -> bool:
    return devices.started()


def init() -> None:
    """Import CuPy, or say why there is nothing to compute on."""
    devices.cuda()


def _number(device: Any) -> int:
    """The number of a device; the current one where none is named."""
    module = devices.cuda()
    if isinstance(device, int):
        return device
    index = None if device is None else dtypes.device(device).index
    return int(module.cuda.runtime.getDevice()) if index is None else index


def current_device() -> int:
    return _number(None)


def set_device(device: Any) -> None:
    """Compute on this device from now on."""
    if isinstance(device, int) and device < 0:
        return
    number = _number(device)
    devices.cuda().cuda.Device(number).use()


class device:
    """A block in which another device is the current one."""

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None else _number(device)

    def __enter__(self) -> None:
        self.before = current_device()
        set_device(self.idx)

    def __exit__(self, *raised: object) -> None:
        set_device(self.before)


def _properties(device: Any) -> dict[str, Any]:
    return dict(devices.cuda().cuda.runtime.getDeviceProperties(_number(device)))


def get_device_name(device: Any = None) -> str:
    name = _properties(device)["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


def get_device_capability(device: Any = None) -> tuple[int, int]:
    found = _properties(device)
    return found["major"], found["minor"]


def is_bf16_supported(including_emulation: bool = True) -> bool:
    return is_available() and (including_emulation or get_device_capability()[0] >= 8)


def synchronize(device: Any = None) -> None:
    """Wait until the device has done what it was given."""
    module = devices.cuda()
    with module.cuda.Device(_number(device)):
        module.cuda.runtime.deviceSynchronize()


# --- memory ----------------------------------------------------------------------------------------------------------
def _pool() -> Any:
    return devices.cuda().get_default_memory_pool()


def _bytes(count: Callable[[Any], Any]) -> Callable[..., int]:
    def function(device: Any = None) -> int:
        return int(count(_pool())) if is_initialized() else 0

    return function


memory_allocated = _bytes(lambda pool: pool.used_bytes())
memory_reserved = _bytes(lambda pool: pool.total_bytes())


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total memory."""
    module = devices.cuda()
    with module.cuda.Device(_number(device)):
        free, total = module.cuda.runtime.memGetInfo()
    return free, total


def empty_cache() -> None:
    """Give back to the device what CuPy keeps of it."""
    if is_initialized():
        _pool().free_all_blocks()


# --- streams ---------------------------------------------------------------------------------------------------------
class Stream:
    """A queue of work."""

    def __init__(self, device: Any = None, priority: int = 0, *, _under: Any = None) -> None:
        if not is_available():
            raise RuntimeError("torch.cuda.Stream requires CUDA support")
        # one that waits for the default stream and lets it wait: a recorder fetches values there
        self._under = devices.cuda().cuda.Stream(non_blocking=False) if _under is None else _under

    def synchronize(self) -> None:
        self._under.synchronize()

    def query(self) -> bool:
        """Whether all is done."""
        return bool(self._under.done)

    def record_event(self, event: Any = None) -> Any:
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Any) -> None:
        self._under.wait_event(event._under)

    def wait_stream(self, stream: Any) -> None:
        self.wait_event(stream.record_event())

    @property
    def cuda_stream(self) -> int:
        return int(self._under.ptr)


class Event:
    """A mark in a stream, to wait for or to take the time between two."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        if not is_available():
            raise RuntimeError("Tried to instantiate dummy base class Event")
        self._under = devices.cuda().cuda.Event(block=blocking, disable_timing=not enable_timing)

    def record(self, stream: Any = None) -> None:
        self._under.record(None if stream is None else stream._under)

    def wait(self, stream: Any = None) -> None:
        (current_stream() if stream is None else stream).wait_event(self)

    def query(self) -> bool:
        """Whether what came before it is done."""
        return bool(self._under.done)

    def synchronize(self) -> None:
        self._under.synchronize()

    def elapsed_time(self, end_event: Any) -> float:
        """Milliseconds to another."""
        return float(devices.cuda().cuda.get_elapsed_time(self._under, end_event._under))


def current_stream(device: Any = None) -> Stream:
    module = devices.cuda()
    return Stream(_under=module.cuda.get_current_stream())


def default_stream(device: Any = None) -> Stream:
    module = devices.cuda()
    return Stream(_under=module.cuda.Stream.null)


class stream:
    """A block whose work goes into a stream."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.stream._under.__enter__()

    def __exit__(self, *raised: Any) -> None:
        if self.stream is not None:
            self.stream._under.__exit__(*raised)


# --- random numbers --------------------------------------------------------------------------------------------------
def manual_seed(seed: int) -> None:
    """Start the devices' random numbers anew; nothing where there are none."""
    random.on_device.manual_seed(seed)


manual_seed_all = manual_seed


def seed() -> None:
    random.on_device._seed = random.on_device._source = None


seed_all = seed


def initial_seed() -> int:
    devices.cuda()
    return random.on_device.initial_seed()


# --- old types -------------------------------------------------------------------------------------------------------
class _CudaType(type):
    """``torch.cuda.FloatTensor``: makes tensors of its type on a device and knows them."""

    dtype: dtypes.dtype
    on_cuda = True

    def __instancecheck__(cls, value: object) -> bool:
        return getattr(value, "is_cuda", False) is True and value.dtype is cls.dtype  # type: ignore[attr-defined]

    def __call__(cls, *args: Any) -> Any:
        if not is_available():
            raise TypeError(f"type torch.cuda.{cls.__name__} not available. Torch not compiled with CUDA enabled.")
        return TYPES[cls.__name__](*args).cuda()


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    if name in ("FloatTensor", *TYPES):
        made = _CudaType(name, (), {"__module__": "torch.cuda", "dtype": TYPES[name].dtype})
        return globals().setdefault(name, made)
    if name == "amp":
        from importlib import import_module

        return import_module(f"{__name__}.amp")
    raise error("torch.cuda", name)
