import torch
import torch.nn as nn
import torch.nn.functional as F


def hook_forward(module_name, grads, hook_backward):
    def hook(module, args, output):
        output.register_hook(hook_backward(module_name, grads))
    return hook


def hook_backward(module_name, grads):
    def hook(grad):
        grads.append((module_name, grad))
    return hook


def get_all_layers(layer, hook_forward, hook_backward, grads):
    for name, mod in layer.named_modules():
        if isinstance(mod, (nn.Linear, nn.BatchNorm1d)):
            mod.register_forward_hook(hook_forward(name, grads, hook_backward))


class Net(nn.Module):
    def __init__(self, norm, depth=4):
        super().__init__()
        self.fc_in = nn.Linear(6, 5)
        self.layers = nn.ModuleList()
        for _ in range(depth):
            self.layers.append(nn.Linear(5, 5))
            if norm:
                self.layers.append(nn.BatchNorm1d(5))
        self.out = nn.Linear(5, 2)

    def forward(self, x):
        x = self.fc_in(x)
        for layer in self.layers:
            x = F.relu(layer(x)) if isinstance(layer, nn.BatchNorm1d) else layer(x)
        return self.out(x)


x = torch.arange(48.).sin().view(8, 6)
y = torch.arange(8) % 2
for norm in (True, False):
    net = Net(norm)
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_((torch.arange(p.numel()) * 1.9 + i).cos().view_as(p) * .6)
    grads = []
    get_all_layers(net, hook_forward, hook_backward, grads)
    F.cross_entropy(net(x), y).backward()
    for name, g in grads:
        print(name, tuple(g.shape), round(g.abs().mean().item(), 4))

activation = {}
def get_activation(name):
    def hook(model, input, output):
        activation[name] = output.detach()
    return hook
handle = net.fc_in.register_forward_hook(get_activation('fc_in'))
net(x)
print(activation['fc_in'].shape, activation['fc_in'].requires_grad)
handle.remove()
net.out.register_full_backward_hook(lambda m, gi, go: print('full', m, [tuple(g.shape) for g in gi], [tuple(g.shape) for g in go]))
net.out.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
net.out.register_full_backward_pre_hook(lambda m, go: print('pre', len(go)))
net(x).sum().backward()
a = torch.ones(5, requires_grad=True)
b = a * 2
h = b.register_hook(lambda g: g * 10)
b.retain_grad()
c = b.sum()
node = b.grad_fn
node.register_hook(lambda gi, go: print('node', gi, go))
node.register_prehook(lambda go: print('prehook', go))
a.register_post_accumulate_grad_hook(lambda p: print('acc', p.grad))
c.backward()
print(a.grad, b.grad)
h.remove()

# optimizer step in backward
params = [torch.ones(3, requires_grad=True), torch.full((3,), 2., requires_grad=True)]
opts = {p: torch.optim.SGD([p], lr=.1) for p in params}
def step_hook(p):
    opts[p].step()
    opts[p].zero_grad()
for p in params:
    p.register_post_accumulate_grad_hook(step_hook)
(params[0] * params[1]).sum().backward()
print(params, [p.grad for p in params])
opt = torch.optim.SGD(net.parameters(), lr=.1)
opt.register_step_post_hook(lambda o, a, k: print('stepped', type(o).__name__))
net(x).mean().backward()
opt.step()
# multi grad hook
t = [torch.ones(2, requires_grad=True) for _ in range(2)]
torch.autograd.graph.register_multi_grad_hook(t, lambda gs: print('multi', gs))
(t[0] * 3 + t[1]).sum().backward()
# saved tensor hooks
store = []
def pack(t):
    store.append(t.shape)
    return t.numpy().copy() if not t.requires_grad else t.detach().numpy().copy()
def unpack(n):
    return torch.from_numpy(n)
w = torch.arange(1., 4., requires_grad=True)
with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
    l = (w.exp() * w).sum()
l.backward()
print(store, w.grad)
with torch.autograd.graph.save_on_cpu():
    l = (w ** 3).sum()
l.backward()
print(w.grad)
