import sys
a = input("name? "); print(a); b = input(); print(b)
try: input("more? ")
except EOFError as e: print("eof", e)
print(sys.stdin.read(), sys.stdin.encoding)
