"""Every backward node that the engine makes has a formula, and every formula is one of a node."""

from __future__ import annotations

import pytest

import gradviz.engine.nn
import gradviz.engine.special  # noqa: F401 - its tables, and those of the engine, make the node classes
from gradviz.engine.autograd.node import Node
from gradviz.formulas import FORMULAS


def node_names() -> set[str]:
    """The classes that the tables made. (A user's Function makes nodes of another class.)"""
    return {cls.__name__ for cls in Node.__subclasses__()}


def test_every_node_of_the_engine_has_a_formula() -> None:
    assert node_names() - FORMULAS.keys() == set()


def test_every_formula_is_of_a_node() -> None:
    assert FORMULAS.keys() - node_names() - {"AccumulateGrad"} == set()


@pytest.mark.parametrize("name", FORMULAS)
def test_braces_are_balanced(name: str) -> None:
    for text in (FORMULAS[name].forward, *FORMULAS[name].edges):
        assert text.count("{") == text.count("}")
