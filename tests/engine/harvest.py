"""Write ``gradviz/engine/ops/signatures.txt``: what PyTorch's functions written in C++ take.

    python harvest.py > ../../gradviz/engine/ops/signatures.txt       (with PyTorch 2.13)

Their argument parsers are made from signatures, which stand as texts in PyTorch's library. A method's that are its
function's without the first argument and ``out`` are left out, and so are an in-place method's that are the method's.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from gradviz.engine.nn.functional.steps import STEPS
from gradviz.engine.ops.signatures import Table, signature, signatures

FOLDER = Path(__file__).parent
REGIONS = (("is_contiguous(*", "diff(int64_t n=1"), ("numpy(*, bool force", "unbind(int64_t dim=0)"),
           ("new_tensor(PyObject", "new(Tensor indices, Tensor values, IntArrayRef"),
           ("new(*, Device", "new(Tensor other)"))
"""Where the methods' signatures stand in the library; all others are functions'."""
OURS = """
import json, types, gradviz.engine as torch
owners = {"torch": torch, "torch.nn.functional": torch.nn.functional, "torch.linalg": torch.linalg,
          "torch.special": torch.special, "torch.Tensor": torch.Tensor}
print(json.dumps({key: [n for n, f in vars(owner).items() if isinstance(f, types.FunctionType)]
                  for key, owner in owners.items()}))
"""


def strings(torch: Any) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The signatures of functions and of methods, by name."""
    data = (Path(torch.__file__).parent / "lib" / "libtorch_python.so").read_bytes()
    functions: dict[str, list[str]] = {}
    methods: dict[str, list[str]] = {}
    ends: list[str] = []
    for found in re.finditer(rb"[a-z_][a-zA-Z_0-9]*\([^()\0-\x1f\x7f-\xff]*\)(\|deprecated|\|hidden)?(?=\0)", data):
        text = found[0].decode()
        if "(*)" in text:
            continue
        ends += [end for start, end in REGIONS if text.startswith(start)]
        into = methods if ends else functions
        into.setdefault(text.partition("(")[0], []).append(text)
        ends = [end for end in ends if not text.startswith(end)]
    return functions, methods


def ordered(texts: list[str], call: Any) -> list[str]:
    """The signatures in the parser's order, which a refused call tells."""
    try:
        call(*[object()] * 20)
    except TypeError as error:
        told = str(error).split("\n * ")[1:]
        return sorted(texts, key=lambda text: next(
            (i for i, line in enumerate(told) if line.split("\n")[0] == signature(text).text()), -1))
    return texts


def takes_nothing(call: Any) -> bool:
    try:
        call(*"abcdefgh")
    except Exception as error:
        return "takes no arguments" in str(error)
    return False


def main() -> None:
    torch = import_module("torch")
    names = json.loads(subprocess.run([sys.executable, "-c", OURS], capture_output=True, text=True,
                                                    check=True).stdout)
    found = strings(torch)
    tables: tuple[Table, Table] = {}, {}
    lines: tuple[list[str], list[str]] = [], []
    for owner, attributes in names.items():
        place, method = torch, owner == "torch.Tensor"
        for part in owner.split(".")[1:]:
            place = getattr(place, part)
        for attribute in sorted(attributes):
            call = getattr(torch.ones(2) if method else place, attribute, None)
            name = getattr(call, "__name__", "")
            if type(call).__name__ != "builtin_function_or_method" or name in tables[method] or name.startswith("_"):
                continue
            texts = found[method].get(name, [f"{name}()"] if method and takes_nothing(call) else [])
            texts = ordered(texts, call) if len(texts) > 1 else texts
            own = [signature(text) for text in texts]
            if texts and signatures(*tables, name, method) != own:
                tables[method][name] = own
                lines[method].extend(texts)
    for name in sorted(set(re.findall(r"(?<!\.)\b(\w+)\(", " ".join(STEPS.values()))) - set(tables[0])):
        lines[0].extend(found[0].get(name, ()))
    print("# functions", *lines[0], "# methods", *lines[1], sep="\n")


if __name__ == "__main__":
    main()
