"""`nightdrop config`: every setting, its value, and where it comes from."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click
from pydantic import SecretStr

from handler.cli.configuration.environment import Configuration, configuration
from handler.cli.configuration.key_sources import key_origin
from handler.cli.configuration.value import KEYS
from handler.cli.console import complain
from handler.cli.listing import Listing, print_rows
from handler.cli.shared_options import format_option
from handler.errors import SettingsError
from handler.settings import Settings, load
from handler.values.duration import duration_text, retention_of, seconds_of
from handler.values.notify_address import topic_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.cli.listing import Row

_MASK = "****"
_PASSWORD = re.compile(r"(?<=://)([^:/?]*):.*@|(?<=password=)()[^&]*", re.IGNORECASE)
_SETTINGS = Listing(("setting", "from", "value"), name="setting", empty="There are no settings.")


@click.group()
def config() -> None:
    """Show the settings, and where each comes from.

    \b
      nightdrop config show
      nightdrop --profile production config show -o yaml
    """


@config.command()
@format_option
def show(output: str) -> None:
    """Print every setting with its value and where it comes from; secrets are masked.

    An option of a command counts more than the environment, the environment more than --env-file,
    that file more than the profile in nightdrop.toml, and the profile more than the default. No key
    is fetched. Exit status: 0, 1 a setting is wrong or unknown, which standard error has.

    \b
      nightdrop config show
      nightdrop --profile production --env-file keys.env config show -o json
    """
    given = configuration()
    print_rows(list(setting_rows(given)), _SETTINGS, output)
    problems = _problems({name: value.text for name, value in given.values.items()})
    if problems:
        complain("\n".join(problems))
        sys.exit(1)


def _problems(environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with settings; one that is missing is seen in the list."""
    try:
        load(lambda _name: None, environ)
    except SettingsError as error:
        return [line for line in str(error).splitlines() if " is missing" not in line]
    return []


def setting_rows(given: Configuration) -> Iterator[Row]:
    """Yield a row for the profile, the env file, each setting and each key.

    Raises:
        SettingsError: The env file or nightdrop.toml is invalid.
    """
    profile = given.profile
    yield _row("profile", profile.origin if profile else "not set", profile and profile.name)
    yield _row("env file", "--env-file" if given.env_file else "not set", given.env_file)
    for name, field in Settings.model_fields.items():
        yield _setting_row(given, f"NIGHTDROP_{name.upper()}", field)
    for key in (*KEYS, "HUAWEICLOUD_SDK_PROJECT_ID"):
        value = given.values.get(key)
        if value and value.text:
            yield _row(key, value.origin, _MASK if key in KEYS else value.text)
        else:
            yield _row(key, key_origin(profile, given.environ) or "not set", None)


def _setting_row(given: Configuration, name: str, field: Any) -> Row:  # noqa: ANN401 - pydantic's own type
    value = given.values.get(name)
    if value and value.text:
        secret = field.annotation is SecretStr
        return _row(name, value.origin, _MASK if secret else _masked(name, value.text))
    if field.is_required():
        return _row(name, "not set", None)
    return _row(name, "default", default_of(field))


def default_of(field: Any) -> str | None:  # noqa: ANN401 - pydantic's own type
    """Return the default of a setting as it would be written; None if it is empty."""
    default: Any = "" if field.annotation is SecretStr else field.default
    readers = {getattr(one, "func", None) for one in field.metadata}
    if readers & {seconds_of, retention_of}:
        return duration_text(default)
    return None if default in {(), "", None} else str(default)


def _masked(name: str, text: str) -> str:
    """Return a value without the password of an address, and without the path of a webhook."""
    if name == "NIGHTDROP_NOTIFY" and not topic_of(text):
        host = text.partition("://")[2].partition("/")[0].rpartition("@")[2]
        return f"a webhook at {host}" if host else _MASK
    base, _, query = text.partition("?")
    if "%" in query:  # a name that is spelt so may be that of a password
        text = f"{base}?{_MASK}"
    return _PASSWORD.sub(lambda found: f"{found[1]}:{_MASK}@" if found[2] is None else _MASK, text)


def _row(setting: str, origin: str, value: object) -> Row:
    return {"setting": setting, "value": None if value is None else str(value), "from": origin}
