"""
>>> 1 + 1
2
>>> f(3)
7
"""
import doctest, runpy, sys
def f(x):
    """
    >>> f(2)
    4
    """
    return 2 * x
if __name__ == "__main__":
    print(doctest.testmod())
    open_ = runpy.run_path("part.py", run_name="part"); print(open_["value"], sys.argv[0], __name__)
    print(runpy.run_module("part", run_name="__main__")["value"])
    sys.exit(doctest.testmod(verbose=False).failed)
