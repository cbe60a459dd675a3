"""The floors of the house: who may import whom, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.package_drawing import drawing

ROOT = Path(__file__).parents[2]
GROUND = ("errors", "settings", "values", "parsing")
WALLED = ("triggers", "specs", "cloud", "audit")
TOP = ("cli", "local", "emulator", "packaging")
NOT_IN_THE_CLOUD = (
    "click",
    "rich",
    "flask",
    "functions_framework",
    "werkzeug",
    "sqlite_utils",
    "datasette",
    "uvicorn",
    "playwright",
    "packaging",
)
HEAVY = (
    "click",
    "rich",
    "flask",
    "functions_framework",
    "requests",
    "bson",
    "sqlite_utils",
    "datasette",
    "uvicorn",
    "cryptography",
)
UPPER = (
    "policy",
    "probe",
    "runtime",
    "jobs",
    "deliveries",
    "invocation",
    "reconciler",
    "doctor",
    "function",
)


@cache
def sources() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    return {_dotted(path): path for path in sorted(ROOT.glob("handler/**/*.py"))}


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imported(module: str) -> frozenset[str]:
    """Return the modules that a module imports when it runs, wherever in it that stands."""
    tree = ast.parse(sources()[module].read_text())
    for_types = {
        id(inside)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inside in ast.walk(statement)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by dots"
            names.update(_from(str(node.module), [alias.name for alias in node.names]))
    return frozenset(names)


def _from(module: str, names: list[str]) -> set[str]:
    deeper = {f"{module}.{name}" for name in names} & sources().keys()
    return deeper if len(deeper) == len(names) else {module, *deeper}


def rooms(*names: str) -> list[str]:
    """Return the modules in these parts of the package."""
    return [module for module in sources() if _room(module) in names]


def _room(module: str) -> str:
    return module.split(".")[1] if module.startswith("handler.") else ""


def neighbours(module: str) -> set[str]:
    """Return the other parts of the package that a module imports from."""
    return {_room(name) for name in imported(module)} - {"", _room(module)}


@pytest.mark.parametrize("module", rooms(*GROUND))
def test_the_ground_stands_on_nothing_above_it(module: str) -> None:
    """Errors, canonical JSON, display, settings, reading, durations, deadline and log lines."""
    assert neighbours(module) <= set(GROUND)


@pytest.mark.parametrize("module", rooms(*WALLED))
def test_no_wall_is_broken_through(module: str) -> None:
    """Triggers, specs, cloud and audit stand on the ground and not on one another."""
    assert neighbours(module) <= set(GROUND)


@pytest.mark.parametrize("module", [m for m in sources() if _room(m) not in TOP])
def test_the_clouds_path_needs_nothing_of_the_desk(module: str) -> None:
    """Neither its floors nor its packages."""
    assert not neighbours(module) & set(TOP)
    assert not {name.partition(".")[0] for name in imported(module)} & set(NOT_IN_THE_CLOUD)


@pytest.mark.parametrize("module", rooms(*UPPER))
def test_each_upper_floor_stands_on_lower_ones(module: str) -> None:
    """Down from the function, by way of the pipeline and the submission."""
    above = set(UPPER[UPPER.index(_room(module)) + 1 :])
    assert not neighbours(module) & above


@pytest.mark.parametrize("module", rooms("emulator"))
def test_the_emulator_checks_with_code_of_its_own(module: str) -> None:
    """Sharing the signer, or our use of it, would prove nothing."""
    assert not neighbours(module) & {"cloud", "local", "cli"}
    assert not any(name.startswith("huaweicloudsdk") for name in imported(module))


def test_no_imports_run_in_circles() -> None:
    """A package counts as importing what it hands on."""
    graph = {
        module: {name for name in imported(module) if name in sources()} for module in sources()
    }
    assert set(TopologicalSorter(graph).static_order()) == set(sources())


def test_every_source_is_in_a_part_that_has_a_place() -> None:
    """A new part needs its floor here."""
    known = {"", *GROUND, *WALLED, *UPPER, *TOP}
    assert {_room(module) for module in sources()} <= known


def test_the_handler_is_imported_without_what_it_does_not_need() -> None:
    """In a fresh process: every module counts at a cold start."""
    heavy = (*HEAVY, "huaweicloudsdkcore.client")
    code = (
        "from handler import handler; import sys; "
        f"print(*[m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


_CHECKS = ("assert", "check", "expect")


def _checks(function: ast.AST, helpers: frozenset[str]) -> bool:
    """Return whether a function asserts, expects an error, or calls one beside it that does."""
    called = {
        ast.unparse(node.func).rpartition(".")[2]
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
    }
    return (
        any(isinstance(node, ast.Assert) for node in ast.walk(function))
        or bool(called & ({"raises", "warns", "fail"} | helpers))
        or any(name.startswith(_CHECKS) for name in called)
    )


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("tests/**/test_*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_test_checks_something(path: Path) -> None:
    """One that asserts nothing passes whatever the code does, as long as nothing is raised."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
    ]
    helpers = frozenset(
        one.name
        for one in functions
        if not one.name.startswith("test_") and _checks(one, frozenset())
    )
    tests = [one for one in functions if one.name.startswith("test_")]
    assert [one.name for one in tests if not _checks(one, helpers)] == []


def test_the_drawing_of_the_packages_is_what_the_imports_say() -> None:
    """A new arrow belongs into handler/README.md."""
    assert f"```text\n{drawing()}\n```" in (ROOT / "handler/README.md").read_text()


@pytest.mark.parametrize("folder", sorted({path.parent for path in sources().values()}), ids=str)
def test_a_folder_holds_a_handful_of_modules(folder: Path) -> None:
    """Sixteen at most: a seventeenth asks for a noun of its own."""
    assert len(list(folder.glob("*.py"))) <= 17  # `__init__.py` included


@pytest.mark.parametrize("module", sorted(sources()))
def test_a_module_is_short_enough_to_be_read_in_one_go(module: str) -> None:
    """Three hundred lines at most."""
    assert len(sources()[module].read_text().splitlines()) <= 300
