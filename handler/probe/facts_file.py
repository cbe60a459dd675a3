"""The facts that NIGHTDROP_FACTS names, and what follows from them for this function.

A fact can only make the function more careful. A file that cannot be read is treated like the worst
facts: no job is declared absent until it can be read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handler.cloud.obs.stored_file import read_stored_file
from handler.errors import NightdropError, ObjectError, SettingsError
from handler.probe.fact import (
    LAG,
    LISTED_DESCRIPTION,
    SHOWN_DESCRIPTION,
    WINDOW,
    Fact,
    FactVerdict,
    settle_after_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.cloud.obs.client import Obs
    from handler.settings import Settings

_LONGEST = 31_622_400  # seconds of a year
_DOUBTS = {
    LISTED_DESCRIPTION: "the list does not return descriptions as they were sent",
    SHOWN_DESCRIPTION: "descriptions are not shown as they were sent",
    WINDOW: "a signature is accepted for longer than the probe could try",
    LAG: "the list lacks new jobs for longer than the probe waited",
}


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=200)
    assumed: str = Field(max_length=2000)
    seen: str = Field(max_length=2000)
    verdict: FactVerdict
    change: str = Field("", max_length=2000)
    value: float | None = Field(None, ge=0, le=_LONGEST)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    version: Literal[1]
    probed_at: str = Field(max_length=40)
    host: str = Field(max_length=300)
    facts: list[_Entry] = Field(max_length=200)


class _Answer(BaseModel):
    """What the function answers to `{"action": "probe"}`."""

    facts: _File


@dataclass(frozen=True)
class Facts:
    """What was seen of the cloud, and when; `host` is the API's that was asked."""

    probed_at: str
    host: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Caution:
    """What follows from the facts.

    Attributes:
        settle_after: The least seconds after a signature's date from which a complete list is
            believed; 0 without facts.
        absent_doubt: Why a list never shows that a job is absent; "" if it does.
    """

    settle_after: int = 0
    absent_doubt: str = ""


def load_facts(address: str, obs: Callable[[], Obs]) -> Facts:
    """Return the facts at a path or in OBS: the probe's JSON, or the function's answer.

    Raises:
        SettingsError: They are missing, cannot be read, or are neither.
        CloudError: OBS could not be reached.
    """
    try:
        data = read_stored_file(address, obs)
    except ObjectError as error:
        raise SettingsError(f"NIGHTDROP_FACTS: {error}") from error
    with suppress(ValidationError):
        return _facts(_Answer.model_validate_json(data).facts)
    try:
        return _facts(_File.model_validate_json(data))
    except ValidationError as error:
        from handler.parsing.validation_errors import json_problems

        raise SettingsError(
            f"NIGHTDROP_FACTS: {json_problems(error)[0]}; "
            "write the file with `nightdrop probe --json`"
        ) from None


def _facts(file: _File) -> Facts:
    return Facts(file.probed_at, file.host, tuple(Fact(**one.model_dump()) for one in file.facts))


def caution_of(facts: Sequence[Fact]) -> Caution:
    """Return what follows from facts."""
    by_name = {one.name: one for one in facts}
    doubts = [
        doubt for name, doubt in _DOUBTS.items() if name in by_name and _is_doubtful(by_name[name])
    ]
    window, lag = (_seconds(by_name.get(name)) for name in (WINDOW, LAG))
    return Caution(settle_after_for(window, lag), "; ".join(doubts))


def apply_facts(settings: Settings, obs: Callable[[], Obs]) -> tuple[Settings, Caution]:
    """Return the settings with a `settle_after` that fits the facts, and what follows from them.

    Without NIGHTDROP_FACTS the settings are returned as they are.
    """
    if not settings.facts:
        return settings, Caution()
    try:
        caution = caution_of(load_facts(settings.facts, obs).facts)
    except NightdropError as error:
        caution = Caution(0, f"the facts cannot be read ({error})")
    longer = max(settings.settle_after, caution.settle_after)
    return settings.model_copy(update={"settle_after": longer}), caution


def caution_warnings(settings: Settings, caution: Caution) -> tuple[str, ...]:
    """Return a sentence for each consequence; the settings are the operator's own."""
    warnings = []
    if caution.absent_doubt:
        warnings.append(f"{caution.absent_doubt}: no job is declared absent")
    if caution.settle_after > settings.settle_after:
        warnings.append(
            f"NIGHTDROP_SETTLE_AFTER: {settings.settle_after} s is too short for what the probe "
            f"has seen; {caution.settle_after} s are used"
        )
    return tuple(warnings)


def _seconds(fact: Fact | None) -> float:
    return (fact.value if fact else None) or 0.0


def _is_doubtful(fact: Fact) -> bool:
    return fact.verdict == "differs" and fact.value is None
