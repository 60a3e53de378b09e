import sys
value = (__name__, __file__[-7:], sys.argv[0])
