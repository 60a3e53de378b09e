import torch
from torch import nn
import torch.nn.functional as F


def conv3x3(i, o, stride=1):
    return nn.Conv2d(i, o, kernel_size=3, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inplanes, planes, stride), nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(planes, planes), nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, block, layers, num_classes=3):
        super().__init__()
        self.inplanes = 4
        self.conv1 = nn.Conv2d(3, 4, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 4, layers[0])
        self.layer2 = self._make_layer(block, 8, layers[1], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def _make_layer(self, block, planes, blocks, stride=1):
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(nn.Conv2d(self.inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        layers = [block(self.inplanes, planes, stride, downsample)]
        self.inplanes = planes
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class DoubleConv(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(nn.Conv2d(i, o, 3, padding=1), nn.GroupNorm(2, o), nn.SiLU(), nn.Conv2d(o, o, 3, padding=1), nn.InstanceNorm2d(o), nn.Mish())


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.d1, self.d2, self.mid = DoubleConv(1, 4), DoubleConv(4, 8), DoubleConv(8, 8)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)
        self.upt = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.u1, self.u2 = DoubleConv(16, 8), DoubleConv(8, 4)
        self.out = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(self.pool(a))
        m = self.mid(self.pool(b))
        u = self.u1(torch.cat([self.up(m), b], dim=1))
        u = self.upt(u)
        dy, dx = a.size()[2] - u.size()[2], a.size()[3] - u.size()[3]
        u = F.pad(u, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.out(self.u2(torch.cat([u, a], 1)))


def fill(m, s=.3):
    for i, p in enumerate(m.parameters()):
        if p.dim() > 1:
            p.data.copy_(torch.sin(torch.arange(p.numel()) * .93 + i).view_as(p) * s)
        elif p.dim() == 1:
            p.data.fill_(.1 if i % 2 else 1.)


def dice_loss(logits, target, eps=1.):
    p = torch.sigmoid(logits).flatten(1)
    t = target.flatten(1)
    inter = (p * t).sum(1)
    return (1 - (2 * inter + eps) / (p.sum(1) + t.sum(1) + eps)).mean()


def focal_loss(logits, target, alpha=.25, gamma=2.):
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    pt = torch.exp(-bce)
    return (alpha * (1 - pt) ** gamma * bce).mean()


x = torch.sin(torch.arange(2 * 3 * 32 * 32) * .013).view(2, 3, 32, 32)
y = torch.tensor([0, 2])
net = ResNet(BasicBlock, [1, 2])
fill(net, .2)
opt = torch.optim.SGD(net.parameters(), lr=.05, momentum=.9, weight_decay=1e-4, nesterov=True)
for _ in range(3):
    loss = F.cross_entropy(net(x), y, label_smoothing=.1)
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(round(loss.item(), 3))
print(net.layer2[0])
print(round(net.bn1.running_var.sum().item(), 3), net.bn1.num_batches_tracked)
unet = UNet()
fill(unet)
img = torch.cos(torch.arange(2 * 18 * 18) * .05).view(2, 1, 18, 18)
mask = (img > .2).float()
img = F.interpolate(img, size=(16, 16), mode='bilinear', align_corners=False)
mask = F.interpolate(mask, size=(16, 16), mode='nearest')
opt = torch.optim.RMSprop(unet.parameters(), lr=1e-3, momentum=.9)
for _ in range(3):
    out = unet(img)
    l1, l2 = dice_loss(out, mask), focal_loss(out, mask)
    loss = l1 + l2
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(out.shape, round(l1.item(), 3), round(l2.item(), 4))
iou = ((out > 0) & mask.bool()).sum().float() / ((out > 0) | mask.bool()).sum()
print(round(iou.item(), 2))
