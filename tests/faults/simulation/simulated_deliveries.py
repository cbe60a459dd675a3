"""What is delivered in a simulated run: ticks of timers, and a spec that is handed over."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.triggers.delivery import Delivery, InlineSpec, StoredSpec
from handler.values.canonical_json import key_of
from tests.faults.simulation.simulated_files import BUCKET
from tests.faults.simulation.simulated_time import EPOCH

if TYPE_CHECKING:
    from collections.abc import Collection

    from handler.values.canonical_json import Json
    from tests.faults.simulation.services.simulated_obs import SimulatedObs

_UPGRADE: Json = {"kind": "node_upgrade", "name": "nightly", "targets": {"nodes": [{"id": "n"}]}}
_NAMED: Json = {
    "job_name": "named-in-the-file",
    "job_type": "node_upgrade",
    "job_content": {"target_type": "node", "targets": [{"target_id": "n"}]},
}
_DOCUMENTS: dict[str, list[Json]] = {
    "nightly": [_UPGRADE, _UPGRADE],
    "three": [_UPGRADE, _NAMED, _UPGRADE],
    "one": [_NAMED],
    "weekly": [_UPGRADE],
}
"""The documents of each spec, by its timer."""


def deliveries(stored: Collection[str] = ()) -> list[Delivery]:
    """Return what may be delivered; the first two are ticks of one timer, close to each other.

    Args:
        stored: The timers that only name their spec, which is an object in OBS.
    """
    fired = [("nightly", 0), ("nightly", 12), ("three", 0), ("one", 0), ("weekly", 0)]
    timers = [_timer(name, seconds, is_stored=name in stored) for name, seconds in fired]
    timers[3] = timers[3]._replace(trigger="direct", fired_at=None)
    return timers


def store_specs(obs: SimulatedObs) -> None:
    """Write the specs that timers name into OBS."""
    for name, documents in _DOCUMENTS.items():
        obs.put(BUCKET, f"specs/{name}.json", json.dumps(documents).encode())


def _timer(name: str, seconds: int, *, is_stored: bool) -> Delivery:
    key = f"specs/{name}.json"
    named: dict[str, str | int] = {"bucket": BUCKET, "key": key} if is_stored else {}
    return Delivery(
        key=key_of([name, seconds]),
        trigger="timer",
        subject=f"timer:{name}",
        fired_at=EPOCH + timedelta(seconds=seconds),
        actor={"kind": "timer"},
        source={"shape": "timer", "trigger_name": name, **named},
        spec=StoredSpec(BUCKET, key) if is_stored else InlineSpec(json.dumps(_DOCUMENTS[name])),
    )
