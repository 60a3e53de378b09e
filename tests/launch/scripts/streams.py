import sys, io, contextlib, logging, os
print(type(sys.stdout), sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering, sys.stdout.name, sys.stdout.mode)
print(sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, sys.stdin is sys.__stdin__)
with contextlib.redirect_stdout(io.StringIO()) as f:
    print("hidden")
print(repr(f.getvalue()))
with contextlib.redirect_stderr(sys.stdout): print("to out", file=sys.stderr)
logging.basicConfig(level="INFO", stream=sys.stdout, format="%(levelname)s %(funcName)s %(lineno)d %(filename)s %(name)s"); logging.info("hello")
h = logging.StreamHandler(); log = logging.getLogger("x"); log.addHandler(h); log.warning("warned"); 
sys.stdout.reconfigure(line_buffering=True, errors="replace", encoding="ascii"); print("é"); print("a", end="", flush=True); sys.stdout.write("b\n")
os.write(1, b"raw\n"); sys.stdout.buffer.write(b"buf\n"); sys.stdout.flush()
print(sys.stdout.fileno(), sys.stdout.isatty(), sys.stdout.writable())
old = sys.stdout
class W:
    def write(self, s): old.write(s.upper()); return len(s)
    def flush(self): pass
sys.stdout = W(); print("shout"); sys.stdout = old
print("x", file=sys.__stdout__); print(*range(3), sep="-")
sys.stdout.writelines(["l1\n", "l2\n"])
logging.shutdown()
sys.stdout.close()
try: print("no")
except ValueError as e: sys.stderr.write(f"{e}\n")
