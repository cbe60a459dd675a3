"""One invocation of the function in simulated time: the product's own code, from its entry points.

Its log, its network, its clocks and its threads are simulated; nothing else is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from handler.cloud.credentials import Credentials
from handler.deliveries.pipeline import deliver
from handler.errors import NightdropError
from handler.invocation.invocation import RECORDING_SECONDS, Invocation, ief_of
from handler.jobs.effect_runner import EffectRunner, RateLimiter
from handler.jobs.job_request import run_request
from handler.reconciler import reconcile
from handler.rollouts.request import run_rollout_request
from handler.runtime.deadline import Deadline
from tests.faults.simulation.function.simulated_log import SimulatedLog
from tests.faults.simulation.function.simulated_runner import SimulatedRunner
from tests.faults.simulation.function.story import Story, pause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.audit.instance_log import InstanceLog
    from handler.audit.log import Log
    from handler.cloud.http_transport import Transport
    from handler.runtime.response import Result
    from handler.settings import Settings
    from handler.triggers.delivery import Action, Delivery
    from tests.faults.simulation.services.simulated_transport import SimulatedTransport
    from tests.faults.simulation.simulated_time import Happening, Instance
    from tests.faults.simulation.simulated_world import World

_KEYS = Credentials("QJ7XW2M9KZT4RB6N", "vY3hPq8LdGx5Ce1UaTn7Wk0JsZf2RmOb")
_OPERATION_OUTCOMES = {"rejected": "not done", "deferred": "unknown"}
_COUNTED = {
    "could not list jobs": "list not had",
    "could not scan": "bucket not scanned",
    "rollout ": "a rollout had to wait",
    "the result file of": "result file pending",
}
"""How an error of a reply begins, and as what it is counted."""


@dataclass(frozen=True)
class Function:
    """One invocation.

    Attributes:
        instance: When it began, and for how long it may run.
        transport: The network and the services.
        runner: The product's runner of effects.
        invocation: What the product is handed.
    """

    instance: Instance
    transport: SimulatedTransport
    runner: EffectRunner
    invocation: Invocation

    def deliver(self, delivery: Delivery) -> Story:
        """Process one delivery."""
        return Story(partial(self._run, lambda: [deliver(delivery, self.invocation)]))

    def tick(self) -> Story:
        """Run the reconciler once."""
        return Story(partial(self._run, self._reconcile))

    def operate(self, action: Action) -> Story:
        """Do what a person asks for with one job or one rollout."""
        return Story(partial(self._run, partial(self._operate, action)))

    def _run(self, work: Callable[[], Sequence[Result]]) -> None:
        """Do some work, and count how it ended; what it raises is the platform's affair."""
        pause(self.transport.schedule.random.expovariate(20.0))
        results: Sequence[Result] = ()
        try:
            results = work()
        except NightdropError:
            self._count("an error for the platform")
        for _, listing in self.runner.listings.values():
            self._count("list incomplete", struck=not listing.complete)
        for rollout in (one for result in results for one in result.rollouts):
            waits = cast("dict[str, str]", rollout.get("waits", {}))
            self._count(f"rollout {waits.get('for', rollout['state'])}")

    def _reconcile(self) -> Sequence[Result]:
        answered = reconcile(self.invocation)
        for error in answered.errors:
            for beginning, name in _COUNTED.items():
                self._count(name, struck=error.startswith(beginning))
        return answered.results

    def _operate(self, action: Action) -> Sequence[Result]:
        kind, _, name = action.name.partition(".")
        if kind == "job":
            invocation = self.invocation
            result = run_request(action, invocation.runner, invocation.sending)
        else:
            result = run_rollout_request(action, self.invocation)
        outcome = _OPERATION_OUTCOMES.get(result.outcome, "so" if result.warnings else "done")
        self._count(f"operation {outcome}" if kind == "job" else f"{name}: {outcome}")
        return [result]

    def _count(self, name: str, *, struck: bool = True) -> None:
        self.transport.schedule.struck[name] += struck


def begin_invocation(
    instance: Instance, settings: Settings, log: Log, transport: SimulatedTransport
) -> Function:
    """Return an invocation that begins now."""
    schedule = transport.schedule
    end = Deadline(instance.began + instance.seconds, lambda: schedule.now - instance.stood)
    simulated = cast("InstanceLog", SimulatedLog(log, schedule, transport.network.log_busy))
    last = end.earlier(RECORDING_SECONDS)
    ief = ief_of(settings, _KEYS, cast("Transport", transport), schedule.clock, last)
    limiter = RateLimiter(lambda: schedule.now, pause)
    runner = EffectRunner(simulated, ief, end, limiter)
    return Function(
        instance=instance,
        transport=transport,
        runner=runner,
        invocation=Invocation(
            settings=settings,
            log=simulated,
            ief=ief,
            deadline=end,
            function={},
            runner=cast("EffectRunner", SimulatedRunner(runner, schedule)),
        ),
    )


def invoked(world: World, story: Callable[[Function], Story]) -> Happening:
    """Invoke the function; its own steps are then those of an instance that may be killed."""
    function = world.function()
    world.schedule.start(story(function), function.instance)
    yield from ()
