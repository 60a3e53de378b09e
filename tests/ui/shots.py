"""Pictures of the page to look at: every sample, in both themes, at three sizes, as it opens and five events on.

    python -m tests.ui.shots [SCRIPT-or-TRACE ...] [--out FOLDER] [--size 1440x900 ...] [--theme ...] [--steps 0 5]

They are no test: what is ugly or cut is seen, not asserted.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.ui.conftest import FLAGS, served

SAMPLES = Path(__file__).parents[2] / "samples"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*", type=Path, help="scripts, or traces (default: the samples)")
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--size", nargs="+", default=["1280x720", "1440x900", "1920x1080"])
    parser.add_argument("--theme", nargs="+", default=["light", "dark"])
    parser.add_argument("--steps", nargs="+", type=int, default=[0, 5], help="events on from where it opens")
    parser.add_argument("--hash", default="", help="open here, as in the address: #e=12")
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, trace in _traces(given.scripts or sorted(SAMPLES.glob("*.py")), Path(folder)):
            with served(trace) as url:
                _shoot(url + given.hash, name, given)
    return 0


def _traces(scripts: list[Path], folder: Path) -> Iterator[tuple[str, Path]]:
    for script in scripts:
        trace = script
        if script.suffix == ".py":
            trace = folder / f"{script.stem}.gvt"
            command = [sys.executable, "-m", "gradviz", "run", "--no-view", "-q", "-o", str(trace), str(script)]
            subprocess.run(command, capture_output=True, timeout=300, check=False)  # some samples are meant to fail
        yield script.stem, trace


def _shoot(url: str, name: str, given: argparse.Namespace) -> None:
    from playwright.sync_api import sync_playwright

    program = next((found for one in PROGRAMS if (found := shutil.which(one))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for theme in given.theme:
            for size in given.size:
                width, height = map(int, size.split("x"))
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme,
                                        device_scale_factor=given.scale)
                page.goto(url)
                page.wait_for_selector("html[data-ready]", state="attached")
                done = 0
                for steps in given.steps:
                    for _ in range(steps - done):
                        page.keyboard.press("ArrowRight")
                    done = steps
                    page.wait_for_timeout(700)  # the inspector follows when the key rests
                    path = given.out / f"{name}-{steps}-{size}-{theme}.png"
                    page.screenshot(path=str(path))
                    print(path)
                page.close()
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
