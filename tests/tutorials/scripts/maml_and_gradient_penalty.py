import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.autograd as autograd
from torch.autograd import Variable
from collections import OrderedDict


def fill(m, s=.4):
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_(torch.sin(torch.arange(p.numel()) * 1.4 + i).view_as(p) * s)
    return m


class MAMLNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(OrderedDict([('l1', nn.Linear(1, 10)), ('relu1', nn.Tanh()), ('l3', nn.Linear(10, 1))]))

    def forward(self, x):
        return self.net(x)

    def argforward(self, x, weights):
        x = F.linear(x, weights[0], weights[1])
        x = torch.tanh(x)
        return F.linear(x, weights[2], weights[3])


def task(k):
    x = torch.linspace(-3, 3, 8).unsqueeze(1)
    return x, (1 + .3 * k) * torch.sin(x + .4 * k)


model = fill(MAMLNet())
weights = list(model.parameters())
meta_opt = torch.optim.Adam(weights, 1e-2)
for it in range(4):
    meta_loss = 0
    for k in range(3):
        x, y = task(k)
        temp = [w.clone() for w in weights]
        for _ in range(2):
            loss = F.mse_loss(model.argforward(x, temp), y)
            grad = torch.autograd.grad(loss, temp, create_graph=True)
            temp = [w - .05 * g for w, g in zip(temp, grad)]
        meta_loss = meta_loss + F.mse_loss(model.argforward(-x, temp), -y)
    meta_loss = meta_loss / 3
    metagrads = torch.autograd.grad(meta_loss, weights)
    for w, g in zip(weights, metagrads):
        w.grad = g
    meta_opt.step()
    print('maml', it, round(meta_loss.item(), 4))
from torch.func import functional_call
params = dict(model.named_parameters())
x, y = task(1)
loss = F.mse_loss(functional_call(model, params, (x,)), y)
grads = torch.autograd.grad(loss, params.values(), create_graph=True)
fast = {n: p - .1 * g for (n, p), g in zip(params.items(), grads)}
outer = F.mse_loss(functional_call(model, fast, x), y)
outer.backward()
print(round(outer.item(), 4), round(weights[0].grad.abs().sum().item(), 3))

D = fill(nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(.2), nn.Linear(8, 8), nn.Softplus(), nn.Linear(8, 1)))
G = fill(nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 4)), .5)


def calc_gradient_penalty(netD, real_data, fake_data, LAMBDA=10):
    alpha = torch.linspace(.1, .9, real_data.size(0)).view(-1, 1)
    alpha = alpha.expand(real_data.size())
    interpolates = alpha * real_data + ((1 - alpha) * fake_data)
    interpolates = autograd.Variable(interpolates, requires_grad=True)
    disc_interpolates = netD(interpolates)
    gradients = autograd.grad(outputs=disc_interpolates, inputs=interpolates, grad_outputs=torch.ones(disc_interpolates.size()),
                              create_graph=True, retain_graph=True, only_inputs=True)[0]
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * LAMBDA


one = torch.tensor(1, dtype=torch.float)
mone = one * -1
optD, optG = torch.optim.Adam(D.parameters(), lr=1e-2, betas=(.5, .9)), torch.optim.Adam(G.parameters(), lr=1e-2, betas=(.5, .9))
real = torch.cos(torch.arange(24) * .4).view(6, 4)
for it in range(3):
    for p in D.parameters():
        p.requires_grad = True
    for c in range(2):
        D.zero_grad()
        D_real = D(Variable(real)).mean()
        D_real.backward(mone)
        with torch.no_grad():
            noise = torch.sin(torch.arange(18) * (.3 + it + c)).view(6, 3)
        fake = Variable(G(noise).data)
        D_fake = D(fake).mean()
        D_fake.backward(one)
        gp = calc_gradient_penalty(D, real.data, fake.data)
        gp.backward()
        wd = D_real - D_fake
        optD.step()
    for p in D.parameters():
        p.requires_grad = False
    G.zero_grad()
    g = D(G(noise)).mean()
    g.backward(mone)
    optG.step()
    print(it, f"{wd.item():.3f} {gp.item():.3f} {-g.item():.3f}")
