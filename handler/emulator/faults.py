"""Fault injection: which faults are set, and which of them apply to a request.

A fault is JSON such as `{"operation": "CreateBatchJob", "fault": "lost_answer", "times": 3}`:

    lost_answer     the request is executed, then the connection is closed
    cut             the connection is closed and nothing is executed
    status          answer with `status` instead of executing, or, with `"after": true`, after it;
                    `seconds` becomes Retry-After
    delay           a slow network: the request arrives `seconds` late, its date is checked then
    late_commit     checked now, connection closed; executed `seconds` later
    stale_list      ListBatchJob omits the jobs of the last `seconds`
    duplicate_name  CreateBatchJob refuses a name that exists
    long_signature  a signature is accepted for `seconds`

Where the API pages leave the behaviour open, others choose another one: `no_descriptions`,
`oldest_first`, `small_pages`, `page_offsets`, `milliseconds`, `new_status`, `other_auth_code`,
and, for OBS, `stale_objects`, `append_anywhere` and `raw_keys` (`operation.Deviations` describes
them).

`times` limits how often a fault applies, `skip` leaves out the first requests, `probability` makes
it random, `seed` repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from random import Random
from threading import Event, Lock, Timer
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from handler.emulator.operation import Deviations
from handler.parsing import format_path
from handler.parsing.validation_errors import validation_issues

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.values.canonical_json import Json

FaultKind: TypeAlias = Literal[
    "append_anywhere", "cut", "delay", "duplicate_name", "late_commit", "long_signature",
    "lost_answer", "milliseconds", "new_status", "no_descriptions", "oldest_first",
    "other_auth_code", "page_offsets", "raw_keys", "small_pages", "stale_list", "stale_objects",
    "status",
]  # fmt: skip
_ENDINGS = frozenset({"lost_answer", "cut", "status", "late_commit"})
_TIMED = frozenset({"delay", "late_commit", "long_signature", "stale_list", "stale_objects"})
_SWITCHES = frozenset(one.name for one in fields(Deviations) if one.default is False)
_LIST, _READ = ("ListBatchJob",), ("ListBatchJob", "ShowBatchJob")
_JOBS = (
    *(*_READ, "CreateBatchJob", "DeleteBatchJob"),
    *("StopBatchJob", "RestoreBatchJob", "RetryBatchJob"),
)
_ONLY_FOR = {
    "append_anywhere": ("AppendObject",),
    "duplicate_name": ("CreateBatchJob",),
    "long_signature": _JOBS,
    "milliseconds": _LIST,
    "new_status": _READ,
    "no_descriptions": _READ,
    "oldest_first": _LIST,
    "other_auth_code": _JOBS,
    "page_offsets": _LIST,
    "raw_keys": ("PutObject", "AppendObject"),
    "small_pages": _LIST,
    "stale_list": _LIST,
    "stale_objects": ("ListObjects",),
}


class FaultRule(BaseModel):
    """One fault that is set, as the module describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    operation: str
    fault: FaultKind
    status: Annotated[int, Field(ge=400, le=599)] = 503
    seconds: Annotated[float | None, Field(ge=0, le=86_400)] = None
    after: bool = False
    times: Annotated[int | None, Field(ge=1, le=2**31)] = None
    skip: Annotated[int, Field(ge=0, le=2**31)] = 0
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**63)] = 0


@dataclass(frozen=True)
class ActiveFaults:
    """The faults that apply to one request.

    `delay` is in seconds, `ending` replaces the answer, `kinds` are those of all that apply.
    """

    delay: float = 0.0
    deviations: Deviations = field(default_factory=Deviations)
    ending: FaultRule | None = None
    kinds: tuple[str, ...] = ()


class FaultRules:
    """The faults that are set; safe for use by many threads."""

    def __init__(self, operations: frozenset[str]) -> None:
        """Create an empty set of faults that can be set for some operations."""
        self._operations = operations
        self._lock = Lock()
        self._set: list[_CountedRule] = []

    def set(self, faults: Json) -> None:
        """Replace all faults by the given ones; an empty list clears them.

        Raises:
            ValueError: One of them is malformed; the faults stay as they were.
        """
        parsed = parse_faults(faults, self._operations)
        with self._lock:
            self._set = [_CountedRule(fault, Random(fault.seed)) for fault in parsed]  # noqa: S311 - to repeat runs

    def view(self) -> list[Json]:
        """Return the faults as JSON, each with how often it applied (`struck`)."""
        with self._lock:
            return [{**one.fault.model_dump(), "struck": one.struck} for one in self._set]

    def select(self, operation: str) -> ActiveFaults:
        """Decide which faults apply to one request; of several endings, the first."""
        with self._lock:
            applied: list[FaultRule] = []
            for one in self._set:
                ended = any(fault.fault in _ENDINGS for fault in applied)
                if one.fault.operation != operation or (ended and one.fault.fault in _ENDINGS):
                    continue
                if one.applies():
                    applied.append(one.fault)
        return _combined(applied)


@dataclass
class _CountedRule:
    fault: FaultRule
    chance: Random
    struck: int = 0
    seen: int = 0

    def applies(self) -> bool:
        self.seen += 1
        if self.seen <= self.fault.skip:
            return False
        if self.fault.times is not None and self.struck >= self.fault.times:
            return False
        applies = self.chance.random() < self.fault.probability
        self.struck += applies
        return applies


def parse_faults(value: Json, operations: frozenset[str]) -> tuple[FaultRule, ...]:
    """Return faults from their JSON form, a list of objects as the module describes them.

    Raises:
        ValueError: One of them is invalid; the message names its index and the reason.
    """
    if not isinstance(value, list):
        raise ValueError("faults must be a JSON list; an empty list clears them")  # noqa: TRY004 - one kind of refusal
    return tuple(_parsed(index, one, operations) for index, one in enumerate(value))


def _parsed(index: int, value: Json, operations: frozenset[str]) -> FaultRule:
    if issues := validation_issues(FaultRule, value):
        named = f"{format_path(issues[0].path)}: " if issues[0].path else ""
        raise ValueError(f"fault {index}: {named}{issues[0].message}")
    rule = FaultRule.model_validate(value)
    if problem := _conflict(rule, operations):
        raise ValueError(f"fault {index}: {problem}")
    return rule


def _conflict(rule: FaultRule, operations: frozenset[str]) -> str:
    if rule.operation not in operations:
        return f"operation must be one of {', '.join(sorted(operations))}"
    if rule.fault in _TIMED and rule.seconds is None:
        return f"{rule.fault} needs seconds"
    if rule.operation not in _ONLY_FOR.get(rule.fault, (rule.operation,)):
        return f"{rule.fault} is for {', '.join(_ONLY_FOR[rule.fault])} only"
    return ""


def _combined(applied: Sequence[FaultRule]) -> ActiveFaults:
    kinds = {rule.fault for rule in applied}
    lags = [rule.seconds or 0.0 for rule in applied if rule.fault == "stale_list"]
    stale = [rule.seconds or 0.0 for rule in applied if rule.fault == "stale_objects"]
    windows = [rule.seconds for rule in applied if rule.fault == "long_signature"]
    return ActiveFaults(
        delay=sum(rule.seconds or 0.0 for rule in applied if rule.fault == "delay"),
        deviations=Deviations(
            **dict.fromkeys(kinds & _SWITCHES, True),
            list_lag=max(lags, default=0.0),
            stale_objects=max(stale, default=0.0),
            signature_seconds=windows[0] if windows else None,
        ),
        ending=next((rule for rule in applied if rule.fault in _ENDINGS), None),
        kinds=tuple(rule.fault for rule in applied),
    )


class Timers:
    """Delays of slow requests, and timers for late commits."""

    def __init__(self) -> None:
        self._stopped = Event()
        self._lock = Lock()
        self._timers: set[Timer] = set()

    def wait(self, seconds: float) -> None:
        """Block the calling thread for some seconds or until the emulator stops."""
        if seconds > 0:
            self._stopped.wait(seconds)

    def schedule(self, seconds: float, call: Callable[[], object]) -> None:
        """Call a function after some seconds, in a thread of its own."""

        def run() -> None:
            with self._lock:
                self._timers.discard(timer)
            call()

        timer = Timer(seconds, run)
        with self._lock:
            if self._stopped.is_set():
                return
            self._timers.add(timer)
            timer.start()

    def cancel_all(self) -> None:
        """Cancel all scheduled calls."""
        with self._lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
            timer.join()

    def stop(self) -> None:
        """End all delays and cancel all scheduled calls."""
        self._stopped.set()
        self.cancel_all()
