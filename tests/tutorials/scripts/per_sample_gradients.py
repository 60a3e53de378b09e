"""The tutorials on per-sample gradients, ensembles, Jacobians and Hessians by torch.func."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, vmap, grad

torch.manual_seed(0)


class SimpleCNN(nn.Module):
    def __init__(self):
        super(SimpleCNN, self).__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, 1)
        self.fc1 = nn.Linear(4 * 3 * 3, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(x, 2)
        x = torch.flatten(x, 1)
        return F.log_softmax(self.fc1(x), dim=1)


def loss_fn(predictions, targets):
    return F.nll_loss(predictions, targets)


data = (torch.arange(6 * 64.0) * 0.37).sin().reshape(6, 1, 8, 8)
targets = torch.arange(6) % 10
model = SimpleCNN()
for i, p in enumerate(model.parameters()):
    p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i)).sin() * 0.3)
predictions = model(data)
loss = loss_fn(predictions, targets)
loss.backward()
print(loss)


def compute_grad(sample, target):
    sample = sample.unsqueeze(0)
    target = target.unsqueeze(0)
    return torch.autograd.grad(loss_fn(model(sample), target), list(model.parameters()))


sample_grads = [torch.stack(s) for s in zip(*[compute_grad(data[i], targets[i]) for i in range(6)])]
print(sample_grads[0].shape)
params = {k: v.detach() for k, v in model.named_parameters()}
buffers = {k: v.detach() for k, v in model.named_buffers()}


def compute_loss(params, buffers, sample, target):
    batch = sample.unsqueeze(0)
    targets = target.unsqueeze(0)
    return loss_fn(functional_call(model, (params, buffers), (batch,)), targets)


ft_compute_grad = grad(compute_loss)
ft_compute_sample_grad = vmap(ft_compute_grad, in_dims=(None, None, 0, 0))
ft = ft_compute_sample_grad(params, buffers, data, targets)
for per, f in zip(sample_grads, ft.values()):
    print(torch.allclose(per, f, atol=3e-3, rtol=1e-5), f.shape)
print({k: round(v.norm().item(), 4) for k, v in ft.items()})
# model ensembling
import copy
from torch.func import stack_module_state


class MLP(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.fc1 = nn.Linear(64, 8)
        self.fc2 = nn.Linear(8, n)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


models = [MLP() for _ in range(4)]
for j, m in enumerate(models):
    for i, p in enumerate(m.parameters()):
        p.data.copy_((torch.arange(p.numel()).reshape(p.shape) * (0.61 + i + j)).sin() * 0.1)
params, buffers = stack_module_state(models)
base_model = copy.deepcopy(models[0])


def fmodel(params, buffers, x):
    return functional_call(base_model, (params, buffers), (x,))


print([(k, v.shape) for k, v in params.items()])
mb = data.repeat(2, 1, 1, 1).reshape(4, 3, 1, 8, 8)
p1 = vmap(fmodel)(params, buffers, mb)
p2 = vmap(fmodel, in_dims=(0, 0, None))(params, buffers, data[:3])
print(p1.shape, torch.allclose(p1, torch.stack([m(x) for m, x in zip(models, mb)]), atol=1e-5), p2[1])
# jacobians hessians
from torch.func import jacrev, jacfwd, vjp, jvp, hessian


def predict(weight, bias, x):
    return F.linear(x, weight, bias).tanh()


D = 4
weight = (torch.arange(16.0).reshape(4, 4)).sin()
bias = torch.arange(4.0).cos()
x = torch.linspace(-1, 1, 4)
print(jacrev(predict, argnums=2)(weight, bias, x))
print(
    torch.allclose(jacfwd(predict, argnums=2)(weight, bias, x), jacrev(predict, argnums=2)(weight, bias, x))
)
print(hessian(lambda x: predict(weight, bias, x).sum())(x))
cj = vmap(jacrev(predict, argnums=2), in_dims=(None, None, 0))
print(cj(weight, bias, torch.stack([x, x + 1])).shape)


def hvp(f, primals, tangents):
    return jvp(grad(f), primals, tangents)[1]


print(hvp(lambda x: x.sin().sum(), (x,), (torch.ones(4),)))
