"""Conditions over a whole run: where they stop, what they may say, and what they must never do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradviz.replay import Replay
from gradviz.ui.breakpoints import BadCondition, Conditions
from gradviz.ui.search import Search

from . import traces


@pytest.fixture
def chain(tmp_path: Path) -> Replay:
    """l1 = input * w1; l2 = l1 + w2; l3 = l1 * w3; l4 = l2 * l3; loss = l4.mean(); see traces.py for the numbers."""
    return Replay.open(traces.chain(tmp_path / "chain.gvt"))


def kinds(replay: Replay, condition: str) -> list[str]:
    hits = Conditions(replay).hits(condition)
    return [f"{replay.kind(seq)} {getattr(replay.event(seq), 'name', '')}".strip() for seq in hits]


@pytest.mark.parametrize(("condition", "found"), [
    ("mul", ["op mul"] * 3),
    ('kind == "op" and name == "mean"', ["op mean"]),
    ('name == "MulBackward0"', ["step"] * 3),
    ('"Backward" in name and not "Mul" in name', ["step"] * 2),
    ("line 9", ["op add"]),
    ("line == 8 or line == 9", ["op mul", "op add"]),
    ("norm(grad(w1)) > 27", ["accumulate"]),
    ("norm(grad(w1)) > 28", []),
    ("27.5 < norm(grad(w1)) < 28.5", ["accumulate"]),
    ("norm(l4) == 80", ["op mul"]),  # four times 40
    ("norm(out) > 70", ["op mul"]),
    ("norm(out) / 2 > 39 and norm(out) < 50", []),
    ("isnan(out)", []),
    ("norm(grad(l1)) == 14", ["accumulate", "step"]),  # it is retained, and it enters the node
])
def test_where_a_condition_holds(chain: Replay, condition: str, found: list[str]) -> None:
    assert kinds(chain, condition) == found


def test_nan_and_inf_are_told_apart(recorded: Callable[[str], Replay]) -> None:
    replay = recorded("""
w = torch.tensor([1.0, 0.0], requires_grad=True)
big = w / 0
both = big * 0
plain = w + 1
plain.sum().backward()
""")
    stops = Conditions(replay)
    lines = {condition: [replay.span(seq).line for seq in stops.hits(condition)]
             for condition in ("isnan(out)", "isinf(out)", "isnan(big)")}
    assert lines == {"isnan(out)": [3, 4], "isinf(out)": [3], "isnan(big)": [3]}  # 0 / 0 is NaN, 1 / 0 is Inf


def test_the_iteration_and_the_place(recorded: Callable[[str], Replay]) -> None:
    replay = recorded("""
def f(x):
    return x * 2
w = torch.tensor(1.0, requires_grad=True)
for _ in range(3):
    f(w).backward()
""")
    stops = Conditions(replay)
    assert len(stops.hits('iteration == 2 and function == "f" and kind == "op"')) == 1
    assert len(stops.hits('file == "script.py" and kind == "op" and name == "mul"')) == 3


@pytest.mark.parametrize("condition", [
    "", "(", "norm(out)", "kind", "1", "norm(out) > 'a'", "nothing == 3", "grad(nobody) > 1", "norm(grad(nobody)) > 1",
    "__import__('os').system('true')", "().__class__", "[x for x in out]", "lambda: 1", "out.__class__ == 1",
    "kind == 'op' if 1 else 2", "open('x')", "norm(out, out) > 1", "norm(out)**9**9 > 1", "f'{kind}' == 'op'",
    "kind := 3", "9" * 600, "-" * 499 + "1", "(" * 200 + "1" + ")" * 200,
])
def test_what_is_no_condition_is_refused_with_a_reason(chain: Replay, condition: str) -> None:
    with pytest.raises(BadCondition, match=r"\w"):
        Conditions(chain).hits(condition)


def test_search_finds_what_the_sentences_say(chain: Replay) -> None:
    search = Search(chain)
    for words in ("w1", "MulBackward0 ran", "chain.py:8", "l4 grad", "accumulategrad w3", "mean", "l2 + "):
        hits, many = search.find(words)
        assert hits, words
        assert many == len(hits)
    assert [chain.kind(seq) for seq in search.find("w1.grad")[0]] == ["accumulate", "print"]
    assert search.find("")[0] == []
    assert search.find("zebra")[0] == []
    assert search.find("mul", limit=1)[1] > 1
