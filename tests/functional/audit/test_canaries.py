"""Unique secrets are put everywhere, and searched for everywhere, whatever a service repeats."""

from __future__ import annotations

import html
import json
import sqlite3
import traceback
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest

from handler.audit.checkpoints.signed_note import new_key
from handler.audit.export.formats import EXPORT_FORMATS
from handler.audit.sql.sqlite import SqliteLog
from handler.emulator.credentials import Account
from handler.emulator.server import Emulator
from handler.errors import NightdropError
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context
from tests.hostile.answers.answers import HostileAnswer, as_json, http, serving
from tests.support.depth import sampled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]

KEY = new_key("nightdrop.example/checkpoints", bytes(range(7, 39)))
ACCOUNT = Account("AKQZ7VK2XW9T4RJ5HB8N", "Zq7/vK2+mX9=wT4%rJ5", "p" * 32, "tok&Bn3<Ld6>Gs1")
SECRETS = {
    "access key": ACCOUNT.access_key,
    "secret key": ACCOUNT.secret_key,
    "token": ACCOUNT.security_token,
    "environment value": 'eV"1zQ&8\\pW<%5>k J',
    "argument": "--word=Hx4'Yb7/Uc2",
    "command": "run-Mf9:Td3?Ps6",
    "secret's name": "store-kw8-jn5-qe2",
    "checkpoint key": KEY.encoded().rpartition("+")[2],
    "user data": "Ga5;Vo1-Iz7,Ry4",
}
NEVER_SENT = {"checkpoint key", "user data"}
STORE = {"name": SECRETS["secret's name"], "key": "word"}
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON escapes": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "address": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "address in an address": lambda text: quote(quote(text, safe=""), safe=""),
    "HTML": html.escape,
    "HTML numbers": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "cut off": lambda text: text[:9],
    "its end": lambda text: text[-9:],
}
DEPLOYMENT = {
    "kind": "deployment_deploy",
    "name": "camera",
    "targets": {"nodes": [{"id": "node-1"}]},
    "deployment": {
        "replicas": 1,
        "template": {
            "configs": {"restart_policy": "Always"},
            "containers": [
                {
                    "name": "camera",
                    "image_url": "swr.example.com/camera:1",
                    "args": [SECRETS["argument"]],
                    "command": [SECRETS["command"]],
                    "envs": [
                        {"name": "PASSWORD", "value": SECRETS["environment value"]},
                        {"name": "SHORT", "value": "1"},
                        {"name": "OTHER", "value_from": {"secret": STORE}},
                    ],
                }
            ],
        },
    },
}


@dataclass(frozen=True)
class World:
    """An environment, and all that is written, answered or logged in it."""

    environ: Environ
    emulator: Emulator
    lines: list[str]
    output: pytest.CaptureFixture[str]

    def leaks(self, *texts: object) -> set[tuple[str, str]]:
        """Return which secrets are found, in which spelling."""
        everything = "\0".join([*self._written(), *map(str, texts), *map(repr, texts)]).casefold()
        return {
            (name, kind)
            for name, secret in SECRETS.items()
            for kind, spelt in SPELLINGS.items()
            if spelt(secret).casefold() in everything
        }

    def _written(self) -> Iterator[str]:
        path = self.environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database:
            for line in database.iterdump():
                # The outbox holds the request until the job is settled: that is what it is for.
                if not line.startswith('INSERT INTO "outbox"'):
                    yield line
            for view in ("trail", "job_story"):
                yield str(database.execute(f"SELECT * FROM {view}").fetchall())  # noqa: S608 - of two
        with closing(SqliteLog(path)) as log:
            for form in EXPORT_FORMATS.values():
                yield from form(log.records(), lambda _record: True)
        for file in Path(self.environ["NIGHTDROP_CHECKPOINTS"]).iterdir():
            yield file.read_text()
        for name, kept in self.emulator.state.buckets["nightdrop-drop"].items():
            if not name.startswith("drop/"):
                yield kept.data.decode()
        yield from self.lines
        yield from self.output.readouterr()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that wants a security token, too."""
    with Emulator(account=ACCOUNT) as running:
        yield running


@pytest.fixture
def world(
    emulator: Emulator,
    environ: Environ,
    lines: list[str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> World:
    """An environment full of secrets."""
    (tmp_path / "checkpoints").mkdir()
    environ |= {
        "NIGHTDROP_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "NIGHTDROP_CHECKPOINT_KEY": KEY.encoded(),
        "DATABASE_PASSWORD": SECRETS["user data"],
    }
    return World(environ, emulator, lines, capfd)


def traceback_text(error: BaseException) -> str:
    """Return the full printed text of an exception, its causes included."""
    return "".join(traceback.format_exception(error)) + repr(error)


def dropped(drop: Drop) -> object:
    """Drop the deployment and return the event."""
    return drop("drop/camera.json", json.dumps(DEPLOYMENT).encode())


def repeated(spelling: str, *, between: str = " | ") -> str:
    """Return all secrets that were sent, in one spelling."""
    return between.join(SPELLINGS[spelling](SECRETS[name]) for name in SECRETS.keys() - NEVER_SENT)


def test_a_success_leaves_no_secret(world: World, fire_in: FireIn, drop: Drop) -> None:
    """And yet all of them were used."""
    reply = fire_in(world.environ, dropped(drop))
    ticked = fire_in(world.environ, {"action": "reconcile"})
    assert [job["state"] for job in reply["jobs"]] == ["created"]
    sent = str(world.emulator.state.all_jobs()[0].content["task_data"])
    assert SPELLINGS["JSON"](SECRETS["environment value"]) in sent
    assert list(Path(world.environ["NIGHTDROP_CHECKPOINTS"]).iterdir())
    assert world.leaks(reply, ticked) == set()


def test_no_open_object_shows_a_secret(world: World) -> None:
    """In a debugger, or in a report of local variables."""
    context = Context.from_environment(world.environ, "r", lambda: 0.0)
    with closing(open_instance(context, world.environ)) as opened:
        assert world.leaks(opened, opened.settings, opened.keys, opened.transport, context) == set()


@pytest.mark.parametrize("spelling", sampled(SPELLINGS))
def test_a_refusal_that_repeats_all_secrets_is_read_without_them(
    world: World, fire_in: FireIn, drop: Drop, spelling: str
) -> None:
    """In its code and in its message, whose rest the operator still reads."""
    code = SPELLINGS[spelling](SECRETS["environment value"])
    texts = {"error_code": code, "error_msg": f"envs[1]: bad value {repeated(spelling)}"}
    with serving(HostileAnswer("secrets", as_json(texts, status="400 Bad"))) as url:
        reply = fire_in({**world.environ, "NIGHTDROP_IEF_ENDPOINT": url}, dropped(drop))
    assert [job["state"] for job in reply["jobs"]] == ["refused"]
    assert "IEF answered 400 unreadable envs[1]: bad value ***" in str(reply["errors"])
    assert world.leaks(reply) == set()


@pytest.mark.parametrize("spelling", ["as it is", "upper case", "lower case", "cut off"])
@pytest.mark.parametrize("name", sorted(SECRETS.keys() - NEVER_SENT))
def test_an_id_that_repeats_a_secret_is_discarded(
    world: World, fire_in: FireIn, drop: Drop, name: str, spelling: str
) -> None:
    """The job is unknown then, and its true id is learnt from the list."""
    texts = {"job_id": SPELLINGS[spelling](SECRETS[name])}
    with serving(HostileAnswer("secrets", as_json(texts, status="201 Created"))) as url:
        reply = fire_in({**world.environ, "NIGHTDROP_IEF_ENDPOINT": url}, dropped(drop))
    assert [job["state"] for job in reply["jobs"]] == ["unknown"]
    assert world.leaks(reply) == set()


@pytest.mark.parametrize("spelling", sampled(SPELLINGS))
def test_reasons_that_repeat_all_secrets_are_read_without_them(
    world: World, fire_in: FireIn, drop: Drop, spelling: str
) -> None:
    """The outbox is empty by then; the service itself repeats the request."""
    created = fire_in(world.environ, dropped(drop))["jobs"][0]
    (job,) = world.emulator.state.all_jobs()
    task = {"status": repeated(spelling), "reason": f"pod failed: {repeated(spelling)}"}
    shown = {
        "job_id": created["job_id"],
        "job_type": "deployment_deploy",
        "status": "Failed",
        "task_data": job.content["task_data"],
        "tasks": [task, {"status": "Failed", "reason": "image not found"}],
    }
    with serving(HostileAnswer("secrets", as_json(shown))) as url:
        ticked = fire_in({**world.environ, "NIGHTDROP_IEF_ENDPOINT": url}, {"action": "reconcile"})
    written = "".join(world.lines)
    assert "pod failed: ***" in written
    assert "image not found" in written
    assert world.leaks(ticked) == set()


@pytest.mark.parametrize("spelling", sampled(SPELLINGS))
def test_obs_that_repeats_keys_in_its_code_is_read_without_them(
    world: World, fire_in: FireIn, drop: Drop, spelling: str
) -> None:
    """Of OBS's answers nothing but the code is shown."""
    inside = f"<Code>{repeated(spelling, between='')}</Code><Message>{repeated(spelling)}</Message>"
    body = f"<Error>{inside}</Error>".encode()
    event = dropped(drop)
    with serving(HostileAnswer("secrets", http(body, status="400 Bad"))) as url:
        odd = {**world.environ, "NIGHTDROP_OBS_ENDPOINT": url}
        with pytest.raises(NightdropError) as raised:
            fire_in(odd, event)
    assert world.leaks(traceback_text(raised.value)) == set()


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX: y\r\nno colon: %s\r\nSECRET %s\r\n\r\n",
        b"HTTP/1.1 %s %s\r\n\r\n",
        b"%s %s\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n%s",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n%s\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://%s/%s\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["headers", "status", "line", "length", "chunk", "redirect"],
)
def test_a_garbled_answer_that_repeats_all_secrets_is_not_quoted(
    world: World, fire_in: FireIn, drop: Drop, head: bytes
) -> None:
    """Neither in an error nor in a library's log lines."""
    secrets = repeated("as it is").encode()
    event = dropped(drop)
    with serving(HostileAnswer("secrets", head % (secrets, secrets))) as url:
        reply = fire_in({**world.environ, "NIGHTDROP_IEF_ENDPOINT": url}, event)
        with pytest.raises(NightdropError) as raised:
            fire_in({**world.environ, "NIGHTDROP_OBS_ENDPOINT": url}, dropped(drop))
    assert world.leaks(reply, traceback_text(raised.value)) == set()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user@{}@host/db",
        "postgresql://user:{}/x@host/db",
        "postgresql://user:{}/db",
        "postgresql://user:{}@127.0.0.1:1/db",
        "obs://KEY:{}@bucket/prefix/",
        "ftp://user:{}@host/",
        "sqlite:/{}",
    ],
)
def test_the_password_of_a_log_is_not_shown(world: World, address: str) -> None:
    """However it was set, and whatever is wrong with it."""
    wrong = {**world.environ, "NIGHTDROP_AUDIT": address.format("Ga5-Vo1-Iz7-Ry4")}
    context = Context.from_environment(wrong, "r", lambda: 0.0)
    with pytest.raises(NightdropError) as raised:
        open_instance(context, wrong, world.lines.append)
    texts = traceback_text(raised.value) + "".join(world.lines) + "".join(world.output.readouterr())
    assert "Ga5-Vo1" not in texts
