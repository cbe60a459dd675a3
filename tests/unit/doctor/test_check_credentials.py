"""Who the function is to the cloud."""

from __future__ import annotations

import pytest

from handler.cloud.credentials import Credentials, credentials
from handler.doctor.check_credentials import keys_finding, project_finding
from handler.errors import CredentialsError


def test_missing_keys_are_a_fault_that_names_the_agency() -> None:
    """In the words of whoever asked for them."""
    with pytest.raises(CredentialsError) as caught:
        credentials(None, {})
    found = keys_finding(Credentials("", "", missing=str(caught.value)), in_cloud=True)
    assert (found.verdict, found.message) == ("fail", "no credentials")
    assert "app_agency" in found.remedy


def test_a_permanent_key_does_not_belong_into_the_cloud() -> None:
    """On a desk it is what there is."""
    keys = Credentials("canary", "canary")
    assert keys_finding(keys, in_cloud=False).verdict == "ok"
    found = keys_finding(keys, in_cloud=True)
    assert found.verdict == "warn"
    assert "canary" not in str(found)


def test_temporary_keys_are_fine_everywhere() -> None:
    """An agency's are."""
    assert keys_finding(Credentials("a", "s", "token"), in_cloud=True).verdict == "ok"


def test_a_projects_name_is_not_its_id() -> None:
    """The one is shown next to the other."""
    assert project_finding("cn-north-4", "").verdict == "warn"
    assert project_finding("0" * 32, "").verdict == "ok"


def test_a_fleet_may_be_in_another_project_than_the_function() -> None:
    """If the agency's role is granted there."""
    assert project_finding("0" * 32, "1" * 32).verdict == "warn"
    assert project_finding("0" * 32, "0" * 32).verdict == "ok"
