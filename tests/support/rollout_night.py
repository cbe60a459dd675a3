"""A night of rollouts over a large fleet, in emulated time, by the function's own reconciler.

The fleet is the emulator's, in this process; the log is in memory. A run of the reconciler may be
killed at any commit or request: from then on none of its threads takes a step, and another
instance goes on later.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar, cast

from handler.deliveries.pipeline import deliver
from handler.emulator.ief.fleet_file import DEMO_FLEET, read_fleet
from handler.invocation.invocation import Invocation
from handler.jobs.effect_runner import EffectRunner
from handler.reconciler import reconcile
from handler.rollouts.operations import RolloutRequest, operate
from handler.runtime.deadline import Deadline
from handler.settings import load
from handler.triggers.delivery import Delivery, InlineSpec
from handler.values.canonical_json import key_of
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock
from tests.support.emulated_ief import EmulatedIef

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handler.audit.log import Committed, Decide, Log, View
    from handler.audit.record import Record
    from handler.audit.rollouts.state import RolloutState
    from handler.cloud.http_transport import Answer, Request, Transport
    from handler.rollouts.operations import RolloutOperation
    from handler.runtime.response import Answered, Result
    from handler.values.canonical_json import Json

T = TypeVar("T")

EVENING = datetime(2026, 11, 23, 17, tzinfo=timezone.utc)
"""One in the morning where the fleet stands."""

SECONDS = 60.0
"""How long an invocation may take, by the clock of the night, which stands still meanwhile."""

LARGE_FLEET = DEMO_FLEET.with_name("large_fleet.yaml")


class Killed(BaseException):
    """The process of an invocation has ended; nothing catches this."""


@dataclass
class Steps:
    """Counts the steps of an invocation, and ends it at one.

    Attributes:
        last: The number of its last step, from 1; 0 for no end.
    """

    last: int = 0
    taken: int = 0

    def take(self) -> None:
        """Take one step.

        Raises:
            Killed: The invocation has ended.
        """
        self.taken += 1
        if 0 < self.last <= self.taken:
            raise Killed


@dataclass(frozen=True)
class _Log:
    log: Log
    steps: Steps

    def commit(self, decide: Decide[T]) -> Committed[T]:
        return cast("Committed[T]", self.commit_all([decide])[0])

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        self.steps.take()
        committed = self.log.commit_all(decisions)
        self.steps.take()
        return committed

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        return self.log.read(ask, fresh=fresh)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        return self.log.bodies(keys)

    def records(self, after: int = 0) -> Any:  # noqa: ANN401 - an iterator
        return self.log.records(after)

    def close(self) -> None:
        """The night goes on."""


@dataclass(frozen=True)
class _Transport:
    transport: Transport
    steps: Steps
    asked: Counter[str]

    def send(self, request: Request, **limits: Any) -> Answer:  # noqa: ANN401 - passed on
        self.steps.take()
        path = request.url.partition("?")[0].rstrip("/").split("/")
        is_one = request.method == "GET" and path[-2] == "jobs"
        self.asked[f"{request.method} {'job' if is_one else path[-1]}"] += 1
        answer = self.transport.send(request, **limits)
        self.steps.take()
        return answer


@dataclass
class Night:
    """A fleet, a log and a clock.

    Attributes:
        clock: The time.
        ief: The fleet.
        log: The audit log.
        asked: How often each kind of request reached the fleet.
    """

    clock: Clock
    ief: EmulatedIef
    log: MemoryLog
    asked: Counter[str] = field(default_factory=Counter)

    def invocation(self, steps: Steps | None = None) -> Invocation:
        """Return the dependencies of an invocation that starts now."""
        steps = steps or Steps()
        end = Deadline(self.clock().timestamp() + SECONDS, lambda: self.clock().timestamp())
        client = self.ief.client(deadline=end)
        transport = cast("Transport", _Transport(client.transport, steps, self.asked))
        client = client._replace(transport=transport)
        log: Any = _Log(self.log, steps)
        environ = {
            "NIGHTDROP_AUDIT": "sqlite:///unused",
            "NIGHTDROP_IEF_ENDPOINT": client.endpoint,
            "NIGHTDROP_OBS_ENDPOINT": client.endpoint,
            "HUAWEICLOUD_SDK_PROJECT_ID": client.project_id,
            "NIGHTDROP_SENDERS": "1",
        }
        return Invocation(
            settings=load(lambda _name: None, environ),
            log=log,
            ief=client,
            deadline=end,
            function={"name": "nightdrop", "version": "latest", "request_id": None},
            runner=EffectRunner(log, client, end),
        )

    def order(self, document: Json, steps: Steps | None = None, *, name: str = "nightly") -> Result:
        """Hand over a spec with one document directly; with the same name it is delivered again."""
        delivery = Delivery(
            key=key_of([name]),
            trigger="direct",
            subject=f"direct:{name}",
            fired_at=None,
            actor={"kind": "caller"},
            source={"shape": "direct"},
            spec=InlineSpec(json.dumps([document])),
        )
        return deliver(delivery, self.invocation(steps))

    def tick(self, steps: Steps | None = None) -> Answered:
        """Run the reconciler once.

        Raises:
            Killed: It ended at a step.
        """
        return reconcile(self.invocation(steps))

    def operate(self, operation: RolloutOperation, wave: int = 0) -> None:
        """Ask for an operation on the latest rollout, as a person does."""
        request = RolloutRequest(operation, {"kind": "operator", "name": "ops"}, "a test", wave)
        self.log.commit(operate(self.rollout.key, request))

    @property
    def rollout(self) -> RolloutState:
        """The latest rollout."""
        return self.log.read(lambda view: view.rollouts.latest(1))[0]

    def wait(self, minutes: float) -> None:
        """Let time pass."""
        self.clock.now += timedelta(minutes=minutes)

    def records(self) -> list[Record]:
        """Return all records."""
        return list(self.log.records())


def large_night(nodes: int, seed: int = 1) -> Night:
    """Return an evening with up to 10,000 nodes: 5 % offline, 3 % failing, 1 % late."""
    clock = Clock(EVENING)
    fleet = read_fleet(LARGE_FLEET, seed=seed)
    some = Random(seed).sample(fleet.nodes, nodes)  # noqa: S311 - to repeat the night
    ief = EmulatedIef(replace(fleet, nodes=tuple(some)), clock, seed=seed)
    return Night(clock, ief, MemoryLog(clock))
