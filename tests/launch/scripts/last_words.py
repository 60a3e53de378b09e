import weakref, atexit, sys, gc, threading
class A:
    def __init__(s, n): s.n = n
    def __del__(s): print("del", s.n)
a = A(1); b = A(2); f = weakref.finalize(a, print, "finalize a"); weakref.finalize(b, print, "finalize b")
atexit.register(print, "atexit 1"); atexit.register(lambda: print("atexit 2", sys.modules["__main__"].__name__, f.alive))
del a
c = A(3); c.me = c
class Late:
    def __del__(s): print("late", sys is None, print is None)
late = Late()
threading._register_atexit(print, "thread atexit")
atexit.register(lambda: 1/0)
atexit.register(sys.exit, 5)
