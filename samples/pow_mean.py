# The mean of a cube. Look at PowBackward0: it holds y from the forward, and turns 1/12 into 3 * y**2 / 12 = 2.25.
import torch

x = torch.ones(3, 4, requires_grad=True)
y = x + 2
z = torch.mean(y.pow(3))
print(y)
print(z)

z.backward()
print(z.is_leaf, y.is_leaf, x.is_leaf)
print(x.grad)
