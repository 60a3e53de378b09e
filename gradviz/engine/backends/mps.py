"""``torch.backends.mps``: Apple's GPUs, which are not computed on."""


def is_available() -> bool:
    return False


def is_built() -> bool:
    return False
