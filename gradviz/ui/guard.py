"""Who may talk to the page: the holder of the token, from this machine, on this origin.

A trace holds source code and tensor data, so loopback alone is not enough: any page in any browser of this machine
may send requests here, and DNS rebinding makes a foreign name point here. Hence a token (from the printed URL, then
in a cookie), an allow-list of Host names, a check of Origin and a policy that lets the page load nothing foreign.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from dash import Dash
from flask import Response, abort, redirect, request
from werkzeug.wrappers import Response as BaseResponse

_CACHED = ("/page/", "/assets/", "/_dash-component-suites/")


def guard(app: Dash, port: int, hosts: Iterable[str] = ()) -> str:
    """Closes ``app`` to strangers and gives the token that opens it. Call after every callback is registered."""
    token = secrets.token_urlsafe(24)
    cookie = f"gradviz_{port}"  # browsers share cookies between the ports of a host
    allowed = {f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]", *hosts)}
    policy = _policy(app)

    def admit() -> BaseResponse | None:
        if request.host not in allowed:
            abort(403, "This name does not lead here.")
        origin = request.headers.get("Origin")
        if origin and urlsplit(origin).netloc not in allowed:
            abort(403, "Another page may not ask for this.")
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method != "GET":
            abort(403, "Another page may not ask for this.")
        given = request.args.get("token")
        if given is not None and hmac.compare_digest(given.encode(), token.encode()):
            rest = urlencode([(key, value) for key, value in request.args.items(multi=True) if key != "token"])
            answer = redirect(request.path + ("?" + rest if rest else ""))
            answer.set_cookie(cookie, token, httponly=True, samesite="Strict")
            return answer
        if not hmac.compare_digest(request.cookies.get(cookie, "").encode(), token.encode()):
            abort(403, "Open the address that gradviz printed in the terminal; it holds the key.")
        return None

    def seal(answer: Response) -> Response:
        answer.headers.update(policy)
        if not request.path.startswith(_CACHED):
            answer.headers["Cache-Control"] = "no-store"
        return answer

    app.server.before_request_funcs.setdefault(None, []).insert(0, admit)  # before anything looks at the request
    app.server.after_request(seal)
    return token


def _policy(app: Dash) -> dict[str, str]:
    rules = {
        "default-src": "'none'", "script-src": " ".join(["'self'", *app.csp_hashes()]),
        "style-src": "'self' 'unsafe-inline'", "img-src": "'self' data: blob:", "font-src": "'self' data:",
        "connect-src": "'self'", "worker-src": "'self' blob:", "frame-src": "'none'", "object-src": "'none'",
        "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in rules.items()),
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
    }
