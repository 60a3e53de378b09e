"""Why a gradient is what it is: its terms are worked out by hand, and add up in random programs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import gradviz.engine as torch
from gradviz import probe
from gradviz.formulas import FORMULAS
from gradviz.recorder import Recorder
from gradviz.replay import Replay, derivative
from gradviz.replay.absence import Absence
from gradviz.replay.derivative import in_words
from gradviz.replay.shares import Calls, begin_of, calls
from gradviz.replay.terms import Term, Why
from gradviz.replay.why import at, flowing, lines, place, why
from tests.programs import Program, begin, programs, run_line

Record = Callable[[str], Replay]
SAMPLES = Path(__file__).parents[2] / "samples"


def sample(name: str) -> str:
    """A sample for the fixture, which hands the engine in as torch; line numbers stay."""
    return (SAMPLES / name).read_text().replace("import torch\n", "\n")


def tid_of(replay: Replay, name: str) -> int:
    """The newest tensor of a name."""
    names = replay.index.names
    texts = names.texts("name")
    return max(int(names.ints("tid")[row]) for row in range(len(names)) if texts.texts[texts.index[row]] == name)


def explained(replay: Replay, name: str, seq: int | None = None) -> Why:
    answer = why(replay, tid_of(replay, name), replay.n - 1 if seq is None else seq)
    assert isinstance(answer, Why), lines(answer)
    return answer


def numbers(terms: tuple[Term, ...]) -> list[Any]:
    return [np.unique(term.value.array).tolist() for term in terms if term.value.array is not None]


def test_the_sum_of_the_model_is_told_where_its_shares_met(recorded: Record) -> None:
    replay = recorded(sample("model.py"))
    answer = explained(replay, "w1")
    first, met = answer.sums
    assert lines(answer) == [
        "w1.grad = 28",
        "  28 via l1: MulBackward0, line 10 (event 16); upstream 7, 7 ⊙ 1, summed over the copies of a broadcast (2×2)",
        "the gradient of l1 = 7",
        "  5 via l3: MulBackward0, line 12 (event 12); upstream 1.25, 1.25 ⊙ 4",
        "  2 via l2: AddBackward0, line 11 (event 14); upstream 2, 2",
        "  5 + 2 = 7, exactly"]
    assert (answer.end, first.off, met.off, met.label) == ("met", 0.0, 0.0, "l1")
    assert [(term.via, term.formula) for term in met.terms] == [("l3", r"g \odot \mathrm{other}"), ("l2", "g")]


def test_of_a_linear_layer_only_the_bias_was_broadcast(recorded: Record) -> None:
    """With g = 1 (3×1): x.grad = g wᵀ and w.grad = xᵀ g are matrix products, b.grad = ∑ g = 3."""
    replay = recorded("x = torch.ones(3, 2, requires_grad=True)\nw = torch.ones(2, 1, requires_grad=True)\n"
                      "b = torch.ones(1, requires_grad=True)\nout = torch.addmm(b, x, w)\nout.sum().backward()\n")
    terms = {name: explained(replay, name).sums[0].terms[0] for name in "xwb"}
    assert {name: term.folded for name, term in terms.items()} == {"x": "", "w": "", "b": "3×1"}


def test_while_backward_runs_the_sum_is_told_as_far_as_it_has_come(recorded: Record) -> None:
    replay = recorded(sample("model.py"))
    assert lines(explained(replay, "l1", 12))[:2] == [
        "the gradient of l1 = 5 so far", "  5 via l3: MulBackward0, line 12 (event 12); upstream 1.25, 1.25 ⊙ 4"]
    assert isinstance(why(replay, tid_of(replay, "w1"), 12), Absence)


def test_what_was_there_before_is_a_term_and_so_are_both_uses_by_one_op(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor([1.0, 2.0], requires_grad=True)
(w * w).sum().backward()
(w * w).sum().backward()
""")
    answer = explained(replay, "w")
    told = lines(answer)
    assert [term.kind for term in answer.sums[0].terms] == ["before", "share", "share"]
    assert told[1].startswith("  [2, 4] was there before: from backward call 1, line 3")
    assert [term.operand for term in answer.sums[0].terms] == [0, 1, 2]
    assert told[-1] == "  [2, 4] + [1, 2] + [1, 2] = [4, 8], exactly"


@pytest.mark.parametrize(("change", "before", "note"), [
    ("w.grad.mul_(0.5)", [1.5], "written by mul_"),
    ("w.grad.zero_()", [0.0], "written by zero_"),
    ("w.grad = torch.tensor([7.0])", [7.0], "set by the script"),
    ("w.grad.data.fill_(2.0)", [2.0], "written by fill_"),
])
def test_what_the_script_did_to_grad_is_in_the_term(recorded: Record, change: str, before: Any, note: str) -> None:
    replay = recorded(f"""
w = torch.tensor([1.0], requires_grad=True)
(w * 3).sum().backward()
{change}
(w * 4).sum().backward()
""")
    one = explained(replay, "w").sums[0]
    assert numbers(one.terms) == [before, [4.0]]
    assert (one.terms[0].note, one.terms[0].line, one.off) == (note, 4, 0.0)


def test_grad_set_to_none_starts_anew_and_one_set_by_the_script_is_told(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor([1.0], requires_grad=True)
(w * 3).sum().backward()
w.grad = None
(w * 4).sum().backward()
w.grad = torch.tensor([9.0])
""")
    assert numbers(explained(replay, "w", replay.events("accumulate")[-1]).sums[0].terms) == [[4.0]]
    assert lines(explained(replay, "w")) == [
        "w.grad = 9", f"  9 was set by the script, line 6 (event {replay.events('grad_set')[-1]})"]


def test_what_is_written_into_grad_after_backward_is_told_first(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor([1.0], requires_grad=True)
(w * 3).sum().backward()
w.grad.mul_(0.5)
""")
    told = lines(explained(replay, "w"))
    assert told[0] == "w.grad = 1.5"
    assert told[1].startswith("  1.5 was written by mul_, line 4")
    assert told[2] == "w.grad = 3"


def test_hooks_that_changed_a_gradient_stand_between_the_terms_and_it(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor([1.0], requires_grad=True)
w.register_hook(lambda g: g * 10)
w.register_hook(lambda g: None)
def double(g):
    g.mul_(2)
w.register_hook(double)
(w * 3 + w * 4).sum().backward()
(w * 5).sum().backward()
""")
    one = explained(replay, "w").sums[0]
    assert [(change.function, change.edited, change.line) for change in one.changes] == [
        ("<lambda>", False, 3), ("double", True, 6)]
    assert numbers(one.terms) == [[140.0], [5.0]]
    assert one.off == 0.0
    told = lines(explained(replay, "w"))
    assert "hook <lambda> at line 3 got 5 and returned 50" in told[3]
    assert "edited it in place to 100" in told[4]
    assert told[5] == "  5 came to the hook and 100 went on; 140 + 100 = 240, exactly"


def test_copies_are_skipped_and_counted(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor([1.0, 2.0], requires_grad=True)
a = w.view(2, 1).clone().t()
y = a * 3
z = w * 4
(y.sum() + z.sum()).backward()
""")
    terms = explained(replay, "w").sums[0].terms
    assert {(term.via, term.copies, term.node) for term in terms} == {
        ("y", 3, "MulBackward0"), ("z", 0, "MulBackward0")}
    assert any("3 copies skipped" in line for line in lines(explained(replay, "w")))


def test_an_expand_that_adds_up_is_no_copy(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor([[1.0], [2.0]], requires_grad=True)
y = w.expand(2, 3)
(y * 2).sum().backward()
""")
    [term] = explained(replay, "w").sums[0].terms
    assert (term.node, term.copies, numbers((term,))) == ("ExpandBackward0", 0, [[6.0]])


def test_a_root_that_also_got_shares_says_what_backward_was_called_with(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor(2.0, requires_grad=True)
y = w * 3
z = y * 4
torch.autograd.backward([y, z], [torch.tensor(10.0), torch.tensor(1.0)])
""")
    answer = explained(replay, "w")
    assert [(term.kind, float(term.value.array)) for term in answer.sums[-1].terms] == [  # type: ignore[arg-type]
        ("root", 10.0), ("share", 4.0)]
    assert lines(answer)[-1] == "  10 + 4 = 14, exactly"


def test_a_leaf_that_is_itself_the_root(recorded: Record) -> None:
    replay = recorded("w = torch.tensor(2.0, requires_grad=True)\nw.backward()\n")
    assert lines(explained(replay, "w"))[1].startswith("  1 is the gradient that backward was called with, line 2")


def test_a_retained_gradient_has_terms(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor(2.0, requires_grad=True)
y = w * 3
y.retain_grad()
(y * 4 + y).backward()
""")
    answer = explained(replay, "y")
    assert answer.label == "y.grad"
    assert lines(answer)[-1] == "  1 + 4 = 5, exactly"


def test_norms_alone_say_which_option_keeps_the_values(recorded: Record) -> None:
    replay = recorded("""
w = torch.ones(1000, requires_grad=True)
(w * 3 + w * 4).sum().backward()
""")
    one = explained(replay, "w").sums[0]
    assert one.off is None
    assert any("--values full" in line for line in lines(explained(replay, "w")))


def test_several_outputs_are_not_added(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor([1.0, 2.0], requires_grad=True)
a, b = w.unbind()
(a * 3 + b * 4).backward()
""")
    answer = explained(replay, "w")
    assert answer.end == "outputs"
    assert "nothing is added" in lines(answer)[-1]


def test_an_unseen_tensor_is_refused(recorded: Record) -> None:
    replay = recorded("w = torch.tensor(1.0)\n")
    with pytest.raises(KeyError):
        why(replay, 10**9, 0)


def test_a_long_path_is_followed_as_far_as_is_said(recorded: Record) -> None:
    replay = recorded("""
w = y = torch.tensor(1.0, requires_grad=True)
for _ in range(200):
    y = y * 1.0
y.backward()
""")
    answer = explained(replay, "w")
    assert answer.end == "far"
    assert len(lines(answer)) < 15


@settings(max_examples=60, deadline=None)
@given(programs)
def test_the_terms_of_every_gradient_of_a_random_program_add_up(program: Program) -> None:
    replay = recorded_program(program)
    for seq in replay.events("accumulate"):
        event = replay.event(seq)
        answer = why(replay, event.tid, seq)
        assert isinstance(answer, Why)
        one, recorded = answer.sums[0], answer.sums[0].value.array
        assert recorded is not None
        size = float(np.max(np.abs(recorded), initial=1.0)) if np.isfinite(recorded).all() else 1.0
        assert one.off is not None
        assert one.off <= 1e-5 * size or not np.isfinite(recorded).all()
        if not one.changes:
            total: Any = 0
            for term in one.terms:
                assert term.value.array is not None
                total = total + term.value.array
            np.testing.assert_allclose(total, np.asarray(recorded, np.float64), rtol=1e-4, atol=1e-4 * size)
        assert lines(answer)
    for tid in set(replay.index.facts.ints("tid").tolist()):
        flowed = flowing(replay, tid, replay.n - 1)
        assert flowed is None or lines(flowed)


def recorded_program(program: Program) -> Replay:
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "run.gvt")
        recorder.start()
        try:
            held = begin()
            for op, i, j in program:
                run_line(op, held, i, j)
        finally:
            recorder.stop()
        assert probe.sink is None
        return Replay.open(recorder.path)


def test_a_place_tells_of_the_call_that_is_asked_for(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor(1.0, requires_grad=True)
(w * 3).backward()
y = w * 4
(y + y * 5).backward()
""")
    leaf = next(row for row in map(replay.index.nodes.row, range(len(replay.index.nodes))) if row.leaf)
    first, second = calls(replay, replay.n - 1)
    last = place(replay, second.call, leaf.nid, None, replay.n - 1)
    assert last is not None
    assert [term.kind for term in last.sums[0].terms] == ["before", "share"]
    early = place(replay, second.call, leaf.nid, None, second.begin)
    assert early is None
    was = place(replay, first.call, leaf.nid, None, first.end)
    assert was is not None
    assert lines(was)[0] == "w.grad = 3"


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_can_be_said_on_one_line(name: str) -> None:
    for source in (FORMULAS[name].forward, *FORMULAS[name].edges):
        text = in_words(source, {"g": "7"})
        assert text
        assert not set("\\{}\x00\x01\x02") & set(text)


@pytest.mark.parametrize(("source", "text"), [
    (r"\frac{g}{\mathrm{self}}", "-2 / 3"), (r"-g", "-(-2)"), (r"g \odot \mathrm{self}^{\,n-1}", "-2 ⊙ 3^(4-1)"),
    (r"-\tfrac12\, g", "-½ · (-2)"), (r"\alpha\, g", "α -2"), (r"g\, \mathrm{mat2}^{\top}", "-2 mat2ᵀ")])
def test_numbers_stand_in_a_formula_as_one_writes_them(source: str, text: str) -> None:
    assert in_words(source, {"g": "-2", "self": "3", "n": "4"}) == text


def test_calls_are_told_with_their_ends(recorded: Record) -> None:
    replay = recorded("w = torch.tensor(1.0, requires_grad=True)\n(w * 2).backward()\n")
    [one] = calls(replay, replay.n - 1)
    assert isinstance(one, Calls)
    assert (one.failed, replay.kind(one.begin), replay.kind(one.end)) == (False, "backward", "backward")
    assert begin_of(replay, one.call) is not None
    assert at(replay, one.call, replay.event(one.begin).roots[0].nid, 0, replay.n - 1).end == "root"
    assert torch.is_grad_enabled()


def test_no_command_of_a_formula_is_lost() -> None:
    layout = {"big", "Big", "textstyle", "mathrel", "begin", "end"}
    commands = {match[2] for formula in FORMULAS.values() for edge in formula.edges
                for match in derivative._TOKEN.finditer(edge) if match[2]}
    assert commands - set(derivative._SIGNS) <= layout


@pytest.mark.parametrize(("latex", "words"), [
    (r"g V^\top", "g Vᵀ"), (r"\tfrac{2}{\sqrt\pi}", "2 / (√π)"),
    (r"\overline{w g\, \hat x}", "mean (w g normalised x)"),
    (r"\lVert a \rVert_p", "‖ a ‖_p"), (r"-\delta", "-δ")])
def test_signs_in_words(latex: str, words: str) -> None:
    assert in_words(latex, {}) == words
