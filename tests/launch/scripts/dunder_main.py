import sys, types
print(type(__loader__).__name__, __builtins__.__name__, __package__, __name__, sys.modules["__main__"].__file__ == __file__)
print(__annotations__, __doc__, isinstance(__builtins__, types.ModuleType), sys.flags.safe_path)
