import sys
sys.stdout.reconfigure(encoding="ascii")
print("fine")
print("not fine: é")
