"""Files of pinned requirements."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handler.errors import PackageError
from handler.packaging.python_runtime import RUNTIMES
from handler.packaging.requirements_file import (
    EXTRAS,
    Requirement,
    chosen,
    parse_requirements,
    render,
)

INFRA = Path(__file__).parents[3] / "infra"
LOCKED = Requirement("pyyaml", "6.0.3", "0" * 64)


def test_a_rendered_file_is_read_again() -> None:
    """Comments are left out."""
    assert parse_requirements(render([LOCKED], "python3.10"), locked=True) == (LOCKED,)


@pytest.mark.parametrize(
    "line", ["pyyaml", "pyyaml>=6", "pyyaml==6.0.3", "-e .", "pyyaml==6.0.3 --hash=md5:00"]
)
def test_a_requirement_without_a_hash_is_refused(line: str) -> None:
    """The line is named, not shown."""
    with pytest.raises(PackageError, match="line 2 of the requirements"):
        parse_requirements(f"# pinned\n{line}\n", locked=True)


def test_extras_go_in_only_when_they_are_asked_for() -> None:
    """Each by name, the rest stays out."""
    psycopg, cffi = Requirement("psycopg", "3"), Requirement("cffi", "2")
    everything = (psycopg, cffi, LOCKED)
    assert chosen(everything, ()) == (LOCKED,)
    assert chosen(everything, ("postgres",)) == (psycopg, LOCKED)
    assert chosen(everything, tuple(EXTRAS)) == (cffi, psycopg, LOCKED)


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=lambda runtime: runtime.name)
def test_every_pin_is_locked_for_every_runtime(runtime: object) -> None:
    """A change of the pins without a new lock is noticed here."""
    pins = parse_requirements((INFRA / "requirements.in").read_text(), locked=False)
    name = getattr(runtime, "requirements", "")
    locked = parse_requirements((INFRA / name).read_text(), locked=True)
    assert {each.pin for each in locked} == {each.pin for each in pins}


def test_the_pins_are_those_the_tests_run_with() -> None:
    """The zip holds what was tested."""
    constraints = (INFRA / "constraints.txt").read_text().lower().replace("_", "-").splitlines()
    tested = {line.partition(";")[0].rstrip(" \\") for line in constraints if "==" in line}
    names = {line.partition("==")[0] for line in tested}
    pins = parse_requirements((INFRA / "requirements.in").read_text(), locked=False)
    shared = [each for each in pins if each.name in names]
    assert [each.pin for each in shared if each.pin not in tested] == []
    assert len(shared) >= len(pins) - len(EXTRAS["sign"])


@pytest.mark.parametrize(
    "name", ["constraints.txt", "requirements-local.txt", "requirements-build.txt"]
)
def test_every_package_of_a_checkout_is_pinned_with_hashes(name: str) -> None:
    """And no registry's address is named: pip takes these files from any, or none."""
    text = (INFRA / name).read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")]
    pinned = re.compile(r"[A-Za-z0-9._-]+==[^ ;]+( ;[^#]*?)? +(--hash=sha256:[0-9a-f]{64} *)+")
    assert [line for line in lines if not pinned.fullmatch(line)] == []
    assert "://" not in text
    assert len(lines) > 5


def test_every_requirement_of_the_project_is_pinned() -> None:
    """A requirement without its pin would make every installation fail."""
    text = (INFRA.parent / "pyproject.toml").read_text()
    asked = re.findall(
        r'^ *(?:[a-z]+ = \[)?"([A-Za-z0-9-]+)(?:\[[a-z]+\])?[><]', text, re.MULTILINE
    )
    pinned = (INFRA / "constraints.txt").read_text().lower().replace("_", "-")
    assert len(asked) > 20
    assert [name for name in asked if f"\n{name.lower()}==" not in pinned] == []
    built = re.search(r'requires = \["(hatchling==[^"]+)"\]', text)
    assert built is not None
    assert built[1] in (INFRA / "requirements-build.txt").read_text()
