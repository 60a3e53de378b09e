# -*- coding: latin-1 -*-
print("caf\xe9")
raise ValueError("na\xefve")
