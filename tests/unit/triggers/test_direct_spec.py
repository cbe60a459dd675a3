"""Job specs handed over as the event."""

from __future__ import annotations

import json

import pytest

from handler.triggers.delivery import InlineSpec, direct_delivery
from handler.triggers.event_parser import is_spec
from handler.values.canonical_json import key_of


@pytest.mark.parametrize("name", ["kind", "job_name", "job_type", "job_content"])
def test_a_field_of_either_form_marks_a_job_spec(name: str) -> None:
    """One such field is enough; missing fields are reported later."""
    assert is_spec({name: None})


def test_other_fields_mark_nothing() -> None:
    """A name alone may be anything."""
    assert not is_spec({"name": "x", "targets": {}})


def test_the_spec_is_passed_on_as_its_json_text() -> None:
    """Reading the text gives the event again, and the key is over the event."""
    event = {"kind": "node_upgrade", "name": "depot-nörd"}
    delivery = direct_delivery({**event})
    assert isinstance(delivery.spec, InlineSpec)
    assert json.loads(delivery.spec.data) == event
    assert delivery.key == key_of({**event})
    assert delivery.fired_at is None


def test_a_lone_surrogate_becomes_bytes_that_are_refused() -> None:
    """It must not break the encoding; reading says what is wrong."""
    delivery = direct_delivery({"kind": "\ud800"})
    assert isinstance(delivery.spec, InlineSpec)
    with pytest.raises(UnicodeDecodeError):
        delivery.spec.data.decode()
