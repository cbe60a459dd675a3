"""An object that the bucket scan found."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from handler.triggers.delivery import Delivery, StoredSpec
from handler.triggers.event_parser import Watched, filter_delivery
from handler.triggers.object_storage import discovered_object

AT = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)


def found(**changes: Any) -> Delivery:  # noqa: ANN401 - any argument
    """Build the delivery of a discovered object."""
    message = {"bucket": "b", "key": "drop/k", "etag": "tag", "modified_at": AT, **changes}
    return discovered_object(message.pop("bucket"), message.pop("key"), **message)


def test_a_discovered_object_is_a_delivery_like_one_that_was_notified() -> None:
    """Of the same subject, so that its runs are one sequence."""
    delivery = found()
    assert (delivery.trigger, delivery.subject) == ("object", "obs://b/drop/k")
    assert delivery.spec == StoredSpec("b", "drop/k", etag="tag")
    assert (delivery.fired_at, delivery.actor) == (AT, {"kind": "scan"})
    assert delivery.source["shape"] == "discovered"


def test_the_same_version_has_the_same_key() -> None:
    """Two scans that find it are one delivery."""
    assert found().key == found().key


@pytest.mark.parametrize(
    "changes",
    [{"bucket": "c"}, {"key": "l"}, {"etag": "u"}, {"modified_at": AT + timedelta(seconds=1)}],
)
def test_another_object_or_version_has_another_key(changes: dict[str, Any]) -> None:
    """Also the same bytes, written again."""
    assert found(**changes).key != found().key


def test_a_discovered_object_passes_the_same_screen_as_any_other() -> None:
    """Results and directory markers are no specs."""
    for key, runs in (("drop/k.yaml", True), ("drop/", False), ("drop/results/k.json", False)):
        watched = Watched(("b",), "drop/", ("b", "drop/results/"))
        ignored = filter_delivery(found(key=key), watched)
        assert (ignored is None) == runs


def test_it_survives_the_outbox() -> None:
    """A killed run's delivery is resumed by the next."""
    assert Delivery.from_json(found().to_json()) == found()
