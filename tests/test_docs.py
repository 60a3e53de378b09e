"""What the documents say is there: files, samples, commands, make targets."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted(ROOT.glob("*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_readme_lists_every_sample() -> None:
    named = re.findall(r"\| \[(\w+)\]\(samples/\1\.py\) \|", README)
    assert sorted(named) == sorted(path.stem for path in (ROOT / "samples").glob("*.py"))


def test_readme_lists_every_command(gradviz: Run) -> None:
    named = set(re.findall(r"^\| `gradviz (\w+)", README, re.MULTILINE))
    listed = re.findall(r"^  (\w+)  ", gradviz("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert named == set(listed)


def test_options_in_the_examples_exist(gradviz: Run) -> None:
    """Each line of the README that calls a command uses options that its help knows."""
    for line in re.findall(r"^\$ gradviz (.+?)(?:  +#.*)?$", README, re.MULTILINE):
        command, *words = line.split()
        ours = words[: next((i for i, word in enumerate(words) if word.endswith(".py")), len(words))]
        told = gradviz(command, "--help").stdout
        missing = [word for word in ours if word.startswith("-") and not re.search(rf"(?<![\w-]){word}(?![\w-])", told)]
        assert missing == [], line


def test_the_readmes_python_runs(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("networkx")
    pieces = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    first = next(i for i, piece in enumerate(pieces) if piece.startswith("import gradviz\n"))
    (tmp_path / "readme.py").write_text("\n".join(pieces[first:]))
    done = run("readme.py")
    assert done.returncode == 0, done.stderr
    assert "w.grad = [2, 4]" in done.stdout


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        assert set(re.findall(r"`make (\w+)", document.read_text())) <= targets, document.name


def test_readme_lists_every_key() -> None:
    """The keys of the one registry that feeds keyboard, buttons and help."""
    registry = (ROOT / "gradviz" / "ui" / "assets" / "keys.mjs").read_text()
    lists = re.findall(r", \[(.+?)\], \"", registry)
    keys = {key for listed in lists for key in re.findall(r'"([^"]+)"', listed)}
    table = README.partition("| key | does |")[2].partition("\n\n")[0]
    assert set(re.findall("`([^`]+)`", table)) == keys
