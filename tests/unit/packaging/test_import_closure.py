"""Which modules the function needs."""

from __future__ import annotations

from pathlib import Path

from handler.packaging.import_closure import closure

PACKAGE = Path(__file__).parents[3] / "handler"


def write(folder: Path, **modules: str) -> Path:
    """Make a package of modules, `__` in a name for a dot, and return its folder."""
    package = folder / "pack"
    for name, text in modules.items():
        path = package / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        (path.parent / "__init__.py").touch()
    return package


def named(package: Path) -> set[str]:
    """Return the files of a package's closure by their paths in it."""
    return {path.relative_to(package).as_posix() for path in closure(package)}


def test_imports_count_wherever_they_stand(tmp_path: Path) -> None:
    """At the top, in a function, of a package's name; the packages around them too."""
    package = write(
        tmp_path,
        first="def f():\n    from pack.inner import second\n",
        inner__second="import pack.third\n",
        third="",
        other="",
    )
    (package / "__init__.py").write_text("from pack.first import f\n")
    assert named(package) == {
        *("__init__.py", "first.py", "third.py", "inner/__init__.py", "inner/second.py"),
    }


def test_imports_for_type_checkers_do_not_count(tmp_path: Path) -> None:
    """They never run."""
    package = write(tmp_path, first="")
    (package / "__init__.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.first\n"
    )
    assert named(package) == {"__init__.py"}


def test_of_other_files_only_those_go_along_that_a_module_names(tmp_path: Path) -> None:
    """What else lies beside the code may be a key, a log or settings."""
    package = write(tmp_path, first="")
    (package / "__init__.py").write_text(
        'from pathlib import Path\nimport pack.first\nA = Path(__file__).with_name("named.sql")\n'
    )
    for name in ("named.sql", "other.sql", ".env", "audit.db", "key.pem", "first.py~", "stray.py"):
        (package / name).write_text("secret")
    assert named(package) == {"__init__.py", "first.py", "named.sql"}


def test_the_function_needs_nothing_of_the_desk() -> None:
    """Its own modules and their SQL, but no command, emulator or packaging."""
    found = named(PACKAGE)
    assert {"function.py", "runtime/startup_record.py", "audit/sql/sqlite.sql"} <= found
    assert not {name.partition("/")[0] for name in found} & {
        "cli",
        "local",
        "emulator",
        "packaging",
    }
