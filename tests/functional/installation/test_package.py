"""The zip is run, not only built: unpacked, under the runtime's interpreter, nothing else there."""

from __future__ import annotations

import json
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handler.errors import PackageError
from handler.packaging.build import Built, Sources, build
from handler.packaging.manifest import digest
from handler.packaging.python_runtime import RUNTIMES, Interpreter, Runtime, interpreter
from handler.packaging.wheels import Wheel, fetch
from handler.runtime.startup_record import MANIFEST
from tests.support.depth import DEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.packaging.requirements_file import Requirement

    Reply = dict[str, Any]

ROOT = Path(__file__).parents[3]
SOURCES = Sources(ROOT / "handler", ROOT / "infra", "0.1.0")

# As the platform does it: the code's folder is on the path, settings come from the context.
RUN = """
import json, sys
root, document = sys.argv[1], json.load(sys.stdin)
sys.path.insert(0, root)
before = set(sys.modules)
import index

class Context:
    def getUserData(self, name): return document["user_data"].get(name)
    def getSecurityAccessKey(self): return document["keys"][0]
    def getSecuritySecretKey(self): return document["keys"][1]
    def getSecurityToken(self): return document["keys"][2]
    def getRequestID(self): return "request-1"
    def getRemainingTimeInMilliSeconds(self): return 60000

index.initializer(Context())
replies = [index.handler(event, Context()) for event in document["events"]]
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
elsewhere = [name for name, file in files.items() if "site-packages" in file]
cached = {getattr(module, "__cached__", None) for name, module in sys.modules.items()
          if files[name].startswith(root)}
print(json.dumps({"replies": replies, "elsewhere": elsewhere,
                  "compiled": all(path and path.endswith(".pyc") for path in cached - {None})}))
"""


@dataclass(frozen=True)
class Unpacked:
    """An unpacked zip: its folder, its build, and its interpreter."""

    folder: Path
    built: Built
    python: Interpreter
    runtime: Runtime

    def files(self) -> dict[str, bytes]:
        """Return what lies in the folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}


def made(runtime: Runtime, python: Interpreter) -> Built:
    """Build a zip, or skip where its packages cannot be had."""
    try:
        return build(SOURCES, runtime, (), python)
    except PackageError as error:
        if "could not fetch" not in str(error) or "HASHES" in str(error):
            raise
        pytest.skip(f"no package registry is available: {error}")


@pytest.fixture(scope="module", autouse=True)
def fetched() -> Iterator[None]:
    """Fetch each runtime's wheels once: their hashes are pinned, so they are the same again."""
    with pytest.MonkeyPatch.context() as patch:
        known: dict[str, list[Wheel]] = {}

        def fetch_once(wanted: list[Requirement], runtime: Runtime, folder: Path) -> list[Wheel]:
            if runtime.name not in known:
                known[runtime.name] = fetch(wanted, runtime, folder)
            return known[runtime.name]

        patch.setattr("handler.packaging.build.fetch", fetch_once)
        yield


@pytest.fixture(scope="module", params=sorted(RUNTIMES) if DEEP else [min(RUNTIMES)])
def unpacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    """A zip for each runtime whose interpreter is here, without `DEEP=1` for the first only."""
    runtime = RUNTIMES[request.param]
    python = interpreter(runtime)
    if python is None:
        pytest.skip(f"no {runtime.name} is here, so its zip cannot be run")
    built = made(runtime, python)
    folder = tmp_path_factory.mktemp("code")
    (folder.parent / "made.zip").write_bytes(built.zip)
    with zipfile.ZipFile(folder.parent / "made.zip") as packed:
        packed.extractall(folder)
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return Unpacked(folder, built, python, runtime)


@pytest.fixture
def run(unpacked: Unpacked, environ: dict[str, str]) -> Callable[..., Reply]:
    """Run the unpacked function on events in a process with an empty environment."""

    def start(*events: object) -> Reply:
        kinds = ("AK", "SK", "SECURITY_TOKEN")
        document = {
            "user_data": {name: text for name, text in environ.items() if "SDK" not in name},
            "keys": [environ.get(f"HUAWEICLOUD_SDK_{kind}", "") for kind in kinds],
            "events": events,
        }
        done = subprocess.run(
            [unpacked.python.command, "-ISB", "-c", RUN, str(unpacked.folder)],
            input=json.dumps(document),
            env={},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: Reply = json.loads(done.stdout.splitlines()[-1])
        return answer

    return start


@pytest.mark.parametrize("audit", ["sqlite", "obs"])
def test_the_zip_answers_a_timer_and_a_dropped_file(
    audit: str,
    environ: dict[str, str],
    run: Callable[..., Reply],
    drop: Callable[..., Any],
    sample: Callable[[str], bytes],
) -> None:
    """Both create their job, with nothing but the zip and the standard library."""
    if audit == "obs":
        environ["NIGHTDROP_AUDIT"] = "obs://nightdrop-drop/audit/"
    timer = json.loads(sample("timer-nightly.json"))
    dropped = drop("drop/camera.yaml", sample("specs/deploy-camera.yaml"))
    document = run(timer, dropped)
    assert [reply["outcome"] for reply in document["replies"]] == ["submitted", "submitted"]
    assert {job["state"] for reply in document["replies"] for job in reply["jobs"]} == {"created"}
    assert document["elsewhere"] == []
    assert document["compiled"]


def test_a_start_is_on_record_with_the_digest_of_the_code(
    unpacked: Unpacked, run: Callable[..., Reply], recorded: Callable[[], list[Reply]]
) -> None:
    """It is the digest that was printed when the zip was built, and that of the files there."""
    run()
    started = recorded()[0]
    files = unpacked.files()
    del files[MANIFEST]
    assert started["action"] == "function.started"
    assert started["function"]["code"] == unpacked.built.code == digest(files)
    assert started["function"]["python"] == unpacked.python.version
    assert "note" not in started


def test_running_leaves_the_code_as_it_was(unpacked: Unpacked, run: Callable[..., Reply]) -> None:
    """Nothing is written beside it: on the platform it could not be."""
    before = unpacked.files()
    run({"action": "reconcile"}, {"action": "doctor"})
    assert unpacked.files() == before


def test_the_same_input_gives_the_same_bytes(unpacked: Unpacked) -> None:
    """The zip and its bill of materials."""
    assert made(unpacked.runtime, unpacked.python) == unpacked.built
