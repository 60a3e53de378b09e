"""``torch.save`` and ``torch.load`` without pickles: a zip of NumPy arrays and one JSON text.

The text is a tree of what state dicts and checkpoints are made of; the arrays are the storages, each once, so that
tensors which shared memory share it again. Nothing that is read can run code, and any ``numpy.load`` reads the arrays.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections import OrderedDict
from typing import Any, Final

from gradviz.engine import devices, dtypes
from gradviz.engine.ops.legacy import _flat as flat
from gradviz.engine.storage import Cell, Storage, offset_of, storage_of
from gradviz.engine.tensor import Size, Tensor, make
from gradviz.engine.xp import hosted, strided, xp

_TREE: Final = "gradviz.json"
_CONTAINERS: Final[dict[str, Any]] = {"list": list, "tuple": tuple, "set": set, "size": Size}
_PLAIN: Final = (bool, int, float, str, type(None))


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2,
         _use_new_zipfile_serialization: bool = True) -> None:
    """Write tensors, numbers, texts and containers of them to a path or an open binary file.

    Raises TypeError for what only a pickle could hold, such as a whole module: save its ``state_dict()``.
    """
    storages: dict[int, tuple[str, Tensor]] = {}
    tree: dict[str, Any] = {"version": 1, "tree": _written(obj, storages)}
    places = {name: str(t.device) for name, t in storages.values() if t.is_cuda}
    if places:
        tree["devices"] = places
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(_TREE, json.dumps(tree))
        for name, holder in storages.values():
            with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                xp.lib.format.write_array(entry, xp.ascontiguousarray(_bare(hosted(flat(holder)))), allow_pickle=False)
    if isinstance(f, str | os.PathLike):
        with open(f, "wb") as file:
            file.write(packed.getbuffer())
    else:
        f.write(packed.getbuffer())


def load(f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **pickle_load_args: Any) -> Any:
    """Read what :func:`save` has written. Raises ``pickle.UnpicklingError`` for anything else: pickles are not opened,
    since they can run any code."""
    from pickle import UnpicklingError

    name = os.fspath(f) if isinstance(f, str | os.PathLike) else getattr(f, "name", "the file")
    if map_location is not None and not callable(map_location):
        targets = map_location.values() if isinstance(map_location, dict) else [map_location]
        for target in targets:
            dtypes.check_device(target)
    try:
        with zipfile.ZipFile(f) as archive:
            whole = json.loads(archive.read(_TREE))
            tree, places = whole["tree"], {key: _place(place, map_location)
                                           for key, place in whole.get("devices", {}).items()}
            entries = {entry.removesuffix(".npy"): entry for entry in archive.namelist() if entry.endswith(".npy")}
            storages: dict[str, tuple[Cell, Any]] = {}

            def storage(key: str) -> tuple[Cell, Any]:
                if key not in storages:
                    with archive.open(entries[key]) as entry:
                        array = xp.lib.format.read_array(entry, allow_pickle=False)
                    array = devices.placed(array, places.get(key) or _place("cpu", map_location))
                    storages[key] = Cell(storage=Storage(array)), array
                return storages[key]

            return _read(tree, storage)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, TypeError, IndexError) as error:
        raise UnpicklingError(f"{name} was not written by this torch.save ({type(error).__name__}): pickles are not "
                              f"opened here, because they can run any code; load it in PyTorch and save the state dict "
                              f"with numpy or safetensors") from None


def _place(saved: str, map_location: Any) -> Any:
    """Where a storage goes that was saved from there."""
    if callable(map_location):
        return dtypes.CPU
    place = map_location.get(saved, saved) if isinstance(map_location, dict) else map_location or saved
    if map_location is None and saved != "cpu" and not devices.count():
        raise RuntimeError("Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. "
                           "If you are running on a CPU-only machine, please use torch.load with "
                           "map_location=torch.device('cpu') to map your storages to the CPU.")
    return dtypes.device(place)


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Nothing to allow: no class is looked up by its name here."""


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.serialization", name)


def _bare(array: Any) -> Any:
    """NumPy's own types only: what ``ml_dtypes`` adds is written as the bits that it is."""
    return array if array.dtype.kind in "biufc" else array.view(f"u{array.itemsize}")


# --- objects to JSON -------------------------------------------------------------------------------------------------
def _written(value: Any, storages: dict[int, tuple[str, Tensor]]) -> Any:
    if isinstance(value, Tensor):
        return _tensor(value, storages)
    if type(value) in _PLAIN:
        return value
    for name, container in _CONTAINERS.items():
        if type(value) is container:
            return {name: [_written(part, storages) for part in value]}
    if type(value) in (dict, OrderedDict):
        told = {"dict" if type(value) is dict else "ordered":
                [[_written(key, storages), _written(part, storages)] for key, part in value.items()]}
        if getattr(value, "__dict__", None):  # the _metadata of a state dict
            told["attributes"] = _written(dict(vars(value)), storages)
        return told
    if isinstance(value, dtypes.dtype):
        return {"dtype": value.name}
    if isinstance(value, dtypes.device):
        return {"device": str(value)}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, xp.generic):
        return _written(value.item(), storages)
    raise TypeError(f"torch.save writes tensors, numbers, texts and containers of them, not {type(value).__name__}: "
                    f"save a module's or an optimizer's state_dict()")


def _tensor(t: Any, storages: dict[int, tuple[str, Tensor]]) -> dict[str, Any]:
    key, _ = storages.setdefault(id(storage_of(t)), (f"storage{len(storages)}", t))
    return {"tensor": key, "dtype": t.dtype.name, "shape": list(t.shape), "stride": list(t.stride()),
            "offset": offset_of(t), "requires_grad": bool(t.requires_grad), "class": type(t).__name__}


# --- and back --------------------------------------------------------------------------------------------------------
def _read(told: Any, storage: Any) -> Any:
    if not isinstance(told, dict):
        return told
    kind, content = next(iter(told.items()))
    if kind == "tensor":
        return _made(told, *storage(content))
    if kind in _CONTAINERS:
        return _CONTAINERS[kind]([_read(part, storage) for part in content])
    if kind in ("dict", "ordered"):
        made = (dict if kind == "dict" else OrderedDict)([(_read(k, storage), _read(v, storage)) for k, v in content])
        if "attributes" in told:
            vars(made).update(_read(told["attributes"], storage))
        return made
    if kind == "dtype":
        return dtypes.NAMES[content]
    if kind == "device":
        return dtypes.device(content)
    if kind == "complex":
        return complex(*content)
    raise ValueError(kind)


def _made(told: dict[str, Any], cell: Cell, row: Any) -> Any:
    """A tensor over its storage; a text that reaches outside of it is refused."""
    np_type = dtypes.NAMES[told["dtype"]].np
    row = row if row.dtype == np_type else row.view(np_type)
    shape, stride, offset = tuple(told["shape"]), tuple(told["stride"]), told["offset"]
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
    if min((offset, *shape, *stride)) < 0 or (0 not in shape and last >= row.size):
        raise ValueError("a tensor outside of its storage")
    cell.storage.array = row
    tensor = make(strided(row[offset:], shape, stride), cell)
    if told["class"] == "Parameter":
        from gradviz.engine.nn.parameter import Parameter

        return Parameter(tensor, told["requires_grad"])
    if told["requires_grad"]:
        tensor.requires_grad_()
    return tensor
