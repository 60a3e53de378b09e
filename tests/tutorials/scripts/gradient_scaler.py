import torch
import torch.nn as nn
from torch.amp import GradScaler

device = "cpu"
use_amp = False
net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1))
for i, p in enumerate(net.parameters()):
    p.data.copy_(torch.sin(torch.arange(p.numel()) + float(i)).view_as(p) * .5)
x, y = torch.sin(torch.arange(12.)).view(4, 3), torch.ones(4, 1)
opt = torch.optim.SGD(net.parameters(), lr=.1)
scaler = GradScaler(device, init_scale=1024., growth_interval=2)
for epoch in range(6):
    for a, b in zip(x.split(2), y.split(2)):
        with torch.autocast(device_type=device, dtype=torch.float16, enabled=use_amp):
            loss = nn.functional.mse_loss(net(a), b)
        if epoch == 3:
            loss = loss * float('inf')
        opt.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(opt)
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.)
        scaler.step(opt)
        scaler.update()
    print(epoch, round(loss.item(), 4), scaler.get_scale(), round(norm.item(), 4) if epoch != 3 else '')
print(scaler.state_dict())
scaler.scale(net(x).sum()).backward()
scaler.unscale_(opt)
for f in (lambda: scaler.unscale_(opt), lambda: scaler.step(opt), lambda: scaler.unscale_(opt), lambda: scaler.step(opt), lambda: GradScaler('cpu').step(opt), lambda: scaler.scale(3)):
    try:
        f()
    except Exception as e:
        print(type(e).__name__, e)
off = torch.amp.GradScaler('cpu', enabled=False)
print(off.scale(loss) is loss, off.get_scale(), off.state_dict(), off.is_enabled())
@torch.autocast('cpu', enabled=False)
def f(x):
    return x * 2
print(f(torch.ones(1)))
