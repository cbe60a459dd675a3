"""The cost of one timer event, in counts that do not depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from pathlib import Path

MOST_MODULES = 81
"""Of our own, for an event with a node upgrade in Nightdrop's form."""

FORBIDDEN = frozenset(
    {"click", "concurrent.futures", "cryptography", "difflib", "flask", "html"}
    | {"psycopg", "requests", "rich", "sqlite_utils", "urllib3", "werkzeug", "xml.etree"}
    | {"yaml", "handler.cloud.obs.client", "handler.jobs.claiming"}
)
"""What other events need, or only commands."""

SPEC = json.dumps({"kind": "node_upgrade", "name": "nightly", "targets": {"nodes": [{"id": "n1"}]}})
EVENT = {
    "version": "v1.0",
    "time": "2026-11-26T01:00:00Z",
    "trigger_type": "TIMER",
    "trigger_name": "nightly",
    "user_event": SPEC,
}
CHILD = """
import gc, json, os, sys, time
decoded, real = [], json.JSONDecoder.decode
def decode(self, text, *rest):
    decoded.append(text)
    return real(self, text, *rest)
json.JSONDecoder.decode = decode
from handler import handler
frozen, before = gc.get_freeze_count(), set(sys.modules)
from handler.local.runtime.context import Context
of_context = set(sys.modules) - before
event = json.loads(sys.argv[1])
decoded.clear()
reply = handler(event, Context.from_environment(os.environ, "one", time.monotonic))
loaded = set(sys.modules) - of_context
local = {name for name in loaded if name.startswith("handler.local")}
print(json.dumps({
    "outcome": reply["outcome"],
    "modules": sorted(name for name in loaded - local if name.startswith("handler")),
    "all": sorted(loaded),
    "frozen": frozen,
    "decoded": decoded.count(event["user_event"]),
}))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Measurements of a new process about its first event, and the path of its log."""
    log = tmp_path_factory.mktemp("log") / "audit.db"
    with closing(SqliteLog(log)) as opened:  # into an empty one the start is recorded alone
        opened.commit(lambda _view: Decision(None, (Draft("log.noted", "success"),)))
    with Emulator() as emulator:
        environ = {**emulator.environment(), "NIGHTDROP_AUDIT": f"sqlite:///{log}"}
        done = subprocess.run(
            [sys.executable, "-c", CHILD, json.dumps(EVENT)],
            env=environ,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    return json.loads(done.stdout.splitlines()[-1]), log


def test_a_timer_event_loads_only_what_it_needs(measured: tuple[dict[str, Any], Path]) -> None:
    """A cold start pays for every module."""
    message, _ = measured
    assert message["outcome"] == "submitted"
    assert len(message["modules"]) <= MOST_MODULES
    assert FORBIDDEN & set(message["all"]) == set()


def test_the_built_in_policy_costs_a_node_upgrade_one_module(
    measured: tuple[dict[str, Any], Path],
) -> None:
    """Neither its models nor its decision is loaded."""
    loaded = [name for name in measured[0]["modules"] if name.startswith("handler.policy")]
    assert loaded == ["handler.policy", "handler.policy.verdict"]


def test_the_probe_costs_nothing_without_its_facts(measured: tuple[dict[str, Any], Path]) -> None:
    """Not even its package is loaded."""
    assert not [name for name in measured[0]["modules"] if name.startswith("handler.probe")]


def test_a_timer_event_with_one_job_is_two_commits(measured: tuple[dict[str, Any], Path]) -> None:
    """Planned and claimed, then answered; the start of the instance is part of the first."""
    log = SqliteLog(measured[1])
    records = [record.fields for record in log.records(1)]
    log.close()
    assert [record["action"] for record in records] == [
        "function.started",
        "delivery.planned",
        "job.planned",
        "job.sending",
        "job.created",
    ]
    assert len({str(record["commit"]) for record in records}) == 2


def test_a_spec_is_decoded_once(measured: tuple[dict[str, Any], Path]) -> None:
    """The trigger leaves it to the pipeline."""
    assert measured[0]["decoded"] == 1


def test_what_a_cold_start_loads_is_not_searched_for_garbage(
    measured: tuple[dict[str, Any], Path],
) -> None:
    """Most of the objects of an instance are modules, which stay."""
    assert measured[0]["frozen"] > 10_000
