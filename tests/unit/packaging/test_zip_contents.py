"""Which files of a wheel go into the zip, and the bytecode beside them."""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from handler.errors import PackageError
from handler.packaging.python_runtime import Interpreter, Runtime, compiled, interpreter
from handler.packaging.wheels import Wheel
from handler.packaging.zip_contents import closure, contents

ROOT = Path(__file__).parents[3]
HERE = Interpreter(sys.executable, platform.python_version())
RUNTIME = Runtime(".".join(platform.python_version_tuple()[:2]))
WHEEL = Wheel("some", "1", "", "", {})


@cache
def alone() -> frozenset[str]:
    """Return the paths in a zip that come from no wheel."""
    return frozenset(contents(ROOT / "handler", ROOT / "infra" / "index.py", []))


def packed(wheel: Wheel, folder: Path) -> set[str]:
    """Return the paths in a zip that come from a wheel, beside an empty package in a folder."""
    entry = write(folder, first="") / "first.py"
    alone = {"first.py", "pack/__init__.py"}
    return contents(entry.parent, entry, [wheel]).keys() - alone


def test_tests_stubs_and_metadata_are_left_out(tmp_path: Path) -> None:
    """Licence texts are kept, in one place."""
    names = (
        *("some/__init__.py", "some/_fast.so", "some/a.pyi", "some/py.typed", "some/tests/a.py"),
        *("some-1.dist-info/METADATA", "some-1.dist-info/licenses/LICENSE.txt"),
    )
    kept = packed(replace(WHEEL, files=dict.fromkeys(names, b"")), tmp_path)
    assert kept == {"some/__init__.py", "some/_fast.so", "licences/some/LICENSE.txt"}


def test_no_page_is_taken() -> None:
    """A README explains the source to people; the function does not read it."""
    assert (ROOT / "handler" / "README.md").exists()
    assert not [name for name in alone() if name.endswith(".md")]


def test_only_the_signer_of_the_sdk_is_taken(tmp_path: Path) -> None:
    """The rest would need packages that are not in the zip."""
    names = ("signer/signer.py", "client.py", "sdk_request.py", "utils/http_utils.py")
    files = {f"huaweicloudsdkcore/{name}": b"" for name in names}
    kept = packed(replace(WHEEL, name="huaweicloudsdkcore", files=files), tmp_path)
    assert kept == {"huaweicloudsdkcore/signer/signer.py", "huaweicloudsdkcore/sdk_request.py"}


def test_bytecode_is_taken_as_it_is() -> None:
    """Its flags say unchecked-hash, so that fixed dates do not make it stale."""
    (path,) = made = compiled({"a/b.py": b"x = {1, 2}\n", "c.txt": b""}, HERE)
    assert path == importlib.util.cache_from_source("a/b.py")
    assert made[path][:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(made[path][4:8], "little") == 0b01


def test_a_source_that_does_not_compile_stops_the_build() -> None:
    """Instead of failing at the first event."""
    with pytest.raises(PackageError, match="does not compile"):
        compiled({"a.py": b"def\n"}, HERE)


def test_an_interpreter_must_be_of_the_runtimes_version() -> None:
    """Its bytecode would be of no use, without any message."""
    assert interpreter(RUNTIME, sys.executable) == HERE
    with pytest.raises(PackageError, match=r"is not Python 2\.7; give another with --python"):
        interpreter(Runtime("2.7"), sys.executable)
    assert interpreter(Runtime("2.99")) is None


def test_an_interpreter_that_only_the_path_leads_to_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiling has an environment of its own, without that path."""
    (tmp_path / RUNTIME.name).symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    found = interpreter(RUNTIME)
    assert found
    assert compiled({"a.py": b"x = 1\n"}, found)


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


def test_other_files_are_packed_only_if_a_module_names_them(tmp_path: Path) -> None:
    """What else lies beside the code may be a key, a log or settings."""
    package = write(tmp_path, first="")
    (package / "__init__.py").write_text(
        'from pathlib import Path\nimport pack.first\nA = Path(__file__).with_name("named.sql")\n'
    )
    for name in ("named.sql", "other.sql", ".env", "audit.db", "key.pem", "first.py~", "stray.py"):
        (package / name).write_text("secret")
    assert named(package) == {"__init__.py", "first.py", "named.sql"}


def test_the_function_needs_nothing_of_the_local_tools() -> None:
    """Its own modules and their SQL, but no command, emulator or packaging."""
    found = {name.removeprefix("handler/") for name in alone()}
    assert {"function.py", "runtime/startup_record.py", "audit/sql/sqlite.sql"} <= found
    assert not {name.partition("/")[0] for name in found} & {
        "cli",
        "local",
        "emulator",
        "packaging",
    }
