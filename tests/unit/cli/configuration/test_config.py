"""`nightdrop config show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from handler.cli.configuration.config import setting_rows
from handler.cli.configuration.environment import Configuration
from handler.cli.main import main
from handler.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

TOML = """\
[profile.p]
region = "cn-north-4"
credential_process = "canary"
"""


def shown(folder: Path, environ: dict[str, str]) -> dict[str, tuple[object, object]]:
    """Return the origin and the value of each setting, with the profile p and an env file."""
    (folder / "nightdrop.toml").write_text(TOML)
    (file := folder / "x.env").write_text("NIGHTDROP_SENDERS=4\n")
    rows = setting_rows(Configuration(environ, "p", file, folder))
    return {str(row["setting"]): (row["from"], row["value"]) for row in rows}


def test_each_setting_has_its_value_and_its_origin(tmp_path: Path) -> None:
    """An option, the environment, a line of a file, the default, or nothing."""
    found = shown(tmp_path, {"NIGHTDROP_PREFIX": "drop/"})
    assert found["profile"] == ("--profile", "p")
    assert found["env file"] == ("--env-file", str(tmp_path / "x.env"))
    assert found["NIGHTDROP_PREFIX"] == ("environment", "drop/")
    assert found["NIGHTDROP_SENDERS"] == (str(tmp_path / "x.env"), "4")
    assert found["NIGHTDROP_REGION"] == ("nightdrop.toml:2", "cn-north-4")
    assert found["NIGHTDROP_SETTLE_AFTER"] == ("default", "1200")
    assert found["NIGHTDROP_AUDIT"] == ("not set", None)
    assert found["HUAWEICLOUD_SDK_SK"] == ("credential_process, nightdrop.toml:3", None)
    assert {f"NIGHTDROP_{name.upper()}" for name in Settings.model_fields} <= found.keys()


def test_wrong_and_unknown_settings_are_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where people look for them; what is not set is seen in the list."""
    monkeypatch.setenv("NIGHTDROP_SENDER", "1")
    monkeypatch.setenv("NIGHTDROP_SENDERS", "many")
    done = CliRunner().invoke(main, ["config", "show"])
    assert done.exit_code == 1
    assert "NIGHTDROP_SENDER: no such setting, perhaps NIGHTDROP_SENDERS" in done.stderr
    assert "NIGHTDROP_SENDERS: must be a whole number" in done.stderr
    assert "missing" not in done.stderr


def test_no_secret_is_shown(tmp_path: Path) -> None:
    """That there is one is."""
    secret = {
        "NIGHTDROP_CHECKPOINT_KEY": "canary",
        "HUAWEICLOUD_SDK_AK": "canary",
        "HUAWEICLOUD_SDK_SK": "canary",
        "NIGHTDROP_AUDIT": "postgresql://u:canary@h/d?sslmode=verify-full&password=canary",
    }
    found = shown(tmp_path, secret)
    assert "canary" not in str(found)
    assert found["NIGHTDROP_CHECKPOINT_KEY"] == ("environment", "****")
    assert found["NIGHTDROP_AUDIT"][1] == (
        "postgresql://u:****@h/d?sslmode=verify-full&password=****"
    )


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("AUDIT", "postgresql://u:TOP/canary@h/d", "postgresql://u:****@h/d"),
        ("AUDIT", "postgresql://u:TOP:canary@h/d", "postgresql://u:****@h/d"),
        ("AUDIT", "postgresql://u:TOP@canary@h/d", "postgresql://u:****@h/d"),
        ("AUDIT", "postgresql://h/d?PASSWORD=canary&a=b", "postgresql://h/d?PASSWORD=****&a=b"),
        ("AUDIT", "postgresql://h/d?a=b&%70assword=canary", "postgresql://h/d?****"),
        ("AUDIT", "sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ("NOTIFY", "https://hooks.example.com/T0/canary?a=b", "a webhook at hooks.example.com"),
        ("NOTIFY", "canary", "****"),
    ],
)
def test_an_address_is_shown_without_what_it_hides(
    tmp_path: Path, name: str, value: str, printed: str
) -> None:
    """Also of one that is wrong: this command is the one to look with."""
    found = shown(tmp_path, {f"NIGHTDROP_{name}": value})
    assert found[f"NIGHTDROP_{name}"] == ("environment", printed)


def test_it_is_printed_in_every_format() -> None:
    """As every list is."""
    for output in ("table", "json", "yaml", "name"):
        done = CliRunner().invoke(main, ["config", "show", "-o", output])
        assert "NIGHTDROP_SENDERS" in done.output
