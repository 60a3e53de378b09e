import tracemalloc, gc, faulthandler, sys
tracemalloc.start()
x = [bytearray(1000) for _ in range(10)]
snap = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, __file__)])
print(sum(s.size for s in snap.statistics("lineno")) >= 10000)
faulthandler.enable(); print(faulthandler.is_enabled())
calls = []
gc.callbacks.append(lambda phase, info: calls.append(phase))
gc.collect(); print(calls, len(gc.callbacks))
print(gc.get_threshold(), gc.isenabled(), gc.get_count()[2] < 100, gc.get_freeze_count())
tracemalloc.stop()
