"""``torch.version``: whose rules these are, and that no GPU is built in."""

__version__ = "2.13.0+gradviz"
cuda = None
hip = None
debug = False
