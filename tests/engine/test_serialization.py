"""``torch.save`` and ``torch.load``: what was saved comes back, shared memory shared; nothing else is opened."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz.engine as torch

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-2**60, 2**60), st.floats(allow_nan=False),
                   st.text(max_size=5), st.complex_numbers(allow_nan=False),
                   st.sampled_from([torch.float32, torch.int64]))
TREES = st.recursive(LEAVES, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.tuples(inner, inner),
    st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3)), max_leaves=12)


def again(obj: Any) -> Any:
    file = io.BytesIO()
    torch.save(obj, file)
    file.seek(0)
    return torch.load(file)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(TREES)
def test_trees(tree: Any) -> None:
    back = again(tree)
    assert back == tree
    assert type(back) is type(tree)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 3)])
def test_tensors(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    t = torch.ones(*shape, dtype=getattr(torch, dtype)) if shape else torch.tensor(1, dtype=getattr(torch, dtype))
    torch.save({"t": t}, tmp_path / "t.pt")
    back = torch.load(str(tmp_path / "t.pt"), map_location="cpu", weights_only=True)["t"]
    assert back.dtype is t.dtype
    assert back.shape == t.shape
    assert back.tolist() == t.tolist()


def test_shared_memory_is_shared_again() -> None:
    t = torch.arange(6.0).view(2, 3)
    back = again([t, t.t(), t[1]])
    assert back[1].stride() == (1, 3)
    back[0].zero_()
    assert back[1].sum() == back[2].sum() == 0
    assert t.sum() == 15


def test_a_state_dict_keeps_its_kind() -> None:
    state = OrderedDict(weight=torch.randn(2, requires_grad=True).detach())
    state._metadata = {"": {"version": 1}}  # type: ignore[attr-defined]
    back = again(state)
    assert type(back) is OrderedDict
    assert back._metadata == {"": {"version": 1}}
    assert again(torch.ones(2, requires_grad=True)).requires_grad


def test_arrays_can_be_read_by_numpy(tmp_path: Path) -> None:
    torch.save(torch.arange(4), tmp_path / "t.npz")
    assert np.load(tmp_path / "t.npz")["storage0"].tolist() == [0, 1, 2, 3]


class Anything:
    pass


def test_what_only_a_pickle_could_hold(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"not Anything: save a module's or an optimizer's state_dict\(\)"):
        torch.save({"a": Anything()}, tmp_path / "a.pt")
    assert not (tmp_path / "a.pt").exists()


def _zip(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


def _outside() -> bytes:
    file = io.BytesIO()
    torch.save(torch.ones(3), file)
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    tree = content["gradviz.json"].replace(b'"offset": 0', b'"offset": 1000')
    assert tree != content["gradviz.json"]
    return _zip(**{"gradviz.json": tree, "storage0.npy": content["storage0.npy"]})


@pytest.mark.parametrize("content", [
    b"", b"hello", pickle.dumps({"a": 1}), pickle.dumps(Anything()), _zip(archive__data__pkl=pickle.dumps(1)),
    _zip(gradviz__json=b"{"), _zip(gradviz__json=b'{"tree": {"what": 1}}'), _outside(),
    _zip(gradviz__json=b'{"tree": {"tensor": "storage0"}}')])
def test_foreign_files(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "foreign.pt"
    file.write_bytes(content)
    with pytest.raises(pickle.UnpicklingError, match=r"foreign.pt was not written by this torch.save .*: pickles"):
        torch.load(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        torch.load(tmp_path / "nothing.pt")
