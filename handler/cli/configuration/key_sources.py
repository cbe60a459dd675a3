"""Keys that are not in the environment: from a profile's command, or from the SDK's own file."""

from __future__ import annotations

import configparser
import json
import os
import select
import shlex
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from handler.cli.configuration.value import KEYS, Value
from handler.errors import CredentialsError
from handler.values.canonical_json import utc_now
from handler.values.duration import instant_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.cli.configuration.profile_file import Profile

_PROJECT = "HUAWEICLOUD_SDK_PROJECT_ID"
_FILE_VARIABLE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
_SECTION = "basic"
_SECONDS = 30.0
_LARGEST = 65_536  # bytes


def fetch_keys(
    profile: Profile | None, environ: Mapping[str, str], seconds: float = _SECONDS
) -> dict[str, str]:
    """Return environment variables with keys: those of the profile's command, else of the file.

    Args:
        profile: The profile; its command runs only if --profile names it.
        environ: The environment of that command.
        seconds: How long it may take.

    Raises:
        CredentialsError: The command or the file is of no use.
    """
    if profile and profile.process:
        _require_choice(profile)
        return _keys_of(_output(profile.process, environ, seconds), profile.process.origin)
    return _read_file(credentials_file(environ))


def key_origin(profile: Profile | None, environ: Mapping[str, str]) -> str:
    """Return where keys come from that are not in the environment; "" if from nowhere."""
    if profile and profile.process:
        return f"credential_process, {profile.process.origin}"
    path = credentials_file(environ)
    return str(path) if path.is_file() else ""


def credentials_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the SDK's credentials file (ProfileCredentialProvider of the SDK core)."""
    named = environ.get(_FILE_VARIABLE)
    return Path(named) if named else Path.home() / ".huaweicloud" / "credentials"


def _read_file(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser()
    try:
        if not parser.read(path, encoding="utf-8") or not parser.has_section(_SECTION):
            return {}
        section = dict(parser.items(_SECTION))
    except (configparser.Error, UnicodeDecodeError):  # their messages quote the file
        raise CredentialsError(f"{path} is not a valid credentials file of the SDK") from None
    names = dict(zip(("ak", "sk", "security_token"), KEYS, strict=True)) | {"project_id": _PROJECT}
    return {variable: section[name] for name, variable in names.items() if section.get(name)}


def _require_choice(profile: Profile) -> None:
    """Run no command of a file that was merely found in the working directory."""
    if not profile.chosen:
        raise CredentialsError(
            f"the profile {profile.name} has a credential_process, which runs only if you choose "
            f"the profile yourself: nightdrop --profile {profile.name} …"
        )


def _output(process: Value, environ: Mapping[str, str], seconds: float) -> bytes:
    """Return what a command prints; neither it nor its errors are ever shown."""
    until = time.monotonic() + seconds
    try:
        with subprocess.Popen(  # noqa: S603 - the user's own command, no shell
            shlex.split(process.text),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
        ) as running:
            output = _read(cast("IO[bytes]", running.stdout).fileno(), until)
            if output is None:
                running.kill()
            status = _end(running, until)
    except (OSError, ValueError, IndexError):
        raise CredentialsError(f"{process.origin}: credential_process cannot be started") from None
    if output is None:
        raise CredentialsError(
            f"{process.origin}: credential_process did not end within {seconds:g} s, or printed "
            f"more than {_LARGEST:,} bytes"
        )
    if status:
        raise CredentialsError(f"{process.origin}: credential_process failed with status {status}")
    return output


def _end(running: subprocess.Popen[bytes], until: float) -> int:
    try:
        return running.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        running.kill()
        return running.wait()


def _read(pipe: int, until: float) -> bytes | None:
    """Return what is written to a pipe until it is closed; None if that is too late or too much."""
    output = b""
    while len(output) <= _LARGEST:
        ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return None
        chunk = os.read(pipe, _LARGEST)
        if not chunk:
            return output
        output += chunk
    return None


def _keys_of(output: bytes, origin: str) -> dict[str, str]:
    """Return the keys in an answer of IAM: `access`, `secret`, `securitytoken`, `expires_at`."""
    try:
        answer: Any = json.loads(output)["credential"]
        found = (answer["access"], answer["secret"], answer.get("securitytoken") or "")
        expiry = answer.get("expires_at")
        over = expiry is not None and instant_of(expiry) <= utc_now()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise CredentialsError(
            f"{origin}: credential_process must print JSON like IAM's temporary keys: "
            '{"credential": {"access": …, "secret": …, "securitytoken": …, "expires_at": …}}'
        ) from None
    if over:
        raise CredentialsError(f"{origin}: the keys of credential_process have expired")
    return dict(zip(KEYS, map(str, found), strict=True))
