"""The tutorial on sequence models, and packed sequences."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(1)
lstm = nn.LSTM(3, 3)
for i, p in enumerate(lstm.parameters()):
    p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin())
inputs = [(torch.arange(3.0) + i).cos().reshape(1, 3) for i in range(5)]
hidden = (torch.zeros(1, 1, 3), torch.ones(1, 1, 3))
for i in inputs:
    out, hidden = lstm(i.view(1, 1, -1), hidden)
inputs = torch.cat(inputs).view(len(inputs), 1, -1)
hidden = (torch.zeros(1, 1, 3), torch.ones(1, 1, 3))
out, hidden = lstm(inputs, hidden)
print(out.detach())
print(tuple(h.detach() for h in hidden))


def prepare_sequence(seq, to_ix):
    return torch.tensor([to_ix[w] for w in seq], dtype=torch.long)


training_data = [
    ("The dog ate the apple".split(), ["DET", "NN", "V", "DET", "NN"]),
    ("Everybody read that book".split(), ["NN", "V", "DET", "NN"]),
]
word_to_ix = {}
for sent, tags in training_data:
    for word in sent:
        if word not in word_to_ix:
            word_to_ix[word] = len(word_to_ix)
print(word_to_ix)
tag_to_ix = {"DET": 0, "NN": 1, "V": 2}


class LSTMTagger(nn.Module):
    def __init__(self, embedding_dim, hidden_dim, vocab_size, tagset_size):
        super(LSTMTagger, self).__init__()
        self.hidden_dim = hidden_dim
        self.word_embeddings = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim)
        self.hidden2tag = nn.Linear(hidden_dim, tagset_size)

    def forward(self, sentence):
        embeds = self.word_embeddings(sentence)
        lstm_out, _ = self.lstm(embeds.view(len(sentence), 1, -1))
        return F.log_softmax(self.hidden2tag(lstm_out.view(len(sentence), -1)), dim=1)


model = LSTMTagger(6, 6, len(word_to_ix), 3)
for i, p in enumerate(model.parameters()):
    p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * 0.4)
loss_function = nn.NLLLoss()
optimizer = optim.SGD(model.parameters(), lr=0.1)
with torch.no_grad():
    print(model(prepare_sequence(training_data[0][0], word_to_ix)))
for epoch in range(40):
    for sentence, tags in training_data:
        model.zero_grad()
        loss = loss_function(model(prepare_sequence(sentence, word_to_ix)), prepare_sequence(tags, tag_to_ix))
        loss.backward()
        optimizer.step()
with torch.no_grad():
    s = model(prepare_sequence(training_data[0][0], word_to_ix))
    print(s, s.argmax(1))
# packed variable-length classification, bidirectional
from torch.nn.utils.rnn import pad_sequence, pack_padded_sequence, pad_packed_sequence

seqs = [torch.arange(n * 2.0).reshape(n, 2).sin() for n in (4, 2, 3)]
lens = torch.tensor([len(s) for s in seqs])
padded = pad_sequence(seqs, batch_first=True)
rnn = nn.LSTM(2, 3, num_layers=2, batch_first=True, bidirectional=True)
for i, p in enumerate(rnn.parameters()):
    p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * 0.4)
packed = pack_padded_sequence(padded, lens, batch_first=True, enforce_sorted=False)
o, (h, c) = rnn(packed)
unp, l = pad_packed_sequence(o, batch_first=True)
print(unp.shape, l, h.shape)
print(unp[1])
(unp.sum() + c.sum()).backward()
print(rnn.weight_ih_l0.grad[:2])
# word embeddings: CBOW + ngram
E = nn.Embedding(10, 4, padding_idx=0)
print(E.weight[0])
eb = nn.EmbeddingBag(10, 3, mode="mean")
eb.weight.data.copy_(torch.arange(30.0).reshape(10, 3))
print(eb(torch.tensor([1, 2, 4, 5]), torch.tensor([0, 2])))
cell = nn.GRUCell(2, 3)
hx = torch.zeros(1, 3)
for i, p in enumerate(cell.parameters()):
    p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * 0.4)
for t in range(3):
    hx = cell(torch.ones(1, 2) * t, hx)
print(hx)
