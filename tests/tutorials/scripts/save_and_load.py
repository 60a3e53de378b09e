import copy
import io
import torch
from torch import nn, optim


class TheModelClass(nn.Module):
    def __init__(self):
        super(TheModelClass, self).__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.bn = nn.BatchNorm2d(6)
        self.fc1 = nn.Linear(6, 4)
        self.register_buffer('steps', torch.zeros((), dtype=torch.long))

    def forward(self, x):
        self.steps += 1
        x = self.bn(self.conv1(x)).relu().mean((2, 3))
        return self.fc1(x)


def fill(m):
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_(torch.sin(torch.arange(p.numel()) * .3 + i).reshape(p.shape) * .2)


model = TheModelClass()
fill(model)
optimizer = optim.Adam(model.parameters(), lr=0.001)
print("Model's state_dict:")
for param_tensor in model.state_dict():
    print(param_tensor, "\t", model.state_dict()[param_tensor].size())
print("Optimizer's state_dict:")
for var_name in optimizer.state_dict():
    print(var_name, "\t", optimizer.state_dict()[var_name])
x = torch.arange(2 * 3 * 64.).cos().view(2, 3, 8, 8)
for epoch in range(3):
    loss = model(x).pow(2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(round(loss.item(), 4))
torch.save({'epoch': epoch, 'model_state_dict': model.state_dict(),
            'optimizer_state_dict': optimizer.state_dict(), 'loss': loss}, 'ckpt.tar')
other = TheModelClass()
opt2 = optim.Adam(other.parameters(), lr=0.1)
checkpoint = torch.load('ckpt.tar')
print(other.load_state_dict(checkpoint['model_state_dict']))
opt2.load_state_dict(checkpoint['optimizer_state_dict'])
print(checkpoint['epoch'], round(checkpoint['loss'].item(), 4), other.steps, opt2.param_groups[0]['lr'])
for _ in range(2):
    for m, o in ((model, optimizer), (other, opt2)):
        o.zero_grad()
        loss = m(x).pow(2).sum()
        loss.backward()
        o.step()
        print(round(loss.item(), 4))
other.eval()
print(other.training, other.bn.training, torch.equal(model.fc1.weight, other.fc1.weight))
sd = copy.deepcopy(model.state_dict())
del sd['fc1.bias']
sd['extra'] = torch.ones(1)
print(other.load_state_dict(sd, strict=False))
try:
    other.load_state_dict(sd)
except RuntimeError as e:
    print(e)
try:
    nn.Linear(2, 3).load_state_dict({'weight': torch.zeros(2, 2), 'bias': torch.zeros(3)})
except RuntimeError as e:
    print(e)
buffer = io.BytesIO()
torch.save({'a': torch.arange(3), 'b': [torch.ones(2), 3, 'x']}, buffer)
buffer.seek(0)
print(torch.load(buffer))
clone = copy.deepcopy(model)
clone.fc1.weight.data.zero_()
print(bool(model.fc1.weight.any()), clone.fc1.weight.requires_grad)
print({k: v for k, v in optimizer.state_dict()['param_groups'][0].items()})
print(optimizer.state[model.fc1.bias]['step'], list(optimizer.state[model.fc1.bias]))
try:
    torch.load('nope.pt')
except FileNotFoundError as e:
    print(e)
