"""Every event knows the exact expression that made it, and what its value is called there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from gradviz.events import Span

from .recorded import Event, run


def text(span: Span, source: str) -> str:
    """The source text of a span."""
    lines = source.splitlines()[span.line - 1:span.end_line]
    lines[-1] = lines[-1][:span.end_column]
    lines[0] = lines[0][span.column:]
    return "\n".join(lines)


def told(folder: Path, source: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Of each op: its name, the text of its expression, the names of its value."""
    return [(event.fields["name"], text(event.span, source), event.names)
            for event in run(folder, source) if event.kind == "op"]


@pytest.mark.parametrize(("source", "expected"), [
    ("l1 = x * y", [("mul", "x * y", ("l1",))]),
    ("a = b = x + 1", [("add", "x + 1", ("a", "b"))]),
    ("a: object = x + 1", [("add", "x + 1", ("a",))]),
    ("a, b = x.chunk(2)", [("chunk", "x.chunk(2)", ("a", "b"))]),
    ("[a, *rest] = x.chunk(2)", [("chunk", "x.chunk(2)", ("a", "*rest"))]),
    ("a, b = x * 2, -y", [("mul", "x * 2", ("a",)), ("neg", "-y", ("b",))]),
    ("class S: pass\nself = S()\nself.w = x * y", [("mul", "x * y", ("self.w",))]),
    ("class S: pass\nm = S()\nm.l = S()\nm.l.w = x * y", [("mul", "x * y", ("m.l.w",))]),
    ('d = {}\nd["k"] = x * y', [("mul", "x * y", ('d["k"]',))]),
    ("d = {}\ni = 1\nd[i + 1] = -x", [("neg", "-x", ("d[i + 1]",))]),
    ("x[0] += y", [("select", "x[0]", ()), ("add_", "x[0] += y", ("x[0]",)),
                   ("setitem", "x[0] += y", ())]),
    ("x[0] = 5", [("setitem", "x[0] = 5", ())]),
    ("x[0] = y[1] = 5", [("setitem", "x[0]", ()), ("setitem", "y[1]", ())]),
    ("x[0] = y * 2", [("mul", "y * 2", ("x[0]",)), ("setitem", "x[0] = y * 2", ())]),
    ("(x + y) * z", [("add", "x + y", ()), ("mul", "(x + y) * z", ())]),
    ("out = (x + y) * z", [("add", "x + y", ()), ("mul", "(x + y) * z", ("out",))]),
    ("x += y", [("add_", "x += y", ("x",))]),
    ("d = {'k': x}\nd['k'] += y", [("add_", "d['k'] += y", ("d['k']",))]),
    ("x += y * 2", [("mul", "y * 2", ()), ("add_", "x += y * 2", ("x",))]),
    ("if (n := x * y): pass", [("mul", "x * y", ("n",))]),
    ("m = (n := x * y)", [("mul", "x * y", ("n", "m"))]),
    ("a = x * 2 if True else y", [("mul", "x * 2", ("a",))]),
    ("a = None or x * 2", [("mul", "x * 2", ("a",))]),
    ("a = x.T", [("t", "x.T", ("a",))]),
    ("a, b = x", [("unbind", "a, b", ("a", "b"))]),
    ("print(x.sum(), file=__import__('io').StringIO())", [("sum", "x.sum()", ())]),
    ("ys = [x * i for i in range(2)]", [("mul", "x * i", ("ys[…]",)), ("mul", "x * i", ("ys[…]",))]),
    ("ys = [x * 2, -y]", [("mul", "x * 2", ("ys[0]",)), ("neg", "-y", ("ys[1]",))]),
    ("d = {'loss': x * y, **{}}", [("mul", "x * y", ("d['loss']",))]),
    ("a = 'é' and (x\n     * y)", [("mul", "x\n     * y", ("a",))]),
    ("é = x * y; b = é + 1", [("mul", "x * y", ("é",)), ("add", "é + 1", ("b",))]),
])
def test_the_expression_and_its_names(tmp_path: Path, source: str, expected: list[tuple[str, str, tuple[str, ...]]],
                                      ) -> None:
    assert told(tmp_path, source) == expected


def returned(folder: Path, source: str) -> list[Event]:
    return [event for event in run(folder, dedent(source)) if event.kind == "op"]


def test_a_returned_value_is_named_where_the_call_is(tmp_path: Path) -> None:
    (event,) = returned(tmp_path, """\
        def f(u, v):
            return u * v
        out = f(x, y)
    """)
    assert (event.span.line, event.span.returned, event.caller.line) == (2, True, 3)
    assert event.names == ("out",)
    assert event.span.function == "f"


def test_only_the_returned_value_is_named_so(tmp_path: Path) -> None:
    first, second, third = returned(tmp_path, """\
        def f(u, v):
            w = u * v
            return w + 1
        out = f(x, y) + z
        out
    """)
    assert (first.names, first.caller.id) == (("w",), 0)
    assert (second.span.returned, second.names) == (True, ())
    assert third.names == ("out",)


@pytest.mark.parametrize("source", [
    "f = lambda u: u * 2\nout = f(x)\n",
    "def g(u): return u * 2\ndef f(u): return g(u)\nout = f(x)\n",
    "class M(Module):\n    def forward(self, u):\n        return u * 2\nout = M()(x)\n",
    "def f(u):\n    with __import__('contextlib').suppress():\n        return u * 2\nout = f(x)\n",
    "def f(u, c):\n    return u * 2 if c else u\nout = f(x, 1)\n",
])
def test_through_lambdas_calls_of_calls_and_modules(tmp_path: Path, source: str) -> None:
    (event,) = (event for event in returned(tmp_path, source) if event.fields["name"] == "mul")
    assert event.names == ("out",)


def test_the_same_place_called_from_two_places_has_both_names(tmp_path: Path) -> None:
    found = returned(tmp_path, "def f(u): return u * 2\na = f(x)\nb = f(x)\n")
    assert [event.names for event in found] == [("a",), ("b",)]


def test_a_name_is_right_when_the_site_is_long_known(tmp_path: Path) -> None:
    found = returned(tmp_path, """\
        import time
        def f(u): return u * 2
        for _ in range(3):
            a = f(x)
            b = x + 1
            time.sleep(0.08)
    """)
    assert [event.names for event in found] == [("a",), ("b",)] * 3


def test_library_frames_are_passed_over(tmp_path: Path) -> None:
    source = "import functools\nout = functools.reduce(lambda u, v: u * v, [x, y])\nsum([x, y])\n"
    spans = [(event.span.line, event.fields["name"]) for event in returned(tmp_path, source)]
    assert spans == [(2, "mul"), (3, "add"), (3, "add")]


def test_a_chain_of_methods_over_lines(tmp_path: Path) -> None:
    (event,) = returned(tmp_path, "out = (x\n       .sum())\n")
    assert (event.names, event.span.end_line) == (("out",), 2)


def test_source_travels_in_the_trace_or_not(tmp_path: Path) -> None:
    from gradviz.trace.reader import Reader

    for sources in (True, False):
        folder = tmp_path / str(sources)
        folder.mkdir()
        assert returned(folder, "a = x * y\n") if sources else run(folder, "a = x * y\n", sources=False)
        with Reader(folder / "t.gvt") as reader:
            list(reader.chunks())
            assert list(reader.sources.values()) == (["a = x * y\n"] if sources else [])
            assert reader.spans[1].names == ("a",)


def test_without_columns_the_line_is_known(tmp_path: Path) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tests.recorder.recorded import run
(event,) = run(Path({str(tmp_path)!r}), "if True:\\n    a = x * y\\n")
print(event.span.line, event.span.column, event.span.end_column)
"""
    done = subprocess.run([sys.executable, "-X", "no_debug_ranges", "-c", code], capture_output=True, text=True,
                          check=False)
    assert done.stdout.split() == ["2", "4", "13"], done.stderr


def test_code_without_source_has_its_place_at_least(tmp_path: Path) -> None:
    from gradviz.recorder import Recorder

    from . import producer
    from .recorded import events

    recorder = Recorder(tmp_path / "t.gvt")
    recorder.start()
    exec(compile("\na = x * 2\n", "/nowhere/gone.py", "exec"), {"x": producer.Fake()})
    recorder.stop()
    (event,) = events(tmp_path / "t.gvt")
    assert (event.span.file, event.span.line, event.span.column, event.span.names) == ("/nowhere/gone.py", 2, 4, ())
