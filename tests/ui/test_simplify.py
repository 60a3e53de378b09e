"""Formulas with their numbers read as in mathematics."""

from __future__ import annotations

import pytest

from gradviz.formulas import FORMULAS
from gradviz.ui.panes.simplify import simplified
from gradviz.ui.panes.tex import render

POWER = FORMULAS["PowBackward0"].edges[0]
ADDED = FORMULAS["AddBackward0"].edges[1]
SUBTRACTED = FORMULAS["SubBackward0"].edges[1]


@pytest.mark.parametrize(("exponent", "formula"), [
    ("2", r"g \odot 2\,\mathrm{self}"),
    ("3", r"g \odot 3\,\mathrm{self}^{2}"),
    ("0.5", r"g \odot 0.5\,\mathrm{self}^{-0.5}"),
    ("-1", r"g \odot (-1)\,\mathrm{self}^{-2}"),
    ("1", "g"),
    ("0", r"g \odot 0"),
    ("", POWER),
    ("k", POWER),
])
def test_the_power_rule_with_its_number(exponent: str, formula: str) -> None:
    assert simplified(POWER, exponent=exponent) == formula
    render(formula)


@pytest.mark.parametrize(("alpha", "added", "subtracted"), [
    ("", "g", "-g"),
    ("1", "g", "-g"),
    ("2", r"2\,g", r"-2\,g"),
    ("-0.5", r"(-0.5)\,g", r"-(-0.5)\,g"),
    ("1e-07", r"\text{1e-07}\,g", r"-\text{1e-07}\,g"),
    ("a", ADDED, SUBTRACTED),
])
def test_alpha_is_a_number_or_nothing(alpha: str, added: str, subtracted: str) -> None:
    assert simplified(ADDED, alpha) == added
    assert simplified(SUBTRACTED, alpha) == subtracted


def test_every_formula_can_be_drawn_simplified() -> None:
    for formula in FORMULAS.values():
        for edge in formula.edges:
            assert render(simplified(edge, exponent="3"))
