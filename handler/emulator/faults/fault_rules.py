"""Misbehaviour on demand: which faults are set, and whether one strikes.

A fault is JSON such as `{"operation": "CreateBatchJob", "fault": "lost_answer", "times": 3}`:

    lost_answer     the request is carried out, then the connection is cut
    cut             the connection is cut and nothing is carried out
    status          `status` instead of carrying out, or, with `"after": true`, after it;
                    `seconds` becomes Retry-After
    delay           a slow network: the request arrives `seconds` late, its date is checked then
    late_commit     checked now and cut; carried out `seconds` later
    stale_list      ListBatchJob leaves out the jobs of the last `seconds`
    duplicate_name  CreateBatchJob refuses a name that exists

`times` bounds how often it strikes, `probability` makes it a matter of chance, `seed` of which.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from random import Random
from threading import Lock
from typing import TYPE_CHECKING

from handler.emulator.operation import Quirks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.values.canonical_json import Json

_ENDINGS = frozenset({"lost_answer", "cut", "status", "late_commit"})
_TIMED = frozenset({"delay", "late_commit", "stale_list"})
_KINDS = _ENDINGS | _TIMED | {"duplicate_name"}
_ONLY_FOR = {"stale_list": "ListBatchJob", "duplicate_name": "CreateBatchJob"}
_LONGEST_WAIT = 86_400.0


@dataclass(frozen=True)
class Fault:
    """One fault that is set.

    Attributes:
        operation: Which operation it strikes.
        fault: Its kind.
        status: The status it answers with.
        seconds: How long, where the kind has a duration; None where it has none.
        after: Whether the status comes after the request was carried out.
        times: How often it strikes at most; None for always.
        probability: How likely it strikes, from 0 to 1.
        seed: What its chance is drawn from.
    """

    operation: str
    fault: str
    status: int = 503
    seconds: float | None = None
    after: bool = False
    times: int | None = None
    probability: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Drawn:
    """What strikes one request.

    Attributes:
        delay: Seconds to wait before the request is looked at.
        quirks: How the service differs for it.
        ending: What replaces its answer, if anything does.
        kinds: The kinds of all that struck, in order.
    """

    delay: float = 0.0
    quirks: Quirks = field(default_factory=Quirks)
    ending: Fault | None = None
    kinds: tuple[str, ...] = ()


class Faults:
    """The faults that are set; many threads draw from them at once."""

    def __init__(self, operations: frozenset[str]) -> None:
        """Begin without faults.

        Args:
            operations: The operations that can be struck.
        """
        self._operations = operations
        self._lock = Lock()
        self._set: list[_Counted] = []

    def set(self, faults: Json) -> None:
        """Replace all faults by the given ones; an empty list clears them.

        Raises:
            ValueError: One of them is malformed; the faults stay as they were.
        """
        parsed = parse_faults(faults, self._operations)
        with self._lock:
            self._set = [_Counted(fault, Random(fault.seed)) for fault in parsed]  # noqa: S311 - to repeat runs

    def view(self) -> list[Json]:
        """Return the faults as JSON, each with how often it `struck`."""
        with self._lock:
            return [{**asdict(one.fault), "struck": one.struck} for one in self._set]

    def draw(self, operation: str) -> Drawn:
        """Decide what strikes one request; of several endings the first counts."""
        with self._lock:
            struck: list[Fault] = []
            for one in self._set:
                ended = any(fault.fault in _ENDINGS for fault in struck)
                if one.fault.operation != operation or (ended and one.fault.fault in _ENDINGS):
                    continue
                if one.strikes():
                    struck.append(one.fault)
        return _combined(struck)


@dataclass
class _Counted:
    fault: Fault
    chance: Random
    struck: int = 0

    def strikes(self) -> bool:
        if self.fault.times is not None and self.struck >= self.fault.times:
            return False
        strikes = self.chance.random() < self.fault.probability
        self.struck += strikes
        return strikes


def parse_faults(value: Json, operations: frozenset[str]) -> tuple[Fault, ...]:
    """Return faults from their JSON form.

    Args:
        value: A list of objects as the module describes them.
        operations: The operations that can be struck.

    Raises:
        ValueError: One of them is malformed; the message names its place and the reason.
    """
    if not isinstance(value, list):
        raise ValueError("faults are a JSON list; an empty one clears them")  # noqa: TRY004 - one kind of refusal
    return tuple(_parsed(place, one, operations) for place, one in enumerate(value))


def _parsed(place: int, value: Json, operations: frozenset[str]) -> Fault:
    if not isinstance(value, dict):
        raise ValueError(f"fault {place} is not an object")  # noqa: TRY004 - one kind of refusal
    problem = _field_problem(value) or _sense_problem(value, operations)
    if problem:
        raise ValueError(f"fault {place}: {problem}")
    return Fault(**value)  # type: ignore[arg-type] # each field was checked above


def _field_problem(fault: dict[str, Json]) -> str:
    if not fault.keys() <= _FIELDS.keys():
        return f"the fields are {', '.join(_FIELDS)}"
    if not {"operation", "fault"} <= fault.keys():
        return "operation and fault are needed"
    wrong = (name for name, value in fault.items() if not _FIELDS[name][0](value))
    name = next(wrong, None)
    return f"{name} must be {_FIELDS[name][1]}" if name else ""


def _sense_problem(fault: dict[str, Json], operations: frozenset[str]) -> str:
    operation, kind = str(fault["operation"]), str(fault["fault"])
    if operation not in operations:
        return f"operation must be one of {', '.join(sorted(operations))}"
    if kind not in _KINDS:
        return f"fault must be one of {', '.join(sorted(_KINDS))}"
    if kind in _TIMED and "seconds" not in fault:
        return f"{kind} needs seconds"
    if operation != _ONLY_FOR.get(kind, operation):
        return f"{kind} is for {_ONLY_FOR[kind]} only"
    return ""


def _is_number(value: Json, largest: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= largest


def _is_integer(value: Json, smallest: int, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and smallest <= value <= largest


_FIELDS: dict[str, tuple[Callable[[Json], bool], str]] = {
    "operation": (lambda value: isinstance(value, str), "a string"),
    "fault": (lambda value: isinstance(value, str), "a string"),
    "status": (lambda value: _is_integer(value, 400, 599), "an integer from 400 to 599"),
    "seconds": (lambda value: _is_number(value, _LONGEST_WAIT), "a number from 0 to 86400"),
    "after": (lambda value: isinstance(value, bool), "true or false"),
    "times": (lambda value: _is_integer(value, 1, 2**31), "an integer from 1"),
    "probability": (lambda value: _is_number(value, 1.0), "a number from 0 to 1"),
    "seed": (lambda value: _is_integer(value, 0, 2**63), "an integer from 0"),
}


def _combined(struck: Sequence[Fault]) -> Drawn:
    lags = [fault.seconds or 0.0 for fault in struck if fault.fault == "stale_list"]
    return Drawn(
        delay=sum(fault.seconds or 0.0 for fault in struck if fault.fault == "delay"),
        quirks=Quirks(
            list_lag=max(lags, default=0.0),
            unique_names=any(fault.fault == "duplicate_name" for fault in struck),
        ),
        ending=next((fault for fault in struck if fault.fault in _ENDINGS), None),
        kinds=tuple(fault.fault for fault in struck),
    )
