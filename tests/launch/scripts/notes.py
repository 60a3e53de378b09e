try:
    try: int("x")
    except ValueError as e: e.add_note("a note"); raise
except ValueError as e:
    raise ExceptionGroup("several", [e, TypeError(2)]) from None
