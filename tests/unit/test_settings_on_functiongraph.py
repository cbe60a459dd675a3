"""A log in a file of the function's own is refused where instances share no file."""

from __future__ import annotations

import pytest

from handler.errors import SettingsError
from handler.invocation.instance import open_instance
from handler.settings import in_cloud, load

ENVIRON = {
    "NIGHTDROP_REGION": "cn-north-4",
    "NIGHTDROP_PROJECT_ID": "p",
    "NIGHTDROP_AUDIT": "sqlite:////tmp/audit.db",
}
PLATFORM = {"RUNTIME_CODE_ROOT": "/opt/function/code", "RUNTIME_FUNC_NAME": "nightdrop"}


@pytest.mark.parametrize("name", PLATFORM)
def test_on_functiongraph_a_log_in_a_file_is_refused_at_the_start(name: str) -> None:
    """Each instance has a file system of its own, and would take every event for new."""
    environ = {**ENVIRON, name: PLATFORM[name]}
    with pytest.raises(SettingsError, match="NIGHTDROP_AUDIT_MOUNT=single-instance"):
        open_instance(object(), environ)


def test_a_mount_and_a_single_instance_may_be_confirmed() -> None:
    """By the operator who configured both."""
    environ = {**ENVIRON, **PLATFORM, "NIGHTDROP_AUDIT_MOUNT": "single-instance"}
    assert load(lambda _name: None, environ).audit_mount == "single-instance"


@pytest.mark.parametrize("value", ["yes", "true", "shared"])
def test_any_other_value_confirms_nothing(value: str) -> None:
    """So that it is only set by an operator who knows its meaning."""
    with pytest.raises(SettingsError, match="NIGHTDROP_AUDIT_MOUNT"):
        load(lambda _name: None, {**ENVIRON, "NIGHTDROP_AUDIT_MOUNT": value})


@pytest.mark.parametrize("address", ["obs://log/audit/", "postgresql://host/log"])
def test_a_shared_log_is_accepted_there(address: str) -> None:
    """Without a warning."""
    environ = {**ENVIRON, **PLATFORM, "NIGHTDROP_AUDIT": address}
    assert load(lambda _name: None, environ).audit == address


def test_elsewhere_a_file_serves_all_processes() -> None:
    """A time-out or a project alone, as the local function has them, is not the platform."""
    environ = {**ENVIRON, "RUNTIME_TIMEOUT": "60", "RUNTIME_PROJECT_ID": "p"}
    assert not in_cloud(environ)
    assert load(lambda _name: None, environ).audit == ENVIRON["NIGHTDROP_AUDIT"]
