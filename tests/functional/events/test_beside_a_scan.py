"""A scan on a log in OBS, while another instance records the notified files."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pytest

from handler.invocation.instance import invocation_of, open_instance
from handler.local.runtime.context import Context
from handler.reconciler import reconcile

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.http_transport import Answer, Request, Transport

    Environ = dict[str, str]

Reply: TypeAlias = dict[str, Any]

GOOD = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"


@dataclass
class Interrupted:
    """A transport on which something happens between the look at the log and the listing."""

    transport: Transport
    meanwhile: Callable[[], object]

    def send(self, request: Request, **limits: Any) -> Answer:  # noqa: ANN401 - passed on
        """List the objects of that time."""
        if "prefix=" in request.url:
            self.meanwhile()
        return self.transport.send(request, **limits)


@pytest.mark.parametrize(
    ("spec", "action"), [(GOOD, "delivery.planned"), (b"kind: [\n", "spec.rejected")]
)
def test_a_file_that_another_instance_read_meanwhile_is_read_once(
    environ: Environ,
    fire_in: Callable[[Environ, object], Reply],
    drop: Callable[..., Reply],
    spec: bytes,
    action: str,
) -> None:
    """An outdated view of the log does not make a file be rejected, or read, a second time."""
    here = {**environ, "NIGHTDROP_AUDIT": "obs://nightdrop-drop/audit/"}
    there = {**here, "NIGHTDROP_SENDERS": "4"}
    context = Context.from_environment(here, "r", time.monotonic)
    fire_in(there, {"action": "reconcile"})
    with closing(open_instance(context, here, lambda _line: None)) as instance:
        invocation = invocation_of(context, instance)
        listed = cast(
            "Transport",
            Interrupted(instance.transport, lambda: fire_in(there, drop("drop/a.yaml", spec))),
        )
        ief = invocation.ief._replace(transport=listed)
        assert reconcile(invocation._replace(ief=ief)).results == []
        about = [one.fields["action"] for one in instance.log.records()]
    assert about.count("delivery.received") == about.count(action) == 1
