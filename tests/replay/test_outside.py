"""Writes through NumPy are named to the statement that did them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gradviz.replay import Replay
from gradviz.replay.narrate import sentence
from gradviz.replay.origin import value_origin
from gradviz.replay.outside import outside
from gradviz.replay.storages import content_at
from gradviz.replay.writers import last_writer
from tests.replay.test_why import tid_of

Record = Callable[[str], Replay]

BEGIN = "import numpy as np\nx = torch.ones(3, requires_grad=True)\ny = x * 2\n"
BACKWARD = "\nz = (y * y).sum()\n{}\nz.backward()\n"


def found(replay: Replay) -> list[tuple[str, str]]:
    """Of each write: where it was, and at which line it was found."""
    return [(outside(replay, seq).where, str(replay.span(seq).line)) for seq in replay.events("write")]


@pytest.mark.parametrize(("before", "text"), [
    ("n = y.detach().numpy()", "n[0] = 5"),
    ("n = y.detach().numpy()", "n += 1"),
    ("n = y.detach().numpy()", "n.fill(3)"),
    ("n = y.detach().numpy()", "n[::-1].put(0, 9)"),
    ("n = y.detach().numpy(); n[0] = 2", "np.add(n, 1, out=n)"),
    ("n = y.detach().numpy()", "np.add(n, 1, n)"),
    ("n = y.detach().numpy()", "np.copyto(n, 7)"),
    ("n = y.detach().numpy()", "np.add.at(n, 0, 7)"),
    ("n = m = y.detach().numpy()\nk = m.reshape(3, 1)", "k.T[0, 1] = 4"),
    ("n, m = y.detach().numpy(), 3", "n[0], m = m, n[1]"),
    ("n = y.detach().numpy()", "n.flat = 4"),
    ("d = {}\nd['y'] = y.detach().numpy()", "d['y'][1] = 4"),
    ("class Net: pass\nnet = Net()\nnet.buffer = np.asarray(y.detach())", "net.buffer[1] = 4"),
    ("", "y.detach().numpy()[1] = 4"),
    ("def plain(t):\n    return t.detach().numpy()\nn = plain(y)", "n[1] = 4"),
    ("n = y.detach().numpy()\nimport random", "random.shuffle(n); n[0] = 9"),
    ("n = y.detach().numpy()", "for row in n.reshape(3, 1): row[0] = 9"),
    ("n = np.from_dlpack(y.detach())", "n[0] = 5  # ü"),
    ("(n := y.detach().numpy())", "n[2:][0] = 1"),
])
def test_one_statement_can_have_done_it(recorded: Record, before: str, text: str) -> None:
    source = BEGIN + before + BACKWARD.format(text)
    replay = recorded(source)
    (seq,) = replay.events("write")
    line = source[:source.index("\n" + text)].count("\n") + 2
    told = outside(replay, seq)
    if ";" in text or text.startswith("for"):
        assert {one.line for one in told.statements} == {line}
    else:
        assert told.where == f"at line {line} ({text.split('  #')[0]})"
        assert told.line == line
    assert replay.event(told.seen).name == ("mul" if before else "numpy")
    assert replay.span(seq).line == source.count("\n")


def test_a_tensor_over_an_array(recorded: Record) -> None:
    replay = recorded("import numpy as np\nwhole = np.zeros((2, 3), np.float32)\nrow = whole[0]\n"
                      "x = torch.from_numpy(row)\na = x.sum()\nwhole[0, 1] = float('nan')\nb = x.sum()\n")
    assert found(replay) == [("at line 6 (whole[0, 1] = float('nan'))", "7")]
    origin = value_origin(replay, tid_of(replay, "b"), replay.n - 1)
    assert origin is not None
    event = replay.events("write")[0]
    assert origin.lines()[1].strip() == f"NumPy at line 6 (event {event}) made it from finite values"


def test_what_ran_before_or_after_is_no_candidate(recorded: Record) -> None:
    replay = recorded(BEGIN + "n = y.detach().numpy()\nn[0] = 1\na = y + 1\nn[0] = 2\nb = y + 1\nn[0] = 3\n"
                      "c = y + 1\nn[0] = 4\n")
    assert found(replay) == [("at line 5 (n[0] = 1)", "6"), ("at line 7 (n[0] = 2)", "8"),
                             ("at line 9 (n[0] = 3)", "10")]


def test_on_one_line(recorded: Record) -> None:
    replay = recorded(BEGIN + "n = y.detach().numpy(); n[0] = 1; a = y + 1; n[0] = 2; b = y + 1\n")
    assert found(replay) == [("at line 4 (n[0] = 1)", "4"), ("at line 4 (n[0] = 2)", "4")]


def test_in_a_loop(recorded: Record) -> None:
    replay = recorded(BEGIN + "n = y.detach().numpy()\nfor i in range(3):\n    a = y + 1\n    n[0] = i\n")
    assert found(replay) == [("at line 7 (n[0] = i)", "6")] * 2


def test_in_a_function(recorded: Record) -> None:
    replay = recorded("import numpy as np\ndef spoil(values):\n    values[0] = 9\n"
                      "def never(values):\n    values[0] = 8\n"
                      "x = torch.ones(3)\nn = x.numpy()\nif 0: never(n)\na = x + 1\nspoil(n)\nb = x + 1\n")
    assert found(replay) == [("at line 3 (values[0] = 9)", "11")]


def test_another_array_of_the_same_name_is_another(recorded: Record) -> None:
    replay = recorded("import numpy as np\ndef other():\n    n = np.zeros(3)\n    n[0] = 1\n"
                      "x = torch.ones(3)\nn = x.numpy()\nother()\nn[1] = 5\nb = x + 1\n")
    assert found(replay) == [("at line 8 (n[1] = 5)", "9")]


def test_several_can_have_done_it(recorded: Record) -> None:
    replay = recorded(BEGIN + "n = y.detach().numpy()\nn[0] = 1\nn[1] = 1\na = y + 1\n")
    (seq,) = replay.events("write")
    assert outside(replay, seq).where == "at line 5 or 6"
    assert outside(replay, seq).line == 0


def test_what_was_handed_the_array(recorded: Record) -> None:
    replay = recorded(BEGIN + "n = y.detach().numpy()\nspoil = lambda values: getattr(values, 'fill')(7)\nspoil(n)\n"
                      "print(n)\nb = y + 1\n")
    assert found(replay) == [("at line 6 (spoil(n))", "8")]


def test_nothing_in_the_source_did_it(recorded: Record) -> None:
    replay = recorded(BEGIN + "n = [y.detach().numpy()]\nhidden = dict(enumerate(n))\na = y + 1\n"
                      "getattr(hidden[0], 'fill')(4)\nb = y + 1\n")
    assert found(replay) == [("between line 6 and line 8", "8")]


def test_it_is_the_last_writer_and_what_the_tensor_holds(recorded: Record) -> None:
    replay = recorded(BEGIN + "n = y.detach().numpy()" + BACKWARD.format("n[0] = 5"))
    (seq,) = replay.events("write")
    y = tid_of(replay, "y")
    assert last_writer(replay, y, replay.n - 1).lines() == [
        f"y was last written by NumPy at line 6 (n[0] = 5), found at event {seq}",
        "  event 5 saw the old content last",
        "  the version of y did not move: backward cannot notice this write"]
    assert last_writer(replay, y, seq - 1).written == -1
    assert sentence(replay, seq) == "y was written by NumPy at line 6 (n[0] = 5): its version did not move"
    facts = replay.facts_at(y, replay.n - 1)
    assert facts is not None
    content, _ = content_at(replay, facts, replay.n - 1)
    assert content is not None
    assert content.tolist() == [5, 2, 2]
    before, _ = content_at(replay, facts, seq - 1)
    assert before is not None
    assert before.tolist() == [2, 2, 2]


def test_a_later_op_is_the_last_writer(recorded: Record) -> None:
    replay = recorded("x = torch.ones(3)\nn = x.numpy()\nn[0] = 4\nx.mul_(2)\n")
    assert found(replay) == [("at line 3 (n[0] = 4)", "4")]
    assert last_writer(replay, tid_of(replay, "x"), replay.n - 1).op == "mul_"
