"""Runs a target in this process, under a recorder, and ends as the interpreter would end."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Literal

from gradviz.launch import standin
from gradviz.launch.ending import die_of
from gradviz.launch.target import Target, prepare
from gradviz.launch.tracebacks import clean
from gradviz.recorder import Recorder
from gradviz.recorder.portions import Steps
from gradviz.trace.pack import writable


@dataclass(frozen=True)
class Options:
    """``trace`` is the file to write; the rest as on the command line."""

    trace: str
    force: bool = False
    values: Literal["auto", "none", "stats", "full"] = "auto"
    sources: bool = True
    quiet: bool = False
    steps: Steps | None = None
    until_error: bool = False
    stacks: bool = False
    max_bytes: int = 0
    follow_fork: bool = False


@dataclass(frozen=True)
class Outcome:
    """How the run went. ``error`` is the class of the exception that left the script, "" if none; ``failure`` why
    recording stopped early, "" if it did not; ``interrupted``: by Ctrl-C."""

    trace: str
    error: str
    interrupted: bool
    failure: str


@dataclass
class _Run:
    recorder: Recorder
    after: Callable[[Outcome], None]
    pid: int = field(default_factory=os.getpid)
    error: str = ""
    interrupted: bool = False
    refused: bool = False

    def finish(self) -> None:
        """The last of all exit functions."""
        self.recorder.stop()
        if os.getpid() != self.pid:  # a forked child that ended by itself
            return
        if self.refused:
            with suppress(OSError):
                os.unlink(self.recorder.path)
            return
        self.after(Outcome(self.recorder.path, self.error, self.interrupted, self.recorder.failure))
        if self.interrupted:
            die_of(signal.SIGINT)


def run(target: Target, args: Sequence[str], options: Options, after: Callable[[Outcome], None]) -> int:
    """Run it and return its exit status, or let its SystemExit pass.

    ``after`` is called when all of the script's exit functions have run and the trace is finalised. It is not called
    when a signal or ``os._exit`` ends the process, nor, and no trace is left, when there is no such module to run.
    Raises OSError when the trace cannot be created.
    """
    meta = {"script": target.title, "argv": _argv(target, args)}
    recorder = Recorder(options.trace, options.values, meta=meta, force=options.force, sources=options.sources,
                        roots=target.roots, texts=target.texts, quiet=options.quiet, steps=options.steps,
                        until_error=options.until_error, stacks=options.stacks,
                        max_bytes=options.max_bytes, follow_fork=options.follow_fork)
    state = _Run(recorder, after)
    atexit.register(state.finish)
    standin.install(target.roots, options.quiet)
    script = prepare(target, args)
    recorder.start(below=sys._getframe())
    sys.setrecursionlimit(sys.getrecursionlimit() + _depth(target.by_runpy))
    try:
        script()
    except SystemExit as left:
        state.refused = _by_runpy(left)
        raise
    except BaseException as exception:
        return _show(exception, state)
    return 0


def _argv(target: Target, args: Sequence[str]) -> list[str]:
    return writable([*target.words, *args])


def _by_runpy(left: SystemExit) -> bool:
    """Has runpy itself given up, for want of a module or a ``__main__``? Then nothing ran."""
    trace = left.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace is not None else None
    return code is not None and (code.co_filename, code.co_name) == ("<frozen runpy>", "_run_module_as_main")


def _depth(by_runpy: bool) -> int:
    """How much of the stack is below the script that plain ``python`` does not have: it may go as deep as there."""
    frame: FrameType | None = sys._getframe(1)
    depth = 1  # the function that executes the script
    calls_of_exec = 0 if by_runpy else 1  # runpy's own are there as well under plain ``python``
    while frame is not None:
        depth += 1
        calls_of_exec += frame.f_code.co_filename == "<frozen runpy>" and frame.f_code.co_name == "_run_code"
        frame = frame.f_back
    return depth + (calls_of_exec if sys.version_info < (3, 12) else 0)  # later, calls in C are counted apart


def _show(exception: BaseException, state: _Run) -> int:
    """What the interpreter does with an exception that nobody caught."""
    state.error = type(exception).__name__
    state.recorder.uncaught(exception)
    clean(exception)
    kind, trace = type(exception), exception.__traceback__
    sys.last_type, sys.last_value, sys.last_traceback = kind, exception, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = exception
    hook = getattr(sys, "excepthook", sys.__excepthook__)
    try:
        hook(kind, exception, trace)
    except SystemExit:
        raise
    except BaseException as failed:
        print("Error in sys.excepthook:", file=sys.stderr)
        clean(failed)
        failed.__context__ = None
        sys.__excepthook__(type(failed), failed, failed.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)
        sys.__excepthook__(kind, exception, trace)
    if isinstance(exception, KeyboardInterrupt):
        state.interrupted = True
        return 130
    return 1
