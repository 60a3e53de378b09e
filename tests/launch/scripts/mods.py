import sys; print(sys.modules["__main__"].__dict__ is globals()); print([m for m in sys.modules if "main__" in m])
