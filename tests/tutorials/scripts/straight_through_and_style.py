import torch
import torch.nn as nn
import torch.nn.functional as F


class STE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * (x.abs() <= 1).float()


class BinaryLinear(nn.Linear):
    def forward(self, x):
        return F.linear(x, STE.apply(self.weight), self.bias)


m = nn.Sequential(BinaryLinear(4, 6), nn.Hardtanh(), BinaryLinear(6, 1))
for i, p in enumerate(m.parameters()):
    p.data.copy_(torch.sin(torch.arange(p.numel()) * 1.1 + i).view_as(p) * .8)
x = torch.cos(torch.arange(40) * .3).view(10, 4)
y = x.sum(1, keepdim=True)
opt = torch.optim.Adam(m.parameters(), lr=.05)
for _ in range(4):
    loss = F.mse_loss(m(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        for p in m.parameters():
            p.clamp_(-1, 1)
    print(round(loss.item(), 4))
print(m)
# detach trick and fake quant
w = torch.linspace(-1, 1, 7, requires_grad=True)
scale = torch.tensor(.25, requires_grad=True)
q = (w / scale).round().clamp(-3, 3) * scale
wq = w + (q - w).detach()
wq.pow(2).sum().backward()
print(w.grad, scale.grad)
# gumbel
logits = torch.tensor([[1., 2., .5], [.1, .2, .3]], requires_grad=True)
g = -torch.log(-torch.log(torch.tensor([[.3, .6, .9], [.2, .5, .8]])))
y_soft = F.softmax((logits + g) / .7, dim=-1)
index = y_soft.max(-1, keepdim=True)[1]
y_hard = torch.zeros_like(logits).scatter_(-1, index, 1.0)
ret = y_hard - y_soft.detach() + y_soft
(ret * torch.tensor([1., 2., 3.])).sum().backward()
print(ret, logits.grad)
s = F.gumbel_softmax(logits, tau=1, hard=True)
print(s.sum(-1), s.shape, s.requires_grad)
# vq
code = torch.sin(torch.arange(12.)).view(4, 3).requires_grad_()
z = torch.cos(torch.arange(15.)).view(5, 3).requires_grad_()
d = z.pow(2).sum(1, keepdim=True) - 2 * z @ code.t() + code.pow(2).sum(1)
idx = d.argmin(1)
zq = F.embedding(idx, code)
vq = F.mse_loss(zq, z.detach()) + .25 * F.mse_loss(z, zq.detach())
out = z + (zq - z).detach()
(out.sin().sum() + vq).backward()
print(idx, round(vq.item(), 4), code.grad.abs().sum(), z.grad[0])


# neural style
class Normalization(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean = mean.detach().clone().view(-1, 1, 1)
        self.std = std.detach().clone().view(-1, 1, 1)

    def forward(self, img):
        return (img - self.mean) / self.std


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


class StyleLoss(nn.Module):
    def __init__(self, target_feature):
        super().__init__()
        self.target = gram_matrix(target_feature).detach()

    def forward(self, input):
        self.loss = F.mse_loss(gram_matrix(input), self.target)
        return input


class ContentLoss(nn.Module):
    def __init__(self, target):
        super().__init__()
        self.target = target.detach()

    def forward(self, input):
        self.loss = F.mse_loss(input, self.target)
        return input


conv = nn.Conv2d(3, 6, 3, padding=1)
for i, p in enumerate(conv.parameters()):
    p.data = torch.sin(torch.arange(p.numel()) * 2.3 + i).view_as(p) * .5
content = torch.sigmoid(torch.sin(torch.arange(300.) * .1)).view(1, 3, 10, 10)
style = torch.sigmoid(torch.cos(torch.arange(300.) * .9)).view(1, 3, 10, 10)
norm = Normalization(torch.tensor([.485, .456, .406]), torch.tensor([.229, .224, .225]))
model = nn.Sequential(norm)
model.add_module('conv_1', conv)
cl = ContentLoss(model(content).detach())
model.add_module('content_1', cl)
sl = StyleLoss(model(style).detach())
model.add_module('style_1', sl)
model.eval()
model.requires_grad_(False)
input_img = content.clone()
input_img.requires_grad_(True)
optimizer = torch.optim.LBFGS([input_img])
run = [0]
while run[0] <= 20:
    def closure():
        with torch.no_grad():
            input_img.clamp_(0, 1)
        optimizer.zero_grad()
        model(input_img)
        loss = sl.loss * 1000 + cl.loss
        loss.backward()
        run[0] += 1
        if run[0] % 10 == 0:
            print(run, 'Style: {:.3f} Content: {:.3f}'.format(sl.loss.item(), cl.loss.item()))
        return sl.loss * 1000 + cl.loss
    optimizer.step(closure)
with torch.no_grad():
    input_img.clamp_(0, 1)
print(input_img.shape)
