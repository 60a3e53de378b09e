"""Who gets in: the holder of the token, by a name of this machine, from this page."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from dash import Dash
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gradviz.ui.app import make_app
from gradviz.ui.guard import guard
from gradviz.ui.session import Session

from . import traces

PORT = 8123
HOST = f"127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dash, str]:
    app = make_app(Session.open(traces.chain(tmp_path_factory.mktemp("guard") / "chain.gvt")))
    return app, guard(app, PORT)


@pytest.fixture
def stranger(app: tuple[Dash, str]) -> FlaskClient:
    return app[0].server.test_client()


@pytest.fixture
def guest(app: tuple[Dash, str]) -> FlaskClient:
    client = app[0].server.test_client()
    assert get(client, f"/?token={app[1]}").status_code == 302
    return client


def get(client: FlaskClient, path: str, host: str = HOST, **headers: str) -> TestResponse:
    return client.get(path, headers={"Host": host, **headers}, base_url=f"http://{HOST}")


@pytest.mark.parametrize(
    "path", ["/", "/_dash-layout", "/assets/boot.mjs", "/api/trace", "/api/export?format=svg&event=1"]
)
def test_without_the_token_nothing_opens(stranger: FlaskClient, path: str) -> None:
    assert get(stranger, path).status_code == 403
    assert get(stranger, path + ("&" if "?" in path else "?") + "token=guess").status_code == 403


def test_the_token_becomes_a_cookie_and_leaves_the_address(stranger: FlaskClient, app: tuple[Dash, str]) -> None:
    answer = get(stranger, f"/?token={app[1]}&x=1")
    assert urlsplit(answer.headers["Location"]).query == "x=1"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"gradviz_{PORT}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert get(stranger, "/").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1:80", f"127.0.0.1.evil.example:{PORT}"]
)
def test_a_foreign_name_leads_nowhere(guest: FlaskClient, host: str) -> None:
    assert get(guest, "/api/trace", host=host).status_code == 403


@pytest.mark.parametrize("host", [f"localhost:{PORT}", f"[::1]:{PORT}"])
def test_the_names_of_loopback_are_known(app: tuple[Dash, str], host: str) -> None:
    client = app[0].server.test_client()
    assert client.get(f"/?token={app[1]}", base_url=f"http://{host}").status_code == 302


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"http://evil.example:{PORT}"])
def test_another_page_may_not_ask(guest: FlaskClient, origin: str) -> None:
    assert get(guest, "/api/trace", Origin=origin).status_code == 403
    answer = guest.post(
        "/_dash-update-component", json={}, headers={"Host": HOST, "Origin": origin}, base_url=f"http://{HOST}"
    )
    assert answer.status_code == 403


def test_a_cross_site_post_is_refused_without_an_origin(guest: FlaskClient) -> None:
    answer = guest.post(
        "/_dash-update-component",
        json={},
        headers={"Host": HOST, "Sec-Fetch-Site": "cross-site"},
        base_url=f"http://{HOST}",
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/", "/api/trace", "/nowhere"])
def test_every_answer_is_sealed(guest: FlaskClient, path: str) -> None:
    headers = get(guest, path).headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].startswith("'self'")
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "blob:"} & set(policy["script-src"].split())
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_the_page_names_nothing_foreign() -> None:
    import gradviz.ui

    assets = Path(gradviz.ui.__file__).parent / "assets"
    for path in [*assets.glob("*.mjs"), *assets.glob("*.css")]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert word not in text, (path, word)


@pytest.mark.parametrize("body", [
    b"{", b"null", b"[]", b"{}", b'{"output": 3}', b'{"output": "inspector.children"}', b"\xff\xfe",
    (b'{"output":"inspector.children","outputs":{"id":"inspector","property":"children"},'
     b'"inputs":[{"id":"settled","property":"data-where","value":"{}"}],"changedPropIds":["settled.data-where"]}'),
])
def test_a_broken_question_is_refused(guest: FlaskClient, body: bytes) -> None:
    answer = guest.post("/_dash-update-component", data=body, headers={"Host": HOST},
                        content_type="application/json", base_url=f"http://{HOST}")
    assert answer.status_code == 400
    assert b"Traceback" not in answer.data


def test_a_question_is_answered(guest: FlaskClient) -> None:
    body = {"output": "inspector.children", "outputs": {"id": "inspector", "property": "children"},
            "inputs": [{"id": "settled", "property": "data-where", "value": '{"seq": 16, "element": ""}'}],
            "changedPropIds": ["settled.data-where"]}
    answer = guest.post("/_dash-update-component", json=body, headers={"Host": HOST}, base_url=f"http://{HOST}")
    assert answer.status_code == 200
    assert b"MulBackward0" in answer.data
