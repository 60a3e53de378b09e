# A training loop as it stands in most projects: data set, loader, model, optimizer, schedule, and events for
# TensorBoard. Look at the gradient flow (press 2): a row for each parameter, a column for each batch.
import tempfile

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.tensorboard import SummaryWriter

x = torch.linspace(-2, 2, 24).view(24, 1)
data = DataLoader(TensorDataset(x, x ** 2), batch_size=8)
model = nn.Sequential(nn.Linear(1, 12), nn.Tanh(), nn.Linear(12, 1))
with torch.no_grad():  # the same numbers everywhere
    for i, p in enumerate(model.parameters()):
        p.copy_(torch.sin(torch.arange(p.numel()) * 0.9 + i).view_as(p) * 0.5)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)

with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
    for epoch in range(4):
        total = 0.0
        for batch, wanted in data:
            loss = nn.functional.mse_loss(model(batch), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        writer.add_scalar("loss", total / len(x), epoch)
        writer.add_histogram("0.weight", model[0].weight, epoch)
        print(epoch, "loss", round(total / len(x), 3), "lr", schedule.get_last_lr()[0])
        schedule.step()
