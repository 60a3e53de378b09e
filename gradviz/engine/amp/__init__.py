"""``torch.amp``: regions that cast, and scaled losses."""

from gradviz.engine.amp.autocast import autocast, get_autocast_dtype, is_autocast_available, is_autocast_enabled
from gradviz.engine.amp.custom import custom_bwd, custom_fwd
from gradviz.engine.amp.scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "get_autocast_dtype", "is_autocast_available",
           "is_autocast_enabled"]
