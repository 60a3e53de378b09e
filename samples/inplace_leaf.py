# A leaf changed in place. Look at the last line: `a = a + 10` would be a new tensor with a history, `a += 10` is the
# leaf itself, and a leaf has no history to write that into; so torch refuses, and a stays as it was.
import torch

a = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)

b = a + 10
print("b is a leaf:", b.is_leaf)

try:
    a[0] = 10.0
except RuntimeError as error:
    print("a[0] = 10.0:", error)
print(a, "version", a._version)

a += 10
