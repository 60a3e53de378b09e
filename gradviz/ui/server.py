"""Serving one trace on loopback until Ctrl-C."""

from __future__ import annotations

import errno
import logging
import socket
import sys
import webbrowser
from threading import Thread
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

DEFAULT_PORT = 8050
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Quiet(WSGIRequestHandler):
    """Says nothing of requests: stderr belongs to the script and to us. Connections are kept for the next one."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        return None


def serve(
    path: str, *, host: str = "127.0.0.1", port: int | None = None, open_browser: bool = False, quiet: bool = False
) -> None:
    """Serves the replay of the trace at ``path`` until Ctrl-C; prints where.

    Without ``port``: 8050, or the next free one. Raises SystemExit(1) after one line where ``port`` is taken, and
    gradviz.trace.BadTrace where there is no trace.
    """
    try:
        server, url = start(path, host=host, port=port, quiet=quiet)
        if host not in _LOOPBACK:
            print(
                f"[gradviz] {host} is not loopback: whoever reaches it and has the address sees the trace",
                file=sys.stderr,
            )
        if not quiet:
            print(f"[gradviz] replay at {url}", file=sys.stderr, flush=True)
        if open_browser:
            webbrowser.open(url)
        with server:
            server.serve_forever()
    except KeyboardInterrupt:
        return


def start(
    path: str, *, host: str = "127.0.0.1", port: int | None = None, quiet: bool = False
) -> tuple[BaseWSGIServer, str]:
    """A server that listens but does not serve yet, and the address that opens it. The arguments of :func:`serve`."""
    listening = _bind(host, port, quiet)
    try:
        from gradviz.ui.session import Session

        number: int = listening.getsockname()[1]
        session = Session.open(path)
        Thread(target=session.warm, daemon=True).start()

        from gradviz.ui.app import make_app  # Dash takes 0.4 s to load: not before the port is ours and the trace good
        from gradviz.ui.guard import guard

        app = make_app(session)
        token = guard(app, number, () if host in _LOOPBACK else (host,))
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server(host, number, app.server, threaded=True, request_handler=_Quiet, fd=listening.fileno())
    finally:
        listening.close()  # the server holds a duplicate
    return server, f"http://{'[::1]' if host == '::1' else host}:{number}/?token={token}"


def _bind(host: str, port: int | None, quiet: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = DEFAULT_PORT if port is None else port
    for number in [first] if port is not None else [*range(first, first + 100), 0]:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, number))
            listening.listen(128)
        except OSError as error:
            listening.close()
            if error.errno == errno.EADDRINUSE and port is None:
                continue
            print(f"[gradviz] cannot serve at {host}:{number}: {error.strerror}", file=sys.stderr)
            raise SystemExit(1) from None
        if port is None and number != first and not quiet:
            print(f"[gradviz] port {first} is taken, using {listening.getsockname()[1]}", file=sys.stderr)
        return listening
    raise AssertionError("port 0 is always free")
