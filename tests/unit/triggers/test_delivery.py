"""A delivery in the outbox, until it is decided."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from handler.triggers.delivery import Delivery, InlineSpec, StoredSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = st.text()
TIMES = st.datetimes(timezones=st.just(timezone.utc))
MAYBE = st.none() | TEXT
SPECS = st.builds(InlineSpec, TEXT) | st.builds(
    StoredSpec, TEXT, TEXT, MAYBE, MAYBE, st.none() | st.integers(0)
)
SOURCES: st.SearchStrategy[Mapping[str, str | int]] = st.dictionaries(TEXT, TEXT | st.integers())
DELIVERIES = st.builds(
    Delivery,
    key=TEXT,
    trigger=st.sampled_from(["timer", "object", "direct"]),
    subject=TEXT,
    fired_at=st.none() | TIMES,
    actor=st.dictionaries(TEXT, TEXT),
    source=SOURCES,
    spec=SPECS,
)


@given(DELIVERIES)
def test_a_delivery_comes_back_as_it_was(delivery: Delivery) -> None:
    """Time, spec and all."""
    assert Delivery.from_json(delivery.to_json()) == delivery


@given(DELIVERIES)
def test_a_stored_delivery_is_json_in_ascii(delivery: Delivery) -> None:
    """Any database takes it, lone surrogates of an event included."""
    assert delivery.to_json().isascii()
    assert isinstance(json.loads(delivery.to_json()), dict)


def test_a_text_that_is_no_unicode_comes_back_too() -> None:
    """An event may hold half of a surrogate pair."""
    at = datetime(1, 1, 1, tzinfo=timezone.utc)
    delivery = Delivery("k", "direct", "direct", at, {}, {}, InlineSpec("\ud800"))
    assert Delivery.from_json(delivery.to_json()) == delivery
