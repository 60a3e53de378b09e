import atexit, threading
atexit.register(print, "registered first, runs last")
atexit.register(print, "registered last, runs first")
t = threading.Thread(target=lambda: print("thread")); t.start(); t.join()
raise SystemExit("said at the end")
