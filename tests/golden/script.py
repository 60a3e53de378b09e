# A bit of everything that a trace tells of: recorded once, never again, so that old traces keep opening.
import torch

w = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
square = w * w
square.retain_grad()
half = square.view(2, 2)
half.register_hook(lambda grad: grad * 0.5)

(half + 1).sum().backward()
print("w.grad:", w.grad)

with torch.no_grad():
    w[0] = 5.0

out = torch.exp(w)
loss = (out * out).sum()
out.mul_(2)
loss.backward()
