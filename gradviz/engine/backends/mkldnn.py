"""``torch.backends.mkldnn``: Intel's library for layers; the engine has NumPy's own means."""


def is_available() -> bool:
    return False
