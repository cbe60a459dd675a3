"""The dependencies of one invocation, in one value that is passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.ief.client import Ief
from handler.jobs.effects import SendSettings
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handler.audit.instance_log import InstanceLog
    from handler.audit.record import Part
    from handler.cloud.credentials import Credentials
    from handler.cloud.http_transport import Transport
    from handler.cloud.obs.client import Obs
    from handler.jobs.effect_runner import EffectRunner
    from handler.runtime.deadline import Deadline
    from handler.settings import Settings

RECORDING_SECONDS = 2.0
"""What recording an answer may take, kept free at the end of an invocation."""


class Invocation(NamedTuple):
    """The dependencies of one invocation; `function` names it in each record of the log."""

    settings: Settings
    log: InstanceLog
    ief: Ief
    deadline: Deadline
    function: Part
    runner: EffectRunner
    absent_doubt: str = ""

    @property
    def obs(self) -> Obs:
        """OBS with the same keys, clock and deadline; loaded for events about objects."""
        from handler.cloud.obs.client import obs_beside

        return obs_beside(self.ief, self.settings.obs_endpoint)

    @property
    def out_of_time(self) -> bool:
        """Whether only results of started work can still be recorded in this invocation."""
        return self.deadline.left() <= RECORDING_SECONDS

    def request_fits(self) -> bool:
        """Whether one more request, and what it leads to, fits into this invocation."""
        return self.deadline.left() > self.sending.seconds_per_request

    @property
    def sending(self) -> SendSettings:
        """The settings by which this invocation sends and settles."""
        breaker = None
        if self.settings.breaker < 1:
            from handler.jobs.breaker import Breaker

            breaker = Breaker(self.settings.breaker, self.settings.breaker_jobs)
        return SendSettings(
            seconds_per_request=self.settings.request_timeout + RECORDING_SECONDS,
            settle_after=self.settings.settle_after,
            absent_doubt=self.absent_doubt,
            breaker=breaker,
            senders=self.settings.senders,
            job_grace=self.settings.job_grace,
        )


def ief_of(
    settings: Settings,
    keys: Credentials,
    transport: Transport,
    clock: Callable[[], datetime],
    deadline: Deadline | None = None,
) -> Ief:
    """Return IEF as the settings name it."""
    endpoint, project, instance = settings.ief_endpoint, settings.project_id, settings.ief_instance
    return Ief(endpoint, project, keys, transport, clock, instance, deadline)
