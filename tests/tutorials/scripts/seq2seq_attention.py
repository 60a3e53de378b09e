from __future__ import unicode_literals, print_function, division
import random
import torch
import torch.nn as nn
from torch import optim
import torch.nn.functional as F

SOS_token, EOS_token, MAX_LENGTH = 0, 1, 6
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Lang:
    def __init__(self, name):
        self.name, self.word2index, self.index2word, self.n_words = name, {}, {0: "SOS", 1: "EOS"}, 2

    def addSentence(self, sentence):
        for word in sentence.split(' '):
            if word not in self.word2index:
                self.word2index[word] = self.n_words
                self.index2word[self.n_words] = word
                self.n_words += 1


pairs = [("je suis froid", "i am cold"), ("je suis ici", "i am here"), ("il est grand", "he is tall")]
src, dst = Lang("fra"), Lang("eng")
for a, b in pairs:
    src.addSentence(a)
    dst.addSentence(b)


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size, dropout_p=0.0):
        super(EncoderRNN, self).__init__()
        self.embedding = nn.Embedding(input_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.dropout = nn.Dropout(dropout_p)

    def forward(self, input):
        return self.gru(self.dropout(self.embedding(input)))


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.Wa = nn.Linear(hidden_size, hidden_size)
        self.Ua = nn.Linear(hidden_size, hidden_size)
        self.Va = nn.Linear(hidden_size, 1)

    def forward(self, query, keys):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys)))
        scores = scores.squeeze(2).unsqueeze(1)
        weights = F.softmax(scores, dim=-1)
        return torch.bmm(weights, keys), weights


class AttnDecoderRNN(nn.Module):
    def __init__(self, hidden_size, output_size):
        super().__init__()
        self.embedding = nn.Embedding(output_size, hidden_size)
        self.attention = BahdanauAttention(hidden_size)
        self.gru = nn.GRU(2 * hidden_size, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, encoder_outputs, encoder_hidden, target_tensor=None):
        batch_size = encoder_outputs.size(0)
        decoder_input = torch.empty(batch_size, 1, dtype=torch.long, device=device).fill_(SOS_token)
        decoder_hidden = encoder_hidden
        outs, attns = [], []
        for i in range(MAX_LENGTH):
            o, decoder_hidden, w = self.forward_step(decoder_input, decoder_hidden, encoder_outputs)
            outs.append(o)
            attns.append(w)
            if target_tensor is not None:
                decoder_input = target_tensor[:, i].unsqueeze(1)
            else:
                _, topi = o.topk(1)
                decoder_input = topi.squeeze(-1).detach()
        outs = F.log_softmax(torch.cat(outs, dim=1), dim=-1)
        return outs, decoder_hidden, torch.cat(attns, dim=1)

    def forward_step(self, input, hidden, encoder_outputs):
        embedded = self.embedding(input)
        context, w = self.attention(hidden.permute(1, 0, 2), encoder_outputs)
        output, hidden = self.gru(torch.cat((embedded, context), dim=2), hidden)
        return self.out(output), hidden, w


def indexes(lang, s):
    ids = [lang.word2index[w] for w in s.split(' ')] + [EOS_token]
    return torch.tensor(ids + [0] * (MAX_LENGTH - len(ids)), dtype=torch.long, device=device)


enc, dec = EncoderRNN(src.n_words, 12).to(device), AttnDecoderRNN(12, dst.n_words).to(device)
for m in (enc, dec):
    for i, p in enumerate(m.parameters()):
        nn.init.constant_(p, 0.)
        p.data.add_(torch.sin(torch.arange(p.numel()) * .9 + i).view_as(p) * .4)
eo, do = optim.Adam(enc.parameters(), lr=.02), optim.Adam(dec.parameters(), lr=.02)
criterion = nn.NLLLoss()
X = torch.stack([indexes(src, a) for a, _ in pairs])
Y = torch.stack([indexes(dst, b) for _, b in pairs])
for epoch in range(1, 9):
    eo.zero_grad()
    do.zero_grad()
    h, hn = enc(X)
    out, _, _ = dec(h, hn, Y)
    loss = criterion(out.view(-1, out.size(-1)), Y.view(-1))
    loss.backward()
    eo.step()
    do.step()
    if epoch % 2 == 0:
        print('%d %.3f' % (epoch, loss.item()))
with torch.no_grad():
    out, _, attn = dec(*enc(X))
    _, topi = out.topk(1)
    for row in topi.squeeze(-1):
        words = []
        for idx in row:
            if idx.item() == EOS_token:
                words.append('<EOS>')
                break
            words.append(dst.index2word[idx.item()])
        print(' '.join(words))
    print(attn.shape)
