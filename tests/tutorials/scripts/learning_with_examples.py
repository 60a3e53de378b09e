""" "Learning PyTorch with Examples", and small models without a layer."""

import numpy as np, math
import torch

x = np.linspace(-math.pi, math.pi, 200)
y = np.sin(x)
dtype = torch.float
device = torch.device("cpu")
x = torch.linspace(-math.pi, math.pi, 200, device=device, dtype=dtype)
y = torch.sin(x)
a, b, c, d = (torch.tensor(v, dtype=dtype) for v in (0.1, -0.2, 0.3, 0.05))
learning_rate = 1e-6
for t in range(400):
    y_pred = a + b * x + c * x**2 + d * x**3
    loss = (y_pred - y).pow(2).sum().item()
    if t % 100 == 99:
        print(t, f"{loss:.3f}")
    grad_y_pred = 2.0 * (y_pred - y)
    grad_a = grad_y_pred.sum()
    grad_b = (grad_y_pred * x).sum()
    grad_c = (grad_y_pred * x**2).sum()
    grad_d = (grad_y_pred * x**3).sum()
    a -= learning_rate * grad_a
    b -= learning_rate * grad_b
    c -= learning_rate * grad_c
    d -= learning_rate * grad_d
print(f"Result: y = {a.item():.4f} + {b.item():.4f} x + {c.item():.4f} x^2 + {d.item():.4f} x^3")
p = torch.tensor([1, 2, 3])
xx = x.unsqueeze(-1).pow(p)
print(xx.shape)
model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0, 1))
with torch.no_grad():
    model[0].weight.copy_(torch.tensor([[0.1, 0.2, -0.1]]))
    model[0].bias.zero_()
loss_fn = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for t in range(400):
    y_pred = model(xx)
    loss = loss_fn(y_pred, y)
    if t % 100 == 99:
        print(t, f"{loss.item():.3f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
linear_layer = model[0]
print(
    f"Result: y = {linear_layer.bias.item():.3f} + {linear_layer.weight[:, 0].item():.3f} x + {linear_layer.weight[:, 1].item():.3f} x^2 + {linear_layer.weight[:, 2].item():.3f} x^3"
)


class Polynomial3(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.tensor(0.1))
        self.b = torch.nn.Parameter(torch.tensor(0.2))
        self.c = torch.nn.Parameter(torch.tensor(0.3))
        self.d = torch.nn.Parameter(torch.tensor(-0.1))

    def forward(self, x):
        return self.a + self.b * x + self.c * x**2 + self.d * x**3

    def string(self):
        return f"y = {self.a.item():.3f} + {self.b.item():.3f} x + {self.c.item():.3f} x^2 + {self.d.item():.3f} x^3"


model = Polynomial3()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
for t in range(200):
    loss = torch.nn.MSELoss(reduction="sum")(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"Result: {model.string()}", model, list(model.named_parameters()))
import random


class DynamicNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.e = torch.nn.Parameter(torch.tensor(0.01))

    def forward(self, x):
        y = x * 1.0
        for exp in range(4, random.randint(4, 6)):
            y = y + self.e * x**exp
        return y


random.seed(3)
m = DynamicNet()
print([round(m(torch.tensor(2.0)).item(), 4) for _ in range(4)])
# regularised logistic regression, k-means, PCA, linear regression closed form, GP
X = (torch.arange(60.0) * 0.7).sin().reshape(20, 3)
t = (X[:, 0] * 2 - X[:, 1] + 0.3 > 0).float()
w = torch.zeros(3, requires_grad=True)
bias = torch.zeros(1, requires_grad=True)
for i in range(50):
    loss = (
        torch.nn.functional.binary_cross_entropy_with_logits(X @ w + bias, t)
        + 0.01 * w.abs().sum()
        + 0.01 * w.pow(2).sum()
    )
    gw, gb = torch.autograd.grad(loss, (w, bias))
    with torch.no_grad():
        w -= gw
        bias.sub_(gb)
print(w, bias, ((X @ w + bias > 0).float() == t).float().mean())
cent = X[:3].clone()
for _ in range(5):
    lab = torch.cdist(X, cent).argmin(1)
    cent = torch.stack([X[lab == k].mean(0) for k in range(3)])
print(cent, torch.bincount(lab))
Xc = X - X.mean(0)
U, S, V = torch.linalg.svd(Xc, full_matrices=False)
print(S[:2], (Xc @ V.T)[0, :2].abs())
K = torch.exp(-0.5 * torch.cdist(X, X) ** 2) + 0.1 * torch.eye(20)
L = torch.linalg.cholesky(K)
al = torch.cholesky_solve(t.unsqueeze(1), L)
print(-0.5 * t @ al.squeeze() - L.diagonal().log().sum())
ode = torch.tensor([1.0, 0.0])
A = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
for _ in range(10):
    k1 = A @ ode
    k2 = A @ (ode + 0.05 * k1)
    ode = ode + 0.1 * k2
print(ode)
