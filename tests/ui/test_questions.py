"""Questions that a person asks of a run, answered in the browser in at most three actions.

The answers are worked out by hand. Each script is recorded once and stays open; a question begins where the one before
ended, with nothing pinned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .conftest import served
from .test_samples import record

pytestmark = pytest.mark.browser

# w.grad is v / 2 after the first call (the hook), then v is added twice: [1.5, 2], [4.5, 6], [7.5, 10]; the step takes
# half of it off w: [-2.75, -3]. h is w * v = [3, 8], then 5 more through cut.
TRAINED = """import torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
v = torch.tensor([3.0, 4.0], requires_grad=True)
unused = torch.tensor([1.0], requires_grad=True)
opt = torch.optim.SGD([w, v, unused], lr=0.5)
def halve(grad):
    return grad / 2
for i in range(3):
    h = w * v
    if i == 0:
        h.register_hook(halve)
    h.sum().backward()
cut = h.detach()
cut.add_(5)
opt.step()
"""
# d sqrt(x) = g / (2 sqrt(x)): 1 / 4 at 4, and 0 / 0 at 0. relu is 0 at all of z.
BROKEN = """import torch
x = torch.tensor([4.0, 0.0], requires_grad=True)
y = torch.where(x > 0, x.sqrt(), x * 0)
y.sum().backward()
z = torch.tensor([-1.0, -2.0], requires_grad=True)
torch.relu(z).sum().backward()
"""
# h is 2 ** t after t turns; each of the 9 uses of w gives 2 ** 8, together 9 * 256 = 2304.
UNROLLED = """import torch
w = torch.tensor([[2.0]], requires_grad=True)
h = torch.ones(1, 1)
for t in range(9):
    h = h @ w
loss = h.sum()
loss.backward()
"""
# The norm of the gradient is x: 1, and 1000 in the fourth iteration.
EXPLODED = """import torch
w = torch.tensor([1.0], requires_grad=True)
for i in range(6):
    x = torch.tensor([1000.0 if i == 3 else 1.0])
    w.grad = None
    loss = (w * x).sum()
    loss.backward()
"""
# sigmoid(10) = 0.99995 is what the second weight gets; the first gets 0.99995 * 0.00005 = 4.5e-5. The tail is cut off.
LAYERED = """import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 1, bias=False)
        self.second = nn.Linear(1, 1, bias=False)
        self.tail = nn.Linear(1, 1, bias=False)
    def forward(self, x):
        code = torch.sigmoid(self.first(x))
        self.tail(x).detach()
        return self.second(code)
net = Net()
with torch.no_grad():
    net.first.weight.fill_(10.0)
    net.second.weight.fill_(1.0)
scores = net(torch.ones(1, 1)).expand(2, 3).masked_fill(torch.tensor([[True], [False]]), float("-inf"))
weights = torch.softmax(scores, dim=-1)
net(torch.ones(1, 1)).sum().backward()
"""
SCRIPTS = {"trained": TRAINED, "broken": BROKEN, "unrolled": UNROLLED, "exploded": EXPLODED, "layered": LAYERED}


HEARD = """where => {
  const node = document.querySelector(where);
  return (where === "#timeline" ? node.getAttribute("aria-description") : node.innerText || node.textContent) || "";
}"""
"""What stands at a place, as it is seen or read out."""


class Question(NamedTuple):
    """What is done, one action a word group: ``/name`` is a search and Enter, ``#7`` a click on line 7, the rest keys;
    then where the answer stands, and its words."""

    asked: str
    script: str
    actions: tuple[str, ...]
    where: str
    answer: tuple[str, ...]


INSPECTOR, SENTENCE, FLOW, STRIP = "#inspector", "#sentence", "#flow-view tbody", "#timeline"
QUESTIONS = (
    Question("who overwrote h?", "trained", ("End", "/h"), INSPECTOR,
             ("cut.add_(5) through cut [8, 13] line 14",)),
    Question("why is unused.grad None?", "trained", ("End", "/unused.grad"), INSPECTOR,
             ("Why None?", "no op used it before backward call 3 at line 12")),
    Question("which hook changed the gradient?", "trained", ("/halve",), SENTENCE,
             ("hook halve on h saw 1, returned 0.5",)),
    Question("why did w.grad grow from call to call?", "trained", ("End", "/w.grad"), INSPECTOR,
             ("2 terms add up", "was there before from backward call 2 [4.5, 6]",
              "[4.5, 6] + [3, 4] = [7.5, 10] exact")),
    Question("what was w before the step?", "trained", ("End", "/w"), INSPECTOR,
             ("v0 as it was made [1, 2] line 2", "v1 opt.step() [-2.75, -3] line 15")),
    Question("which tensors share the storage of h?", "trained", ("End", "/h"), INSPECTOR,
             ("2 aliases h cut · detach",)),
    Question("what is the order of backward?", "trained", ("Home", "PageDown"), INSPECTOR,
             ("Order of backward 2 nodes 1 SumBackward0 line 12 2 MulBackward0 line 9",)),
    Question("which parameter never got a gradient?", "trained", ("2",), FLOW, ("unused no gradient",)),
    Question("which line made h, and how often did it run?", "trained", ("End", "/h"), INSPECTOR,
             ("made by w * v, line 9", "ran 3 times")),
    Question("what does MulBackward0 hold, and is it valid?", "trained", ("Home", "PageDown", "/MulBackward0"),
             INSPECTOR, ("Saved for backward other v released self w released",)),
    Question("where did the NaN start?", "broken", ("0",), SENTENCE,
             ("SqrtBackward0 ran: [1, 0] becomes [0.25, NaN] for x",)),
    Question("why is there a NaN in x.grad?", "broken", ("End", "/x.grad"), INSPECTOR,
             ("Where did NaN begin?", "SqrtBackward0 at line 3", "saved result (x.sqrt()) is 0 at [1]")),
    Question("why is z.grad zero?", "broken", ("End", "/z"), INSPECTOR,
             ("Where did the zeros begin?", "ReluBackward0 at line 6", "is 0 everywhere")),
    Question("what shape had h in iteration 7?", "unrolled", ("#5",), INSPECTOR,
             ("ran 9 times", "7 matmul h 1×1 ‖128‖")),
    Question("what came to w over each path?", "unrolled", ("End", "/w"), INSPECTOR,
             ("9 shares add up", "via h MmBackward0", "256", "= 2304")),
    Question("which iteration's gradient exploded?", "exploded", ("0",), STRIP,
             ("6 iterations; the largest gradient in iteration 4: norm 1000",)),
    Question("is it so in the next iteration, too?", "exploded", ("Home", "PageDown", "Alt+ArrowRight"), SENTENCE,
             ("backward call 2 begins at loss with gradient 1",)),
    Question("which module makes the gradient vanish?", "layered", ("2",), FLOW,
             ("first.weight 4.5e-5", "second.weight 1")),
    Question("why is tail.weight.grad None?", "layered", ("End", "/tail.weight"), INSPECTOR,
             ("Why None?", "it is not an ancestor of net(torch.ones(1, 1)).s…, the root of backward call 1")),
    Question("why is weights NaN?", "layered", ("End", "/weights"), INSPECTOR,
             ("1 of 2 rows of scores are -inf throughout: masked_fill at line 17 masked every entry",)),
)


@pytest.fixture(scope="module")
def pages(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder, found = tmp_path_factory.mktemp("questions"), {}
    with ExitStack() as stack:
        for name, text in SCRIPTS.items():
            (folder / f"{name}.py").write_text(text)
            record(folder / f"{name}.py", folder / f"{name}.gvt")
            url = stack.enter_context(served(Path(folder / f"{name}.gvt")))
            page = found[name] = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(url)
            page.wait_for_selector("html[data-ready]", state="attached")
            page.wait_for_selector("#inspector .sec", state="attached")
        yield found
        for page in found.values():
            page.close()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.asked)
def test_a_question_is_answered_in_three_actions(pages: dict[str, Any], question: Question) -> None:
    page = pages[question.script]
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    assert len(question.actions) <= 3
    for action in question.actions:
        if action.startswith("/"):
            page.keyboard.press("/")
            page.keyboard.type(action[1:])
            page.wait_for_selector("#found [aria-selected=true]")
            page.keyboard.press("Enter")
        elif action.startswith("#"):
            page.click(f'#source [data-line="{action[1:]}"] .no')
        else:
            page.keyboard.press(action)
    said = ""
    for _ in range(80):  # the inspector answers when the cursor rests
        said = " ".join(page.evaluate(HEARD, question.where).split())
        if all(words in said for words in question.answer):
            break
        page.wait_for_timeout(100)
    assert [words for words in question.answer if words not in said] == [], said
    page.keyboard.press("Escape")
