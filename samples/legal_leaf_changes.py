# Three ways to change a leaf that torch allows, all before its use. Look at the versions: detach() and no_grad are
# counted (a later backward would notice), .data is not.
import torch

a = torch.ones(4, requires_grad=True)
a.data.fill_(10.0)
print(a, "version", a._version)

b = torch.ones(4, requires_grad=True)
b.detach().fill_(10.0)
print(b, "version", b._version)

c = torch.ones(4, requires_grad=True)
with torch.no_grad():
    c[:] = 10.0
print(c, "version", c._version)

for leaf in (a, b, c):
    loss = (leaf * leaf).mean()
    loss.backward()
    print(leaf.is_leaf, leaf.grad)
