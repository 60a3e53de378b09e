import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical, Normal, Bernoulli, Uniform, kl_divergence


class Policy(nn.Module):
    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(4, 16)
        self.action_head = nn.Linear(16, 2)
        self.value_head = nn.Linear(16, 1)
        self.saved_actions, self.rewards = [], []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


model = Policy()
for i, p in enumerate(model.parameters()):
    p.data.copy_(torch.sin(torch.arange(p.numel()) * 1.2 + i).view_as(p) * .4)
optimizer = optim.Adam(model.parameters(), lr=3e-2)
eps = torch.finfo(torch.float32).eps


def select_action(state, t):
    probs, value = model(torch.as_tensor(state).float())
    m = Categorical(probs)
    action = torch.tensor(t % 2)
    assert m.sample().shape == ()
    model.saved_actions.append((m.log_prob(action), value, m.entropy()))
    return action.item()


for episode in range(3):
    state = [.1 * episode, .2, -.1, .3]
    for t in range(8):
        a = select_action(state, t + episode)
        state = [s * .9 + (.1 if a else -.1) for s in state]
        model.rewards.append(1.0 - abs(state[0]))
    R, returns, policy_losses, value_losses = 0, [], [], []
    for r in model.rewards[::-1]:
        R = r + .99 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    ent = 0
    for (log_prob, value, e), R in zip(model.saved_actions, returns):
        advantage = R - value.item()
        policy_losses.append(-log_prob * advantage)
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
        ent = ent + e
    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum() - .01 * ent
    loss.backward()
    optimizer.step()
    model.rewards.clear()
    del model.saved_actions[:]
    print(episode, round(loss.item(), 3))
# gaussian policy, PPO clip
mu = torch.tensor([.1, -.3], requires_grad=True)
log_std = torch.zeros(2, requires_grad=True)
dist = Normal(mu, log_std.exp())
act = torch.tensor([[.5, .2], [-.4, 1.]])
lp = dist.log_prob(act).sum(-1)
ratio = torch.exp(lp - lp.detach() + .1)
adv = torch.tensor([1., -1.])
loss = -torch.min(ratio * adv, torch.clamp(ratio, .95, 1.05) * adv).mean() - .01 * dist.entropy().sum()
loss.backward()
print(loss, mu.grad, log_std.grad, lp.grad_fn.name(), dist)
q = Normal(torch.zeros(2), torch.ones(2))
print(kl_divergence(Normal(mu, log_std.exp()), q), q.rsample().shape, q.sample((3,)).shape, dist.rsample().requires_grad, dist.sample().requires_grad)
c1, c2 = Categorical(logits=torch.tensor([[1., 2., 3.]], requires_grad=True)), Categorical(torch.tensor([[.2, .3, .5]]))
print(c1, c2, kl_divergence(c1, c2), c1.probs, c2.logits, c2.mode, c1.batch_shape, c1.log_prob(torch.tensor([[1], [2]])))
b = Bernoulli(torch.tensor([.3, .9], requires_grad=True))
print(b, b.log_prob(torch.tensor([1., 0.])), b.entropy(), b.mean, b.variance, b.stddev, kl_divergence(b, Bernoulli(logits=torch.zeros(2))))
u = Uniform(torch.tensor([0., 1.]), 3.)
print(u, u.log_prob(torch.tensor([1., 2.])), u.mean, u.variance, u.entropy())
n = Normal(0., 1.)
print(n, n.log_prob(torch.tensor(.5)), n.cdf(torch.tensor(.5)), n.icdf(torch.tensor(.7)), n.mean, n.stddev)
d = torch.distributions
for f in (lambda: d.Normal(0., -1.), lambda: d.Categorical(torch.tensor([-.2, .8])), lambda: d.Normal(torch.zeros(2), 1.).log_prob(torch.zeros(3)),
          lambda: d.Categorical(torch.tensor([.2, .8])).log_prob(torch.tensor(4)), lambda: d.Categorical(), lambda: d.Categorical(torch.tensor(.5)),
          lambda: Normal(torch.tensor([float('nan')]), 1.), lambda: Bernoulli(torch.tensor([.5])).log_prob(torch.tensor([2.])), lambda: Bernoulli(1.5), lambda: Uniform(2., 1.),
          lambda: u.log_prob(torch.tensor([5., 2.])), lambda: n.log_prob(3), lambda: Categorical(logits=torch.tensor([float('nan'), 1.]))):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)
