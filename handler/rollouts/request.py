"""An event or a command that asks for something to be done with one rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from handler.audit.name_lookup import Candidate, find_one
from handler.errors import EventRejectedError, Problem
from handler.jobs.hold import BY_HAND
from handler.jobs.job_request import REPLY_OUTCOMES
from handler.rollouts.continuation import continue_rollouts, look
from handler.rollouts.operations import RolloutRequest, operate
from handler.rollouts.standing import standing_json
from handler.runtime.response import Result

if TYPE_CHECKING:
    from handler.audit.log import View
    from handler.audit.rollouts.state import RolloutState
    from handler.invocation.invocation import Invocation
    from handler.rollouts.operations import RolloutOperation
    from handler.triggers.delivery import Action

MOST_COMPARED = 1000
"""How many of the latest rollouts a name is looked for in."""

_LISTING = "nightdrop rollout list"


def find_rollout(view: View, what: str) -> RolloutState:
    """Return the rollout with a name or key, or the beginning of one.

    Raises:
        LookupError: No rollout has this name, or several have; the message lists candidates.
    """
    known = {one.key: one for one in view.rollouts.latest(MOST_COMPARED)}
    candidates = [Candidate("rollout", one.key, (one.name,)) for one in known.values()]
    return known[find_one(what, candidates, _LISTING).key]


def run_rollout_request(action: Action, invocation: Invocation) -> Result:
    """Do what an action asks for with one rollout, and return its result.

    What follows from it at once, such as a wave that may start now, is done as well.

    Raises:
        EventRejectedError: No rollout has the name, or several have; the error lists candidates.
        LogError: The log could not be read or written.
    """
    log = invocation.log
    try:
        rollout = log.read(lambda view: find_rollout(view, action.rollout))
    except LookupError as error:
        raise EventRejectedError([Problem(str(error.args[0]), "rollout")]) from None
    operation = cast("RolloutOperation", action.name.removeprefix("rollout."))
    request = RolloutRequest(
        operation, action.actor, action.reason or BY_HAND, action.wave, action.asked_at
    )
    said = log.commit(operate(rollout.key, request)).value
    done = said.outcome == "done"
    continued = continue_rollouts([rollout], invocation) if done else None
    standing = (
        continued.standings[0]
        if continued and continued.standings
        else look(rollout.key, invocation)
    )
    sentences = () if done else (said.sentence,)
    failed = continued.errors if continued else ()
    return Result(
        rollout.delivery,
        REPLY_OUTCOMES[said.outcome],
        errors=(*failed, *(() if said.outcome == "so" else sentences)),
        warnings=sentences if said.outcome == "so" else (),
        rollouts=(standing_json(standing),),
    )
