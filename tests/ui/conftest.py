"""The page served in this process, and a browser that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gradviz.ui.server import start

from . import traces

Open = Callable[..., "Any"]
LOCAL = re.compile(r"(http://127\.0\.0\.1:|data:|blob:)")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _missing(what: str) -> None:
    if os.environ.get("GRADVIZ_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what} is missing, and GRADVIZ_REQUIRE_BROWSER=1")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if program is None:
        _missing("Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield found
        found.close()


@contextmanager
def served(path: Path) -> Iterator[str]:
    server, url = start(str(path), port=0, quiet=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(traces.chain(tmp_path_factory.mktemp("chain") / "chain.gvt")) as url:
        yield url


@pytest.fixture(scope="session")
def inplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(traces.inplace(tmp_path_factory.mktemp("inplace") / "inplace.gvt")) as url:
        yield url


@pytest.fixture
def serving() -> Iterator[Callable[[Path], str]]:
    """Serves a trace until the test is over and its pages are closed."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(served(path))


@pytest.fixture
def visit(browser: Any, serving: Any) -> Iterator[Open]:
    """Opens an address and waits until the page can be used. Afterwards: no error was logged, nothing foreign asked."""
    contexts, faults = [], []

    def open_page(url: str, hash: str = "", **options: Any) -> Any:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: None if LOCAL.match(request.url) else faults.append(f"asked {request.url}"))
        page.goto(url + hash)
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, faults
