import math
import time
import torch
from torch import nn, Tensor
from torch.nn import TransformerEncoder, TransformerEncoderLayer


class PositionalEncoding(nn.Module):
    def __init__(self, d_model: int, dropout: float = 0.1, max_len: int = 50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer('pe', pe)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.pe[:x.size(0)]
        return self.dropout(x)


class TransformerModel(nn.Module):
    def __init__(self, ntoken: int, d_model: int, nhead: int, d_hid: int, nlayers: int, dropout: float = 0.5):
        super().__init__()
        self.model_type = 'Transformer'
        self.pos_encoder = PositionalEncoding(d_model, dropout)
        encoder_layers = TransformerEncoderLayer(d_model, nhead, d_hid, dropout)
        self.transformer_encoder = TransformerEncoder(encoder_layers, nlayers)
        self.embedding = nn.Embedding(ntoken, d_model)
        self.d_model = d_model
        self.linear = nn.Linear(d_model, ntoken)
        self.init_weights()

    def init_weights(self) -> None:
        initrange = 0.1
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.linear.bias.data.zero_()
        self.linear.weight.data.uniform_(-initrange, initrange)

    def forward(self, src: Tensor, src_mask: Tensor = None) -> Tensor:
        src = self.embedding(src) * math.sqrt(self.d_model)
        src = self.pos_encoder(src)
        if src_mask is None:
            src_mask = nn.Transformer.generate_square_subsequent_mask(len(src))
        return self.linear(self.transformer_encoder(src, src_mask))


ntokens, bptt = 17, 8
data = (torch.arange(200) * 7 % 13 + torch.arange(200) % 3)


def batchify(data: Tensor, bsz: int) -> Tensor:
    seq_len = data.size(0) // bsz
    data = data[:seq_len * bsz]
    return data.view(bsz, seq_len).t().contiguous()


def get_batch(source, i):
    seq_len = min(bptt, len(source) - 1 - i)
    return source[i:i + seq_len], source[i + 1:i + 1 + seq_len].reshape(-1)


train_data = batchify(data, 5)
model = TransformerModel(ntokens, 16, 2, 16, 2, 0.0)
with torch.no_grad():
    for i, p in enumerate(model.parameters()):
        p.copy_(torch.sin(torch.arange(p.numel()) * .71 + i).view_as(p) * .2)
criterion = nn.CrossEntropyLoss()
lr = 1.0
optimizer = torch.optim.SGD(model.parameters(), lr=lr)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1.0, gamma=0.95)
best = float('inf')
for epoch in range(1, 3):
    model.train()
    total_loss = 0.
    start_time = time.time()
    for batch, i in enumerate(range(0, train_data.size(0) - 1, bptt)):
        x, targets = get_batch(train_data, i)
        output = model(x)
        loss = criterion(output.view(-1, ntokens), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        total_loss += loss.item()
        if batch % 2 == 0 and batch > 0:
            cur = total_loss / (batch + 1)
            print(f'| epoch {epoch:3d} | {batch:5d} | lr {scheduler.get_last_lr()[0]:02.2f} | loss {cur:5.2f} | ppl {math.exp(cur):8.1f}')
    model.eval()
    with torch.no_grad():
        val = sum(len(get_batch(train_data, i)[0]) * criterion(model(get_batch(train_data, i)[0]).view(-1, ntokens), get_batch(train_data, i)[1]).item()
                  for i in range(0, train_data.size(0) - 1, bptt)) / (len(train_data) - 1)
    print(round(val, 3))
    scheduler.step()
print(model)
tr = nn.Transformer(d_model=8, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16, dropout=0., batch_first=True)
for i, p in enumerate(tr.parameters()):
    p.data = torch.cos(torch.arange(p.numel()) * .6 + i).view_as(p) * .3
s, t = torch.arange(48.).sin().view(2, 3, 8), torch.arange(64.).cos().view(2, 4, 8)
pad = torch.tensor([[False, False, True], [False] * 3])
o = tr(s, t, tgt_mask=nn.Transformer.generate_square_subsequent_mask(4), src_key_padding_mask=pad, memory_key_padding_mask=pad)
o.pow(2).mean().backward()
print(o.shape, round(o[0, 0].abs().sum().item(), 3), round(tr.encoder.layers[0].self_attn.in_proj_weight.grad.abs().sum().item(), 3))
