"""A graph network by scatter, a flow, a diffusion, mixtures, patches and a codebook."""

import torch, math
import torch.nn as nn
import torch.nn.functional as F


def fill(m, s=0.4):
    for i, p in enumerate(m.parameters()):
        p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * s)
    return m


# GCN with scatter message passing
class GCNLayer(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.lin = nn.Linear(i, o, bias=False)
        self.bias = nn.Parameter(torch.zeros(o))

    def forward(self, x, edge_index):
        n = x.size(0)
        loop = torch.arange(n)
        row = torch.cat([edge_index[0], loop])
        col = torch.cat([edge_index[1], loop])
        deg = torch.zeros(n).scatter_add_(0, col, torch.ones(col.size(0)))
        dis = deg.pow(-0.5)
        norm = dis[row] * dis[col]
        out = torch.zeros(n, self.bias.size(0)).index_add_(0, col, self.lin(x)[row] * norm.unsqueeze(1))
        return out + self.bias


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = GCNLayer(4, 8), GCNLayer(8, 2)

    def forward(self, x, e):
        return self.c2(F.relu(self.c1(x, e)), e)


edges = torch.tensor([[0, 1, 1, 2, 3, 4, 4, 5], [1, 0, 2, 1, 4, 3, 5, 4]])
x = torch.eye(6)[:, :4] + 0.1
y = torch.tensor([0, 0, 0, 1, 1, 1])
g = fill(GCN())
opt = torch.optim.Adam(g.parameters(), lr=0.05, weight_decay=5e-4)
mask = torch.tensor([1, 0, 0, 0, 0, 1], dtype=torch.bool)
for e in range(8):
    out = g(x, edges)
    loss = F.cross_entropy(out[mask], y[mask])
    opt.zero_grad()
    loss.backward()
    opt.step()
print(f"{loss.item():.4f}", (g(x, edges).argmax(1) == y).float().mean())
# GAT attention with segment softmax
att = x @ x.T
adj = torch.zeros(6, 6).index_put_((edges[0], edges[1]), torch.tensor(1.0))
a = att.masked_fill(adj == 0, -1e9).softmax(1)
print(a[1], torch.zeros(6).scatter_reduce(0, edges[1], torch.arange(8.0), "amax", include_self=False))


# RealNVP coupling
class Coupling(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.register_buffer("mask", mask)
        self.s = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2), nn.Tanh())
        self.t = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))

    def forward(self, x):
        m = x * self.mask
        s = self.s(m) * (1 - self.mask)
        t = self.t(m) * (1 - self.mask)
        return m + (1 - self.mask) * (x * s.exp() + t), s.sum(1)

    def inverse(self, z):
        m = z * self.mask
        s = self.s(m) * (1 - self.mask)
        t = self.t(m) * (1 - self.mask)
        return m + (1 - self.mask) * (z - t) * (-s).exp()


flow = fill(nn.ModuleList([Coupling(torch.tensor([1.0, 0.0])), Coupling(torch.tensor([0.0, 1.0]))]))
X = torch.stack([torch.linspace(-2, 2, 16), torch.linspace(-2, 2, 16).sin()], 1)
opt = torch.optim.NAdam(flow.parameters(), lr=0.01)
for e in range(6):
    z, ld = X, 0
    for f in flow:
        z, l = f(z)
        ld = ld + l
    nll = (0.5 * z.pow(2).sum(1) + math.log(2 * math.pi) - ld).mean()
    opt.zero_grad()
    nll.backward()
    opt.step()
    print(e, f"{nll.item():.4f}")
r = z
with torch.no_grad():
    z = X
    for f in flow:
        z = f(z)[0]
    for f in reversed(flow):
        z = f.inverse(z)
print(torch.allclose(z, X, atol=1e-5))
# DDPM
T = 20
betas = torch.linspace(1e-4, 0.02, T)
alphas = 1 - betas
ac = torch.cumprod(alphas, 0)
prev = F.pad(ac[:-1], (1, 0), value=1.0)


class Eps(nn.Module):
    def __init__(self):
        super().__init__()
        self.time = nn.Embedding(T, 8)
        self.net = nn.Sequential(nn.Linear(10, 16), nn.SiLU(), nn.Linear(16, 2))

    def forward(self, x, t):
        return self.net(torch.cat([x, self.time(t)], -1))


eps = fill(Eps())
opt = torch.optim.AdamW(eps.parameters(), lr=1e-2)
for step in range(6):
    t = torch.arange(16) % T
    noise = (torch.arange(32.0).reshape(16, 2) * (1.1 + step)).sin()
    xt = ac[t].sqrt().unsqueeze(1) * X + (1 - ac[t]).sqrt().unsqueeze(1) * noise
    loss = F.mse_loss(eps(xt, t), noise)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    print(step, f"{loss.item():.4f}")
with torch.no_grad():
    x = torch.ones(2, 2)
    for i in reversed(range(T)):
        e = eps(x, torch.full((2,), i))
        x = (x - betas[i] / (1 - ac[i]).sqrt() * e) / alphas[i].sqrt() + (
            betas[i] * (1 - prev[i]) / (1 - ac[i])
        ).sqrt() * 0.1
print(x)
# mixture density network
pi, mu, sg = (
    torch.tensor([[0.3, 0.7]]).log().requires_grad_(),
    torch.tensor([[0.0, 1.0]], requires_grad=True),
    torch.tensor([[0.5, 1.0]], requires_grad=True),
)
yy = torch.tensor([[0.4]])
nll = -torch.logsumexp(pi + torch.distributions.Normal(mu, sg).log_prob(yy), 1).mean()
nll.backward()
print(nll, pi.grad, mu.grad, sg.grad)
# ViT patches and einsum attention
img = torch.arange(64.0).reshape(1, 1, 8, 8)
patches = img.unfold(2, 4, 4).unfold(3, 4, 4).reshape(1, -1, 16)
q = patches.view(1, 4, 2, 8).transpose(1, 2) / 64
s = torch.einsum("bhid,bhjd->bhij", q, q).softmax(-1)
print(patches.shape, torch.einsum("bhij,bhjd->bhid", s, q).transpose(1, 2).flatten(2)[0, 0])
# vector quantisation, straight through
cb = torch.arange(6.0).reshape(3, 2).requires_grad_()
ze = torch.tensor([[0.2, 0.9], [3.6, 4.2]], requires_grad=True)
idx = torch.cdist(ze, cb).argmin(1)
zq = cb[idx]
st = ze + (zq - ze).detach()
(st.sum() + F.mse_loss(zq, ze.detach()) + 0.25 * F.mse_loss(ze, zq.detach())).backward()
print(idx, ze.grad, cb.grad)
