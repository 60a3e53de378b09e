"""The modules of ``assets/`` as one: a page that asks for thirty files waits for thirty answers.

The modules are written so that this needs no parser: every import and every export stands on a line of its own, names
are imported by name, and nothing goes round in a circle. Each becomes a function that runs once and hands out what it
exports; the order is that of the imports.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.mjs";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


@cache
def script(entry: str = "boot") -> str:
    """The whole program of a page. Raises ValueError for a line that this cannot join."""
    done: dict[str, str] = {}
    _take(entry, done, ())
    return "\n".join(["// The modules of gradviz/ui/assets, joined.", *done.values()])


@cache
def name() -> str:
    """What it is served as: another program has another name, so a browser may keep each for ever."""
    return f"/page/{hashlib.sha256(script().encode()).hexdigest()[:16]}.js"


@cache
def style() -> str:
    """The style sheets, in the order of their names."""
    return "\n".join(path.read_text("utf-8") for path in sorted(ASSETS.glob("*.css")))


def _take(module: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if module in done:
        return
    if module in above:
        raise ValueError(f"{module}.mjs imports itself by way of {above[-1]}.mjs")
    text = (ASSETS / f"{module}.mjs").read_text("utf-8")
    for _, other in _IMPORT.findall(text):
        _take(other, done, (*above, module))
    names = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub(_constants, text))
    if left := _LEFT.search(body):
        raise ValueError(f"{module}.mjs: cannot join {left[0]!r}")
    done[module] = f"const ${module} = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();"


def _constants(match: re.Match[str]) -> str:
    return f"const {{{match[1].replace(' as ', ': ')}}} = ${match[2]};"
