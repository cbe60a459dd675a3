"""The wheel in an empty environment: everything works without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLACES = {
    "handler/": "handler/",
    "events/": "handler/bundled/events/",
    "infra/": "handler/bundled/infra/",
}
SITE = Path(sys.executable).parent.parent.joinpath(
    "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `make dist` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    call = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(call, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; the packages it needs are those of this environment.

    They come last in the path, and this environment's link to the checkout is not followed.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run([*pip, *options], check=True, capture_output=True)
    own = next(folder.glob("lib/python*/site-packages"))
    (own / "packages.pth").write_text(f"{SITE}\n")
    return folder


def run(installed: Path, folder: Path, *words: str) -> str:
    """Run the installed command in a folder and return its output."""
    done = subprocess.run(
        [str(installed / "bin" / "nightdrop"), *words],
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), "NIGHTDROP_AUDIT": "sqlite:///my.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """With the code of the wheel, whose samples are in it."""
    call = [str(installed / "bin" / "python"), "-c", "import handler; print(handler.__file__)"]
    place = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert place.startswith(str(installed))
    assert "The chain is valid: 22 records" in run(installed, tmp_path, "demo")


def test_a_first_spec_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """From nothing to a job."""
    run(installed, tmp_path, "init")
    command = [str(installed / "bin" / "nightdrop"), "invoke", "upgrade.yaml"]
    assert "submitted" in run(installed, tmp_path, "emulator", "--", *command)


def test_the_terraform_is_written_out(installed: Path, tmp_path: Path) -> None:
    """Every file of the checkout, unchanged."""
    run(installed, tmp_path, "infra", "terraform")
    for path in (ROOT / "infra").rglob("*.tf"):
        written = tmp_path / "terraform" / path.relative_to(ROOT / "infra")
        assert written.read_bytes() == path.read_bytes()


def test_the_versions_are_those_of_an_error_report(installed: Path, tmp_path: Path) -> None:
    """One per line."""
    names = [line.rpartition(" ")[0] for line in run(installed, tmp_path, "--version").splitlines()]
    packages = ["huaweicloudsdkcore", "pydantic", "functions-framework"]
    assert names == ["nightdrop", "Python", *packages, "log layout"]


def test_the_wheel_holds_every_file_of_the_repository_that_it_needs(wheel: Path) -> None:
    """Code, SQL, pages and pictures, samples and Terraform."""
    call = ["/usr/bin/env", "git", "ls-files", *PLACES]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {
        name.replace(place, packed, 1)
        for name in done.stdout.splitlines()
        for place, packed in PLACES.items()
        if name.startswith(place)
    }
    assert wanted <= {*zipfile.ZipFile(wheel).namelist()}
