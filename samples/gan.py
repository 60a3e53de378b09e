# Two networks against each other. Look at fake.detach(): when the discriminator learns, nothing may flow into the
# generator; one line later the same discriminator carries the generator's gradient.
import torch
from torch import nn


def filled(model, shift):
    with torch.no_grad():  # the same numbers everywhere
        for i, p in enumerate(model.parameters()):
            p.copy_(torch.sin(torch.arange(p.numel()) * 1.3 + i + shift).view_as(p) * 0.4)
    return model


generator = filled(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)), 0)
discriminator = filled(nn.Sequential(nn.Linear(1, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1)), 1)
learn_g = torch.optim.Adam(generator.parameters(), lr=0.02)
learn_d = torch.optim.Adam(discriminator.parameters(), lr=0.02)
criterion = nn.BCEWithLogitsLoss()
real = torch.linspace(1, 3, 6).view(6, 1)
noise = torch.cos(torch.arange(12.0)).view(6, 2)

for step in range(4):
    fake = generator(noise)
    learn_d.zero_grad()
    loss_real = criterion(discriminator(real), torch.ones(6, 1))
    loss_fake = criterion(discriminator(fake.detach()), torch.zeros(6, 1))
    loss_d = loss_real + loss_fake
    loss_d.backward()
    untouched = all(p.grad is None or not p.grad.any() for p in generator.parameters())
    learn_d.step()

    learn_g.zero_grad()
    loss_g = criterion(discriminator(fake), torch.ones(6, 1))
    loss_g.backward()
    learn_g.step()
    learn_g.zero_grad()
    print(step, "discriminator", round(loss_d.item(), 3), "generator", round(loss_g.item(), 3), "untouched", untouched)
