# Gradients on their way. Look at the hooks: they run loss first, then l4, then l1, each just before its gradient
# goes on. Then compare l1, l4 and loss, which keep their gradients, with l2 and l3, which do not.
import torch

input = torch.ones(2, 2)
w1 = torch.tensor(2.0, requires_grad=True)
w2 = torch.tensor(3.0, requires_grad=True)
w3 = torch.tensor(4.0, requires_grad=True)

l1 = input * w1
l2 = l1 + w2
l3 = l1 * w3
l4 = l2 * l3
loss = l4.mean()

for tensor in (l1, l4, loss):
    tensor.retain_grad()
l1.register_hook(lambda grad: print("l1 grad:", grad))
l4.register_hook(lambda grad: print("l4 grad:", grad))
loss.register_hook(lambda grad: print("loss grad:", grad))

loss.backward()
print("kept:", loss.grad, l4.grad, l1.grad)
