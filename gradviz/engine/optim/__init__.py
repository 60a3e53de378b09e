"""``torch.optim``: what changes parameters along their gradients, and what schedules their rates."""

from __future__ import annotations

from typing import Any

from gradviz.engine.optim import lr_scheduler
from gradviz.engine.optim.adadelta import Adadelta
from gradviz.engine.optim.adagrad import Adagrad
from gradviz.engine.optim.adam import Adam, Adamax, AdamW, NAdam, RAdam, SparseAdam
from gradviz.engine.optim.asgd import ASGD
from gradviz.engine.optim.lbfgs import LBFGS
from gradviz.engine.optim.optimizer import Optimizer
from gradviz.engine.optim.rmsprop import RMSprop
from gradviz.engine.optim.rprop import Rprop
from gradviz.engine.optim.sgd import SGD


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.optim", name)


__all__ = ["ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RAdam",
           "RMSprop", "Rprop", "SparseAdam", "lr_scheduler"]
