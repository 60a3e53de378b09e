import torch
from torch.autograd import Function, gradcheck, gradgradcheck
from torch.autograd.function import once_differentiable


class LinearFunction(Function):
    @staticmethod
    def forward(input, weight, bias):
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def setup_context(ctx, inputs, output):
        input, weight, bias = inputs
        ctx.save_for_backward(input, weight, bias)

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class MulConstant(Function):
    @staticmethod
    def forward(tensor, constant):
        return tensor * constant

    @staticmethod
    def setup_context(ctx, inputs, output):
        tensor, constant = inputs
        ctx.set_materialize_grads(False)
        ctx.constant = constant

    @staticmethod
    def backward(ctx, grad_output):
        if grad_output is None:
            return None, None
        return grad_output * ctx.constant, None


linear = LinearFunction.apply
input = (torch.arange(60, dtype=torch.double).sin().view(3, 20).requires_grad_(),
         torch.arange(100, dtype=torch.double).cos().view(5, 20).requires_grad_(),
         torch.arange(5, dtype=torch.double).requires_grad_())
print(gradcheck(linear, input, eps=1e-6, atol=1e-4))
out = linear(*input)
print(out.grad_fn.name(), out.shape, type(out.grad_fn).__mro__[0].__name__)
out.sum().backward()
print(input[2].grad, round(input[1].grad.sum().item(), 4))
x = torch.tensor([1., 2.], requires_grad=True)
print(MulConstant.apply(x, 5).sum())
MulConstant.apply(x, 5).sum().backward()
print(x.grad)


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 2

    @staticmethod
    def backward(ctx, grad_out):
        x, = ctx.saved_tensors
        return grad_out * 2 * x


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        result = torch.exp(x)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, grad_out):
        result, = ctx.saved_tensors
        return result * grad_out


class Sinh(Function):
    @staticmethod
    def forward(ctx, x):
        expx = torch.exp(x)
        expnegx = torch.exp(-x)
        ctx.save_for_backward(expx, expnegx)
        return (expx - expnegx) / 2, expx, expnegx

    @staticmethod
    def backward(ctx, grad_out, _grad_out_exp, _grad_out_negexp):
        expx, expnegx = ctx.saved_tensors
        grad_input = grad_out * (expx + expnegx) / 2
        grad_input += _grad_out_exp * expx
        grad_input -= _grad_out_negexp * expnegx
        return grad_input


class Clamp01(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_non_differentiable(mask := (x > 0) & (x < 1))
        ctx.save_for_backward(mask)
        return x.clamp(0, 1), mask

    @staticmethod
    @once_differentiable
    def backward(ctx, g, _):
        mask, = ctx.saved_tensors
        return g * mask


x = torch.rand(3, 3, requires_grad=True, dtype=torch.double)
print(gradcheck(Square.apply, x), gradgradcheck(Square.apply, x))
print(gradcheck(Exp.apply, x), gradgradcheck(Exp.apply, x))
print(gradcheck(lambda t: Sinh.apply(t)[0], x), gradgradcheck(lambda t: Sinh.apply(t)[0], x))
x = torch.tensor(0.5, requires_grad=True, dtype=torch.double)
y = Sinh.apply(x)[0]
g, = torch.autograd.grad(y, x, create_graph=True)
gg, = torch.autograd.grad(g, x)
print(y, g, gg)
v = torch.tensor([-1., .5, 2.], requires_grad=True)
c, m = Clamp01.apply(v)
c.sum().backward()
print(c, m, v.grad, m.requires_grad)
v.grad = None
c, m = Clamp01.apply(v)
g, = torch.autograd.grad(c.sum(), v, create_graph=True)
try:
    g.sum().backward()
except RuntimeError as e:
    print(e)
