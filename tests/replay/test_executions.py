"""How often a line ran: once for each turn of a loop, once for what a library does."""

from __future__ import annotations

from collections.abc import Callable

from gradviz.replay import Replay
from gradviz.replay.executions import executions

Record = Callable[[str], Replay]

SCRIPT = """
w = torch.ones(2, 2, requires_grad=True)
b = torch.ones(2, requires_grad=True)
x = torch.ones(3, 2)
layer = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
opt = torch.optim.SGD(layer.parameters(), lr=0.1)
h = torch.zeros(2)
for t in range(12):
    h = torch.tanh(x[0] @ w + h @ w + b)
for i in range(3):
    loss = torch.nn.functional.cross_entropy(layer(x) + h, torch.tensor([0, 1, 0]))
    loss.backward(retain_graph=True)
    torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    opt.step()
y = x
for i in range(5):
    y = y * 2
"""


def test_a_line_runs_once_a_turn_and_a_library_call_is_one(recorded: Record) -> None:
    replay = recorded(SCRIPT)
    runs = executions(replay)
    counted = {}
    for (file, line), times in runs.items():
        counted[replay.line(file, line).strip()] = (len(times), {len(one) for one in times})
    assert counted["h = torch.tanh(x[0] @ w + h @ w + b)"] == (12, {6})
    assert counted["y = y * 2"] == (5, {1})
    assert counted["opt.step()"][0] == 3
    assert counted["torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)"][0] == 3
    assert counted["loss = torch.nn.functional.cross_entropy(layer(x) + h, torch.tensor([0, 1, 0]))"][0] == 3
    assert counted["w = torch.ones(2, 2, requires_grad=True)"][0] == 1


def test_calls_of_the_users_own_between_two_ops_of_a_line_begin_nothing_anew(recorded: Record) -> None:
    replay = recorded("""
x = torch.ones(2, requires_grad=True)
def inner(a):
    return a.exp().sum()
for i in range(4):
    y = (x * 3 + inner(x)).mean() - inner(x)
""")
    runs = executions(replay)
    counted = {replay.line(*line).strip(): len(times) for line, times in runs.items()}
    assert counted["y = (x * 3 + inner(x)).mean() - inner(x)"] == 4
    assert counted["return a.exp().sum()"] == 8
