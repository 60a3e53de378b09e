import sys, threading
seen = []
def prof(frame, event, arg):
    if frame.f_code.co_filename == __file__:
        seen.append((event, frame.f_code.co_name))
def f(): return g()
def g(): return 1
print(sys.getprofile(), sys.gettrace())
sys.setprofile(prof); f(); sys.setprofile(None)
print(seen)
lines = []
def tr(frame, event, arg):
    lines.append((event, frame.f_code.co_name, frame.f_lineno)); return tr
sys.settrace(tr); f(); sys.settrace(None)
print(lines)
threading.setprofile(prof); t = threading.Thread(target=f); t.start(); t.join(); threading.setprofile(None)
print(len(seen) > 4)
def end(frame, event, arg): pass
sys.settrace(end)
