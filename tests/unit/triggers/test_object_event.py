"""Which object events ask for a job, by the event's name and the object's."""

from __future__ import annotations

import pytest

from handler.errors import EventRejectedError
from handler.triggers.object_event import is_creation, is_scratch, is_spec_name
from tests.unit.triggers.test_event_parser import dropped, screened


@pytest.mark.parametrize("prefix", ["", "s3:", "OBS:DWR:", "OBS:CloudTrace:", "obs:"])
@pytest.mark.parametrize("how", ["Put", "PUT", "Post", "Copy", "CompleteMultipartUpload", "*"])
def test_every_spelling_of_a_creation_is_run(prefix: str, how: str) -> None:
    """Trigger settings, classic events and EventGrid each have their own."""
    name = f"{prefix}ObjectCreated:{how}"
    assert is_creation(name)
    assert screened(dropped("drop/a.yaml", name)) is None


@pytest.mark.parametrize("name", ["ObjectCreated", "s3:ObjectCreated", "objectcreated:put"])
def test_a_creation_may_lack_its_verb_or_its_capitals(name: str) -> None:
    """The SDK's own texts have the short name."""
    assert is_creation(name)


@pytest.mark.parametrize(
    "name",
    [
        "ObjectRemoved:Delete",
        "s3:ObjectRemoved:DeleteMarkerCreated",
        "OBS:DWR:ObjectRemoved:Delete",
        "ObjectRestore:Completed",
        "LifecycleExpiration:Delete",
        "NotObjectCreated:Put",
        "ObjectCreatedX:Put",
        "Created",
        ":",
    ],
)
def test_nothing_else_is_a_creation(name: str) -> None:
    """These events create no object."""
    assert not is_creation(name)


SCRATCH = (
    ".DS_Store", "._hall.yaml", ".hall.yaml.swp", ".hall.yaml.Xa1b2C", "hall.yaml.swp",
    "~$plan.docx", "hall.yaml~", "#hall.yaml#", ".#hall.yaml", ".~lock.plan.ods#",
    "hall.yaml.tmp", "hall.tmp",
    "hall.yaml.part", "hall.yaml.crdownload", "hall.yaml.filepart", "hall.yaml.bak", "Thumbs.db",
    "thumbs.db", "desktop.ini", "Desktop.ini", "Icon\r", "4913", ".nfs000000000012d6",
    ".Trash-1000/files/hall.yaml", ".git/config.yaml", "..trash/hall.yaml",
    "$RECYCLE.BIN/S-1-5-21/$RX1.yaml", "depot/#recycle/hall.yaml", "@Recycle/hall.yaml",
    "@eaDir/hall.yaml", "__MACOSX/hall.yaml", "System Volume Information/hall.json",
    "lost+found/hall.yaml",
)  # fmt: skip


@pytest.mark.parametrize("name", SCRATCH)
def test_files_of_editors_and_systems_are_ignored(name: str) -> None:
    """On record, without an alarm."""
    ignored = screened(dropped(f"drop/{name}"))
    assert ignored is not None
    assert "editor or an operating system" in ignored.reason


@pytest.mark.parametrize(
    "name", ["README", "README.md", "photo.png", "hall.yaml.gz", "hall", "a.yamlx"]
)
def test_a_file_of_another_name_is_rejected_with_the_names_of_specs(name: str) -> None:
    """It lies in the wrong place, or its name was misspelt."""
    with pytest.raises(EventRejectedError) as caught:
        screened(dropped(f"drop/{name}"))
    assert str(caught.value) == "key: a job spec is named *.yaml, *.yml, *.json or *.jsonl"


@pytest.mark.parametrize(
    "name",
    ["a.yaml", "a.yml", "a.json", "a.jsonl", "A.YAML", "tmp.yaml", "a.tmp.yaml", "x/../b.json"],
)
def test_the_names_of_specs_are_run(name: str) -> None:
    """In any letter case, with anything before the last dot."""
    assert is_spec_name(name)
    assert screened(dropped(f"drop/{name}")) is None


@pytest.mark.parametrize("key", ["drop/.hall.yaml", "drop/.hall/a.yaml"])
def test_a_hidden_file_under_a_hidden_prefix_is_run(key: str) -> None:
    """A prefix of hidden files is set on purpose."""
    assert not is_scratch(key, "drop/.h")
    assert is_scratch(key, "drop/")
