"""Every backward node that the engine makes has a formula, and every formula is one of a node."""

from __future__ import annotations

import pytest

import gradviz.engine  # noqa: F401 - its tables make the node classes
from gradviz.engine.autograd.node import Node
from gradviz.formulas import FORMULAS


def node_names() -> set[str]:
    names, waiting = set(), [Node]
    for cls in waiting:
        waiting += cls.__subclasses__()
        names.add(cls.__name__)
    return {name for name in names if name in FORMULAS or name.rstrip("_copy0123456789").endswith(("Backward", "Slices"))}


def test_every_node_of_the_engine_has_a_formula() -> None:
    assert node_names() - FORMULAS.keys() == set()


def test_every_formula_is_of_a_node() -> None:
    assert FORMULAS.keys() - node_names() - {"AccumulateGrad"} == set()


@pytest.mark.parametrize("name", FORMULAS)
def test_braces_are_balanced(name: str) -> None:
    for text in (FORMULAS[name].forward, *FORMULAS[name].edges):
        assert text.count("{") == text.count("}")
