"""Which records are meant: `--delivery`, `--job`, `--action`, `--outcome`, `--actor`, a time."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import click

from handler.audit.record import part
from handler.cli.audit.records.name_lookup import begins
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.record import Fields, Record

P = ParamSpec("P")

OUTCOMES = ("success", "failure", "pending", "unknown")

_AGO = re.compile(r"(\d{1,5})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True)
class RecordFilter:
    """What records must have in common; "" is anything.

    Attributes:
        delivery: The beginning of their delivery's key.
        job: The beginning of their job's name, of its key, or of its id at the API.
        action: The beginning of their action, such as `job.` or `job.created`.
        outcome: Their outcome.
        actor: Who asked: a kind, a name or an account.
        since: The earliest moment, a timestamp.
        until: The moment they are before, a timestamp.
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
        """Return whether a record is meant."""
        if not self:
            return True  # also one that was tampered with
        # Most are not: a look at the text saves reading them.
        return all(hint in record.text for hint in self._hints) and self._means(record.fields)

    @cached_property
    def _hints(self) -> tuple[str, ...]:
        said = (self.delivery, self.job, self.outcome, self.actor)
        return (f'"action":"{_inside(self.action)}', *map(_inside, said))

    def _means(self, recorded: Fields) -> bool:
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
    """Give a command the options of a selection, as its argument `selection`."""
    names = tuple(field.name for field in fields(RecordFilter))

    @wraps(command)
    def selected(*args: Any, **given: Any) -> None:  # noqa: ANN401 - click's own arguments
        chosen = {name: given.pop(name) or "" for name in names}
        command(*args, selection=RecordFilter(**chosen), **given)  # type: ignore[arg-type] # as above

    for option in reversed(_OPTIONS):
        selected = option(selected)
    return selected


def parse_time(text: str, now: datetime) -> str:
    """Return the moment that a person names, as a timestamp.

    Args:
        text: An ISO date or moment, UTC unless it says otherwise, or how long ago: `2h`, `3d`.
        now: The time, aware.

    Raises:
        ValueError: The text names no moment.
    """
    ago = _AGO.fullmatch(text)
    if ago:
        return timestamp(now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]]))
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
        return timestamp(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))
    except (ValueError, OverflowError) as error:
        raise ValueError(
            "Use a date (2026-11-23), a time (2026-11-23T02:00) or an age (2h, 3d)."
        ) from error


def _moment(_context: click.Context, _option: click.Parameter, text: str | None) -> str:
    try:
        return parse_time(text, datetime.now(timezone.utc)) if text else ""
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_OPTIONS = (
    click.option("--delivery", help="Of the deliveries whose key begins so."),
    click.option("--job", help="Of the jobs whose name, id or key begins so."),
    click.option("--action", help="With an action that begins so: job. or job.created."),
    click.option("--outcome", type=click.Choice(OUTCOMES), help="With this outcome."),
    click.option("--actor", help="Asked for by this kind, name or account."),
    click.option("--since", callback=_moment, help="From this moment (UTC) on, or 2h, 3d ago."),
    click.option("--until", callback=_moment, help="Before this moment (UTC), or 2h, 3d ago."),
)


def _inside(value: str) -> str:
    """Return a text as it stands within a record's text."""
    return json.dumps(value, ensure_ascii=False)[1:-1]
