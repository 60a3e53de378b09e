import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader

series = torch.from_numpy(np.sin(np.arange(120) * .2).astype(np.float32))


def windows(x, n=10):
    X = x.unfold(0, n, 1)[:-1]
    return X.unsqueeze(-1).contiguous(), x[n:].unsqueeze(-1)


X, y = windows(series)
print(X.shape, y.shape)
train = DataLoader(TensorDataset(X[:80], y[:80]), batch_size=20, drop_last=True)


class LSTM(nn.Module):
    def __init__(self, input_size=1, hidden_layer_size=8, num_layers=2, output_size=1):
        super().__init__()
        self.num_layers, self.hidden = num_layers, hidden_layer_size
        self.lstm = nn.LSTM(input_size, hidden_layer_size, num_layers, batch_first=True, dropout=0.0, bidirectional=False)
        self.linear = nn.Linear(hidden_layer_size, output_size)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden).to(x.device)
        c0 = torch.zeros(self.num_layers, x.size(0), self.hidden).to(x.device)
        out, (hn, cn) = self.lstm(x, (h0.detach(), c0.detach()))
        return self.linear(out[:, -1, :])


model = LSTM()
for i, p in enumerate(model.parameters()):
    with torch.no_grad():
        p.copy_(torch.sin(torch.arange(float(p.numel())) * 2.1 + i).reshape(p.shape) * .35)
print(model)
print([tuple(p.shape) for p in model.parameters()], [n for n, _ in model.lstm.named_parameters()])
loss_function = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(5):
    model.train()
    hist = np.zeros(len(train))
    for b, (xb, yb) in enumerate(train):
        y_pred = model(xb)
        loss = loss_function(y_pred, yb)
        hist[b] = loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        rmse = torch.sqrt(loss_function(model(X[80:]), y[80:]))
    print(f"epoch {epoch} train {hist.mean():.4f} rmse {rmse:.4f}")
window = X[-1:].clone()
preds = []
with torch.no_grad():
    for _ in range(4):
        p = model(window)
        preds.append(round(p.item(), 3))
        window = torch.cat((window[:, 1:], p.unsqueeze(1)), 1)
print(preds)
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
seqs = [series[:7], series[3:8], series[:2]]
lengths = torch.tensor([len(s) for s in seqs])
padded = pad_sequence(seqs, batch_first=True)
print(padded.shape)
packed = pack_padded_sequence(padded.unsqueeze(-1), lengths, batch_first=True, enforce_sorted=True)
bi = nn.GRU(1, 3, bidirectional=True, batch_first=True)
for i, p in enumerate(bi.parameters()):
    p.data = torch.cos(torch.arange(p.numel()) + float(i)).view(p.shape)
out, h = bi(packed)
out, lens = pad_packed_sequence(out, batch_first=True)
out.sum().backward()
print(out.shape, lens, h.shape, round(out.sum().item(), 4), round(bi.weight_hh_l0.grad.abs().sum().item(), 4))
print(packed.batch_sizes, packed.data.shape)
