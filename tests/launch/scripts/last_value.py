import atexit, sys
atexit.register(lambda: print(sys.last_type.__name__, sys.last_value))
{}["missing"]
