"""``torch.backends.openmp``: threads inside an op; the engine has NumPy's own means."""


def is_available() -> bool:
    return False
