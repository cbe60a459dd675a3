"""Settings: read from the function's user data first, then from the environment."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from handler.errors import SettingsError
from handler.values.duration import instant_of, retention_of, seconds_of
from handler.values.endpoint import checked_endpoint
from handler.values.object_names import bucket_names, checked_prefix
from handler.values.obs_address import OBS, ObsAddress, parse_obs_address
from handler.values.store_address import (
    checked_checkpoint_address,
    checked_file_address,
    checked_log_address,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REGIONS = ("cn-north-1", "cn-north-4", "cn-east-2", "cn-east-3", "cn-south-1")
"""Regions with an IEF endpoint (official SDK 3.1.219)."""

LONGEST_FLIGHT = 900
"""Seconds after which the gateway refuses a signature: no request can arrive later than that."""

_FALLBACKS = {"NIGHTDROP_PROJECT_ID": ("HUAWEICLOUD_SDK_PROJECT_ID", "RUNTIME_PROJECT_ID")}
_LISTED = re.compile(r'"(NIGHTDROP_\w+)"\s*:')  # names in the JSON of what is not encrypted
_ID = r"^[!-~]*$"  # it stands in a path, or in a header

Endpoint: TypeAlias = Annotated[str, BeforeValidator(checked_endpoint)]


def _checked_notify(text: str) -> str:
    from handler.values.notify_address import checked_notify_address  # few functions have notices

    return checked_notify_address(text)


def _checked_notify_key(text: str) -> str:
    from handler.values.notify_address import checked_webhook_key

    return checked_webhook_key(text)


class Settings(BaseModel):
    """Every setting, validated: `settle_after` is NIGHTDROP_SETTLE_AFTER."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    region: str = Field("", description="Huawei Cloud region; gives both endpoints")
    project_id: str = Field(
        min_length=1,
        pattern=_ID,
        description="project of the fleet; or HUAWEICLOUD_SDK_PROJECT_ID, or the function's",
    )
    ief_endpoint: Endpoint = Field("", description="IEF's address, instead of the region's")
    ief_instance: str = Field(
        "", pattern=_ID, description="id of an enterprise instance (ief-instance-id)"
    )
    obs_endpoint: Endpoint = Field("", description="OBS's address, instead of the region's")
    buckets: Annotated[tuple[str, ...], BeforeValidator(bucket_names)] = Field(
        (), description="buckets that specs may be read from, separated by commas"
    )
    prefix: Annotated[str, BeforeValidator(checked_prefix)] = Field(
        "", description="only objects under this key prefix are specs"
    )
    results: Annotated[ObsAddress | None, BeforeValidator(parse_obs_address)] = Field(
        None, description="obs://bucket/prefix/ for a result file per spec; empty writes none"
    )
    policy: Annotated[str, BeforeValidator(checked_file_address)] = Field(
        "",
        description="file with the policy: a path (a relative one starts at the function's code), "
        "or obs://bucket/key; empty is the built-in policy",
    )
    facts: Annotated[str, BeforeValidator(checked_file_address)] = Field(
        "", description="file with what `nightdrop probe` has seen: a path, or obs://bucket/key"
    )
    audit: Annotated[str, BeforeValidator(checked_log_address)] = Field(
        repr=False,  # it may hold a password
        description="where the audit log is: sqlite:///file, postgresql://host/database or "
        "obs://bucket/prefix/",
    )
    audit_mount: Literal["", "single-instance"] = Field(
        "",
        description="single-instance: on FunctionGraph the SQLite file is on a mount that outlives "
        "instances, and the function has one instance at most",
    )
    checkpoints: Annotated[str, BeforeValidator(checked_checkpoint_address)] = Field(
        "",
        description="where checkpoints are written: obs://bucket/prefix/, or a folder; "
        "empty writes none",
    )
    checkpoint_key: SecretStr = Field(
        SecretStr(""),
        description="key that signs checkpoints (`nightdrop audit key NAME` makes one); "
        "empty leaves them unsigned",
    )
    checkpoint_every: Annotated[int, BeforeValidator(seconds_of)] = Field(
        3600,
        description="how often the reconciler writes a checkpoint if nothing was recorded: 15m, 1h",
    )
    notify: Annotated[str, BeforeValidator(_checked_notify)] = Field(
        "",
        repr=False,  # a webhook's path may be a secret
        description="where notices go: urn:smn:region:project:topic, or a webhook's https:// "
        "address; empty sends none",
    )
    notify_key: Annotated[SecretStr, BeforeValidator(_checked_notify_key)] = Field(
        SecretStr(""), description="key that signs what a webhook gets: whsec_ and base64"
    )
    smn_endpoint: Endpoint = Field("", description="SMN's address, instead of the topic's region's")
    max_spec_bytes: int = Field(
        262_144, ge=1, le=2_097_152, description="largest spec file, in bytes"
    )
    request_timeout: float = Field(
        10.0, gt=0, le=300, description="seconds to wait for one response of the cloud"
    )
    settle_after: int = Field(
        1200,
        ge=0,
        le=86_400,
        description="seconds after which a job that is not listed was not created",
    )
    valid_for: Annotated[int, BeforeValidator(seconds_of)] = Field(
        21_600, description="how long after its delivery a job may still be sent: 90m, 6h, 2d"
    )
    remember_for: Annotated[int, BeforeValidator(retention_of)] = Field(
        7_776_000,
        description="how long a delivery is known after its last job has ended: 90d, 365d",
    )
    breaker: float = Field(
        1.0,
        gt=0,
        le=1,
        description="sending is held if more than this share of the jobs that ended within the "
        "last hour failed on the fleet: above 0, such as 0.5; 1 is never",
    )
    breaker_jobs: int = Field(
        10, ge=1, le=10_000, description="how many jobs must have ended before that share counts"
    )
    senders: int = Field(16, ge=1, le=64, description="how many jobs are sent at once, at most")
    job_grace: Annotated[int, BeforeValidator(seconds_of)] = Field(
        300, description="how long a rollout waits for a job after IEF's ten minutes: 5m"
    )
    timer_window: int = Field(
        30, ge=0, le=3600, description="seconds within which two ticks of one timer count as one"
    )
    eventgrid_keys: Literal["encoded", "raw"] = Field(
        "encoded", description="how EventGrid writes object keys: encoded or raw (Key_encode)"
    )
    sweep_from: Annotated[datetime | None, BeforeValidator(instant_of)] = Field(
        None,
        description="the bucket scan ignores files written before this time, such as "
        "2026-11-25T12:00:00Z; empty is the time of the log's first record",
    )


def in_cloud(environ: Mapping[str, str]) -> bool:
    """Return whether the code runs on FunctionGraph, which presets these variables.

    Source: FunctionGraph user guide, "Environment Variables". No local run sets them.
    """
    return "RUNTIME_CODE_ROOT" in environ or "RUNTIME_FUNC_NAME" in environ


def settings_warnings(settings: Settings) -> tuple[str, ...]:
    """Return one sentence for each setting that is allowed but risky."""
    least = LONGEST_FLIGHT + settings.request_timeout
    warnings = []
    if settings.settle_after < least:
        warnings.append(
            f"NIGHTDROP_SETTLE_AFTER: {settings.settle_after} s is less than {least:g} s, the "
            "longest time that a request can be under way; a job may be created twice"
        )
    if settings.valid_for <= settings.settle_after:
        warnings.append(
            "NIGHTDROP_VALID_FOR is not longer than NIGHTDROP_SETTLE_AFTER; a job whose answer was "
            "lost expires before it can be sent again"
        )
    warnings += [
        f"NIGHTDROP_PREFIX starts with the name of the bucket {bucket}; keys do not contain the "
        "bucket's name, unless it has a folder of that name"
        for bucket in settings.buckets
        if settings.prefix.startswith(f"{bucket}/")
    ]
    return tuple(warnings)


def load(user_data: Callable[[str], str | None], environ: Mapping[str, str]) -> Settings:
    """Return the validated settings.

    Raises:
        SettingsError: Settings are missing, wrong or unknown; the message lists all of them.
    """
    values = {name: _look_up(_name(name), user_data, environ) for name in Settings.model_fields}
    given = {name: value for name, value in values.items() if value}
    problems = [*_unknown_names(environ), *_region_problems(given)]
    try:
        settings = _completed(Settings.model_validate(given), environ)
        problems += [*_overlaps(settings), *_private_file_problem(settings, environ)]
    except ValidationError as error:
        problems += _problems(error)
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _name(field: str) -> str:
    return f"NIGHTDROP_{field.upper()}"


def _look_up(
    name: str, user_data: Callable[[str], str | None], environ: Mapping[str, str]
) -> str | None:
    candidates = (name, *_FALLBACKS.get(name, ()))
    found = (user_data(one) or environ.get(one) for one in candidates)
    return next((value.strip() for value in found if value), None)


def _unknown_names(environ: Mapping[str, str]) -> Iterator[str]:
    known = [_name(field) for field in Settings.model_fields]
    for name in sorted({*environ, *_LISTED.findall(environ.get("RUNTIME_USERDATA", ""))}):
        if name.startswith("NIGHTDROP_") and name not in known:
            from difflib import get_close_matches

            hint = "".join(f", perhaps {near}" for near in get_close_matches(name, known, n=1))
            yield f"{name}: no such setting{hint}; correct or remove it"


def _problems(error: ValidationError) -> Iterator[str]:
    """Yield what is wrong with each setting, without its value."""
    from handler.parsing.validation_errors import sentence_of

    for one in error.errors(include_url=False, include_input=False):
        field = str(one["loc"][0])
        what = " is missing" if one["type"] == "missing" else f": {sentence_of(one)}"
        explained = one["type"] in {"missing", "int_parsing", "float_parsing"}
        yield _name(field) + what + f": {Settings.model_fields[field].description}" * explained


def _region_problems(given: Mapping[str, str]) -> Iterator[str]:
    region, ief = given.get("region"), "ief_endpoint" in given
    if region and region not in REGIONS and not ief:
        yield (
            f"NIGHTDROP_REGION: IEF is known in {', '.join(REGIONS)}; "
            "for another region set NIGHTDROP_IEF_ENDPOINT"
        )
    if not region and not (ief and "obs_endpoint" in given):
        yield (
            "NIGHTDROP_REGION is missing (or set NIGHTDROP_IEF_ENDPOINT and NIGHTDROP_OBS_ENDPOINT)"
        )


def _overlaps(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each two places that must be apart and are not."""
    results = settings.results
    if results and any(results.contains(name, settings.prefix) for name in settings.buckets):
        yield "NIGHTDROP_RESULTS: contains NIGHTDROP_PREFIX: every dropped file would be ignored"
    names = ("AUDIT", "RESULTS", "CHECKPOINTS", "POLICY", "FACTS")
    given = ((name, str(getattr(settings, name.lower()))) for name in names)
    places = {name: parse_obs_address(text) for name, text in given if text.startswith(OBS)}
    for name, (bucket, prefix) in places.items():
        if name != "RESULTS" and bucket in settings.buckets and prefix.startswith(settings.prefix):
            yield f"NIGHTDROP_{name}: is under NIGHTDROP_PREFIX; name a prefix beside it"
    for name, other in (("AUDIT", "RESULTS"), ("RESULTS", "POLICY"), ("RESULTS", "FACTS")):
        one, two = places.get(name), places.get(other)
        if one and two and (one.contains(*two) or two.contains(*one)):
            yield f"NIGHTDROP_{other}: overlaps NIGHTDROP_{name}; name a place beside it"
    if settings.notify.startswith("http") and not settings.notify_key.get_secret_value():
        yield "NIGHTDROP_NOTIFY_KEY is missing: a webhook's receiver checks the sender by it"


def _private_file_problem(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    if in_cloud(environ) and settings.audit.startswith("sqlite:") and not settings.audit_mount:
        yield (
            "NIGHTDROP_AUDIT: on FunctionGraph each instance has its own file system, and with it "
            "a log of its own: jobs would be created again; use obs://bucket/prefix/ or "
            "postgresql://host/database. Only if the file is on a mount that outlives instances "
            "and the function has one instance at most, set NIGHTDROP_AUDIT_MOUNT=single-instance"
        )


def _completed(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with the region's endpoints and paths in the function's code."""
    domain = f"{settings.region}.myhuaweicloud.com"
    root = environ.get("RUNTIME_CODE_ROOT", "")
    files = {name: getattr(settings, name) for name in ("policy", "facts")}
    completed = {n: str(Path(root, one)) for n, one in files.items() if one and OBS not in one}
    completed["ief_endpoint"] = settings.ief_endpoint or f"https://ief.{domain}"
    completed["obs_endpoint"] = settings.obs_endpoint or f"https://obs.{domain}"
    if settings.notify.startswith("urn:") and not settings.smn_endpoint:
        region = settings.notify.split(":")[2]
        completed["smn_endpoint"] = f"https://smn.{region}.myhuaweicloud.com"
    return settings.model_copy(update=completed)
