"""What of a wheel goes into the zip, and the bytecode beside it."""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from handler.errors import PackageError
from handler.packaging.bytecode import compiled
from handler.packaging.python_runtime import Interpreter, Runtime, interpreter
from handler.packaging.wheels import Wheel
from handler.packaging.zip_contents import contents

ROOT = Path(__file__).parents[3]
HERE = Interpreter(sys.executable, platform.python_version())
RUNTIME = Runtime(".".join(platform.python_version_tuple()[:2]))
WHEEL = Wheel("some", "1", "", "", {})


def packed(wheel: Wheel) -> set[str]:
    """Return the paths in a zip that come from a wheel."""
    alone = contents(ROOT / "handler", ROOT / "infra" / "index.py", [])
    return set(contents(ROOT / "handler", ROOT / "infra" / "index.py", [wheel])) - alone.keys()


def test_tests_stubs_and_metadata_are_left_out() -> None:
    """Licence texts are kept, in one place."""
    names = (
        *("some/__init__.py", "some/_fast.so", "some/a.pyi", "some/py.typed", "some/tests/a.py"),
        *("some-1.dist-info/METADATA", "some-1.dist-info/licenses/LICENSE.txt"),
    )
    kept = packed(replace(WHEEL, files=dict.fromkeys(names, b"")))
    assert kept == {"some/__init__.py", "some/_fast.so", "licences/some/LICENSE.txt"}


def test_no_page_is_taken() -> None:
    """A README explains the source to people; the function does not read it."""
    names = contents(ROOT / "handler", ROOT / "infra" / "index.py", [])
    assert (ROOT / "handler" / "README.md").exists()
    assert not [name for name in names if name.endswith(".md")]


def test_only_the_signer_of_the_sdk_is_taken() -> None:
    """The rest would need packages that are not in the zip."""
    names = ("signer/signer.py", "client.py", "sdk_request.py", "utils/http_utils.py")
    files = {f"huaweicloudsdkcore/{name}": b"" for name in names}
    kept = packed(replace(WHEEL, name="huaweicloudsdkcore", files=files))
    assert kept == {"huaweicloudsdkcore/signer/signer.py", "huaweicloudsdkcore/sdk_request.py"}


def test_bytecode_is_taken_as_it_is() -> None:
    """Its flags say unchecked-hash, so that fixed dates do not make it stale."""
    (path,) = made = compiled({"a/b.py": b"x = {1, 2}\n", "c.txt": b""}, HERE)
    assert path == importlib.util.cache_from_source("a/b.py")
    assert made[path][:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(made[path][4:8], "little") == 0b01


def test_a_source_that_does_not_compile_stops_the_build() -> None:
    """Rather than at three in the night."""
    with pytest.raises(PackageError, match="does not compile"):
        compiled({"a.py": b"def\n"}, HERE)


def test_an_interpreter_must_be_of_the_runtimes_version() -> None:
    """Its bytecode would be of no use, and nobody would see why."""
    assert interpreter(RUNTIME, sys.executable) == HERE
    with pytest.raises(PackageError, match=r"is not Python 2\.7; give another with --python"):
        interpreter(Runtime("2.7"), sys.executable)
    assert interpreter(Runtime("2.99")) is None
