"""Filters records: `--delivery`, `--job`, `--action`, `--outcome`, `--actor` and a period."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import click

from handler.audit.actions import ACTIONS
from handler.audit.name_lookup import begins
from handler.audit.record import OUTCOMES, part
from handler.cli.console import complain
from handler.values.canonical_json import timestamp, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.record import Fields, Record

P = ParamSpec("P")

_AGE = re.compile(r"(\d{1,5})([smhdw])")
_NEVER = "~"  # after every timestamp
_NO_PERIOD = (
    "--since is not before --until, so no record can match; of two ages, --since is the longer one"
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True)
class RecordFilter:
    """Conditions that a record must meet, all of them; "" is no condition.

    Attributes:
        delivery: The beginning of its delivery's key.
        job: The beginning of its job's name, key, or id at the API.
        action: The beginning of its action, such as `job.` or `job.created`.
        outcome: Its outcome.
        actor: The kind, name or account of whoever asked.
        since: Its earliest time, a timestamp.
        until: A timestamp that its time must be before.
    """

    delivery: str = ""
    job: str = ""
    action: str = ""
    outcome: str = ""
    actor: str = ""
    since: str = ""
    until: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __call__(self, record: Record) -> bool:
        """Return whether a record meets all conditions."""
        if not self:
            return True  # without a condition, malformed records pass, too
        # Most records do not match: searching the text saves parsing them.
        return all(text in record.text for text in self._texts) and self._matches(record.fields)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        values = (self.delivery, self.job, self.outcome, self.actor)
        return (f'"action":"{_escape(self.action)}', *map(_escape, values))

    def _matches(self, recorded: Fields) -> bool:
        job, actor = part(recorded, "job"), part(recorded, "actor")
        at, delivery = str(recorded["at"]), str(part(recorded, "delivery").get("key", ""))
        names = (job.get("name"), job.get("key"), part(recorded, "response").get("job_id"))
        return (
            (not self.job or begins(self.job, names))
            and delivery.startswith(self.delivery)
            and str(recorded["action"]).startswith(self.action)
            and self.outcome in {"", recorded["outcome"]}
            and self.actor in {"", *map(str, actor.values())}
            and self.since <= at
            and (not self.until or at < self.until)
        )


def filter_options(command: Callable[P, None]) -> Callable[..., None]:
    """Add the filter's options to a command, which gets the filter as `selection`."""

    @wraps(command)
    def wrapper(*args: Any, **given: Any) -> None:  # noqa: ANN401 - click's own arguments
        conditions = {field.name: given.pop(field.name) or "" for field in fields(RecordFilter)}
        if conditions["since"] >= (conditions["until"] or _NEVER):
            raise click.UsageError(_NO_PERIOD)
        command(*args, selection=RecordFilter(**conditions), **given)  # type: ignore[arg-type] # as above

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def parse_time(text: str, now: datetime) -> str:
    """Return a time that a person entered as a timestamp.

    Args:
        text: An ISO 8601 date or time, in UTC unless it has an offset, or an age: `2h`, `3d`.
        now: The current time, aware.

    Raises:
        ValueError: The text is neither.
    """
    age = _AGE.fullmatch(text)
    if age:
        return timestamp(now - timedelta(seconds=int(age[1]) * _SECONDS[age[2]]))
    try:
        time = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
        return timestamp(time if time.tzinfo else time.replace(tzinfo=timezone.utc))
    except (ValueError, OverflowError) as error:
        raise ValueError(
            "Use a date (2026-11-23), a time (2026-11-23T02:00) or an age (2h, 3d)."
        ) from error


def time_option(_context: click.Context, _option: click.Parameter, text: str | None) -> str:
    """Return the value of an option that takes a time, as `parse_time` does; "" without one."""
    try:
        return parse_time(text, utc_now()) if text else ""
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _known_action(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> str | None:
    """Return the beginning of an action; say so if no action of this version begins so."""
    if text and not any(name.startswith(text) for name in ACTIONS):
        close = get_close_matches(text, ACTIONS, 1)
        advice = f"; perhaps {close[0]}" if close else ""
        complain(f"--action: no action begins with {text}{advice}")
    return text


_OPTIONS = (
    click.option("--delivery", help="Only this delivery (key prefix)."),
    click.option("--job", help="Only this job (prefix of its name, id or key)."),
    click.option(
        "--action", callback=_known_action, help="Only this action (prefix): job. or job.created."
    ),
    click.option("--outcome", type=click.Choice(OUTCOMES), help="Only this outcome."),
    click.option("--actor", help="Only this actor (kind, name or account)."),
    click.option("--since", callback=time_option, help="From this time (UTC) or age: 2h, 3d."),
    click.option("--until", callback=time_option, help="Before this time (UTC) or age: 2h, 3d."),
)


def _escape(value: str) -> str:
    """Return a text as it is escaped in a record's JSON."""
    return json.dumps(value, ensure_ascii=False)[1:-1]
