r"""A formula of formulas.py with the numbers of an op put in where they make it shorter: n x^{n-1} is 2 x for n = 2.

Symbols that stay symbols are the business of :mod:`gradviz.ui.panes.tex`.
"""

from __future__ import annotations

import re

_POWER = re.compile(r"n\\,(?P<base>\\mathrm\{\w+\})\^\{\\,n-1\}")


def simplified(formula: str, alpha: str = "", exponent: str = "") -> str:
    r"""LaTeX with ``\alpha`` left out where it is 1 or not given, and the power rule with its number.

    ``alpha`` and ``exponent`` as the op's arguments say them; what is not a number stays a symbol.
    """
    factor = _number(alpha) if alpha else 1.0
    if factor is None:
        return _powered(formula, exponent)
    put = "" if factor == 1 else rf"{_written(factor)}\,"
    return _powered(re.sub(r"\\alpha(\\,|\s)*", lambda _: put, formula), exponent)


def _powered(formula: str, exponent: str) -> str:
    n = _number(exponent)
    if n is None:
        return formula
    if n == 1:
        return re.sub(rf"\s*\\odot\s*{_POWER.pattern}", "", formula)

    def rule(match: re.Match[str]) -> str:
        base = match["base"] if n == 2 else rf"{match['base']}^{{{_plain(n - 1)}}}"
        return "0" if n == 0 else rf"{_written(n)}\,{base}"

    return _POWER.sub(rule, formula)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _written(value: float) -> str:
    """A factor; a negative one in parentheses, since a sign may stand before it."""
    return f"({_plain(value)})" if value < 0 else _plain(value)


def _plain(value: float) -> str:
    text = f"{value:.6g}"
    return rf"\text{{{text}}}" if "e" in text else text
