"""Dropped specs and approvals in a simulated run: a bucket, and who writes into it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from handler.cloud.obs.client import StoredObject
from handler.deliveries.approval import process_approval
from handler.deliveries.decisions import SpecSource, ignore_changed, settle_without_jobs
from handler.deliveries.records import differences, is_changed
from handler.errors import EventRejectedError
from handler.policy.decision import decide_changed, origin_of
from handler.policy.policy_file import read_policy
from handler.triggers.delivery import Delivery, StoredSpec
from handler.triggers.object_event import is_approval_name
from handler.values.canonical_json import key_of, sha256_hex

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from datetime import datetime
    from random import Random

    from handler.audit.log import Log
    from handler.invocation.invocation import Invocation

BUCKET, SPEC, APPROVAL = "bucket", "drop/app.yaml", "drop/app.yaml.approve"
POLICY = "policy.yaml"
AUTHOR = "author"
_OTHERS = ("reviewer", "reviewer", "guest", AUTHOR)
_CONTENTS = tuple(
    json.dumps({"kind": "node_upgrade", "name": name, "targets": {"nodes": ["n"]}}).encode()
    for name in ("first", "second")
)


@dataclass
class Files:
    """A bucket, as far as the function reads it; it takes the place of OBS for an approval.

    Attributes:
        random: Draws what is written.
        struck: Counts what happened, by name.
        policy: The policy in force, as its file.
        objects: The content of each object, by its key.
    """

    random: Random
    struck: Counter[str]
    policy: bytes
    objects: dict[str, bytes] = field(default_factory=dict)
    _written: int = 0

    def drop(self, now: datetime) -> Delivery:
        """Write a spec; return its event."""
        self.struck["dropped again"] += SPEC in self.objects
        return self._put(SPEC, self.random.choice(_CONTENTS), AUTHOR, now)

    def approve(self, now: datetime) -> Delivery | None:
        """Write an approval of what is there, or of something else; return its event."""
        if SPEC not in self.objects:
            return None
        digests = [sha256_hex(one) for one in (self.objects[SPEC], *_CONTENTS)]
        return self._put(
            APPROVAL, self.random.choice(digests).encode(), self.random.choice(_OTHERS), now
        )

    def _put(self, key: str, data: bytes, account: str, now: datetime) -> Delivery:
        self.objects[key] = data
        self._written += 1
        etag = _etag(data)
        return Delivery(
            key=key_of([key, self._written]),
            trigger="object",
            subject=f"obs://{BUCKET}/{key}",
            fired_at=now,
            actor={"kind": "uploader", "account": account},
            source={"shape": "obs", "bucket": BUCKET, "key": key, "etag": etag},
            spec=StoredSpec(BUCKET, key, etag=etag),
        )

    def read(self, _bucket: str, key: str, **_limits: object) -> StoredObject:
        """Return an object, or the policy, as OBS does."""
        data = self.policy if key == POLICY else self.objects[key]
        return StoredObject(data, _etag(data), "")

    def source(self, delivery: Delivery) -> SpecSource:
        """Return what is read for a delivery."""
        read = self.read(BUCKET, str(delivery.source["key"]))
        found = {"read_etag": read.etag}
        differs = differences(delivery.source, found)
        return SpecSource(read.data, found | ({"read_differs": differs} if differs else {}))

    def close(self, delivery: Delivery, log: Log) -> bool:
        """Close an approval, and a spec that was written again after its event; as the pipeline."""
        if is_approval_name(str(delivery.source["key"])):
            self._approved(delivery, log)
            return True
        spec = self.source(delivery)
        if not is_changed(spec.found):
            return False
        decided = decide_changed(read_policy(self.policy), origin_of(delivery, delivery.actor))
        log.commit(ignore_changed(delivery, spec.found, decided))
        self.struck["written again after its event"] += 1
        return True

    def _approved(self, delivery: Delivery, log: Log) -> None:
        settings = SimpleNamespace(policy=f"obs://{BUCKET}/{POLICY}", max_spec_bytes=262_144)
        invocation: Any = SimpleNamespace(obs=self, log=log, settings=settings)
        try:
            process_approval(delivery, cast("Invocation", invocation))
        except EventRejectedError as error:
            note = "\n".join(map(str, error.problems))
            log.commit(settle_without_jobs(delivery, "delivery.rejected", note))
            self.struck["an approval that counts for nothing"] += 1
        else:
            self.struck["approved by a file"] += 1


def moments(files: Files) -> Iterator[tuple[float, bool]]:
    """Yield after how many seconds something is written, and whether it is an approval."""
    draw = files.random
    for _ in range(draw.randint(1, 3)):
        yield draw.uniform(0, 900), False
        for _ in range(draw.randint(0, 3)):
            yield draw.uniform(1, 900), True


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
