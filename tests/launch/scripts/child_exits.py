import os, sys
pid = os.fork()
if pid == 0:
    print("child", flush=True); sys.exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
