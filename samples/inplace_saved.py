# An overwritten value. Look at b: the product saves it at version 0, `b[0] = 1000.0` makes version 1, and MulBackward0
# no longer finds what it needs. The replay opens at the error and leads back to the two lines.
import torch

a = torch.tensor([1.0, 3.0], requires_grad=True)
b = a + 2
loss = (b * b).mean()
print("version", b._version, "saved")

b[0] = 1000.0
print("version", b._version, "is there now")

loss.backward()
