import copy
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split, ConcatDataset, SequentialSampler, BatchSampler, WeightedRandomSampler

X = torch.sin(torch.arange(64 * 5) * .37).view(64, 5)
Y = (X.sum(1) > 0).long()


def make(seed=0):
    m = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2))
    for i, p in enumerate(m.parameters()):
        p.data = torch.sin(torch.arange(p.numel()) * 1.3 + i + seed).view_as(p) * .5
    return m


# gradient accumulation
model, accum = make(), 4
opt = torch.optim.SGD(model.parameters(), lr=.1)
loader = DataLoader(TensorDataset(X, Y), batch_size=8)
opt.zero_grad()
for i, (xb, yb) in enumerate(loader):
    loss = F.cross_entropy(model(xb), yb) / accum
    loss.backward()
    if (i + 1) % accum == 0:
        total = nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        opt.step()
        opt.zero_grad()
        print('accum', i, round(total.item(), 4))

# mixup
def mixup_data(x, y, lam=.3):
    index = torch.arange(x.size(0)).flip(0)
    return lam * x + (1 - lam) * x[index, :], y, y[index], lam


mx, ya, yb, lam = mixup_data(X, Y)
pred = model(mx)
loss = lam * F.cross_entropy(pred, ya) + (1 - lam) * F.cross_entropy(pred, yb)
print('mixup', round(loss.item(), 4))

# lr finder
model = make(1)
opt = torch.optim.SGD(model.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=3.)
history, best = [], math.inf
for xb, yb in loader:
    opt.zero_grad()
    loss = F.cross_entropy(model(xb), yb)
    loss.backward()
    opt.step()
    history.append((round(sched.get_last_lr()[0], 5), round(loss.item(), 3)))
    sched.step()
    best = min(best, loss.item())
    if loss.item() > 4 * best:
        break
print(history)


# EMA
class EMA:
    def __init__(self, model, decay):
        self.decay = decay
        self.shadow = {k: v.clone().detach() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model):
        for k, v in model.state_dict().items():
            self.shadow[k].mul_(self.decay).add_(v, alpha=1 - self.decay)


model = make(2)
ema = EMA(model, .9)
swa = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(.9))
opt = torch.optim.AdamW(model.parameters(), lr=.01)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, mode='min', factor=.1, patience=1, threshold=.05)
best_loss, patience, counter, best_state = float('inf'), 2, 0, None
for epoch in range(12):
    for xb, yb in loader:
        opt.zero_grad()
        F.cross_entropy(model(xb), yb).backward()
        opt.step()
        ema.update(model)
        swa.update_parameters(model)
    with torch.no_grad():
        val = F.cross_entropy(model(X), Y).item() + (.2 if epoch > 5 else 0)
    plateau.step(val)
    if val < best_loss - 1e-3:
        best_loss, counter, best_state = val, 0, copy.deepcopy(model.state_dict())
    else:
        counter += 1
        if counter >= patience:
            print('Early stopping at', epoch)
            break
    print(epoch, round(val, 4), opt.param_groups[0]['lr'])
model.load_state_dict(best_state)
print(round(ema.shadow['0.weight'].sum().item(), 3), round(swa.module[0].weight.sum().item(), 3))

# k-fold
folds = torch.arange(64).chunk(4)
for k in range(4):
    val_idx = folds[k]
    train_idx = torch.cat([f for j, f in enumerate(folds) if j != k])
    m = make(k)
    o = torch.optim.Adam(m.parameters(), lr=.05)
    for xb, yb in DataLoader(Subset(TensorDataset(X, Y), train_idx.tolist()), batch_size=16):
        o.zero_grad()
        F.cross_entropy(m(xb), yb).backward()
        o.step()
    acc = (m(X[val_idx]).argmax(1) == Y[val_idx]).float().mean()
    print('fold', k, f'{acc:.3f}')


# dataset with collate
class Ragged(Dataset):
    def __len__(self):
        return 7

    def __getitem__(self, i):
        return {'x': torch.arange(i + 1.), 'label': i % 2, 'name': f'item{i}'}


def collate(batch):
    lens = torch.tensor([len(b['x']) for b in batch])
    return nn.utils.rnn.pad_sequence([b['x'] for b in batch], batch_first=True, padding_value=-1.), lens, torch.tensor([b['label'] for b in batch])


for x, lens, label in DataLoader(Ragged(), batch_size=3, collate_fn=collate):
    print(x.shape, lens, label)
class Fixed(Ragged):
    def __getitem__(self, i):
        return {'x': torch.full((2,), float(i)), 'label': i, 'name': f'n{i}', 'pair': (i, i * .5)}
print(next(iter(DataLoader(Fixed(), batch_size=2))))
a, b = random_split(TensorDataset(X, Y), [48, 16], generator=torch.Generator().manual_seed(42))
print(len(a), len(b), len(ConcatDataset([a, b])), list(BatchSampler(SequentialSampler(range(5)), 2, False)))
print(len(DataLoader(a, batch_size=10, drop_last=True)), len(list(WeightedRandomSampler([.1, .9], 5))))
for cls, kw in ((torch.optim.lr_scheduler.CosineAnnealingLR, dict(T_max=5)), (torch.optim.lr_scheduler.OneCycleLR, dict(max_lr=.1, total_steps=6)),
                (torch.optim.lr_scheduler.LambdaLR, dict(lr_lambda=lambda e: .95 ** e)), (torch.optim.lr_scheduler.MultiStepLR, dict(milestones=[2, 4])),
                (torch.optim.lr_scheduler.CyclicLR, dict(base_lr=.01, max_lr=.1, step_size_up=2)), (torch.optim.lr_scheduler.CosineAnnealingWarmRestarts, dict(T_0=2)),
                (torch.optim.lr_scheduler.LinearLR, dict(total_iters=3)), (torch.optim.lr_scheduler.PolynomialLR, dict(total_iters=4))):
    o = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=.1, momentum=.9)
    s = cls(o, **kw)
    lrs = []
    for _ in range(5):
        o.step()
        s.step()
        lrs.append(round(s.get_last_lr()[0], 5))
    print(cls.__name__, lrs)
