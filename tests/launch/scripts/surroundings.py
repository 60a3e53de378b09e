import sys, os, warnings, site, __main__, importlib, inspect, linecache
print(sys.flags, sys._xoptions, sys.warnoptions, sys.dont_write_bytecode)
print(sys.orig_argv[0] == sys.executable, sys.path[0], len(sys.path), sys.meta_path and len(sys.meta_path) > 2)
print(sorted(k for k in os.environ if "GRADVIZ" in k), [f for f in warnings.filters][:2])
print(__main__.__spec__, __main__.__loader__.__class__.__name__, __builtins__.__name__, __doc__, __annotations__)
print(inspect.getsource(sys.modules["__main__"])[:20], inspect.getfile(inspect.currentframe()) == __file__)
print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.breakpointhook is sys.__breakpointhook__, sys.unraisablehook is sys.__unraisablehook__)
print(os.getcwd() == os.path.dirname(os.path.abspath(__file__)), sys.argv)
print(os.dup(0))  # the next free descriptor
import hashlib, random; print(random.Random(3).random(), hash("a") == hash("a"))
print(sys.stdin.readline())
import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE), os.umask(0o22))
x: int = 3
print(__annotations__)
