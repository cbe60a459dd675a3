"""The checks of the function's runtime."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from handler.doctor.check_runtime import OLDEST, Host, read_host, runtime_findings
from handler.settings import Settings, load

ROOT = Path(__file__).parents[3]
GOOD = Host(
    python="3.12.1",
    sqlite="3.45.1",
    libraries={"pydantic": "2.14.3", "PyYAML": "6.0.3"},
    conflicting_packages=(),
    in_cloud=True,
    timeout=60,
    entries=9,
    characters=500,
)


@pytest.fixture
def settings() -> Settings:
    """Settings with a log that instances share."""
    return load(
        lambda _name: None,
        {
            "NIGHTDROP_REGION": "cn-north-4",
            "NIGHTDROP_PROJECT_ID": "p" * 32,
            "NIGHTDROP_AUDIT": "postgresql://host/nightdrop",
        },
    )


def faults(host: Host, settings: Settings) -> dict[str, str]:
    """Return the verdict on each check that found something."""
    return {
        one.check: one.verdict for one in runtime_findings(host, settings) if one.verdict != "ok"
    }


def test_a_good_host_has_no_errors(settings: Settings) -> None:
    """The finding names the versions."""
    assert faults(GOOD, settings) == {}
    (libraries, *_) = runtime_findings(GOOD, settings)
    assert libraries.message == ("Python 3.12.1, SQLite 3.45.1, pydantic 2.14.3, PyYAML 6.0.3")


@pytest.mark.parametrize("old", ["1.10.24", "2.10.9", "2.9"])
def test_a_library_of_the_platform_may_be_too_old(settings: Settings, old: str) -> None:
    """The one in the zip was not loaded, then."""
    found = [*runtime_findings(replace(GOOD, libraries={"pydantic": old}), settings)]
    assert found[0].verdict == "fail"
    assert found[0].message == f"pydantic is {old}, older than 2.11"


@pytest.mark.parametrize("version", ["2.11", "2.110.0", "2.11.0rc1", ""])
def test_a_library_that_is_new_enough_or_unknown_is_taken(settings: Settings, version: str) -> None:
    """Numbers count, not letters."""
    assert faults(replace(GOOD, libraries={"pydantic": version}), settings) == {}


def test_a_library_from_elsewhere_is_a_warning(settings: Settings) -> None:
    """It may work, but was not tested."""
    clash = "urllib3 is the platform's (2.3.0), not the zip's (2.8.0)"
    assert faults(replace(GOOD, conflicting_packages=(clash,)), settings) == {"libraries": "warn"}


def test_sqlite_matters_only_to_a_log_in_sqlite(settings: Settings) -> None:
    """A log in PostgreSQL has no use for it."""
    old = replace(GOOD, sqlite="3.36.0", in_cloud=False)
    assert faults(old, settings) == {}
    here = settings.model_copy(update={"audit": "sqlite:///a.db"})
    assert faults(old, here) == {"libraries": "fail"}


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(3, "fail"), (12, "fail"), (13, "warn"), (36, None), (0, None)]
)
def test_a_time_out_must_leave_room_for_a_request(
    settings: Settings, seconds: int, verdict: str | None
) -> None:
    """And the record of its answer; the platform's default of 3 s does not. 0 is not known."""
    assert faults(replace(GOOD, timeout=seconds), settings).get("time-out") == verdict


@pytest.mark.parametrize("more", [{"entries": 21}, {"characters": 4097}])
def test_user_data_has_its_limits(settings: Settings, more: dict[str, int]) -> None:
    """The platform refuses more, on deployment."""
    assert faults(replace(GOOD, **more), settings) == {"user data": "fail"}  # type: ignore[arg-type]


def test_a_log_in_an_instances_own_file_is_lost_with_it(settings: Settings) -> None:
    """In a local run it is not."""
    here = settings.model_copy(update={"audit": "sqlite:////tmp/a.db"})
    assert faults(GOOD, here) == {"log's place": "fail"}
    assert faults(replace(GOOD, in_cloud=False), here) == {}
    confirmed = here.model_copy(update={"audit_mount": "single-instance"})
    assert faults(GOOD, confirmed) == {"log's place": "warn"}


def test_the_platforms_variables_show_where_the_function_runs() -> None:
    """Of user data only its size is kept."""
    data = {"NIGHTDROP_REGION": "cn-north-4", "SECRET": "canary"}
    found = read_host(
        ROOT,
        {
            "RUNTIME_CODE_ROOT": "/opt",
            "RUNTIME_TIMEOUT": "60",
            "RUNTIME_USERDATA": json.dumps(data),
        },
    )
    assert (found.in_cloud, found.timeout, found.entries, found.characters) == (True, 60, 2, 38)
    assert "canary" not in repr(found)


@pytest.mark.parametrize("user_data", ["", "{", "[]", "null"])
def test_user_data_that_cannot_be_read_counts_as_none(user_data: str) -> None:
    """The platform's variable is no promise."""
    assert read_host(ROOT, {"RUNTIME_FUNC_NAME": "f", "RUNTIME_USERDATA": user_data}).entries == 0


def test_in_a_local_run_the_settings_are_counted_as_user_data_would_hold_them() -> None:
    """Nothing else of the environment."""
    found = read_host(
        ROOT, {"NIGHTDROP_REGION": "cn-north-4", "PATH": "/bin", "RUNTIME_TIMEOUT": "x"}
    )
    assert (found.in_cloud, found.timeout, found.entries, found.characters) == (False, 0, 1, 26)


def test_every_library_has_a_version_here() -> None:
    """Asked of the module itself, or of its metadata."""
    assert all(read_host(ROOT, {}).libraries[name] for name in OLDEST)
