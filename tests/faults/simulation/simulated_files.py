"""Dropped specs, approvals and the policy in a simulated run: who writes what into the buckets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.cloud.ief.fleet import EdgeNode
from handler.triggers.delivery import Delivery, StoredSpec
from handler.values.canonical_json import key_of, sha256_hex, timestamp

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from random import Random

    from tests.faults.simulation.services.simulated_obs import SimulatedObs

BUCKET, PREFIX, RESULTS = "bucket", "drop/", "results/"
SPEC, APPROVAL = f"{PREFIX}app.json", f"{PREFIX}app.json.approve"
RESULT = f"{RESULTS}app.json.result.json"
POLICY = ("config", "policy.json")
AUTHOR = "author"
_OTHERS = ("reviewer", "reviewer", "guest", AUTHOR)
NODE = EdgeNode("n", "hall", "RUNNING", "", upgradable=True, arch="", tags=(), groups=())
"""A node of the fleet: one spec has its id, the other its name."""

_CONTENTS = tuple(
    json.dumps({"kind": "node_upgrade", "name": name, "targets": {"nodes": [node]}}).encode()
    for name, node in (("first", {"id": NODE.id}), ("second", NODE.name))
)


@dataclass
class Files:
    """What people write into the buckets: specs, approvals, the policy.

    Attributes:
        random: Draws what is written.
        struck: Counts what happened, by name.
        obs: The buckets.
    """

    random: Random
    struck: Counter[str]
    obs: SimulatedObs
    _written: int = 0

    @property
    def policy(self) -> bytes:
        """The policy in force, as its file."""
        return self.obs.objects[POLICY].data

    def set_policy(self, policy: bytes) -> None:
        """Put another policy in force."""
        self.obs.put(*POLICY, policy)

    def drop(self) -> Delivery:
        """Write a spec; return its event."""
        self.struck["dropped again"] += (BUCKET, SPEC) in self.obs.objects
        return self._put(SPEC, self.random.choice(_CONTENTS), AUTHOR)

    def approve(self) -> Delivery | None:
        """Write an approval of what is there, or of something else; return its event."""
        spec = self.obs.objects.get((BUCKET, SPEC))
        if spec is None:
            return None
        digests = [sha256_hex(one) for one in (spec.data, *_CONTENTS)]
        return self._put(
            APPROVAL, self.random.choice(digests).encode(), self.random.choice(_OTHERS)
        )

    def _put(self, key: str, data: bytes, account: str) -> Delivery:
        written = self.obs.put(BUCKET, key, data)
        self._written += 1
        return Delivery(
            key=key_of([key, self._written]),
            trigger="object",
            subject=f"obs://{BUCKET}/{key}",
            fired_at=written.written_at,
            actor={"kind": "uploader", "account": account},
            source={
                "shape": "obs",
                "bucket": BUCKET,
                "key": key,
                "etag": written.etag,
                "event_name": "ObjectCreated:Put",
                "time": timestamp(written.written_at),
            },
            spec=StoredSpec(BUCKET, key, etag=written.etag),
        )


def moments(files: Files) -> Iterator[tuple[float, bool]]:
    """Yield after how many seconds something is written, and whether it is an approval."""
    draw = files.random
    for _ in range(draw.randint(1, 3)):
        yield draw.uniform(0, 900), False
        for _ in range(draw.randint(0, 3)):
            yield draw.uniform(1, 900), True
