# A graph as long as the data wants. Look at both pictures: the loop ran three times from 2 and twice from 4, and the
# chain has as many nodes. Each PowBackward0 multiplies the gradient by twice what it squared.
import torch

for start in (2.0, 4.0):
    x = torch.tensor(start, requires_grad=True)
    y = x
    turns = 0
    while y < 100:
        y = torch.square(y)
        turns += 1
    y.backward()
    print(f"x = {start}: {turns} turns, y = {y.item()}, dy/dx = {x.grad.item()}")
