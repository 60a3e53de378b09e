"""Channels of groups in turn."""

from __future__ import annotations

from typing import Any

from gradviz.engine.nn import functional as F
from gradviz.engine.nn.modules.module import Module


class ChannelShuffle(Module):
    """Channels of all groups in turn."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Any:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


__all__ = ["ChannelShuffle"]
