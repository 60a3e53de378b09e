import sys
class Odd:
    def __str__(self): return "an object"
sys.exit(Odd())
