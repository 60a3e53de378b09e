"""Meta-learning and the neural tangent kernel by torch.func."""

import torch
import torch.nn as nn
from torch.func import functional_call, vmap, vjp, jvp, jacrev, grad


def fill(m, s=0.4):
    for i, p in enumerate(m.parameters()):
        p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * s)
    return m


net = fill(nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)))
params = dict(net.named_parameters())
opt = torch.optim.Adam(net.parameters(), lr=1e-2)


def sample(task):
    x = torch.linspace(-2, 2, 10).unsqueeze(1)
    return x, (x + task).sin() * (1 + 0.1 * task)


def loss_of(p, x, y):
    return nn.functional.mse_loss(functional_call(net, p, (x,)), y)


for it in range(4):
    losses = []
    for task in range(3):
        x, y = sample(task)
        g = grad(loss_of)(params, x[:5], y[:5])
        fast = {k: params[k] - 0.05 * g[k] for k in params}
        losses.append(loss_of(fast, x[5:], y[5:]))
    l = torch.stack(losses).mean()
    opt.zero_grad()
    l.backward()
    opt.step()
    print(it, f"{l.item():.5f}")
p = {k: v.detach() for k, v in net.named_parameters()}


def fnet_single(params, x):
    return functional_call(net, params, (x.unsqueeze(0),)).squeeze(0)


def ntk(fn, params, x1, x2):
    j1 = vmap(jacrev(fn), (None, 0))(params, x1)
    j2 = vmap(jacrev(fn), (None, 0))(params, x2)
    a, b = [v.flatten(2) for v in j1.values()], [v.flatten(2) for v in j2.values()]
    return torch.stack([torch.einsum("Naf,Mbf->NMab", u, v) for u, v in zip(a, b)]).sum(0)


x1, x2 = torch.linspace(-1, 1, 3).unsqueeze(1), torch.linspace(0, 1, 2).unsqueeze(1)
print(ntk(fnet_single, p, x1, x2).squeeze())
out, f = vjp(lambda p: fnet_single(p, x1[0]), p)
print({k: v.shape for k, v in f(torch.ones(1))[0].items()})
with torch.no_grad():
    print(jvp(lambda x: net(x).sum(), (x1,), (torch.ones_like(x1),)))
print(
    vmap(vmap(torch.dot, in_dims=(None, 0)), in_dims=(0, None))(torch.eye(3), torch.arange(6.0).reshape(2, 3))
)
