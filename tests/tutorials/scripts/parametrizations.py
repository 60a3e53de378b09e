import torch
import torch.nn as nn
import torch.nn.utils.parametrize as parametrize
from torch.nn.utils import parametrizations


def symmetric(X):
    return X.triu() + X.triu(1).transpose(-1, -2)


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)

    def right_inverse(self, A):
        return A.triu()


class MatrixExponential(nn.Module):
    def forward(self, X):
        return torch.matrix_exp(X)


class Skew(nn.Module):
    def forward(self, X):
        A = X.triu(1)
        return A - A.transpose(-1, -2)

    def right_inverse(self, A):
        return A.triu(1)


def filled(m):
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_((torch.arange(p.numel()) * .7 + i).sin().view_as(p) * .3)
    return m


layer = filled(nn.Linear(3, 3))
parametrize.register_parametrization(layer, "weight", Symmetric())
A = layer.weight
assert torch.allclose(A, A.T)
print(A)
print(layer)
print(layer.parametrizations)
print(layer.parametrizations.weight)
print(dict(layer.named_parameters()))
print(layer.parametrizations.weight.original)
foo = layer.weight
with parametrize.cached():
    print(layer.weight is layer.weight)
print(layer.weight is layer.weight)
cnn = nn.Conv2d(5, 6, (1, 1))
class NoneParam(nn.Module):
    def forward(self, X):
        return X.clamp(min=0)
parametrize.register_parametrization(cnn, "weight", NoneParam())
print((cnn.weight >= 0).all(), parametrize.is_parametrized(cnn), parametrize.is_parametrized(cnn, "bias"))
orth = filled(nn.Linear(3, 3))
parametrize.register_parametrization(orth, "weight", Skew())
parametrize.register_parametrization(orth, "weight", MatrixExponential())
X = orth.weight
print(torch.dist(X.T @ X, torch.eye(3)).item() < 1e-5, orth)
X.sum().backward()
print(orth.parametrizations.weight.original.grad)
layer.weight = torch.eye(3) * 2
print(layer.weight, layer.parametrizations.weight.original)
parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
print(layer, layer.weight)
print(type(layer).__name__, isinstance(layer.weight, nn.Parameter))
wn = parametrizations.weight_norm(filled(nn.Linear(4, 2)))
print(wn, [n for n, _ in wn.named_parameters()])
opt = torch.optim.SGD(wn.parameters(), lr=.1)
for _ in range(3):
    opt.zero_grad()
    loss = (wn(torch.ones(3, 4)) - 1).pow(2).mean()
    loss.backward()
    opt.step()
    print(round(loss.item(), 4))
sn = parametrizations.spectral_norm(filled(nn.Linear(3, 3)), n_power_iterations=30)
for _ in range(5):
    sn(torch.ones(1, 3))
print(round(torch.linalg.matrix_norm(sn.weight, 2).item(), 2))
