"""Reads nightdrop.toml: profiles, each a table of settings without the prefix NIGHTDROP_.

    default = "local"

    [profile.local]
    audit = "sqlite:///nightdrop.db"

Relative paths start at the file's folder. There are no secrets in it.
"""

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from handler.cli.configuration.value import Value
from handler.errors import SettingsError
from handler.policy.verdict import BUILT_IN_NAME
from handler.settings import Settings
from handler.values.named_tuple import NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROCESS = "credential_process"
_PATHS = ("checkpoints", "policy", "facts")
_SQLITE = "sqlite:///"
_KEY_WORDS = re.compile(r"(^|_)(ak|sk|token|password|secret|access_key|secret_key)(_|$)")
_PASSWORD = re.compile(r"^[a-z]+://[^@/]*:[^@/]*@|[?&][a-z]*password=")
_WHERE_KEYS_BELONG = (
    "keys belong in the environment, in ~/.huaweicloud/credentials, or come from a "
    f"{_PROCESS}; other secrets belong in the environment or an --env-file"
)


class Profile(NamedTuple):
    """One profile.

    Attributes:
        name: Its name.
        origin: What chose it: `--profile`, or the place in the file.
        values: Environment variables, each with its place in the file.
        process: The command that prints keys, with its place in the file; None if there is none.
        chosen: Whether --profile names it.
    """

    name: str
    origin: str
    values: Mapping[str, Value]
    process: Value | None
    chosen: bool


class _File(NamedTuple):
    path: Path
    text: str
    tables: Mapping[str, Any]

    def place(self, table: str, key: str) -> str:
        """Return the path and, if it is found, the line of a key in a table; "" is the top."""
        current = ""
        for number, line in enumerate(self.text.split("\n"), 1):
            if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
                current = re.sub(r"[\s\"']", "", header[1])
            if current == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return f"{self.path}:{number}"
        return str(self.path)


def read_profile(path: Path, folder: Path, name: str | None) -> Profile | None:
    """Return the named profile of a file, else its default one; None if it has none.

    Args:
        path: The file.
        folder: The working directory; from there, the paths in the profile are seen.
        name: The name, None for the default.

    Raises:
        SettingsError: The file is invalid, or there is no such profile.
    """
    file = _read(path, folder)
    profiles = _profiles(file)
    default = str(file.tables.get("default", "default"))
    chosen = name or default
    if chosen not in profiles:
        if name is None and "default" not in file.tables:
            return None
        known = ", ".join(profiles) or "none"
        raise SettingsError(f"{file.path} has no [profile.{chosen}]; its profiles are: {known}")
    origin = "--profile" if name else file.place("", "default")
    return _profile(file, chosen, origin, profiles[chosen])


def _read(path: Path, folder: Path) -> _File:
    shown = path if path.parent != folder else Path(path.name)
    try:
        if path.stat().st_uid not in {0, os.getuid()}:
            raise SettingsError(f"{shown} belongs to another user and is not read; copy it")
        text = path.read_text(encoding="utf-8")
        return _File(shown, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{shown} is not valid TOML: {error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{shown} is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"cannot read {shown}: {error.strerror}") from error


def _profiles(file: _File) -> Mapping[str, Mapping[str, Any]]:
    for name in file.tables:
        if name not in {"default", "profile"}:
            raise SettingsError(
                f"{file.place('', name)}: {name} is not known here; "
                "settings belong in a table [profile.NAME]"
            )
    profiles = file.tables.get("profile", {})
    if not isinstance(profiles, dict) or not all(isinstance(t, dict) for t in profiles.values()):
        raise SettingsError(f"{file.path}: profiles are tables, [profile.NAME]")
    return profiles


def _profile(file: _File, name: str, origin: str, table: Mapping[str, Any]) -> Profile:
    values, process, problems = {}, None, []
    for key, value in table.items():
        place = file.place(f"profile.{name}", key)
        try:
            if key == _PROCESS:
                process = Value(_text(value), place)
            else:
                _check_name(key)
                text = _from_folder(key, _text(value), file.path.parent)
                values[f"NIGHTDROP_{key.upper()}"] = Value(text, place)
        except ValueError as error:
            problems.append(f"{place}: {key}: {error}")
    if problems:
        raise SettingsError("\n".join(problems))
    return Profile(name, origin, values, process, chosen=origin == "--profile")


def _check_name(key: str) -> None:
    field = Settings.model_fields.get(key)
    if field.annotation is SecretStr if field else _KEY_WORDS.search(key.lower()):
        raise ValueError(f"is a secret and must not be in this file; {_WHERE_KEYS_BELONG}")
    if not field:
        near = get_close_matches(key.lower().removeprefix("nightdrop_"), Settings.model_fields, n=1)
        raise ValueError("no such setting" + (f"; did you mean {near[0]}?" if near else ""))


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise ValueError("must be text, a number, or a list of texts")


def _has_password(address: str) -> bool:
    return address.startswith("postgresql:") and bool(_PASSWORD.search(address))


def _from_folder(key: str, text: str, folder: Path) -> str:
    """Return a value whose relative path starts at a folder, which is "." for the working one."""
    if key == "audit" and _has_password(text):
        raise ValueError(
            "has a password in it, and secrets must not be in this file; set NIGHTDROP_AUDIT in "
            "the environment or an --env-file"
        )
    if key == "audit" and text.startswith(_SQLITE):
        return _SQLITE + str(folder / text.removeprefix(_SQLITE))
    if key in _PATHS and text and "://" not in text and text != BUILT_IN_NAME:
        return str(folder / text)
    return text
