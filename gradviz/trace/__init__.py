"""The trace file: a framed, append-only log. :mod:`~gradviz.trace.writer` writes it, :mod:`~gradviz.trace.reader` reads
it; they share :mod:`~gradviz.trace.frames` and :mod:`~gradviz.trace.columns` alone.

A trace is always in one of three states, and anyone can tell which:

* *complete*: its last frame is END;
* *recording*: no END, and a living writer holds the lock on the file;
* *incomplete*: no END and no lock. The writer was killed; all that it had written is readable.
"""

from gradviz.trace.frames import BadTrace

__all__ = ["BadTrace"]
