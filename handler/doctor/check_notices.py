"""Checks where notices go, without sending one: a topic is read, a webhook is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.smn.client import Smn
from handler.doctor.finding import fail, ok, warn
from handler.errors import ApiError, CloudError
from handler.values.notify_address import shown_address, topic_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.cloud.ief.client import Ief
    from handler.doctor.finding import Finding
    from handler.runtime.deadline import Deadline
    from handler.settings import Settings

_CHECK = "notices"
_RIGHTS = (
    "nothing, if notices arrive: reading and publishing (smn:topic:publish) are rights of their own"
)


def notices_findings(settings: Settings, ief: Ief, deadline: Deadline) -> Iterator[Finding]:
    """Yield the finding about where notices go; none if none are sent."""
    if not settings.notify:
        return
    topic, place = topic_of(settings.notify), shown_address(settings.notify)
    if topic is None:
        yield ok(_CHECK, f"they go to {place}, which was not called")
        return
    try:
        smn = Smn(settings.smn_endpoint, topic, ief.credentials, ief.transport, ief.clock, deadline)
        smn.check_topic()
    except CloudError as error:
        yield _finding(error, place)
    else:
        yield ok(_CHECK, f"{place} can be read; whether these keys may publish was not checked")


def _finding(error: CloudError, place: str) -> Finding:
    status = error.status if isinstance(error, ApiError) else 0
    if status == 403:  # noqa: PLR2004 - the keys are good, the right is missing
        return warn(_CHECK, f"these keys may not read {place}: {error}", _RIGHTS)
    if status == 404:  # noqa: PLR2004 - no such topic
        return fail(_CHECK, f"there is no {place}: {error}", "correct NIGHTDROP_NOTIFY")
    return fail(_CHECK, f"{place} cannot be read: {error}", "check NIGHTDROP_NOTIFY and the keys")
