"""The layers of the code: which package may import which, read from the source."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.documents.code_size import parsed, shared_names
from tests.support.documents.package_drawing import drawing, imports

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

ROOT = Path(__file__).parents[2]
GROUND = ("errors", "settings", "values", "parsing", "schedule")
SEPARATE = ("triggers", "specs", "cloud", "audit")
COMMANDS = ("cli", "local", "emulator", "packaging")
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
    "cyclonedx",
    "packageurl",
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
    "handler.notices",
    "handler.cloud.smn",
    "handler.cloud.webhook",
)
UPPER = (
    "policy",
    "probe",
    "runtime",
    "jobs",
    "rollouts",
    "deliveries",
    "notices",
    "invocation",
    "reconciler",
    "doctor",
    "event_actions",
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
    names: set[str] = set()
    for node in imports(sources()[module]):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{module} imports by dots"
            names.update(_from(str(node.module), [alias.name for alias in node.names]))
    return frozenset(names)


def _from(module: str, names: list[str]) -> set[str]:
    deeper = {f"{module}.{name}" for name in names} & sources().keys()
    return deeper if len(deeper) == len(names) else {module, *deeper}


def modules_of(*packages: str) -> list[str]:
    """Return the modules in some packages of `handler`."""
    return [module for module in sources() if _package(module) in packages]


def _package(module: str) -> str:
    return module.split(".")[1] if module.startswith("handler.") else ""


def packages_used(module: str) -> set[str]:
    """Return the other packages of `handler` that a module imports from."""
    return {_package(name) for name in imported(module)} - {"", _package(module)}


def forbidden(modules: Iterable[str], allowed: Container[str]) -> dict[str, set[str]]:
    """Return what some modules import of `handler` that they may not, by module."""
    found = {
        module: {package for package in packages_used(module) if package not in allowed}
        for module in modules
    }
    return {module: packages for module, packages in found.items() if packages}


def test_the_lowest_packages_import_only_one_another() -> None:
    """Errors, settings, values, parsing and the schedule of rollouts."""
    assert forbidden(modules_of(*GROUND), GROUND) == {}


def test_separate_packages_do_not_import_one_another() -> None:
    """Triggers, specs, cloud and audit import the lowest packages only."""
    assert forbidden(modules_of(*SEPARATE), GROUND) == {}


def test_code_for_the_cloud_imports_nothing_of_the_commands() -> None:
    """Neither their packages nor what those need."""
    modules = [module for module in sources() if _package(module) not in COMMANDS]
    assert forbidden(modules, {*GROUND, *SEPARATE, *UPPER}) == {}
    used = {name.partition(".")[0] for module in modules for name in imported(module)}
    assert used & set(NOT_IN_THE_CLOUD) == set()


def test_each_upper_package_imports_only_lower_ones() -> None:
    """Down from the function, by way of the pipeline and the submission."""
    for number, package in enumerate(UPPER):
        lower = {*GROUND, *SEPARATE, *UPPER[:number]}
        assert forbidden(modules_of(package), lower) == {}


def test_the_emulator_checks_with_code_of_its_own() -> None:
    """Sharing the signer, or our use of it, would prove nothing."""
    modules = modules_of("emulator")
    assert forbidden(modules, {*GROUND, *SEPARATE, *UPPER, "packaging"} - {"cloud"}) == {}
    names = {name for module in modules for name in imported(module)}
    assert not any(name.startswith("huaweicloudsdk") for name in names)


def test_no_imports_run_in_circles() -> None:
    """A package counts as importing what it hands on."""
    graph = {
        module: {name for name in imported(module) if name in sources()} for module in sources()
    }
    assert set(TopologicalSorter(graph).static_order()) == set(sources())


def test_every_package_has_a_layer() -> None:
    """A new one needs its place above."""
    known = {"", *GROUND, *SEPARATE, *UPPER, *COMMANDS}
    assert {_package(module) for module in sources()} <= known


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
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in helpers or name in {"raises", "warns", "fail"} or name.startswith(_CHECKS):
                return True
    return False


def test_every_test_checks_something() -> None:
    """One that asserts nothing passes whatever the code does, as long as nothing is raised."""
    paths = sorted(ROOT.glob("tests/**/test_*.py"))
    found = {path: _tests_without_checks(path) for path in paths}
    assert {path: names for path, names in found.items() if names} == {}


def _tests_without_checks(path: Path) -> list[str]:
    functions = [node for node in parsed(path).body if isinstance(node, ast.FunctionDef)]
    helpers = frozenset(
        one.name
        for one in functions
        if not one.name.startswith("test_") and _checks(one, frozenset())
    )
    tests = [one for one in functions if one.name.startswith("test_")]
    return [one.name for one in tests if not _checks(one, helpers)]


def test_the_drawing_of_the_packages_is_what_the_imports_say() -> None:
    """A new arrow belongs into handler/README.md."""
    assert f"```text\n{drawing()}\n```" in (ROOT / "handler/README.md").read_text()


def test_a_folder_holds_a_handful_of_modules() -> None:
    """Sixteen at most, `__init__` among them: a seventeenth asks for a noun of its own."""
    files = Counter(path.parent for path in (*sources().values(), *ROOT.glob("tests/**/*.py")))
    assert {folder: number for folder, number in files.items() if number > 16} == {}


def test_a_module_is_short_enough_to_be_read_in_one_go() -> None:
    """Three hundred lines at most."""
    lines = {module: len(path.read_text().splitlines()) for module, path in sources().items()}
    assert {module: number for module, number in lines.items() if number > 300} == {}


SHARED_NAMES = {
    "the emulator is the other side of the same API, with code of its own": (
        *("ENDED", "Execute", "FAILED", "Job", "NodeState", "Operation", "Progress", "Request"),
        *("STOPPED", "SUCCESSFUL"),
        *("Timers", "check", "find", "list_deployments", "read", "sign"),
    ),
    "both services of the emulator have the same parts": ("NAMES", "access_key", "failure"),
    "each group of commands has its list": ("COMMANDS",),
    "the stores in SQL have the same parts": ("migrate", "translate_errors", "version_of"),
    "the name of a target in each form of a spec; its JSON Schema shows it": ("Target",),
    "what a service answers, and what that means for a job": ("Answer",),
    "the API's list of jobs, and how a command lists something": ("Listing",),
}
"""Names that more than one module defines, by the reason."""


def test_a_name_means_one_thing() -> None:
    """A public function, class or constant is defined in one module, with reasons for the rest."""
    listed = {name for names in SHARED_NAMES.values() for name in names}
    assert shared_names(sources().values()) == listed


def test_every_text_file_is_read_and_written_as_utf_8() -> None:
    """What a log holds must not depend on the locale of who opens it."""
    calls = re.compile(r"\.(?:read_text|write_text)\((?![^()]*(?:\([^()]*\)[^()]*)*encoding=)")
    found = [
        f"{path}: {call[0]}"
        for path in (ROOT / "handler").rglob("*.py")
        for call in calls.finditer(path.read_text())
    ]
    assert found == []
