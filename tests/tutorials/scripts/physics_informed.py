import math
import torch
import torch.nn as nn


class FCN(nn.Module):
    def __init__(self, n_in, n_out, n_hidden, n_layers):
        super().__init__()
        activation = nn.Tanh
        self.fcs = nn.Sequential(*[nn.Linear(n_in, n_hidden), activation()])
        self.fch = nn.Sequential(*[nn.Sequential(*[nn.Linear(n_hidden, n_hidden), activation()]) for _ in range(n_layers - 1)])
        self.fce = nn.Linear(n_hidden, n_out)

    def forward(self, x):
        return self.fce(self.fch(self.fcs(x)))


def fill(m):
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_(torch.sin(torch.arange(p.numel()) * 1.9 + i).view_as(p) * .5)
    return m


pinn = fill(FCN(1, 1, 12, 2))
t_boundary = torch.tensor(0.).view(-1, 1).requires_grad_(True)
t_physics = torch.linspace(0, 1, 20).view(-1, 1).requires_grad_(True)
d, w0 = 2, 20
mu, k = 2 * d, w0 ** 2
optimiser = torch.optim.Adam(pinn.parameters(), lr=1e-3)
for i in range(6):
    optimiser.zero_grad()
    lambda1, lambda2 = 1e-1, 1e-4
    u = pinn(t_boundary)
    loss1 = (torch.squeeze(u) - 1) ** 2
    dudt = torch.autograd.grad(u, t_boundary, torch.ones_like(u), create_graph=True)[0]
    loss2 = (torch.squeeze(dudt) - 0) ** 2
    u = pinn(t_physics)
    dudt = torch.autograd.grad(u, t_physics, torch.ones_like(u), create_graph=True)[0]
    d2udt2 = torch.autograd.grad(dudt, t_physics, torch.ones_like(dudt), create_graph=True)[0]
    loss3 = torch.mean((d2udt2 + mu * dudt + k * u) ** 2)
    loss = loss1 + lambda1 * loss2 + lambda2 * loss3
    loss.backward()
    optimiser.step()
    print(i, f"{loss1.item():.3f} {loss2.item():.3f} {loss3.item():.1f} {loss.item():.4f}")

# burgers with LBFGS
net = fill(FCN(2, 1, 8, 2))
g = torch.meshgrid(torch.linspace(-1, 1, 5), torch.linspace(0, 1, 4), indexing='ij')
xt = torch.stack(g, dim=-1).reshape(-1, 2)
x, t = xt[:, :1].clone().requires_grad_(), xt[:, 1:].clone().requires_grad_()
opt = torch.optim.LBFGS(net.parameters(), lr=.5, max_iter=5, history_size=10, line_search_fn="strong_wolfe")


def residual():
    u = net(torch.cat([x, t], dim=1))
    u_t = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
    u_x, = torch.autograd.grad(u.sum(), x, create_graph=True)
    u_xx, = torch.autograd.grad(u_x.sum(), x, create_graph=True)
    return u_t + u * u_x - (0.01 / math.pi) * u_xx


def closure():
    opt.zero_grad()
    u0 = net(torch.cat([x[t == 0].unsqueeze(1), t[t == 0].unsqueeze(1)], 1))
    loss = (residual() ** 2).mean() + ((u0 + torch.sin(math.pi * x[t == 0].unsqueeze(1))) ** 2).mean()
    loss.backward()
    return loss


for _ in range(3):
    print(round(opt.step(closure).item(), 3))


# Hessian-vector product, Hutchinson, full Hessian by rows
w = torch.tensor([.5, -1., 2.], requires_grad=True)
def f(w):
    return (w ** 3).sum() * torch.sin(w[0] * w[1]) + w.prod()
v = torch.tensor([1., 0., -1.])
grad, = torch.autograd.grad(f(w), w, create_graph=True)
hvp, = torch.autograd.grad(grad @ v, w, retain_graph=True)
H = torch.stack([torch.autograd.grad(gi, w, retain_graph=True)[0] for gi in grad])
print(hvp, torch.allclose(H @ v, hvp, atol=1e-4))
print(torch.autograd.functional.hvp(f, w.detach(), v)[1])
