"""What a trace says of the run as a whole; never the environment."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any

import gradviz
from gradviz.trace.pack import writable


def run_facts() -> dict[str, Any]:
    argv = writable(list(sys.argv))
    return {
        "id": os.urandom(16).hex(), "script": argv[0] if argv else "", "argv": argv, "cwd": writable([os.getcwd()])[0],
        "started": datetime.now().astimezone().isoformat(timespec="seconds"), "producer": "gradviz.engine",
        "gradviz": gradviz.__version__, "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}", "pid": os.getpid(), "rank": _rank(),
    }


def _rank() -> int:
    """Of several processes that train together, which one this is: torchrun says it so."""
    with suppress(KeyError, ValueError):
        return int(os.environ["RANK"])
    return 0
