"""Local emulator of IEF, OBS and SMN: one HTTP server on 127.0.0.1, for tests and demonstrations.

Within `with Emulator() as emulator:`, `emulator.environment()` returns the settings that point a
function at it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, final
from uuid import uuid4

from handler.emulator.credentials import DEMO_ACCOUNT, ROTATION_SECONDS, Account, CredentialIssuer
from handler.emulator.faults import FaultRules, Timers
from handler.emulator.http.router import Router
from handler.emulator.http.server import HttpServer
from handler.emulator.ief import operations as ief
from handler.emulator.ief.fleet_file import read_fleet
from handler.emulator.ief.job_simulation import JobSimulation
from handler.emulator.obs import operations as obs
from handler.emulator.obs.notifications import Notifications
from handler.emulator.operation import EmulatorContext
from handler.emulator.smn import operations as smn
from handler.emulator.state.journal import Journal
from handler.emulator.state.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from handler.emulator.ief.fleet import Fleet
    from handler.emulator.obs.notifications import RaiseEvent

__all__ = ["DEMO_ACCOUNT", "Account", "Emulator"]

DEMO_BUCKETS = ("nightdrop-drop",)
"""The initial buckets, by default."""


@final
class Emulator:
    """IEF, OBS and SMN behind one port, at `url`, with their state in memory or in a directory."""

    def __init__(  # noqa: PLR0913 - all by name, all with a default
        self,
        *,
        account: Account = DEMO_ACCOUNT,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        job_seconds: float = 2.0,
        speed: float = 1.0,
        failure_rate: float = 0.0,
        seed: int = 0,
        fleet: Fleet | None = None,
        buckets: Sequence[str] = DEMO_BUCKETS,
        directory: Path | None = None,
        raise_event: RaiseEvent | None = None,
        signature_seconds: float = 900,
        most_appends: int = 10_000,
        largest_object: int = 5 * 1024**3,
        rotation: float = ROTATION_SECONDS,
        notices: bool = False,
    ) -> None:
        """Bind the port; requests wait until `start` is called.

        Args:
            account: The account whose requests are accepted.
            port: The port on 127.0.0.1, 0 for any free one.
            clock: Returns the current time, in seconds since 1970.
            job_seconds: Job seconds that a small job takes; see `JobSimulation` for larger ones.
            speed: Job seconds in a real second. A job times out after 600 job seconds.
            failure_rate: Probability that a task fails, from 0 to 1.
            seed: Seed of the random choices.
            fleet: The nodes and groups; None for those of `fleet.yaml`.
            buckets: The initial buckets.
            directory: Where jobs and buckets are persisted; None keeps them in memory.
            raise_event: Called for each new object, in order, after its request was executed.
            signature_seconds: How many seconds a signature's date may differ from the clock; the
                real services allow 15 minutes.
            most_appends: How often an object can be appended to.
            largest_object: Bytes of an object at most; 5 GB in OBS, put or appended.
            rotation: Seconds after which new temporary keys are issued; they are valid for three
                times as long.
            notices: Whether `environment` has the function send notices to the topic here.

        Raises:
            OSError: The port is taken, or the directory cannot be used.
        """
        self.account = account
        self._takes_notices = notices
        fleet = fleet or read_fleet()
        parallelism = fleet.job_parallelism
        simulation = JobSimulation(fleet, job_seconds, speed, parallelism, failure_rate, seed)
        self._journal = Journal(directory) if directory else None
        self.state = State(clock, lambda: str(uuid4()), simulation, tuple(buckets), self._journal)
        self.faults = FaultRules(ief.NAMES | obs.NAMES | smn.NAMES)
        self._timers = Timers()
        self._notices = Notifications(raise_event)
        agency = CredentialIssuer(account, clock, rotation)
        context = EmulatorContext(
            self.state,
            clock,
            self._notices,
            agency,
            signature_seconds,
            most_appends,
            largest_object,
        )
        router = Router(context, self.faults, self._timers)
        try:
            self._listener = HttpServer(port, router.answer)
        except OSError:
            self._close_journal()
            raise
        self.url = f"http://127.0.0.1:{self._listener.port}"

    def start(self) -> None:
        """Start to answer, in threads of its own; an emulator can be started once."""
        self._notices.start()
        self._listener.start()

    def stop(self) -> None:
        """Stop answering, close all connections and wait for the threads to end."""
        self._timers.stop()
        self._listener.stop()
        self._notices.stop()
        self._close_journal()

    def _close_journal(self) -> None:
        if self._journal:
            self._journal.close()

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def agency_url(self) -> str:
        """The URL that issues temporary keys, for `DESK_AGENCY`."""
        return f"{self.url}/_emulator/credentials"

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point a function at this emulator."""
        token = self.account.security_token
        topic = smn.topic_urn(self.account.project_id)
        notices = {"NIGHTDROP_NOTIFY": topic, "NIGHTDROP_SMN_ENDPOINT": self.url}
        return {
            "NIGHTDROP_REGION": "cn-north-4",
            "NIGHTDROP_PROJECT_ID": self.account.project_id,
            "NIGHTDROP_IEF_ENDPOINT": self.url,
            "NIGHTDROP_OBS_ENDPOINT": self.url,
            "NIGHTDROP_BUCKETS": ",".join(self.state.initial_buckets),
            "HUAWEICLOUD_SDK_AK": self.account.access_key,
            "HUAWEICLOUD_SDK_SK": self.account.secret_key,
            "HUAWEICLOUD_SDK_PROJECT_ID": self.account.project_id,
            **({"HUAWEICLOUD_SDK_SECURITY_TOKEN": token} if token else {}),
            **(notices if self._takes_notices else {}),
        }
