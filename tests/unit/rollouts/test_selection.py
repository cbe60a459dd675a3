"""Which nodes a rollout selects now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from handler.errors import ApiError
from handler.rollouts.selection import chosen_now
from handler.schedule.rollout_settings import RolloutSettings, Select
from tests.support.rollout_log import RolloutLog

if TYPE_CHECKING:
    from handler.audit.rollouts.state import RolloutState
    from handler.cloud.ief.client import Ief

GROUP = "11111111-2222-3333-4444-555555555555"
NODE = "6ac5d3f0-1111-2222-3333-000000000001"


class Listing:
    """A client that lists a node, and may not list groups."""

    def get(self, resource: str, _query: object = (), **_options: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the page of nodes."""
        if "groups" in resource:
            raise ApiError("IEF answered 403", status=403)
        node = {"id": NODE, "name": "gw-1", "state": "RUNNING", "group_ids": [GROUP]}
        return {"nodes": [node], "count": 1}


def selecting(group: str) -> RolloutState:
    """Return a rollout that selects by a group."""
    one = RolloutLog()
    one.plan([(NODE, "gw-1")], RolloutSettings(select=Select(group=group), late_joiners="include"))
    return one.rollout()


@pytest.mark.parametrize("group", [GROUP, ""])
def test_groups_are_listed_for_a_name_alone(group: str) -> None:
    """The right to list them may be missing, and a plan needs it as little."""
    assert [*chosen_now(selecting(group), cast("Ief", Listing()))] == [(NODE, "gw-1")]
    with pytest.raises(ApiError):
        chosen_now(selecting("line-7"), cast("Ief", Listing()))
