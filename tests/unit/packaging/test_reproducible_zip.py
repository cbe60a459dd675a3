"""The zip as a file, its manifest and its bill of materials."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import PackageError
from handler.packaging.manifest import digest, manifest, modules, sbom
from handler.packaging.python_runtime import RUNTIMES
from handler.packaging.wheels import Wheel
from handler.packaging.zip_contents import archive

WHEEL = Wheel(
    name="some-package",
    version="1.2",
    sha256="ab" * 32,
    licence="MIT",
    files={"some_package/__init__.py": b"", "_some.cpython-310.so": b"", "x.libs/y.so.1": b""},
)


@given(st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=40)))
def test_the_order_of_files_does_not_matter(files: dict[str, bytes]) -> None:
    """Nor when they were put in."""
    backwards = dict(reversed(files.items()))
    assert archive(files) == archive(backwards)
    assert digest(files) == digest(backwards)


def test_neither_clock_nor_zone_is_in_the_zip() -> None:
    """Every file has the same date and may be read by everybody."""
    with zipfile.ZipFile(io.BytesIO(archive({"a/b.py": b"1", "c": b"2"}))) as packed:
        assert {item.date_time for item in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {item.external_attr >> 16 for item in packed.infolist()} == {0o100644}
        assert packed.namelist() == ["a/b.py", "c"]
        assert time.localtime().tm_year > 1980


def test_the_digest_is_what_sha256sum_would_give() -> None:
    """So that anybody can compute it from an unpacked zip."""
    lines = "".join(
        f"{hashlib.sha256(text).hexdigest()}  {text.decode()}\n" for text in (b"a", b"b")
    )
    assert digest({"b": b"b", "a": b"a"}) == hashlib.sha256(lines.encode()).hexdigest()


def test_the_manifest_names_packages_and_what_they_are_imported_by() -> None:
    """Libraries beside them are no modules."""
    reported = json.loads(
        manifest(
            "0" * 64,
            [WHEEL],
            runtime=RUNTIMES["python3.10"],
            interpreter=None,
            version="0.1.0",
        )
    )
    assert reported["code"] == "0" * 64
    assert reported["bytecode"] is None
    (package,) = reported["packages"]
    assert package["modules"] == modules(WHEEL) == ["_some", "some_package"]


def test_the_bill_of_materials_has_every_package_by_its_hash() -> None:
    """And is the same for the same zip."""
    bill = json.loads(sbom([WHEEL], version="0.1.0", sha256="cd" * 32))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    (component,) = bill["components"]
    assert component["purl"] == "pkg:pypi/some-package@1.2"
    assert component["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert sbom([WHEEL], version="0.1.0", sha256="cd" * 32) == sbom(
        [WHEEL], version="0.1.0", sha256="cd" * 32
    )


def test_without_its_library_the_bill_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is needed on the machine that builds, and is never in the zip."""
    monkeypatch.setitem(sys.modules, "cyclonedx.model.bom", None)
    with pytest.raises(PackageError, match="install the extra `local`"):
        sbom([WHEEL], version="0.1.0", sha256="cd" * 32)
