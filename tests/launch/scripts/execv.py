import os, sys, atexit
atexit.register(print, "never")
print("before", flush=True)
os.execv(sys.executable, [sys.executable, "-c", "import sys; print('after', sys.argv); sys.exit(7)", "x"])
