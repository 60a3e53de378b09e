import sys, traceback
class E(Exception):
    def __str__(self): raise RuntimeError("no str")
try:
    try: raise E()
    except E as e: raise ValueError("v") from e
except ValueError as v:
    v.add_note("note"); v.__notes__.append(3); traceback.print_exc()
try: raise ExceptionGroup("g", [ValueError(1), ExceptionGroup("h", [TypeError(2)])])
except* ValueError as g: print(g.exceptions)
except* TypeError: print("t")
