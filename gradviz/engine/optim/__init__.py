"""``torch.optim``: what changes parameters along their gradients, and what schedules their rates."""

from __future__ import annotations

from typing import Any

from gradviz.engine.optim import lr_scheduler
from gradviz.engine.optim.adadelta import Adadelta
from gradviz.engine.optim.adafactor import Adafactor
from gradviz.engine.optim.adagrad import Adagrad
from gradviz.engine.optim.adam import Adam, Adamax, AdamW, NAdam, RAdam, SparseAdam
from gradviz.engine.optim.asgd import ASGD
from gradviz.engine.optim.lbfgs import LBFGS
from gradviz.engine.optim.muon import Muon
from gradviz.engine.optim.optimizer import Optimizer
from gradviz.engine.optim.rmsprop import RMSprop
from gradviz.engine.optim.rprop import Rprop
from gradviz.engine.optim.sgd import SGD


def __getattr__(name: str) -> Any:
    if name == "swa_utils":  # it needs torch.nn
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    from gradviz.engine.missing import error

    raise error("torch.optim", name)


__all__ = ["ASGD", "LBFGS", "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Muon", "NAdam",
           "Optimizer", "RAdam", "RMSprop", "Rprop", "SparseAdam", "lr_scheduler", "swa_utils"]
