"""``torch.utils.hooks``: what registering a hook gives, where programs look for its type."""

from gradviz.engine.autograd.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
