"""Selects the targets of a rollout again, for those that joined since it was planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.ief.fleet import list_deployments, list_groups, list_nodes
from handler.rollouts.waiting import settings_of
from handler.specs.selector import select
from handler.specs.targets import is_node_id

if TYPE_CHECKING:
    from handler.audit.rollouts.state import RolloutState
    from handler.cloud.ief.client import Ief
    from handler.specs.planner import NamedNodes


def chosen_now(rollout: RolloutState, ief: Ief) -> NamedNodes:
    """Return id and name of what a rollout would select now; nothing if it names its targets.

    Raises:
        CloudError: The nodes or groups could not be listed.
    """
    wanted = settings_of(rollout).select
    if wanted is None:
        return ()
    is_name = wanted.group and not is_node_id(wanted.group)  # an id needs no list of groups
    groups = {one.id: one.name for one in list_groups(ief)} if is_name else {}
    listed = list_deployments if rollout.type == "deployment_upgrade" else list_nodes
    return select(listed(ief), groups, wanted).chosen
