import os, sys, atexit, threading
atexit.register(print, "at exit", flush=True)
sys.stdout.flush()
for how in ("_exit", "exit", "raise", "fall"):
    pid = os.fork()
    if pid == 0:
        if how == "_exit": os._exit(3)
        if how == "exit": sys.exit(4)
        if how == "raise": raise ValueError("child")
        break
    print(how, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
else:
    print("parent", threading.active_count(), flush=True)
print("end", how, flush=True)
