"""The sheets over the page: keys, and all marks. Their content comes from the registry and the style table."""

from __future__ import annotations

from dash import html


def layout() -> list[html.Dialog]:
    return [html.Dialog(id="help-sheet", className="sheet", **{"aria-label": "Keys"}),
            html.Dialog(id="marks-sheet", className="sheet", **{"aria-label": "Marks"}),
            html.Dialog(id="break-sheet", className="sheet", **{"aria-label": "Breakpoints"}),
            html.Dialog(id="palette", className="sheet palette", **{"aria-label": "All commands"})]
