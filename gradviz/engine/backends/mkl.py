"""``torch.backends.mkl``: Intel's library for matrices; the engine has NumPy's own means."""


def is_available() -> bool:
    return False
