"""A variational autoencoder as the example of PyTorch has it, and one of convolutions."""

import torch
from torch import nn, optim
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(64, 32)
        self.fc21 = nn.Linear(32, 4)
        self.fc22 = nn.Linear(32, 4)
        self.fc3 = nn.Linear(4, 32)
        self.fc4 = nn.Linear(32, 64)
        self.k = 0

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        self.k += 1
        eps = torch.sin(torch.arange(std.numel(), dtype=std.dtype) * (1.7 + self.k)).view_as(std)
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 64))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


model = VAE()
for i, p in enumerate(model.parameters()):
    nn.init._no_grad_uniform_ if False else p.data.copy_(
        (torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * 0.1
    )
optimizer = optim.Adam(model.parameters(), lr=1e-3)


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 64), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


data = ((torch.arange(40 * 64.0) * 0.13).sin() * 0.5 + 0.5).reshape(40, 1, 8, 8)
for epoch in range(1, 5):
    model.train()
    train_loss = 0
    for batch_idx in range(4):
        d = data[batch_idx * 10 : (batch_idx + 1) * 10]
        optimizer.zero_grad()
        recon_batch, mu, logvar = model(d)
        loss = loss_function(recon_batch, d, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
        if batch_idx % 2 == 0:
            print(
                "Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.4f}".format(
                    epoch, batch_idx * len(d), len(data), 100.0 * batch_idx / 4, loss.item() / len(d)
                )
            )
    print("====> Epoch: {} Average loss: {:.4f}".format(epoch, train_loss / len(data)))
with torch.no_grad():
    sample = model.decode(torch.linspace(-1, 1, 8).reshape(2, 4)).cpu()
    print(sample.view(2, 1, 8, 8)[0, 0, :2])


# conv autoencoder
class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.ReLU(True),
            nn.Conv2d(4, 8, 3, stride=2, padding=1),
            nn.ReLU(True),
        )
        self.dec = nn.Sequential(
            nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(True),
            nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.dec(self.enc(x))


ae = AE()
for i, p in enumerate(ae.parameters()):
    p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * 0.3)
opt = torch.optim.Adam(ae.parameters(), lr=0.01, weight_decay=1e-5)
for e in range(5):
    out = ae(data)
    loss = nn.MSELoss()(out, data)
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"epoch [{e + 1}/5], loss:{loss.item():.4f}")
