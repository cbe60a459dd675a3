"""Which files of a drop folder are uploaded, when, and the messages about the others."""

from __future__ import annotations

import os
import resource
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from handler.local.triggers.drop_folder import REST_SECONDS, DropFolder, found_files

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Scene:
    """A drop folder with a clock that is set by hand.

    Attributes:
        folder: The folder.
        uploaded: What was uploaded: names and contents.
        messages: The messages that were reported.
        now: What the clock shows, in seconds.
        trouble: What an upload raises, if anything.
    """

    folder: Path
    uploaded: list[tuple[str, bytes]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    now: float = 1000.0
    trouble: Exception | None = None

    def __post_init__(self) -> None:
        """Create the drop folder's watcher."""
        self.drop = DropFolder(
            self.folder, self._upload, self.messages.append, 1000, lambda: self.now
        )

    def _upload(self, name: str, data: bytes) -> None:
        if self.trouble:
            raise self.trouble
        self.uploaded.append((name, data))

    def look(self, after: float = REST_SECONDS) -> None:
        """Scan once, after that many seconds."""
        self.now += after
        self.drop.scan()

    def settle(self) -> None:
        """Scan until an unchanged file has rested."""
        for _ in range(3):
            self.look()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """An empty drop folder."""
    return Scene(tmp_path)


def test_a_dropped_file_is_uploaded_once_under_its_path(scene: Scene) -> None:
    """Folders become slashes."""
    (scene.folder / "hall 4").mkdir()
    (scene.folder / "hall 4/a+b.yaml").write_bytes(b"one")
    scene.settle()
    scene.settle()
    assert scene.uploaded == [("hall 4/a+b.yaml", b"one")]
    assert scene.messages == []


def test_it_is_idle_once_nothing_waits_to_be_uploaded(scene: Scene) -> None:
    """Not before the first scan, and not while a file rests or its upload is tried again."""
    found = [scene.drop.idle]
    for trouble in (None, OSError("no")):
        scene.trouble = trouble
        (scene.folder / f"{trouble}.yaml").write_bytes(b"one")
        for _ in range(2):
            scene.look()
            found.append(scene.drop.idle)
    assert found == [False, False, True, False, False]


def test_a_file_that_is_written_again_is_uploaded_again(scene: Scene) -> None:
    """With its new content; the same for a file that is removed and dropped again."""
    file = scene.folder / "a.yaml"
    file.write_bytes(b"one")
    scene.settle()
    file.write_bytes(b"two!")
    scene.settle()
    file.unlink()
    scene.look()
    file.write_bytes(b"two!")
    scene.settle()
    assert [data for _, data in scene.uploaded] == [b"one", b"two!", b"two!"]


def test_a_file_of_the_same_size_and_time_is_another_one(scene: Scene, tmp_path: Path) -> None:
    """As `cp -p` and archives make them."""
    file, other = scene.folder / "a.yaml", tmp_path / "other.part"
    file.write_bytes(b"one")
    scene.settle()
    other.write_bytes(b"two")
    shutil.copystat(file, other)
    other.replace(file)
    scene.settle()
    assert scene.uploaded == [("a.yaml", b"one"), ("a.yaml", b"two")]


def test_a_file_that_grows_is_uploaded_once_whole(scene: Scene) -> None:
    """However often the folder is scanned meanwhile."""
    with (scene.folder / "a.yaml").open("wb", buffering=0) as file:
        for _ in range(5):
            file.write(b"half ")
            for _ in range(3):
                scene.look(after=REST_SECONDS / 4)
    scene.settle()
    assert scene.uploaded == [("a.yaml", b"half " * 5)]


def test_a_file_without_content_waits_for_it(scene: Scene) -> None:
    """As a mounted share writes it; the wait is reported once."""
    file = scene.folder / "a.yaml"
    file.touch()
    scene.settle()
    scene.settle()
    assert (scene.uploaded, scene.messages) == (
        [],
        ["a.yaml is empty; it is uploaded once it has content"],
    )
    file.write_bytes(b"content")
    scene.settle()
    assert scene.uploaded == [("a.yaml", b"content")]


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        ".camera.yaml.swp",
        "camera.yaml~",
        "camera.yaml.part",
        "x.tmp",
        "~$plan.yaml",
        "Thumbs.db",
        ".git/config.yaml",
    ],
)
def test_files_of_editors_and_systems_are_not_uploaded(scene: Scene, name: str) -> None:
    """And not reported."""
    (scene.folder / name).parent.mkdir(exist_ok=True)
    (scene.folder / name).write_bytes(b"x")
    scene.settle()
    assert (scene.uploaded, scene.messages) == ([], [])


def test_a_link_is_not_followed(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither to a file nor to a folder, and neither inside nor outside."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.yaml").write_bytes(b"secret")
    (scene.folder / "file.yaml").symlink_to(outside / "secret.yaml")
    (scene.folder / "folder").symlink_to(outside)
    (scene.folder / "nowhere.yaml").symlink_to(outside / "missing")
    scene.settle()
    scene.settle()
    assert scene.uploaded == []
    assert scene.messages == [
        f"{name} is a link and was not uploaded; drop the file itself"
        for name in ("file.yaml", "folder", "nowhere.yaml")
    ]


def test_a_folder_that_cannot_be_read_may_hold_something(scene: Scene) -> None:
    """A run that ends when nothing is left goes on."""
    scene.settle()
    assert scene.drop.idle
    shutil.rmtree(scene.folder)
    scene.look()
    assert not scene.drop.idle


def test_a_folder_that_is_too_deep_is_reported_and_stops_nothing(scene: Scene) -> None:
    """A walk into it would end the watcher."""
    deepest = scene.folder.joinpath(*["a"] * 600)
    deepest.mkdir(parents=True)
    (scene.folder / "b.yaml").write_bytes(b"one")
    scene.settle()
    assert scene.uploaded == [("b.yaml", b"one")]
    (message,) = scene.messages
    assert "is a folder inside 100 others" in message


def test_a_file_that_becomes_a_link_before_it_is_read_is_not_followed(
    scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Between the scan and the reading."""
    secret = tmp_path_factory.mktemp("outside") / "secret.yaml"
    secret.write_bytes(b"secret")
    (scene.folder / "a.yaml").write_bytes(b"honest")
    walk = found_files(scene.folder)
    found = next(walk)
    (scene.folder / "a.yaml").unlink()
    (scene.folder / "a.yaml").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        found.read()


def test_the_drop_folder_itself_may_be_a_link(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """That is the choice of the person who named it."""
    real = tmp_path_factory.mktemp("real")
    (real / "a.yaml").write_bytes(b"one")
    (tmp_path / "drop").symlink_to(real)
    scene = Scene(tmp_path / "drop")
    scene.settle()
    assert scene.uploaded == [("a.yaml", b"one")]


def test_a_file_that_is_too_large_is_not_read(scene: Scene) -> None:
    """Three sparse gibibytes cost no memory, and are reported once, with their size."""
    with (scene.folder / "big.yaml").open("wb") as file:
        file.truncate(3 * 2**30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scene.settle()
    scene.settle()
    assert scene.uploaded == []
    [messages] = scene.messages
    assert messages == (
        "big.yaml has 3,221,225,472 bytes and was not uploaded: a spec file has at most 1,000 "
        "(NIGHTDROP_MAX_SPEC_BYTES)"
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_pipe_is_not_waited_for(scene: Scene) -> None:
    """Nor are sockets and devices."""
    os.mkfifo(scene.folder / "a.yaml")
    scene.settle()
    assert scene.messages == ["a.yaml is not a regular file and was not uploaded"]


def test_a_name_that_is_not_utf_8_is_reported_once(scene: Scene) -> None:
    """With the bytes, as escapes."""
    (scene.folder / os.fsdecode(b"caf\xe9.yaml")).write_bytes(b"x")
    scene.settle()
    scene.settle()
    assert scene.uploaded == []
    [messages] = scene.messages
    assert messages.startswith("caf\\udce9.yaml was not uploaded: its name is not UTF-8")


def test_files_that_are_not_uploaded_are_counted_until_they_can_be(scene: Scene) -> None:
    """A link, one that is too large and an empty one; the one beside them is uploaded."""
    (scene.folder / "a.yaml").write_bytes(b"one")
    (scene.folder / "empty.yaml").touch()
    (scene.folder / "large.yaml").write_bytes(b"x" * 1001)
    (scene.folder / "link.yaml").symlink_to("a.yaml")
    scene.settle()
    assert (scene.drop.idle, scene.drop.refused) == (True, 3)
    (scene.folder / "empty.yaml").write_bytes(b"two")
    (scene.folder / "large.yaml").unlink()
    scene.settle()
    assert (scene.drop.idle, scene.drop.refused) == (True, 1)


def test_a_name_cannot_forge_a_line(scene: Scene) -> None:
    """Control characters are shown as escapes."""
    (scene.folder / "a\n12:00:00  all is well\x1b[2K.yaml").symlink_to("nowhere")
    scene.settle()
    assert "\n" not in scene.messages[0]
    assert "\x1b" not in scene.messages[0]


def test_a_failed_upload_is_reported_once_and_retried_ever_more_rarely(scene: Scene) -> None:
    """One file's error loses neither it nor the others."""
    scene.trouble = OSError("the cloud is away")
    (scene.folder / "a.yaml").write_bytes(b"1")
    for _ in range(100):
        scene.look(after=0.3)
    scene.trouble = None
    assert scene.messages == [
        "a.yaml could not be uploaded and will be retried: the cloud is away",
    ]
    scene.look(after=60)
    assert scene.uploaded == [("a.yaml", b"1")]


def test_a_folder_that_vanishes_is_reported_once_and_may_come_back(tmp_path: Path) -> None:
    """The scans continue."""
    folder = tmp_path / "drop"
    scene = Scene(folder)
    scene.settle()
    assert scene.messages == [f"cannot read the folder {folder}: No such file or directory"]
    folder.mkdir()
    (folder / "a.yaml").write_bytes(b"1")
    scene.settle()
    assert scene.uploaded == [("a.yaml", b"1")]


def test_files_that_vanish_during_a_scan_are_skipped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file between its listing and its status, a sub-folder before it is entered."""
    (scene.folder / "gone").mkdir()
    (scene.folder / "gone/b.yaml").write_bytes(b"2")
    (scene.folder / "a.yaml").write_bytes(b"1")
    real = os.stat

    def stat(path: str, **options: object) -> os.stat_result:
        if path == "a.yaml" and (scene.folder / "a.yaml").exists():
            (scene.folder / "a.yaml").unlink()
            shutil.rmtree(scene.folder / "gone")
        return real(path, **options)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr("handler.local.triggers.drop_folder.os.stat", stat)
    scene.settle()
    assert (scene.uploaded, scene.messages) == ([], [])
