"""Names of people by their language, letter by letter, as the tutorial on character-level recurrent networks has it."""

import torch, string, unicodedata
import torch.nn as nn
import torch.nn.functional as F

allowed_characters = string.ascii_letters + " .,;'" + "_"
n_letters = len(allowed_characters)


def unicodeToAscii(s):
    return "".join(
        c
        for c in unicodedata.normalize("NFD", s)
        if unicodedata.category(c) != "Mn" and c in allowed_characters
    )


print(f"converting 'Ślusàrski' to {unicodeToAscii('Ślusàrski')}")


def letterToIndex(letter):
    return allowed_characters.find(letter) if letter in allowed_characters else allowed_characters.find("_")


def lineToTensor(line):
    tensor = torch.zeros(len(line), 1, n_letters)
    for li, letter in enumerate(line):
        tensor[li][0][letterToIndex(letter)] = 1
    return tensor


print(lineToTensor("Ahn").shape, lineToTensor("a")[0, 0].nonzero())


class CharRNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super(CharRNN, self).__init__()
        self.rnn = nn.RNN(input_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, line_tensor):
        rnn_out, hidden = self.rnn(line_tensor)
        output = self.h2o(hidden[0])
        output = self.softmax(output)
        return output


rnn = CharRNN(n_letters, 24, 3)
print(rnn)
for i, p in enumerate(rnn.parameters()):
    p.data = (torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * 0.2
data = [("Albert", 0), ("Satoshi", 1), ("Ivanov", 2), ("Bernard", 0), ("Hiroto", 1), ("Petrov", 2)]
labels = ["French", "Japanese", "Russian"]


def label_from_output(output, output_labels):
    top_n, top_i = output.topk(1)
    label_i = top_i[0].item()
    return output_labels[label_i], label_i


print(rnn(lineToTensor("Albert")))
opt = torch.optim.SGD(rnn.parameters(), lr=0.05)
crit = nn.NLLLoss()
for epoch in range(1, 9):
    rnn.zero_grad()
    batch_loss = 0
    for name, y in data:
        output = rnn.forward(lineToTensor(name))
        batch_loss += crit(output, torch.tensor([y]))
    batch_loss.backward()
    nn.utils.clip_grad_norm_(rnn.parameters(), 3)
    opt.step()
    opt.zero_grad()
    print(f"{epoch} ({epoch / 8:.0%}): \t average batch loss = {batch_loss.item() / len(data):.4f}")
confusion = torch.zeros(3, 3)
with torch.no_grad():
    for name, y in data:
        guess, gi = label_from_output(rnn(lineToTensor(name)), labels)
        confusion[y][gi] += 1
        print(name, guess)
for i in range(3):
    denom = confusion[i].sum()
    if denom > 0:
        confusion[i] = confusion[i] / denom
print(confusion)
