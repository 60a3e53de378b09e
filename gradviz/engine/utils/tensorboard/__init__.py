"""``torch.utils.tensorboard``: event files for TensorBoard, through the ``tensorboard`` package.

Raises ModuleNotFoundError without it: ``pip install tensorboard``.
"""

from __future__ import annotations

import tensorboard  # noqa: F401 - said here, before anything is half imported
from tensorboard.summary.writer.record_writer import RecordWriter

from gradviz.engine.utils.tensorboard.writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]
