"""Keys from a profile's command and from the SDK's file."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import pytest
from huaweicloudsdkcore.auth.provider import ProfileCredentialProvider

from handler.cli.configuration.environment import Configuration
from handler.cli.configuration.key_sources import fetch_keys, key_origin
from handler.cli.configuration.profile_file import Profile
from handler.cli.configuration.value import KEYS, Value
from handler.errors import CredentialsError

if TYPE_CHECKING:
    from pathlib import Path

FOUND = {"access": "AK", "secret": "canary-secret", "securitytoken": "token"}
NO_FILE = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": "/nowhere/credentials"}


def profile(code: str, *, chosen: bool = True) -> Profile:
    """Return a profile whose command runs some Python code."""
    process = Value(f"{sys.executable} -c '{code}'", "nightdrop.toml:3")
    return Profile("p", "--profile", {}, process, chosen=chosen)


def printing(answer: object) -> Profile:
    """Return a profile whose command prints an answer."""
    return profile(f'print(r"""{json.dumps(answer)}""")')


def test_the_answer_of_the_command_gives_the_keys() -> None:
    """In the form in which IAM issues temporary keys."""
    answer = {"credential": {**FOUND, "expires_at": "2999-01-01T00:00:00.000000Z"}}
    assert fetch_keys(printing(answer), NO_FILE) == dict(zip(KEYS, FOUND.values(), strict=True))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"credential": {**FOUND, "expires_at": "2020-01-01T00:00:00Z"}}, "have expired"),
        ({"credential": {**FOUND, "expires_at": "soon"}}, "must print JSON like"),
        ({"credential": {"access": "AK"}}, "must print JSON like"),
        (FOUND, "must print JSON like"),
        (["canary-secret"], "must print JSON like"),
    ],
)
def test_an_answer_of_no_use_is_an_error_that_does_not_quote_it(answer: object, said: str) -> None:
    """It may hold keys."""
    with pytest.raises(CredentialsError, match=said) as caught:
        fetch_keys(printing(answer), NO_FILE)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "seconds", "said"),
    [
        ("import sys; sys.exit(3)", 30, "failed with status 3"),
        ("import time; time.sleep(60)", 0.1, "did not end within 0.1 s"),
        ("import os, time; os.close(1); time.sleep(60)", 0.3, "status -9|did not end"),
        ('print("x" * 999999)', 30, "or printed more than 65,536 bytes"),
    ],
)
def test_a_command_is_bounded_in_time_and_output(code: str, seconds: float, said: str) -> None:
    """Whatever it does, no process is left."""
    started = time.monotonic()
    with pytest.raises(CredentialsError, match=said):
        fetch_keys(profile(code), NO_FILE, seconds=seconds)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("command", ["/nowhere/command", "", "'open"])
def test_a_command_that_cannot_start_is_an_error(command: str) -> None:
    """With the place of its line."""
    one = Profile("p", "--profile", {}, Value(command, "nightdrop.toml:3"), chosen=True)
    with pytest.raises(CredentialsError, match="credential_process cannot be"):
        fetch_keys(one, NO_FILE)


def test_a_command_runs_only_for_a_profile_that_was_chosen(tmp_path: Path) -> None:
    """A file that is merely found in the working directory runs nothing."""
    with pytest.raises(CredentialsError, match="nightdrop --profile p"):
        fetch_keys(profile(f'open("{tmp_path}/ran", "w")', chosen=False), NO_FILE)
    assert not (tmp_path / "ran").exists()


def test_the_command_is_run_without_a_shell(tmp_path: Path) -> None:
    """A semicolon is an argument."""
    command = Value(f"echo {{}} ; touch {tmp_path}/ran", "nightdrop.toml:3")
    with pytest.raises(CredentialsError, match="must print JSON"):
        fetch_keys(Profile("p", "", {}, command, chosen=True), NO_FILE)
    assert not (tmp_path / "ran").exists()


def test_the_file_of_the_sdk_is_read_as_the_sdk_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The section `basic`, with doubled percent signs."""
    file = tmp_path / "credentials"
    file.write_text("[basic]\nak = AK\nsk = a%%b\nproject_id = p\nsecurity_token = t\n[global]\n")
    environ = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(file)}
    monkeypatch.setenv(*environ.popitem())
    read = ProfileCredentialProvider.get_basic().get_credentials()
    found = fetch_keys(None, {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(file)})
    assert found == {
        **dict(zip(KEYS, (read.ak, read.sk, read.security_token), strict=True)),
        "HUAWEICLOUD_SDK_PROJECT_ID": read.project_id,
    }
    assert found["HUAWEICLOUD_SDK_SK"] == "a%b"


@pytest.mark.parametrize("text", ["canary", "[basic]\nsk = %canary\n", "[basic]\nak=1\nak=canary"])
def test_an_invalid_file_is_an_error_that_does_not_quote_it(text: str, tmp_path: Path) -> None:
    """The messages of the parser would."""
    (file := tmp_path / "credentials").write_text(text)
    with pytest.raises(CredentialsError, match="not a valid credentials file") as caught:
        fetch_keys(None, {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(file)})
    assert "canary" not in str(caught.value)


def test_without_any_source_there_are_no_keys(tmp_path: Path) -> None:
    """The command that needs them says so."""
    assert Configuration(NO_FILE, folder=tmp_path).cloud_environ == NO_FILE
    assert key_origin(None, NO_FILE) == ""


def test_the_origin_of_the_keys_is_known_without_fetching_them(tmp_path: Path) -> None:
    """For `nightdrop config show`."""
    (file := tmp_path / "credentials").write_text("")
    environ = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(file)}
    assert key_origin(None, environ) == str(file)
    assert key_origin(profile(""), environ) == "credential_process, nightdrop.toml:3"
