"""nightdrop.toml: profiles, and what must not be in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.cli.configuration.profile_file import Profile, read_profile
from handler.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def profile_in(folder: Path, text: str, name: str | None = None) -> Profile | None:
    """Return the profile in a file with this text."""
    (path := folder / "nightdrop.toml").write_text(text)
    return read_profile(path, folder, name)


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ('default = "a"\n[profile.a]\n[profile.b]\n', None, "a"),
        ('default = "a"\n[profile.a]\n[profile.b]\n', "b", "b"),
        ("[profile.default]\n", None, "default"),
        ("[profile.a]\n", None, None),
    ],
)
def test_the_named_profile_counts_else_the_default(
    text: str, name: str | None, found: str | None, tmp_path: Path
) -> None:
    """Named at the top of the file, or by its own name."""
    profile = profile_in(tmp_path, text, name)
    assert (profile.name if profile else None) == found


def test_settings_are_text_numbers_and_lists(tmp_path: Path) -> None:
    """Written as the environment would have them, with their lines."""
    text = '[profile.p]\nbuckets = ["a", "b"]\nsenders = 4\n\nbreaker = 0.5\nprefix = "x/"\n'
    profile = profile_in(tmp_path, text, "p")
    assert profile
    assert profile.values == {
        "NIGHTDROP_BUCKETS": ("a,b", "nightdrop.toml:2"),
        "NIGHTDROP_SENDERS": ("4", "nightdrop.toml:3"),
        "NIGHTDROP_BREAKER": ("0.5", "nightdrop.toml:5"),
        "NIGHTDROP_PREFIX": ("x/", "nightdrop.toml:6"),
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('audit = "sqlite:///my.db"', "sqlite:///{}/my.db"),
        ('audit = "sqlite:////var/my.db"', "sqlite:////var/my.db"),
        ('audit = "obs://log/a/"', "obs://log/a/"),
        ('checkpoints = "kept"', "{}/kept"),
        ('policy = "policy.yaml"', "{}/policy.yaml"),
        ('policy = "built-in"', "built-in"),
        ('facts = "obs://b/facts.json"', "obs://b/facts.json"),
    ],
)
def test_relative_paths_start_at_the_folder_of_the_file(
    written: str, read: str, tmp_path: Path
) -> None:
    """So that there is one log, wherever below it a command runs."""
    (tmp_path / "below").mkdir()
    (tmp_path / "nightdrop.toml").write_text(f"[profile.p]\n{written}\n")
    profile = read_profile(tmp_path / "nightdrop.toml", tmp_path / "below", "p")
    assert profile
    assert [value.text for value in profile.values.values()] == [read.format(tmp_path)]


@pytest.mark.parametrize(
    "line",
    [
        'checkpoint_key = "canary"',
        'sk = "canary"',
        'HUAWEICLOUD_SDK_AK = "canary"',
        'security_token = "canary"',
        'audit = "postgresql://u:canary@h/d"',
        'audit = "postgresql://h/d?password=canary"',
    ],
)
def test_a_secret_is_an_error_that_says_where_it_belongs(line: str, tmp_path: Path) -> None:
    """With its line, and without its value."""
    with pytest.raises(SettingsError) as caught:
        profile_in(tmp_path, f"[profile.p]\n{line}\n", "p")
    said = str(caught.value)
    assert said.startswith("nightdrop.toml:2: ")
    assert "environment" in said
    assert "canary" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[profile.p]\nregoin = "x"', "nightdrop.toml:2: regoin: no such setting; did you mean re"),
        ("[profile.p]\nsenders = true", "nightdrop.toml:2: senders: must be text, a number"),
        ("[profile.p]\n[profile.p.audit]", "audit: must be text"),
        ('audit = "x"\n[profile.p]', "nightdrop.toml:1: audit is not known here"),
        ("[profile.q]", r"has no \[profile.p\]; its profiles are: q"),
        ("profile = 1", "profiles are tables"),
        ("[profile", "is not valid TOML"),
    ],
)
def test_an_error_says_what_to_write(text: str, said: str, tmp_path: Path) -> None:
    """With the line, as far as there is one."""
    with pytest.raises(SettingsError, match=said):
        profile_in(tmp_path, text, "p")


def test_a_default_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """It is not silently ignored."""
    with pytest.raises(SettingsError, match=r"has no \[profile.a\]"):
        profile_in(tmp_path, 'default = "a"\n')


def test_the_file_of_another_user_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could be in a folder above that everyone can write to."""
    (tmp_path / "nightdrop.toml").write_text("[profile.p]\n")
    (tmp_path / "nightdrop.toml").chmod(0o644)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    import os

    if (tmp_path / "nightdrop.toml").stat().st_uid == 0:
        os.chown(tmp_path / "nightdrop.toml", 1, -1)
    with pytest.raises(SettingsError, match="belongs to another user"):
        read_profile(tmp_path / "nightdrop.toml", tmp_path, "p")
