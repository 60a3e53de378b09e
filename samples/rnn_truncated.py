# Backpropagation through time that is cut every three steps. Look at h.detach(): the graph of a backward call ends
# there, so w gets the gradient of three steps, not of all twelve. The value goes on, the history does not.
import torch

w = torch.tensor([[0.5, -0.3], [0.2, 0.4]], requires_grad=True)
u = torch.tensor([0.7, -0.2], requires_grad=True)
out = torch.tensor([1.0, 0.5], requires_grad=True)
inputs = torch.sin(torch.arange(12.0))
optimizer = torch.optim.SGD([w, u, out], lr=0.1)

h = torch.zeros(2)
for begin in range(0, 12, 3):
    h = h.detach()
    loss = torch.tensor(0.0)
    for t in range(begin, begin + 3):
        h = torch.tanh(w @ h + u * inputs[t])
        wanted = torch.sin(inputs[t] + 1)
        loss = loss + (out @ h - wanted) ** 2
    optimizer.zero_grad()
    loss.backward()
    print(begin, "loss", round(loss.item(), 4), "norm of w.grad", round(w.grad.norm().item(), 4))
    optimizer.step()
