import contextlib, io, sys
with contextlib.redirect_stdout(io.StringIO()) as out: print("caught")
print(repr(out.getvalue()), sys.stdout.name, sys.stdout is sys.__stdout__)
sys.stdout.write("bytes follow\n"); sys.stdout.flush(); sys.stdout.buffer.write(b"bytes\n")
print(*map(str, range(3)), sep="-", end="!\n", flush=True)
