"""One entry of a fleet file: a node, or many of one kind."""

from __future__ import annotations

import re
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, Annotated, Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from handler.emulator.ief.fleet import UNCONNECTED, Behaviour, Flapping, Node, NodeState
from handler.parsing.validation_errors import Issue
from handler.values.duration import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_RULES = ConfigDict(extra="forbid", strict=True)
"""How the models of a fleet file read it: no unknown field, no conversion."""

MOST_NODES = 200_000
"""How many nodes one entry can describe."""

_LONGEST_NAME = 64
_PLACE = re.compile(r"\{([^{}]*)\}")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%")


def _share(value: object) -> float:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:  # noqa: PLR2004 - percent
        raise ValueError("must be a percentage up to 100%, such as 5%")
    return float(match[1]) / 100


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - what the file has
    return value if isinstance(value, list) else [value]


FleetText = Annotated[str, Field(min_length=1, max_length=256)]
FleetName = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME)]
_Share = Annotated[float, BeforeValidator(_share)]
_Values = Annotated[list[FleetText], BeforeValidator(_listed), Field(min_length=1)]
_Seconds = Annotated[float, Field(gt=0, le=86_400)]
_Period = Annotated[str, AfterValidator(seconds_of)]


class _Times(BaseModel):
    model_config = FILE_RULES
    median: _Seconds
    p95: _Seconds


class NodeEntry(BaseModel):
    """A node, or with `count` many nodes: then `{number}` and `{tag}` in `name` are replaced."""

    model_config = FILE_RULES
    name: FleetText
    id: FleetText = ""
    count: Annotated[int | None, Field(ge=1, le=MOST_NODES)] = None
    state: NodeState = "RUNNING"
    version: FleetText = ""
    versions: dict[FleetText, _Share] = {}
    upgrade_flag: bool = False
    arch: FleetText = "x86_64"
    tags: dict[str, _Values] = {}
    groups: list[FleetText] = []
    offline: _Share = 0.0
    flapping: _Share = 0.0
    period: _Period = "1h"
    failing: _Share | None = None
    late: _Share = 0.0
    seconds: _Times | None = None


def entry_issues(entry: NodeEntry) -> Iterator[Issue]:
    """Yield what is wrong about an entry whose fields are valid."""
    if entry.count is None:
        if len(entry.name) > _LONGEST_NAME:
            yield Issue(("name",), f"must be at most {_LONGEST_NAME} characters")
    else:
        yield from _pattern_issues(entry, entry.count)
    if entry.versions and entry.version:
        yield Issue(("versions",), "cannot be combined with version")
    if entry.versions and abs(sum(entry.versions.values()) - 1) > 1e-9:  # noqa: PLR2004 - rounding
        yield Issue(("versions",), "must add up to 100%")
    if entry.offline + entry.flapping > 1:
        yield Issue(("flapping",), "must not be more than 100% together with offline")
    if entry.seconds and entry.seconds.p95 < entry.seconds.median:
        yield Issue(("seconds", "p95"), "must be at least the median")


def _pattern_issues(entry: NodeEntry, count: int) -> Iterator[Issue]:
    places = _PLACE.findall(entry.name)
    if "number" not in places:
        yield Issue(("name",), "must contain {number}, because the entry has a count")
    elif not {*places} <= {"number", *entry.tags}:
        yield Issue(("name",), "may contain {number} and, in braces, keys of the entry's tags only")
    elif len(_pattern_name(entry, count, _longest_tags(entry))) > _LONGEST_NAME:
        yield Issue(("name",), f"must give names of at most {_LONGEST_NAME} characters")
    if entry.id:
        yield Issue(("id",), "cannot be combined with count: each id is derived from the name")


def nodes_of(entry: NodeEntry, newest: str, groups: dict[str, str], seed: int) -> Iterator[Node]:
    """Yield the nodes of an entry, in their order.

    Which of many nodes are offline, flapping or of an older version follows from the seed.

    Args:
        entry: The entry, without issues.
        newest: The version of nodes whose entry names none.
        groups: The ids of the groups by their names.
        seed: Seed of the random choices.
    """
    count = entry.count or 1
    chance = Random(f"{seed}/{entry.name}")  # noqa: S311 - to repeat runs
    versions = _versions(entry, newest, count, chance)
    order = chance.sample(range(count), count)
    away, flapping = round(entry.offline * count), round(entry.flapping * count)
    offline, flaps = {*order[:away]}, {*order[away : away + flapping]}
    in_groups = tuple(groups[name] for name in entry.groups)
    behaviour, combinations = _behaviour(entry), _tag_combinations(entry)
    for index, version in enumerate(versions):
        tags = combinations[index % len(combinations)]
        name = entry.name if entry.count is None else _pattern_name(entry, index + 1, tags)
        is_older = version != newest
        yield Node(
            node_id=entry.id or derived_id("node", name),
            name=name,
            state=UNCONNECTED if index in offline else entry.state,
            version=version,
            upgrade_flag=entry.upgrade_flag if _names_flag(entry) else is_older,
            arch=entry.arch,
            tags=tags,
            groups=in_groups,
            behaviour=behaviour,
            flapping=Flapping(float(entry.period), chance.random()) if index in flaps else None,
        )


def _names_flag(entry: NodeEntry) -> bool:
    return "upgrade_flag" in entry.model_fields_set


def _versions(entry: NodeEntry, newest: str, count: int, chance: Random) -> list[str]:
    """Return the version of each node; the shares are met exactly, but for rounding."""
    if not entry.versions:
        return [entry.version or newest] * count
    ends = [round(end * count) for end in accumulate(entry.versions.values())]
    starts = [0, *ends]
    parts = zip(entry.versions, starts, ends, strict=False)
    found = [version for version, start, end in parts for _ in range(start, end)]
    chance.shuffle(found)
    return found


def _behaviour(entry: NodeEntry) -> Behaviour:
    times = entry.seconds
    return Behaviour(
        entry.failing, entry.late, times.median if times else 0.0, times.p95 if times else 0.0
    )


def _tag_combinations(entry: NodeEntry) -> list[tuple[tuple[str, str], ...]]:
    """Return all combinations of the tags' values, those of the first tag going round fastest."""
    found: list[tuple[tuple[str, str], ...]] = [()]
    for key, values in entry.tags.items():
        found = [(*tags, (key, value)) for value in values for tags in found]
    return found


def _longest_tags(entry: NodeEntry) -> tuple[tuple[str, str], ...]:
    return tuple((key, max(values, key=len)) for key, values in entry.tags.items())


def _pattern_name(entry: NodeEntry, number: int, tags: tuple[tuple[str, str], ...]) -> str:
    width = len(str(entry.count))
    values = {**dict(tags), "number": f"{number:0{width}}"}
    return _PLACE.sub(lambda place: values[place[1]], entry.name)


def derived_id(kind: str, name: str) -> str:
    """Return the id of an entry without one: the same for the same name."""
    return str(uuid5(NAMESPACE_URL, f"nightdrop-emulator:{kind}:{name}"))
