"""Checks the facts of the probe: what was seen of the cloud, and what is still assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.doctor.finding import fail, ok, warn
from handler.errors import NightdropError
from handler.probe.facts_file import caution_of, caution_warnings, load_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.cloud.obs.client import Obs
    from handler.doctor.finding import Finding
    from handler.probe.fact import Fact
    from handler.settings import Settings


def facts_findings(settings: Settings, obs: Callable[[], Obs]) -> Iterator[Finding]:
    """Yield findings about the facts: what was seen, what differs, what is still assumed."""
    if not settings.facts:
        yield ok("facts", "none: what the documentation says is assumed (`nightdrop probe`)")
        return
    try:
        facts = load_facts(settings.facts, obs)
    except NightdropError as error:
        yield fail(
            "facts",
            f"{error}; no job is declared absent",
            "write the file again with `nightdrop probe --json`",
        )
        return
    if facts.host and facts.host not in settings.ief_endpoint:
        yield warn("facts", f"they are of {facts.host}, not of this API", "probe this API")
    for one in facts.facts:
        if one.verdict == "differs":
            yield warn("facts", f"{one.name}: {one.seen}", one.change or "look into it")
    for warning in caution_warnings(settings, caution_of(facts.facts)):
        yield warn("facts", warning, "change it, unless this is intended")
    yield ok("facts", _counts(facts.facts, facts.probed_at))


def _counts(facts: tuple[Fact, ...], at: str) -> str:
    same = sum(one.verdict == "as assumed" for one in facts)
    assumed = [one.name for one in facts if one.verdict == "not seen"]
    still = f"; still assumed: {', '.join(assumed)}" if assumed else ""
    return f"of {at}: {same} of {len(facts)} as assumed{still}"
