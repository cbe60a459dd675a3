"""What the function does when an event, a timer or a command asks for something but deliveries.

    reconcile             one run of the reconciler
    summary               a notice of what happened since the last one
    job.*, rollout.*      an operation on one job or rollout
    doctor, probe, plan   looks: they change nothing of the work

Each action loads its own code: a cold start pays for what was asked for.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from handler.errors import LogError
from handler.runtime.response import Answered
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.invocation.instance import Instance
    from handler.invocation.invocation import Invocation
    from handler.triggers.delivery import Action


class Asked(NamedTuple):
    """Who was asked: the platform's context, and what the invocation and the instance have."""

    context: object
    invocation: Invocation
    instance: Instance


def act(action: Action, asked: Asked) -> Answered:
    """Do what an action asks for, and return its result.

    Raises:
        EventRejectedError: It names a job or a rollout that there is not, or several.
        NightdropError: It could not be done now; another try may succeed.
    """
    return _ACTIONS[action.name.partition(".")[0]](action, asked)


def _reconcile(_action: Action, asked: Asked) -> Answered:
    from handler.reconciler import reconcile

    return reconcile(asked.invocation)


def _summarise(action: Action, asked: Asked) -> Answered:
    from handler.notices.sending import summarise

    return summarise(action.fired_at, asked.invocation)


def _operate_on_job(action: Action, asked: Asked) -> Answered:
    from handler.jobs.job_request import run_request

    return Answered([run_request(action, asked.invocation.runner, asked.invocation.sending)])


def _operate_on_rollout(action: Action, asked: Asked) -> Answered:
    from handler.rollouts.request import run_rollout_request

    return Answered([run_rollout_request(action, asked.invocation)])


def _preview(action: Action, asked: Asked) -> Answered:
    from handler.deliveries.preview import preview

    return preview(action.delivery, asked.invocation) if action.delivery else Answered([])


def _probe(_action: Action, asked: Asked) -> Answered:
    from handler.invocation.function_probe import probed

    return probed(asked.context, asked.invocation, asked.instance)


def _examine(_action: Action, asked: Asked) -> Answered:
    from handler.doctor.run_checks import (
        CheckedDeployment,
        answered,
        record_examination,
        run_checks,
    )

    invocation, instance = asked.invocation, asked.instance
    findings = run_checks(
        CheckedDeployment(
            settings=invocation.settings,
            ief=invocation.ief._replace(deadline=invocation.deadline),
            log=invocation.log,
            deadline=invocation.deadline,
            environ=instance.environ,
        )
    )
    with suppress(LogError):  # that it cannot be written is one of the findings
        invocation.log.commit(record_examination(findings))
    return answered(findings, invocation.log, instance.write)


_ACTIONS: Mapping[str, Callable[[Action, Asked], Answered]] = {
    "reconcile": _reconcile,
    "summary": _summarise,
    "job": _operate_on_job,
    "rollout": _operate_on_rollout,
    "plan": _preview,
    "probe": _probe,
    "doctor": _examine,
}
"""The actions, by their name or its first word."""
