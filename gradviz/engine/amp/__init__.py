"""``torch.amp``: scaled losses, and autocast as far as nothing is cast."""

from gradviz.engine.amp.autocast import autocast
from gradviz.engine.amp.scaler import GradScaler

__all__ = ["GradScaler", "autocast"]
