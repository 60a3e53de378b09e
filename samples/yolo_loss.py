# A detection loss written by hand, from boxes to gradients. Look at iou: it is a chain of min, max and quotients, and
# cells without an object get a gradient only through their confidence. Ask why pred.grad is zero for their boxes.
import torch

CELLS = 4  # a grid of 2 x 2; each cell predicts x, y, w, h, confidence and two classes

pred = torch.linspace(-1.5, 1.5, CELLS * 7).view(CELLS, 7).requires_grad_()
target = torch.tensor([[0.5, 0.4, 0.6, 0.8, 1.0, 0.0, 1.0], [0.0] * 7, [0.0] * 7, [0.7, 0.6, 0.3, 0.4, 1.0, 1.0, 0.0]])
has_object = target[:, 4] == 1


def corners(box):
    half = box[:, 2:4] / 2
    return box[:, :2] - half, box[:, :2] + half


def iou(a, b):
    (low_a, high_a), (low_b, high_b) = corners(a), corners(b)
    sides = (torch.minimum(high_a, high_b) - torch.maximum(low_a, low_b)).clamp(min=0)
    overlap = sides.prod(dim=1)
    return overlap / (a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - overlap + 1e-9)


boxes = torch.cat([pred[:, :2].sigmoid(), pred[:, 2:4].exp() * 0.5], dim=1)
confidence = pred[:, 4].sigmoid()
quality = iou(boxes[has_object], target[has_object])

place = ((boxes[has_object, :2] - target[has_object, :2]) ** 2).sum()
size = ((boxes[has_object, 2:].sqrt() - target[has_object, 2:4].sqrt()) ** 2).sum()
found = ((confidence[has_object] - quality.detach()) ** 2).sum()
empty = (confidence[~has_object] ** 2).sum()
classes = torch.nn.functional.cross_entropy(pred[has_object, 5:], target[has_object, 5:].argmax(dim=1))
loss = 5 * place + 5 * size + found + 0.5 * empty + classes + (1 - quality).sum()

loss.backward()
print("loss", round(loss.item(), 4), "iou", [round(q, 4) for q in quality.tolist()])
print("boxes of empty cells", pred.grad[~has_object, :4].abs().sum().item())
print("confidence", [round(g, 4) for g in pred.grad[:, 4].tolist()])
