# A network that learns a parabola, with SGD written out. Look at one step: forward, backward, then the update, which
# no_grad keeps out of the graph; then hold the arrow key over many and watch the gradients shrink.
import torch

x = torch.linspace(-1, 1, 16).reshape(16, 1)
target = x * x

hidden_weight = torch.linspace(-2, 2, 6).reshape(1, 6).requires_grad_()
hidden_bias = torch.full((6,), -0.75, requires_grad=True)
output_weight = torch.full((6, 1), 0.3, requires_grad=True)
output_bias = torch.zeros(1, requires_grad=True)
parameters = [hidden_weight, hidden_bias, output_weight, output_bias]
learning_rate = 0.2

for step in range(41):
    hidden = torch.tanh(x @ hidden_weight + hidden_bias)
    prediction = hidden @ output_weight + output_bias
    loss = ((prediction - target) ** 2).mean()
    loss.backward()

    with torch.no_grad():
        for parameter in parameters:
            parameter -= learning_rate * parameter.grad
            parameter.grad = None

    if step % 10 == 0:
        print(f"step {step:2}  loss {loss.item():.4f}")
