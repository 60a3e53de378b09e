import torch
import torch.nn as nn
import torch.nn.functional as F


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(4), nn.Dropout2d(p=0.0),
                                 nn.AvgPool2d(2))
        self.fc = nn.Sequential(nn.Linear(4 * 16, 10), nn.PReLU(), nn.Linear(10, 5))

    def forward_once(self, x):
        out = self.cnn(x)
        out = out.view(out.size()[0], -1)
        return self.fc(out)

    def forward(self, a, b):
        return self.forward_once(a), self.forward_once(b)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, o1, o2, label):
        d = F.pairwise_distance(o1, o2, keepdim=True)
        return torch.mean((1 - label) * torch.pow(d, 2) + label * torch.pow(torch.clamp(self.margin - d, min=0.0), 2))


def fill(m):
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_(torch.sin(torch.arange(p.numel()) * .57 + i).view_as(p) * .4)
    return m


net = fill(Siamese())
crit = ContrastiveLoss()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
a = torch.sin(torch.arange(6 * 64) * .21).view(6, 1, 8, 8)
b = torch.cos(torch.arange(6 * 64) * .17).view(6, 1, 8, 8)
label = torch.tensor([[0.], [1.], [0.], [1.], [1.], [0.]])
for _ in range(4):
    o1, o2 = net(a, b)
    opt.zero_grad()
    loss = crit(o1, o2, label)
    loss.backward()
    opt.step()
    print(round(loss.item(), 3))
triplet = nn.TripletMarginLoss(margin=1.0, p=2)
tdist = nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: 1.0 - F.cosine_similarity(x, y))
anchor = net.forward_once(a)
for f in (triplet, tdist, nn.CosineEmbeddingLoss(margin=.2), nn.MarginRankingLoss(margin=.1), nn.HingeEmbeddingLoss()):
    net.zero_grad()
    e = net.forward_once(a), net.forward_once(a.flip(0)), net.forward_once(b)
    if isinstance(f, (nn.TripletMarginLoss, nn.TripletMarginWithDistanceLoss)):
        l = f(*e)
    elif isinstance(f, nn.CosineEmbeddingLoss):
        l = f(e[0], e[2], label.squeeze(1) * 2 - 1)
    elif isinstance(f, nn.HingeEmbeddingLoss):
        l = f((e[0] - e[2]).norm(dim=1), label.squeeze() * 2 - 1)
    else:
        l = f(e[0].sum(1), e[2].sum(1), label.squeeze() * 2 - 1)
    l.backward()
    print(f, round(l.item(), 4), round(sum(p.grad.abs().sum().item() for p in net.parameters()), 2))
# batch hard mining by distance matrix
emb = F.normalize(net.forward_once(torch.cat([a, b])), dim=1)
lab = torch.arange(12) % 3
dist = torch.cdist(emb, emb)
same = lab.unsqueeze(0) == lab.unsqueeze(1)
hp = (dist * same.float()).max(1)[0]
hn = (dist + 1e3 * same.float()).min(dim=1).values
loss = F.relu(hp - hn + .3).mean()
net.zero_grad()
loss.backward()
print(round(loss.item(), 4), round(net.fc[2].weight.grad.abs().sum().item(), 2))
# NT-Xent
z = F.normalize(torch.cat([net.forward_once(a), net.forward_once(b)]), dim=-1)
sim = z @ z.T / .5
sim = sim.masked_fill(torch.eye(12, dtype=torch.bool), -9e15)
pos = torch.cat([torch.arange(6, 12), torch.arange(6)])
loss = F.cross_entropy(sim, pos)
loss.backward()
print(round(loss.item(), 4))
