"""Exactly once, with faults that Hypothesis chooses and shrinks, on the log in a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from handler.audit.sql.sqlite import SqliteLog
from handler.jobs.hold import hold, release
from tests.faults.simulation.run import calm
from tests.faults.simulation.services.simulated_api import Habits
from tests.faults.simulation.services.simulated_transport import Network
from tests.faults.simulation.simulated_deliveries import deliveries, store_specs
from tests.faults.simulation.simulated_time import Hazards
from tests.faults.simulation.simulated_world import World, drawn
from tests.faults.simulation.violations import at_any_time, at_the_end
from tests.support.depth import examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.faults.simulation.function.story import Story
    from tests.faults.simulation.simulated_time import Instance

OPERATOR = {"kind": "operator"}
SOMETIMES = st.sampled_from([0.0, 0.3, 1.0])


class Submission(RuleBasedStateMachine):
    """Deliveries, ticks, kills, freezes and faults, in any order."""

    world: World

    @initialize(
        seed=st.integers(0, 2**32),
        page=st.sampled_from([100, 10, 5]),
        unique_names=st.booleans(),
        outlives=st.booleans(),
    )
    def begin(self, *, seed: int, page: int, unique_names: bool, outlives: bool) -> None:
        """A world in which nothing goes wrong by itself."""
        self.folder = TemporaryDirectory()
        self.running: list[Instance] = []
        file = Path(self.folder.name) / "audit.db"

        def open_file(clock: Callable[[], datetime], _seed: int) -> SqliteLog:
            return SqliteLog(file, clock=clock)

        self.world = drawn(seed, open_file)
        self.world = replace(self.world, network=Network(0.0, 0.0, 1100.0, 0.0))
        self.world.schedule.hazards = Hazards(0.0, 0.0, 1.0, clock_stops=True, outlives=outlives)
        self.world.api.habits = Habits(0.0, 0.0, unique_names, lag=0.0, page=page)
        self.world.obs.trouble = 0.0
        store_specs(self.world.obs)

    @rule(which=st.integers(0, 4))
    def deliver(self, which: int) -> None:
        """An event arrives, perhaps again."""
        function = self.world.function()
        stored = ("weekly",) if self.world.settings.buckets else ()
        self._start(function.deliver(deliveries(stored)[which]), function.instance)

    @rule()
    def tick(self) -> None:
        """The timer fires."""
        function = self.world.function()
        self._start(function.tick(), function.instance)

    @rule(seconds=st.sampled_from([0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 1500.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, and with it whatever is going on."""
        self.world.schedule.run_until(self.world.schedule.now + seconds)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 9))
    def kill(self, which: int) -> None:
        """An instance ends at the present step."""
        self.running.pop(which % len(self.running)).killed = True

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 9), seconds=st.sampled_from([5.0, 400.0, 1000.0, 2000.0]))
    def freeze(self, which: int, seconds: float) -> None:
        """An instance stops, its clock with it, and resumes later."""
        instance = self.running[which % len(self.running)]
        instance.frozen_until = self.world.schedule.now + seconds
        instance.stood += seconds

    @rule(lost=SOMETIMES, late=SOMETIMES, busy=st.sampled_from([0.0, 0.3]))
    def bad_network(self, lost: float, late: float, busy: float) -> None:
        """Later invocations have another network."""
        self.world = replace(self.world, network=Network(lost, late, 1100.0, busy))

    @rule(trouble=SOMETIMES, lag=st.sampled_from([0.0, 240.0]))
    def bad_api(self, trouble: float, lag: float) -> None:
        """The API has another day."""
        self.world.api.habits = replace(self.world.api.habits, trouble=trouble, lag=lag)

    @rule(refusing=SOMETIMES)
    def other_settings(self, refusing: float) -> None:
        """The API refuses jobs permanently, and accepts them once a setting is corrected."""
        self.world.api.refuse(refusing)

    @rule()
    def hold(self) -> None:
        """An operator places a hold."""
        self.world.log.commit(hold("a test", actor=OPERATOR))

    @rule()
    def release(self) -> None:
        """An operator releases the hold."""
        self.world.log.commit(release(actor=OPERATOR))

    @invariant()
    def every_job_exists_once_at_most_and_none_is_lost(self) -> None:
        """The invariants that hold at any time."""
        assert list(at_any_time(self.world)) == []

    def teardown(self) -> None:
        """When faults end, the reconciler alone brings every job to a true final state."""
        if not hasattr(self, "world"):
            return
        try:
            self.world.log.commit(release(actor=OPERATOR))
            calm(self.world)
            assert [*at_any_time(self.world), *at_the_end(self.world)] == []
        finally:
            self.world.log.close()
            self.folder.cleanup()

    def _start(self, steps: Story, instance: Instance) -> None:
        self.running.append(instance)
        self.world.schedule.start(steps, instance)


TestSubmission = Submission.TestCase
TestSubmission.settings = settings(max_examples=examples(60), stateful_step_count=30, deadline=None)


def test_a_delivery_without_a_job_is_completed_by_the_reconciler() -> None:
    """What the machine found about this very test: an instance killed before it had planned."""
    machine = Submission()
    machine.begin(seed=10584617, page=100, unique_names=False, outlives=False)
    machine.tick()
    machine.deliver(which=0)
    machine.kill(which=0)
    machine.wait(seconds=0.1)
    machine.kill(which=0)
    machine.wait(seconds=0.1)
    machine.teardown()
    assert not Path(machine.folder.name).exists()
