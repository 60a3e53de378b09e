# A whole model in five lines. Look at l1: two branches use it, so in the backward two gradients meet there
# (2 through l2, 5 through l3) before w1 gets its 28. Select w1.grad and ask why it is 28.
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

loss.backward()
print(w1.grad, w2.grad, w3.grad)
