import sys, traceback
print(sys.getrecursionlimit() > 0)
def f(n): return f(n + 1)
try: f(0)
except RecursionError as e: print(e, len(traceback.extract_tb(e.__traceback__)))
d = []
def g(): d.append(1); g()
try: g()
except RecursionError: print(len(d))
class R:
    def __repr__(s): return repr(s)
try: repr(R())
except RecursionError as e: print(e)
import json
x = []
for _ in range(100000): x = [x]
try: json.dumps(x)
except RecursionError as e: print(e)
while x: x = x[0]
f(0)
