"""The house rules that a machine can check: who may know whom, what starts light, what the wheel holds."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]

LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def parts() -> set[str]:
    """The packages and modules directly under gradviz."""
    package = ROOT / "gradviz"
    packages = {f"gradviz.{path.parent.name}" for path in package.glob("*/__init__.py")}
    return packages | {f"gradviz.{path.stem}" for path in package.glob("*.py") if not path.stem.startswith("__")}


@pytest.mark.slow
def test_who_may_know_whom(run: Run) -> None:
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = run("-c", lint, "--no-cache", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_has_a_contract() -> None:
    sources = " ".join(section.get("source_modules", "") for section in contracts().values()).split()
    assert parts() - set(sources) == {"gradviz.cli"}  # the one door


def test_every_contract_knows_every_part() -> None:
    """A contract lists what is forbidden: a new part must be put on one side of each by hand."""
    for name, section in contracts().items():
        if section.get("type") != "forbidden":
            continue
        sources, forbidden = section["source_modules"].split(), section["forbidden_modules"].split()
        silent = parts() - set(sources) - set(forbidden)
        assert silent == ALLOWED[name.rpartition(":")[2]] - set(sources), name


BELOW_REPLAY = {"gradviz.events", "gradviz.formulas", "gradviz.trace"}
ALLOWED = {
    "words": set(),
    "probe": {"gradviz.events"},
    "engine": {"gradviz.probe", "gradviz.events"},
    "trace": {"gradviz.events"},
    "recorder": {"gradviz.events", "gradviz.probe", "gradviz.trace"},
    "launch": {"gradviz.events", "gradviz.probe", "gradviz.trace", "gradviz.recorder", "gradviz.engine"},
    "replay": BELOW_REPLAY,
    "findings": BELOW_REPLAY | {"gradviz.replay"},
    "scene": BELOW_REPLAY | {"gradviz.replay", "gradviz.findings"},
    "layout": BELOW_REPLAY | {"gradviz.replay", "gradviz.findings", "gradviz.scene"},
    "export": BELOW_REPLAY | {"gradviz.replay", "gradviz.findings", "gradviz.scene", "gradviz.layout"},
    "ui": BELOW_REPLAY | {"gradviz.replay", "gradviz.findings", "gradviz.scene", "gradviz.layout", "gradviz.export"},
}


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["run", "--help"], ["view", "--help"]])
def test_help_loads_neither_numpy_nor_dash(run: Run, args: list[str]) -> None:
    code = f"""
import atexit, sys
atexit.register(lambda: print(*sorted(set(sys.modules) & {{"numpy", "dash", "plotly", "flask"}}), file=sys.stderr))
sys.argv[1:] = {args!r}
from gradviz.cli.main import main
sys.exit(main())
"""
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr.split() == []


def test_recording_loads_no_dash(gradviz: Run, tmp_path: Path) -> None:
    script = tmp_path / "loaded.py"
    script.write_text("import torch\n(torch.ones(2, requires_grad=True) * 2).sum().backward()\n" + LOADED + "\n")
    done = gradviz("run", "--no-view", script)
    assert done.returncode == 0, done.stderr
    assert not {"dash", "flask", "plotly"} & set(done.stdout.split())


def test_types_are_published() -> None:
    assert (ROOT / "gradviz" / "py.typed").exists()


def test_version_is_said_once() -> None:
    import gradviz

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert gradviz.__version__ == project["version"]
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    imported: set[str] = set()
    for path in (ROOT / "gradviz").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names=names):
                    imported |= {name.name.partition(".")[0] for name in names}
                case ast.ImportFrom(module=str(module), level=0):
                    imported.add(module.partition(".")[0])
                case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(module))]):
                    imported.add(module.partition(".")[0])
    brought_by = {"flask": "dash", "werkzeug": "dash", "cupyx": "cupy"}
    optional = {"cupy", "cupyx", "networkx", "tensorboard", "PIL"}
    third = {brought_by.get(name, name) for name in imported - sys.stdlib_module_names - {"gradviz"}} - optional
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert third == {re.split("[<>=]", wanted)[0] for wanted in project["dependencies"]}


@pytest.mark.slow
def test_the_wheel_holds_what_runs(tmp_path: Path) -> None:
    """Samples, assets, style table and types travel in the wheel."""
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--wheel-dir", tmp_path, ROOT], check=True, timeout=300)
    import zipfile

    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(["git", "ls-files", "gradviz", "samples"], cwd=ROOT, check=True, capture_output=True,
                             text=True).stdout.splitlines()
    wanted = {path if path.startswith("gradviz/") else f"gradviz/{path}" for path in tracked}
    assert wanted <= names, sorted(wanted - names)
