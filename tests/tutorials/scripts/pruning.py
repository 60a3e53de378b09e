"""The tutorial on pruning."""

import torch
from torch import nn
import torch.nn.utils.prune as prune
import torch.nn.functional as F


class LeNet(nn.Module):
    def __init__(self):
        super(LeNet, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, int(x.nelement() / x.shape[0]))
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def fill(m):
    for i, p in enumerate(m.parameters()):
        p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * 0.2)
    return m


model = fill(LeNet())
module = model.conv1
print(list(dict(module.named_parameters())), list(module.named_buffers()))
print(prune.l1_unstructured(module, name="weight", amount=0.3))
print([n for n, _ in module.named_parameters()], [n for n, _ in module.named_buffers()])
print(module.weight[0], module.weight.grad_fn is not None)
print([type(h).__name__ for h in module._forward_pre_hooks.values()])
prune.l1_unstructured(module, name="bias", amount=3)
print(module.bias)
prune.ln_structured(module, name="weight", amount=0.5, n=2, dim=0)
print(module.weight.abs().sum((1, 2, 3)))
for hook in module._forward_pre_hooks.values():
    if hook._tensor_name == "weight":
        break
print([type(h).__name__ for h in hook])
print(model.state_dict().keys())
x = (torch.arange(2 * 32 * 32.0) * 0.03).sin().reshape(2, 1, 32, 32)
model(x).sum().backward()
print(module.weight_orig.grad[0, 0, 0])
prune.remove(module, "weight")
print([n for n, _ in module.named_parameters()])
new_model = fill(LeNet())
for name, module in new_model.named_modules():
    if isinstance(module, torch.nn.Conv2d):
        prune.l1_unstructured(module, name="weight", amount=0.2)
    elif isinstance(module, torch.nn.Linear):
        prune.l1_unstructured(module, name="weight", amount=0.4)
print(dict(new_model.named_buffers()).keys())
model = fill(LeNet())
parameters_to_prune = (
    (model.conv1, "weight"),
    (model.conv2, "weight"),
    (model.fc1, "weight"),
    (model.fc2, "weight"),
    (model.fc3, "weight"),
)
prune.global_unstructured(parameters_to_prune, pruning_method=prune.L1Unstructured, amount=0.2)
for n in ("conv1", "conv2", "fc1", "fc2", "fc3"):
    w = getattr(model, n).weight
    print("Sparsity in {}.weight: {:.2f}%".format(n, 100.0 * float(torch.sum(w == 0)) / float(w.nelement())))


class FooBarPruningMethod(prune.BasePruningMethod):
    """Prune every other entry in a tensor"""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        mask = default_mask.clone()
        mask.view(-1)[::2] = 0
        return mask


def foobar_unstructured(module, name):
    FooBarPruningMethod.apply(module, name)
    return module


model = fill(LeNet())
foobar_unstructured(model.fc3, name="bias")
print(model.fc3.bias_mask)
opt = torch.optim.SGD(model.parameters(), 0.1)
for _ in range(2):
    loss = F.cross_entropy(model(x), torch.tensor([1, 2]))
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"{loss.item():.4f}", model.fc3.bias[:4])
