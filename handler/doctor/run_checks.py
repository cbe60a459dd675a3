"""Runs all checks within a deadline, first those of this machine, last those of the cloud."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.open_log import log_warnings
from handler.audit.record import Draft, Head
from handler.cloud.credentials import CurrentCredentials
from handler.cloud.ief.fleet import list_nodes
from handler.cloud.obs.client import Obs, obs_beside
from handler.cloud.obs.prefix_store import ObsFolders
from handler.doctor.check_buckets import (
    bucket_findings,
    check_bucket,
    check_results,
    results_finding,
)
from handler.doctor.check_facts import facts_findings
from handler.doctor.check_log import log_findings, read_log_status
from handler.doctor.check_notices import notices_findings
from handler.doctor.check_runtime import read_host, runtime_findings
from handler.doctor.check_services import (
    ask_endpoint,
    clock_finding,
    endpoint_finding,
    fleet_finding,
    keys_finding,
    list_error,
    nodes_finding,
    project_finding,
)
from handler.doctor.finding import Finding, fail, ok, warn
from handler.errors import LogError, NightdropError, cloud_error_of
from handler.policy.policy_reader import load_policy
from handler.policy.rules import BUILT_IN
from handler.runtime.response import Answered
from handler.runtime.structured_log import log_line
from handler.settings import in_cloud, settings_warnings
from handler.values.display import quantity
from handler.values.obs_address import OBS, parse_obs_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from handler.audit.log import Decide, Log
    from handler.audit.record import Outcome
    from handler.cloud.ief.client import Ief
    from handler.runtime.deadline import Deadline
    from handler.runtime.structured_log import Write
    from handler.settings import Settings


@dataclass(frozen=True)
class CheckedDeployment:
    """The deployment to check; instead of a log, the reason why it cannot be opened."""

    settings: Settings
    ief: Ief
    log: Log | LogError
    deadline: Deadline
    environ: Mapping[str, str] = field(repr=False)


def run_checks(deployment: CheckedDeployment) -> tuple[Finding, ...]:
    """Return all findings; the only change is a probe object that is written and deleted."""
    return tuple(_findings(deployment))


def _findings(deployment: CheckedDeployment) -> Iterator[Finding]:
    settings = deployment.settings
    warnings = settings_warnings(settings)
    for warning in warnings:
        yield warn("settings", warning, "change it, unless this is intended")
    if not warnings:
        yield ok("settings", "all are valid")
    host = read_host(Path(__file__).parents[2], deployment.environ)
    yield from runtime_findings(host, settings)
    yield keys_finding(deployment.ief.credentials, in_cloud=host.in_cloud)
    yield project_finding(settings.project_id, deployment.environ.get("RUNTIME_PROJECT_ID", ""))
    if not settings.policy.startswith(OBS):
        yield from _policy(deployment)
    if not settings.facts.startswith(OBS):
        yield from _facts(deployment)
    yield from _log(deployment)
    yield from _cloud(deployment)


def _log(deployment: CheckedDeployment) -> Iterator[Finding]:
    log = deployment.log
    try:
        seen = log if isinstance(log, LogError) else read_log_status(log, deployment.ief.clock())
    except NightdropError as error:
        seen = error if isinstance(error, LogError) else LogError(str(error))
    yield from log_findings(seen, deployment.settings)
    if deployment.ief.credentials.missing:
        return
    keys = CurrentCredentials()
    keys.use(deployment.ief.credentials, deployment.deadline)
    folders = ObsFolders(_obs(deployment), keys)
    for doubt in log_warnings(deployment.settings.audit, folders):
        yield warn("log's store", doubt.what, doubt.remedy)


def _cloud(deployment: CheckedDeployment) -> Iterator[Finding]:
    settings, ask = deployment.settings, (deployment.ief.transport, deployment.ief.clock)
    reached = []
    for service, endpoint in (("IEF", settings.ief_endpoint), ("OBS", settings.obs_endpoint)):
        if _out_of_time(deployment):
            break
        reached.append(ask_endpoint(service, endpoint, *ask))
        yield endpoint_finding(reached[-1])
    yield clock_finding(reached)
    down = {one.service for one in reached if one.error}
    if deployment.ief.credentials.missing:
        return
    checks = [("IEF", _fleet), ("OBS", _drop_buckets), ("OBS", _results), ("OBS", _checkpoints)]
    checks.append(("SMN", _notices))
    in_obs = ((settings.policy, _policy), (settings.facts, _facts))
    checks += [("OBS", check) for address, check in in_obs if address.startswith(OBS)]
    for service, check in checks:
        if _out_of_time(deployment):
            yield warn("time", "not everything was checked", "increase the function's time-out")
            return
        if service not in down:
            yield from check(deployment)


def _policy(deployment: CheckedDeployment) -> Iterator[Finding]:
    try:
        policy = load_policy(deployment.settings.policy, lambda: _obs(deployment))
    except NightdropError as error:
        yield fail("policy", str(error), "correct it: `nightdrop policy explain` reads it")
        return
    count = f"{len(policy.rules)} rule{'s' if len(policy.rules) > 1 else ''}"
    built_in = "the built-in policy (NIGHTDROP_POLICY is empty)"
    yield ok("policy", built_in if policy is BUILT_IN else f"{count}, SHA-256 {policy.digest}")


def _facts(deployment: CheckedDeployment) -> Iterator[Finding]:
    return facts_findings(deployment.settings, lambda: _obs(deployment))


def _fleet(deployment: CheckedDeployment) -> Iterator[Finding]:
    error = list_error(deployment.ief)
    yield fleet_finding(error)
    if error is None:
        yield nodes_finding(cloud_error_of(lambda: list_nodes(deployment.ief)))


def _drop_buckets(deployment: CheckedDeployment) -> Iterator[Finding]:
    for bucket in deployment.settings.buckets:
        if not _out_of_time(deployment):
            yield from bucket_findings(
                "drop bucket", check_bucket(_obs(deployment), bucket, deployment.settings.prefix)
            )


def _results(deployment: CheckedDeployment) -> Iterator[Finding]:
    place = deployment.settings.results
    yield results_finding(check_results(_obs(deployment), *place) if place else None)


def _checkpoints(deployment: CheckedDeployment) -> Iterator[Finding]:
    """Check access to checkpoints without writing one: it could not be deleted."""
    place = deployment.settings.checkpoints
    if not place:
        yield warn(
            "checkpoints",
            "none are written: the end of the log could be cut off unnoticed",
            "set NIGHTDROP_CHECKPOINTS, preferably to a locked bucket",
        )
    elif place.startswith(OBS):
        seen = check_bucket(_obs(deployment), *parse_obs_address(place))
        yield from bucket_findings("checkpoints", seen)
    elif in_cloud(deployment.environ):
        yield warn(
            "checkpoints",
            "they are in a folder of this instance and are lost with it",
            "set NIGHTDROP_CHECKPOINTS to obs://bucket/prefix/, preferably in a locked bucket",
        )
    elif Path(place).exists() and not Path(place).is_dir():
        remedy = "name a folder in NIGHTDROP_CHECKPOINTS"
        yield fail("checkpoints", "they cannot be written: the place is no folder", remedy)
    else:
        yield ok("checkpoints", "they are in a folder of this machine")


def _notices(deployment: CheckedDeployment) -> Iterator[Finding]:
    return notices_findings(deployment.settings, deployment.ief, deployment.deadline)


def _obs(deployment: CheckedDeployment) -> Obs:
    return obs_beside(deployment.ief, deployment.settings.obs_endpoint)


def _out_of_time(deployment: CheckedDeployment) -> bool:
    return deployment.deadline.left() < deployment.settings.request_timeout


def record_examination(findings: Sequence[Finding]) -> Decide[None]:
    """Decide to record that the deployment was examined, and how many findings there are."""
    counts = Counter(one.verdict for one in findings)
    errors, warnings = quantity(counts["fail"], "error"), quantity(counts["warn"], "warning")
    note = f"{errors}, {warnings}, {counts['ok']} in order"
    outcome: Outcome = "failure" if counts["fail"] else "success"
    return lambda _view: Decision(None, (Draft("deployment.examined", outcome, note=note),))


def answered(findings: Sequence[Finding], log: Log, write: Write) -> Answered:
    """Return the response, and write a log line for each error and warning.

    If the log cannot be read, the response has an empty head.
    """
    for line in lines(findings):
        write(line)
    try:
        head = log.read(lambda view: view.head)
    except NightdropError:
        head = Head()
    return Answered(
        [],
        errors=[str(one) for one in findings if one.verdict == "fail"],
        warnings=[str(one) for one in findings if one.verdict == "warn"],
        checks=[one.to_json() for one in findings],
        head=head,
    )


def lines(findings: Iterable[Finding]) -> Iterable[str]:
    """Yield a log line for each error and warning; errors need attention."""
    for one in findings:
        if one.verdict == "fail":
            yield log_line("attention.needed", {"of": "check.failed", "note": str(one)})
        if one.verdict == "warn":
            yield log_line("check.doubted", {"note": str(one)})
