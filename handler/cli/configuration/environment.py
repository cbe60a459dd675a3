"""The environment of a command: this process's, then an env file, then a profile.

Commands read settings from `environment()` and `cloud_environment()`, never from `os.environ`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handler.cli.configuration.value import KEYS, Value
from handler.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.cli.configuration.profile_file import Profile


FILE_NAME = "nightdrop.toml"


@dataclass(frozen=True)
class Configuration:
    """The options of `nightdrop` itself, and what they make of the environment.

    Attributes:
        process: This process's environment.
        profile_name: The profile that --profile names; None for the default one.
        env_file: The file that --env-file names.
        folder: The working directory; nightdrop.toml is in it or above it.
    """

    process: Mapping[str, str] = field(repr=False)
    profile_name: str | None = None
    env_file: Path | None = None
    folder: Path = field(default_factory=Path.cwd)

    @cached_property
    def profile(self) -> Profile | None:
        """The profile that applies.

        Raises:
            SettingsError: nightdrop.toml is invalid, or has no such profile.
        """
        folders = (self.folder, *self.folder.parents)
        paths = (path for folder in folders if (path := folder / FILE_NAME).is_file())
        file = next(paths, None)
        if file is not None:
            from handler.cli.configuration.profile_file import read_profile

            return read_profile(file, self.folder, self.profile_name)
        if self.profile_name:
            raise SettingsError(
                f"there is no {FILE_NAME} here or above, so no profile {self.profile_name}"
            )
        return None

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """Every variable with its origin; no key is fetched.

        Raises:
            SettingsError: The env file or nightdrop.toml is invalid.
        """
        values = dict(self.profile.values) if self.profile else {}
        values |= self._of_env_file()
        for name, text in self.process.items():
            # An empty variable counts as not set, as for the function.
            if text or name not in values:
                values[name] = Value(text, "environment")
        return values

    def _of_env_file(self) -> dict[str, Value]:
        if not self.env_file:
            return {}
        from handler.local.env_file import read_env_file

        values = read_env_file(self.env_file)
        return {name: Value(text, str(self.env_file)) for name, text in values.items()}

    @cached_property
    def environ(self) -> Mapping[str, str]:
        """Every variable; no key is fetched.

        Raises:
            SettingsError: The env file or nightdrop.toml is invalid.
        """
        return {name: value.text for name, value in self.values.items()}

    @cached_property
    def cloud_environ(self) -> Mapping[str, str]:
        """Every variable, with keys from wherever they are.

        Raises:
            SettingsError: The env file or nightdrop.toml is invalid.
            CredentialsError: The credentials file or the credential process is of no use.
        """
        if all(self.environ.get(name) for name in KEYS[:2]):
            return self.environ
        from handler.cli.configuration.key_sources import fetch_keys

        fetched = fetch_keys(self.profile, self.environ)
        given = {name: text for name, text in self.environ.items() if text and name not in KEYS}
        return {**fetched, **given}


def configuration(context: click.Context | None = None) -> Configuration:
    """Return the configuration of the running command; that of the process outside of one."""
    context = context or click.get_current_context(silent=True)
    found = context.find_object(Configuration) if context else None
    return found or Configuration(os.environ)


def environment() -> Mapping[str, str]:
    """Return the environment of the running command; without keys that would be fetched.

    Raises:
        SettingsError: The env file or nightdrop.toml is invalid.
    """
    return configuration().environ


def cloud_environment() -> Mapping[str, str]:
    """Return the environment of the running command, with keys from wherever they are.

    Raises:
        SettingsError: The env file or nightdrop.toml is invalid.
        CredentialsError: The credentials file or the credential process is of no use.
    """
    return configuration().cloud_environ
