# One graph, three backward calls. Look at w.grad: the second call adds to it, for retain_graph kept what the nodes had
# saved; the third finds that freed by the second and fails.
import torch

w = torch.tensor([1.0, 2.0], requires_grad=True)
loss = (w * w).sum()

loss.backward(retain_graph=True)
print("first: ", w.grad)

loss.backward()
print("second:", w.grad)

try:
    loss.backward()
except RuntimeError as error:
    print("third: ", error)

rebuilt = (w * w).sum()
rebuilt.backward()
print("rebuilt:", w.grad)
